package readme

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

const root = "../../.."

var readmes = []string{"README.md", "README.fa.md"}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every command line of the READMEs, in blocks and within the text, names
// commands, flags, variables and targets that exist.
func TestCommandLinesExist(t *testing.T) {
	p := built
	vars := map[string]bool{}
	for _, name := range programNames {
		for v := range p.variables(t, name) {
			vars[v] = true
		}
	}
	makefile := read(t, "Makefile")
	for _, file := range readmes {
		t.Run(file, func(t *testing.T) {
			page := read(t, file)
			seen := map[string]int{}
			check := func(cmd []string, strict bool) {
				switch head := cmd[0]; {
				case head == "go" && len(cmd) > 2 && cmd[1] == "run":
					cmd = append([]string{strings.TrimPrefix(cmd[2], "./cmd/")}, cmd[3:]...)
				case strings.HasPrefix(head, "bin/"):
					cmd[0] = strings.TrimPrefix(head, "bin/")
				case strict && slices.Contains(programNames, head):
					t.Errorf("%q: in a block, a program is named with its folder", strings.Join(cmd, " "))
				case head == "make" && len(cmd) == 2:
					if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(cmd[1]) + `:`).MatchString(makefile) {
						t.Errorf("the Makefile has no target %q", cmd[1])
					}
					return
				case head == "export":
					for _, a := range cmd[1:] {
						if name, _, _ := strings.Cut(a, "="); !vars[name] {
							t.Errorf("no program reads the variable %s", name)
						}
					}
					return
				}
				switch {
				case slices.Contains(programNames, cmd[0]):
					if err := p.check(t, cmd[0], cmd[1:]); err != nil {
						t.Errorf("%q: %v", strings.Join(cmd, " "), err)
					}
					seen[cmd[0]]++
				case strict && !slices.Contains([]string{"echo", "grep", "cut"}, cmd[0]):
					t.Errorf("%q is neither a program of this project nor a tool that every shell has", cmd[0])
				}
			}
			for _, b := range blocks(t, page) {
				for i, line := range strings.Split(b.text, "\n") {
					if b.lang == "text" {
						// Of an output, the commands that it tells people to try.
						if line = strings.TrimSpace(line); !strings.HasPrefix(line, "go run ") {
							continue
						}
					} else if b.lang != "sh" {
						continue
					}
					cmds, err := commands(line)
					if err != nil {
						t.Errorf("line %d: %v", b.line+i, err)
					}
					for _, cmd := range cmds {
						check(cmd, true)
					}
				}
			}
			for _, span := range spans(page) {
				if cmds, err := commands(span); err == nil {
					for _, cmd := range cmds {
						check(cmd, false)
					}
				}
				if strings.HasPrefix(span, "MAHALLEH_") && !vars[span] {
					t.Errorf("no program reads the variable %s", span)
				}
			}
			for _, name := range programNames {
				if seen[name] == 0 {
					t.Errorf("no command line of %s was found", name)
				}
			}
		})
	}
}

// A check that finds nothing proves nothing.
func TestCheckFinds(t *testing.T) {
	p := built
	for _, tt := range []struct{ name, line, want string }{
		{"no such command", "mahalleh serv", `has no command "serv"`},
		{"no such command below", "mahalleh place remove 101", `mahalleh place has no command "remove"`},
		{"no such flag", "mahalleh demo --twice", "mahalleh demo has no flag --twice"},
		{"another command's flag", "mahalleh-field list --watch", "has no flag --watch"},
		{"a value is missing", "fleetsim sim --seeds", "--seeds wants a value"},
		{"a value too many", "mahalleh demo --once=3", "--once takes no value"},
		{"fine", "mahalleh-field new asset --set category=physical -q --data-dir x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmds, err := commands(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			err = p.check(t, cmds[0][0], cmds[0][1:])
			if got := err; (got == nil) != (tt.want == "") || got != nil && !strings.Contains(got.Error(), tt.want) {
				t.Errorf("check = %v, want %q", got, tt.want)
			}
		})
	}
}

// Both READMEs have the same blocks: commands word by word, settings apart
// from comments; what a program prints may be in the reader's language.
func TestSameBlocks(t *testing.T) {
	en, fa := blocks(t, read(t, readmes[0])), blocks(t, read(t, readmes[1]))
	if len(en) == 0 || len(en) != len(fa) {
		t.Fatalf("%s has %d blocks, %s %d", readmes[0], len(en), readmes[1], len(fa))
	}
	for i := range en {
		a, b := en[i], fa[i]
		if a.lang == "toml" {
			a.text, b.text = uncommented(a.text), uncommented(b.text)
		}
		if a.lang != b.lang || a.lang != "text" && a.text != b.text {
			t.Errorf("the block in line %d of %s and the one in line %d of %s differ:\n%s\n%s", a.line, readmes[0], b.line, readmes[1], a.text, b.text)
		}
	}
}

func uncommented(settings string) string {
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(settings, "")
}

// The example of a settings file holds settings that the server reads.
func TestSettingsExist(t *testing.T) {
	vars := built.variables(t, "mahalleh")
	for _, file := range readmes {
		found := 0
		for _, b := range blocks(t, read(t, file)) {
			if b.lang != "toml" {
				continue
			}
			var keys map[string]any
			if err := toml.Unmarshal([]byte(b.text), &keys); err != nil {
				t.Errorf("%s, line %d: %v", file, b.line, err)
			}
			for key := range keys {
				if found++; !vars["MAHALLEH_"+strings.ToUpper(key)] {
					t.Errorf("%s: %q is not a setting", file, key)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s shows no settings file", file)
		}
	}
}

// The tables of figures hold every figure that is measured, and the same
// numbers in both languages.
func TestFigures(t *testing.T) {
	out, err := built.run(t, "fleetsim", "figures", "--json")
	if err != nil {
		t.Fatalf("fleetsim figures: %v\n%s", err, out)
	}
	names, en := rows(read(t, readmes[0]))
	fnames, fa := rows(read(t, readmes[1]))
	if !slices.Equal(names, fnames) {
		t.Errorf("%s lists %v, %s %v", readmes[0], names, readmes[1], fnames)
	}
	for _, name := range names {
		if a, b := numbers(en[name]), numbers(fa[name]); !slices.Equal(a, b) {
			t.Errorf("%s: %s says %v, %s %v", name, readmes[0], a, readmes[1], b)
		}
	}
	listed := 0
	for line := range strings.Lines(out) {
		var figure struct {
			Goals []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(line), &figure); err != nil {
			t.Fatalf("fleetsim figures --json: %v\n%s", err, line)
		}
		for _, value := range figure.Goals {
			if listed++; !slices.Contains(names, value.Name) {
				t.Errorf("the READMEs do not tell the figure %s", value.Name)
			}
		}
	}
	if listed == 0 {
		t.Error("fleetsim lists no figures")
	}
}

// The glossary tells every form, by the name that people read on it.
func TestGlossary(t *testing.T) {
	page := read(t, "docs/glossary.md")
	files, err := filepath.Glob(filepath.Join(root, "schemas", "forms", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	forms := 0
	for _, file := range files {
		var form struct {
			Name  string
			Label struct{ Fa string }
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &form); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if form.Name == "" {
			continue // the package's own description
		}
		forms++
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(form.Label.Fa) + `(،[^|]*)? \|[^|]*\(` + "`" + form.Name + "`" + `\) \|`)
		if !row.MatchString(page) {
			t.Errorf("the glossary does not tell the form %s as %q", form.Name, form.Label.Fa)
		}
	}
	if forms == 0 {
		t.Error("no forms were found")
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links between the pages of the project lead somewhere.
func TestLinks(t *testing.T) {
	pages := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != "..":
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		pages++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(prose(string(b)), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if to != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(to))
			}
			there, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
				continue
			}
			if anchor == "" || there.IsDir() {
				continue
			}
			page, err := os.ReadFile(target)
			if err != nil {
				return err
			}
			if !anchors(string(page))[anchor] {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
		return nil
	})
	if err != nil || pages == 0 {
		t.Errorf("%d pages were read, %v", pages, err)
	}
}

// The pages for operators name commands and flags that exist, in their blocks
// and in the text.
func TestOperatorsCommandsExist(t *testing.T) {
	for _, file := range []string{"docs/operate.md", "docs/operate.fa.md"} {
		page := read(t, file)
		var lines []string
		for _, b := range blocks(t, page) {
			if b.lang == "sh" {
				lines = append(lines, strings.Split(b.text, "\n")...)
			}
		}
		seen := 0
		for _, line := range append(lines, spans(page)...) {
			line = strings.TrimPrefix(line, "sudo -u mahalleh ")
			cmds, err := commands(line)
			if err != nil {
				continue // a span that is no command line
			}
			for _, cmd := range cmds {
				if !slices.Contains(programNames, cmd[0]) || len(cmd) < 2 {
					continue
				}
				seen++
				if err := built.check(t, cmd[0], cmd[1:]); err != nil && !strings.HasPrefix(cmd[1], "act") && cmd[1] != "COMMAND" {
					t.Errorf("%s: %q: %v", file, strings.Join(cmd, " "), err)
				}
			}
		}
		if seen < 15 {
			t.Errorf("%s: only %d command lines were found", file, seen)
		}
	}
}
