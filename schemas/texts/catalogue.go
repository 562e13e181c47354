package texts

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

//go:embed catalogue
var catalogueFiles embed.FS

// Lang is a language that the programs speak.
type Lang string

// The languages of the programs.
const (
	English Lang = "en"
	Persian Lang = "fa"
)

// ErrLang is the error for a language that the programs do not speak.
var ErrLang = errors.New("language is neither fa nor en")

// ParseLang reads "fa" or "en".
func ParseLang(s string) (Lang, error) {
	switch l := Lang(strings.ToLower(s)); l {
	case English, Persian:
		return l, nil
	}
	return "", fmt.Errorf("%q: %w", s, ErrLang)
}

// Key names a text in the catalogues: area, a dot, and the path in the area's
// file. Write keys as constants: the test that compares keys with their uses
// finds every constant of this type.
type Key string

// Family names a group of texts that is indexed by something the program
// computes: Family("verdict") stands for every key verdict.*.
type Family string

// Args are the named arguments of a text. Integers are grouped and written in
// the digits of the language, strings are kept from disturbing the direction
// of the line, a [Bytes] or time.Duration is shown with its unit, a Key is
// replaced by its text.
type Args map[string]any

// Catalogue holds all texts of one language.
type Catalogue struct {
	lang  Lang
	texts map[Key]message
}

// OpenCatalogue reads the catalogue of a language out of the program.
func OpenCatalogue(lang Lang) (*Catalogue, error) {
	return readCatalogue(catalogueFiles, lang)
}

func readCatalogue(files fs.FS, lang Lang) (*Catalogue, error) {
	c := &Catalogue{lang: lang, texts: map[Key]message{}}
	dir := path.Join("catalogue", string(lang))
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	for _, entry := range entries {
		area, ok := strings.CutSuffix(entry.Name(), ".toml")
		if !ok {
			return nil, fmt.Errorf("open catalogue: %s/%s is not a .toml file", dir, entry.Name())
		}
		raw, err := fs.ReadFile(files, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("open catalogue: %w", err)
		}
		var tree map[string]any
		if _, err := toml.Decode(string(raw), &tree); err != nil {
			return nil, fmt.Errorf("open catalogue: %s/%s: %w", dir, entry.Name(), err)
		}
		if err := c.add(area, tree); err != nil {
			return nil, fmt.Errorf("open catalogue: %s/%s: %w", dir, entry.Name(), err)
		}
	}
	return c, nil
}

// add flattens a table of texts: its names are joined by dots.
func (c *Catalogue) add(prefix string, tree map[string]any) error {
	for name, value := range tree {
		key := prefix + "." + name
		switch v := value.(type) {
		case map[string]any:
			if err := c.add(key, v); err != nil {
				return err
			}
		case string:
			m, err := parseMessage(strings.TrimSpace(v))
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			c.texts[Key(key)] = m
		default:
			return fmt.Errorf("%s: a text is expected, not %T", key, value)
		}
	}
	return nil
}

// Lang is the language of the catalogue.
func (c *Catalogue) Lang() Lang { return c.lang }

// Has says whether the catalogue has the text.
func (c *Catalogue) Has(key Key) bool {
	_, ok := c.texts[key]
	return ok
}

// Keys are all keys of the catalogue, sorted.
func (c *Catalogue) Keys() []Key {
	keys := make([]Key, 0, len(c.texts))
	for key := range c.texts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Arguments are the names of the arguments that a text uses, sorted; nil for a
// text that does not exist.
func (c *Catalogue) Arguments(key Key) []string {
	return c.texts[key].arguments()
}

// Text writes the text out. A key that does not exist gives the key itself and
// a missing argument its name in braces: a person sees the gap, and the
// program goes on.
func (c *Catalogue) Text(key Key, args Args) string {
	m, ok := c.texts[key]
	if !ok {
		return string(key)
	}
	return c.render(m, args)
}

// Member writes out the text of a family that is called name, or the bare
// name when the family has no such text (a code of a newer release).
func (c *Catalogue) Member(family Family, name string, args Args) string {
	key := Key(string(family) + "." + name)
	if !c.Has(key) {
		return c.Embed(name)
	}
	return c.Text(key, args)
}
