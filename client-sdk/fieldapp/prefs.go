package fieldapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

// preference is how a person wants the screen. It stands in clear beside the
// device's database: the language must be known before it is unlocked.
type preference struct {
	Lang texts.Lang `json:"lang"`
	// Size of the text in percent.
	Size int `json:"size"`
	// Paused: nothing is sent or received until somebody says so.
	Paused bool `json:"paused"`
	// Seen are rows of reviewers' words that the person has read.
	Seen []string `json:"seen,omitempty"`
}

// preferences keep the preference of a folder.
type preferences struct {
	file string

	mu  sync.Mutex
	now preference
}

// prefsName is the file's name in the device's folder.
const prefsName = "screen.json"

// readPreferences reads a folder's preference. A file that is damaged is one
// that is not there: it holds nothing that a person cannot choose again.
func readPreferences(dir string, lang texts.Lang) (*preferences, error) {
	p := &preferences{file: filepath.Join(dir, prefsName), now: preference{Lang: lang, Size: 100}}
	raw, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read how the screen is to look: %w", err)
	}
	read := p.now
	if json.Unmarshal(raw, &read) == nil {
		p.now = read.sound(lang)
	}
	return p, nil
}

// sound takes out what this release does not know.
func (p preference) sound(lang texts.Lang) preference {
	if _, err := texts.ParseLang(string(p.Lang)); err != nil {
		p.Lang = lang
	}
	if !slices.Contains(formview.TextSizes, p.Size) {
		p.Size = 100
	}
	return p
}

func (p *preferences) get() preference {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// set changes the preference, and writes it down once there is a folder.
func (p *preferences) set(change func(*preference)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.now)
	raw, err := json.Marshal(p.now)
	if err != nil {
		return fmt.Errorf("write how the screen is to look: %w", err)
	}
	// Written beside and renamed: a program that dies here leaves the old one.
	draft := p.file + ".new"
	err = os.WriteFile(draft, raw, 0o600)
	if err == nil {
		err = os.Rename(draft, p.file)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write how the screen is to look: %w", err)
	}
	return nil
}
