package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

var declared = regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9_]*)\([a-z]+ \*testing\.F\)`)

// inSources are the fuzz targets of the module.
func inSources(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, file)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			all = append(all, target{path.Dir(filepath.ToSlash(below)), string(m[1])}.String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// Every fuzz target stands in the document once, and nothing else does.
func TestDocumentListsEveryTarget(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := readRows(string(doc))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, r := range rows {
		listed = append(listed, r.target.String())
	}
	slices.Sort(listed)
	if found := inSources(t); len(found) == 0 || !slices.Equal(listed, found) {
		t.Errorf("%s lists %q, the module has %q", document, listed, found)
	}
}

func TestRecorded(t *testing.T) {
	const doc = "# Fuzzing\n\n| target | it reads | executions | commit | day |\n|---|---|---|---|---|\n| `a/b.FuzzX` | all | 999,500 | `0000000` | 2026-01-01 |\n| `a.FuzzX` | less |  |  |  |\n"
	once, err := recorded(doc, target{"a/b", "FuzzX"}, 500, "1234567", "2026-01-02")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := recorded(once, target{"a", "FuzzX"}, 7, "1234567+", "2026-01-03")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("999,500 | `0000000` | 2026-01-01", "1,000,000 | `1234567` | 2026-01-02", "|  |  |  |", "| 7 | `1234567+` | 2026-01-03 |").Replace(doc)
	if twice != want {
		t.Errorf("got\n%s\nwant\n%s", twice, want)
	}
	if _, err := recorded(doc, target{"a", "FuzzY"}, 1, "1", "2"); err == nil {
		t.Error("a target that is not listed was recorded")
	}
	if _, err := readRows("| `a.FuzzX` | what | many | `1` | 2026-01-01 |\n"); err == nil {
		t.Error("a row that says no number was read")
	}
}

func TestPlayedIn(t *testing.T) {
	for said, want := range map[string]int{
		"": 0,
		"fuzz: elapsed: 0s, execs: 17 (1/sec)\nfuzz: elapsed: 3s, execs: 2003 (3/sec), new interesting: 0 (total: 16)\nPASS\n": 2003,
		"fuzz: elapsed: 0s, gathering baseline coverage: 0/16 completed\nFAIL\n":                                               0,
	} {
		if got := playedIn([]byte(said)); got != want {
			t.Errorf("%q: got %d, want %d", said, got, want)
		}
	}
}

// A failure counts when the input fails alone; what was only late does not.
func TestWhatFailsAloneIsABug(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("the engine is played by a script of the shell")
	}
	const engine = `#!/bin/sh
case "$*" in
*-test.fuzz=*)
	echo "fuzz: elapsed: 3s, execs: 12 (4/sec), new interesting: 0 (total: 1)"
	mkdir -p testdata/fuzz/FuzzX
	echo input >testdata/fuzz/FuzzX/00ff
	echo "--- FAIL: FuzzX (0.01s)"
	echo "    fuzzing process hung or terminated unexpectedly: exit status 2"
	echo "    Failing input written to testdata/fuzz/FuzzX/00ff"
	exit 1;;
*) exit ALONE;;
esac
`
	for alone, bug := range map[string]bool{"0": false, "1": true} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "pkg"), 0o755); err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(dir, "engine")
		if err := os.WriteFile(program, []byte(strings.Replace(engine, "ALONE", alone, 1)), 0o755); err != nil {
			t.Fatal(err)
		}
		p := &player{root: dir, found: dir, binaries: map[string]string{"pkg": program}}
		n, said, err := p.fuzz(t.Context(), target{"pkg", "FuzzX"}, 100)
		if err != nil || n != 12 || (said != "") != bug {
			t.Errorf("alone it ends with %s: got %d executions, %q, error %v", alone, n, said, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "pkg", "testdata", "fuzz", "FuzzX", "00ff")); (err == nil) != bug {
			t.Errorf("alone it ends with %s: the input was kept: %t", alone, err == nil)
		}
	}
}
