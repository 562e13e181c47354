package readme

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas/formview/viewtest"
)

// programNames are the three programs, each a folder below cmd.
var programNames = []string{"mahalleh", "mahalleh-field", "fleetsim"}

// programs are the built programs, asked for their help.
type programs struct {
	dir   string
	pages map[string]*helpPage
}

// helpPage is what one command says of itself.
type helpPage struct {
	commands []string
	flags    map[string]bool // by name with dashes; true if it takes a value
	vars     map[string]bool // environment variables
}

// built are the programs, built once for all tests.
var built *programs

// TestMain builds the three programs as a person does.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "readme")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		defer viewtest.End()
		args := []string{"build", "-buildvcs=false", "-o", dir + string(filepath.Separator)}
		for _, name := range programNames {
			args = append(args, "mahalleh/cmd/"+name)
		}
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		built = &programs{dir: dir, pages: map[string]*helpPage{}}
		return m.Run()
	}())
}

// TestProgramsAreWatched opens the programs' sources and texts, because go test
// takes an earlier result for good while the files that the tests opened are
// the same, and does not know what was built of others.
func TestProgramsAreWatched(t *testing.T) {
	files := 0
	err := filepath.WalkDir(filepath.Join(root, "cmd"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".toml" {
			return nil
		}
		files++
		_, err = os.ReadFile(path)
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files were opened, %v", files, err)
	}
}

// run runs a program without anything of this machine's settings.
func (p *programs) run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = []string{"HOME=" + p.dir, "LOCALAPPDATA=" + p.dir, "SystemRoot=" + os.Getenv("SystemRoot"), "LANG=C"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	helpCommand = regexp.MustCompile(`^  ([a-z][a-z-]*)\b`)
	helpFlag    = regexp.MustCompile(`^ +(?:(-[a-z]), )?(--[a-z][a-z-]*)( [A-Z][A-Z=]*)?  `)
	helpVar     = regexp.MustCompile(`\((?:[^()]*[ (])?(MAHALLEH[A-Z_]*)`)
)

// help is the help page of a program's command.
func (p *programs) help(t *testing.T, words ...string) (*helpPage, error) {
	t.Helper()
	key := strings.Join(words, " ")
	if page := p.pages[key]; page != nil {
		return page, nil
	}
	text, err := p.run(t, words[0], append(slices.Clone(words[1:]), "--help", "--lang", "en")...)
	if err != nil {
		return nil, fmt.Errorf("%s --help: %w\n%s", key, err, text)
	}
	page := &helpPage{flags: map[string]bool{}, vars: map[string]bool{}}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if title, is := strings.CutSuffix(line, ":"); is && !strings.HasPrefix(line, " ") {
			section = title
			continue
		}
		if m := helpCommand.FindStringSubmatch(line); m != nil && section == "Commands" {
			page.commands = append(page.commands, m[1])
		}
		if m := helpFlag.FindStringSubmatch(line); m != nil && strings.HasPrefix(section, "Flags") {
			page.flags[m[2]] = m[3] != ""
			if m[1] != "" {
				page.flags[m[1]] = m[3] != ""
			}
			if v := helpVar.FindStringSubmatch(line); v != nil {
				page.vars[v[1]] = true
			}
		}
	}
	if len(page.flags) == 0 {
		return nil, fmt.Errorf("%s --help names no flags:\n%s", key, text)
	}
	p.pages[key] = page
	return page, nil
}

// check says what is wrong with a command line of one of the programs.
func (p *programs) check(t *testing.T, name string, args []string) error {
	t.Helper()
	path := []string{name}
	page, err := p.help(t, path...)
	if err != nil {
		return err
	}
	for len(page.commands) > 0 && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if !slices.Contains(page.commands, args[0]) {
			return fmt.Errorf("%s has no command %q", strings.Join(path, " "), args[0])
		}
		path, args = append(path, args[0]), args[1:]
		if page, err = p.help(t, path...); err != nil {
			return err
		}
	}
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			continue
		}
		flag, _, attached := strings.Cut(args[i], "=")
		takes, known := page.flags[flag]
		switch {
		case !known:
			return fmt.Errorf("%s has no flag %s", strings.Join(path, " "), flag)
		case !takes && attached:
			return fmt.Errorf("%s: %s takes no value", strings.Join(path, " "), flag)
		case takes && !attached:
			if i++; i == len(args) || strings.HasPrefix(args[i], "-") {
				return fmt.Errorf("%s: %s wants a value", strings.Join(path, " "), flag)
			}
		}
	}
	return nil
}

// variables are the environment variables that a program's commands name.
func (p *programs) variables(t *testing.T, name string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	var visit func(path []string)
	visit = func(path []string) {
		page, err := p.help(t, path...)
		if err != nil {
			t.Fatal(err)
		}
		for v := range page.vars {
			all[v] = true
		}
		for _, c := range page.commands {
			visit(append(slices.Clone(path), c))
		}
	}
	visit([]string{name})
	return all
}
