package floorplan

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The top of the tree.
var (
	topFolders = []string{".ci", "client-sdk", "cmd", "docs", "schemas", "server", "syncproto"}
	topFiles   = []string{
		".editorconfig", ".gitattributes", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile",
		"NOTICE", "README.fa.md", "README.md", "SECURITY.md", "go.mod", "go.sum",
	}
	// floors are the folders that a finished tree has.
	floors = []string{"client-sdk", "cmd", "schemas", "server", "syncproto"}
)

// unwanted are files that do not belong into the tree, with the reason.
// Test data may be anything.
var unwanted = []struct {
	patterns []string
	why      string
}{
	{[]string{"package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "node_modules"}, "no Node is needed to build; third-party scripts are kept as released files"},
	{[]string{"vendor", "go.work", "go.work.sum"}, "dependencies come from go.mod alone"},
	{[]string{"*.exe", "*.dll", "*.so", "*.dylib", "*.a", "*.o", "*.test", "*.apk", "*.jar"}, "what can be built is not stored"},
	{[]string{"*.db", "*.db-wal", "*.db-shm", "*.sqlite", "*.sqlite3"}, "a database is made, not stored"},
	{[]string{".env", "*.pem", "*.key", "*.p12", "*.pfx"}, "keys and secrets do not belong into a repository"},
	{[]string{"*.orig", "*.rej", "*.swp", "*.bak", "*~", ".DS_Store", "Thumbs.db", "*.log", "*.prof"}, "a leftover of somebody's tools"},
	{[]string{"util", "utils", "common", "helpers", "misc"}, "a package is named after what it provides"},
}

// formsPackage names the forms that travel to devices; it has nothing to do
// with Node.
const formsPackage = "schemas/forms/package.json"

// maxFileBytes is more than any source, form or corpus needs; a larger file is
// data that came in by mistake.
const maxFileBytes = 8 << 20

// misplaced says in words what is wrong with files (slash-separated, relative
// to the root of the tree).
func misplaced(files []string) []string {
	var found []string
	present := map[string]bool{}
	for _, file := range files {
		parts := strings.Split(file, "/")
		present[parts[0]] = true
		switch {
		case len(parts) == 1 && !slices.Contains(topFiles, file):
			found = append(found, fmt.Sprintf("%s: the top of the tree holds only %s", file, strings.Join(topFiles, ", ")))
		case len(parts) > 1 && !slices.Contains(topFolders, parts[0]):
			found = append(found, fmt.Sprintf("%s: the top-level folders are exactly %s", file, strings.Join(topFolders, ", ")))
		}
		if slices.Contains(parts, "testdata") || file == formsPackage {
			continue
		}
		for _, rule := range unwanted {
			for _, part := range parts {
				for _, pattern := range rule.patterns {
					if ok, err := path.Match(pattern, part); err == nil && ok {
						found = append(found, fmt.Sprintf("%s: %s", file, rule.why))
					}
				}
			}
		}
	}
	// While the house is being built a floor may be missing; a house with a
	// README is finished.
	if present["README.md"] {
		for _, floor := range floors {
			if !present[floor] {
				found = append(found, fmt.Sprintf("there is no folder %s", floor))
			}
		}
	}
	return found
}

// treeFiles are the files that are, or would be, committed: what git ignores
// does not count. Outside a repository they are all files.
func treeFiles(t *testing.T) []string {
	t.Helper()
	// Names of folders are read here too, so that the test cache notices files
	// that come and go.
	var all []string
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(root, file)
		if err == nil && !entry.IsDir() {
			all = append(all, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		return all
	}
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return all // no git, or a repository that is not ours to read
	}
	files := slices.DeleteFunc(strings.Split(string(out), "\x00"), func(file string) bool { return !slices.Contains(all, file) })
	return files
}

func TestTree(t *testing.T) {
	files := treeFiles(t)
	if len(files) == 0 {
		t.Fatal("no files found")
	}
	for _, problem := range misplaced(files) {
		t.Error(problem)
	}
	for _, file := range files {
		if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err == nil && info.Size() > maxFileBytes {
			t.Errorf("%s has %d bytes; the largest file allowed has %d", file, info.Size(), maxFileBytes)
		}
	}
}

func TestMisplaced(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"in order", []string{"go.mod", "Makefile", ".ci/run", "schemas/forms/package.json", "server/hub/hub.go", "cmd/mahalleh/testdata/key.pem"}, ""},
		{"finished", []string{"README.md", "server/a", "syncproto/a", "client-sdk/a", "schemas/a", "cmd/a", "docs/a"}, ""},
		{"folder", []string{"internal/x.go"}, "internal/x.go: the top-level folders are exactly"},
		{"file", []string{"main.go"}, "main.go: the top of the tree holds only"},
		{"node", []string{"server/dashboard/package.json"}, "no Node is needed"},
		{"binary", []string{"cmd/mahalleh/mahalleh.exe"}, "what can be built is not stored"},
		{"key", []string{"server/tls.key"}, "keys and secrets"},
		{"database", []string{"server/x.db-wal"}, "a database is made"},
		{"leftover", []string{"server/x.go.orig"}, "a leftover"},
		{"package of odds and ends", []string{"server/utils/x.go"}, "named after what it provides"},
		{"missing floor", []string{"README.md", "cmd/a", "server/a", "schemas/a", "syncproto/a"}, "there is no folder client-sdk"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(misplaced(test.files), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestFuzzCorpora wants a committed corpus for every fuzz target: without one
// the target's ordinary test run proves nothing.
func TestFuzzCorpora(t *testing.T) {
	files := treeFiles(t)
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(file)), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range fuzzTargets(parsed) {
			prefix := path.Join(path.Dir(file), "testdata", "fuzz", target) + "/"
			seeds := 0
			for _, seed := range files {
				if !strings.HasPrefix(seed, prefix) {
					continue
				}
				raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(seed)))
				if err != nil {
					t.Fatal(err)
				}
				if !isSeed(raw) {
					t.Errorf("%s is not a seed of the fuzzer", seed)
				}
				seeds++
			}
			if seeds == 0 {
				t.Errorf("%s: %s has no corpus in %s", file, target, prefix)
			}
		}
	}
}

// fuzzTargets are the names of a file's fuzz targets.
func fuzzTargets(file *ast.File) []string {
	var names []string
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") || len(f.Type.Params.List) != 1 {
			continue
		}
		pointer, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		if s, ok := pointer.X.(*ast.SelectorExpr); ok && s.Sel.Name == "F" {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// isSeed says whether a file is a corpus entry with at least one value.
func isSeed(raw []byte) bool {
	head, values, ok := bytes.Cut(raw, []byte("\n"))
	return ok && string(bytes.TrimSpace(head)) == "go test fuzz v1" && len(bytes.TrimSpace(values)) > 0
}

func TestFuzzTargetsFinds(t *testing.T) {
	// Indented, so that a search for targets by line does not take these for real.
	source := `package x
		func FuzzDecode(f *testing.F) {}
		func FuzzHelper(b []byte) {}
		func TestFuzz(t *testing.T) {}
		func (x X) FuzzMethod(f *testing.F) {}
`
	file, err := parser.ParseFile(token.NewFileSet(), "x_test.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fuzzTargets(file), []string{"FuzzDecode"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for raw, want := range map[string]bool{"go test fuzz v1\nint(1)\n": true, "go test fuzz v1\r\nint(1)\r\n": true, "": false, "go test fuzz v1\n": false, "x": false} {
		if got := isSeed([]byte(raw)); got != want {
			t.Errorf("isSeed(%q): got %t, want %t", raw, got, want)
		}
	}
}
