package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// document is where the targets and their executions stand, below the module.
const document = "docs/fuzz.md"

// target is a fuzz target.
type target struct{ pkg, name string }

// String is the target as the document writes it.
func (t target) String() string { return t.pkg + "." + t.name }

// row is a target's line in the document.
type row struct {
	target target
	had    int
	line   int
}

// rowForm is a line of the document's table: target, what it reads, executions,
// commit, day.
var rowForm = regexp.MustCompile("^\\| `([a-z0-9/-]+)\\.(Fuzz[A-Za-z0-9]*)` \\| ([^|]+) \\| ([0-9,]*) \\| ([^|]*) \\| ([^|]*) \\|$")

// readRows reads the document's table.
func readRows(doc string) ([]row, error) {
	var rows []row
	for i, line := range strings.Split(doc, "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		m := rowForm.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s, line %d is not target, what it reads, executions, commit and day", document, i+1)
		}
		r := row{target: target{m[1], m[2]}, line: i}
		if m[4] != "" {
			n, err := strconv.Atoi(strings.ReplaceAll(m[4], ",", ""))
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", document, i+1, err)
			}
			r.had = n
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// recorded is the document after so many more executions of a target.
func recorded(doc string, t target, more int, commit, day string) (string, error) {
	rows, err := readRows(doc)
	if err != nil {
		return "", err
	}
	lines := strings.Split(doc, "\n")
	for _, r := range rows {
		if r.target == t {
			m := rowForm.FindStringSubmatch(lines[r.line])
			lines[r.line] = fmt.Sprintf("| `%s` | %s | %s | `%s` | %s |", t, m[3], grouped(r.had+more), commit, day)
			return strings.Join(lines, "\n"), nil
		}
	}
	return "", fmt.Errorf("%s does not list %s", document, t)
}

// grouped writes a number with a comma before each three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// had is how many executions of a target are recorded.
func (p *player) had(t target) (int, error) {
	doc, err := os.ReadFile(filepath.Join(p.root, document))
	if err != nil {
		return 0, err
	}
	rows, err := readRows(string(doc))
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if r.target == t {
			return r.had, nil
		}
	}
	return 0, fmt.Errorf("%s does not list %s", document, t)
}

// record writes down executions of a target. The document is read anew, since
// somebody may have written in it meanwhile.
func (p *player) record(t target, more int) error {
	path := filepath.Join(p.root, document)
	doc, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	after, err := recorded(string(doc), t, more, p.commit, time.Now().UTC().Format(time.DateOnly))
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(after), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// commitOf is the commit that is played, with a "+" if a tracked file but the
// document was changed since.
func (p *player) commitOf(ctx context.Context) (string, error) {
	commit, err := output(ctx, p.root, "git", "rev-parse", "--short=7", "HEAD")
	if err != nil {
		return "", err
	}
	changed, err := output(ctx, p.root, "git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!"+document)
	if err == nil && changed != "" {
		commit += "+"
	}
	return commit, err
}
