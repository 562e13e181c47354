package floorplan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that all own import paths start with.
const module = "mahalleh"

// root is the module's directory, seen from this package.
var root = filepath.Join("..", "..", "..")

// pkg is what the go command says of a package.
type pkg struct {
	ImportPath, Dir string
	Standard        bool
	Imports         []string
	TestImports     []string
	XTestImports    []string
	GoFiles         []string
	IgnoredGoFiles  []string // excluded on this platform or by a build tag
	Error           *struct{ Err string }
}

// own says whether the package belongs to the module.
func (p *pkg) own() bool {
	return p.ImportPath == module || strings.HasPrefix(p.ImportPath, module+"/")
}

// short is the import path without the module.
func short(path string) string { return strings.TrimPrefix(path, module+"/") }

// list asks the go command for every package of the module in dir and every
// package that they need. Files that this platform leaves out count as well:
// an arrow is forbidden on all of them.
func list(t *testing.T, dir string) map[string]*pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps",
		"-json=ImportPath,Dir,Standard,Imports,TestImports,XTestImports,GoFiles,IgnoredGoFiles,Error", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	packages := map[string]*pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.own() {
			addIgnored(t, p)
		}
		packages[p.ImportPath] = p
	}
	return packages
}

func addIgnored(t *testing.T, p *pkg) {
	t.Helper()
	for _, name := range p.IgnoredGoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				p.TestImports = append(p.TestImports, path)
			} else {
				p.Imports = append(p.Imports, path)
			}
		}
	}
}

// matches says whether a package is covered by one of the patterns.
func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, below := strings.CutSuffix(pattern, "...")
		if !below {
			return path == pattern
		}
		return prefix == "" || path == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(path, prefix)
	})
}

func hasSuffix(path, suffix string) bool {
	return strings.HasSuffix(path[strings.LastIndexByte(path, '/')+1:], suffix)
}

// forbidden returns every forbidden arrow among the packages, in words.
func forbidden(packages map[string]*pkg) []string {
	var found []string
	for _, path := range sorted(packages) {
		p := packages[path]
		if !p.own() {
			continue
		}
		for _, a := range arrows {
			if !matches(short(path), a.from) || matches(short(path), a.except) {
				continue
			}
			found = append(found, direct(p, a, p.Imports, "imports")...)
			if a.tests {
				found = append(found, direct(p, a, slices.Concat(p.TestImports, p.XTestImports), "imports in its tests")...)
			}
		}
		for _, to := range p.Imports {
			if (to == "testing" || strings.HasPrefix(to, "testing/")) && !testingAllowed(path) {
				found = append(found, fmt.Sprintf("%s imports %s: only suites that tests call (…test) may, everything else is shipped", short(path), to))
			}
		}
		for _, r := range reaches {
			if !matches(short(path), r.from) || matches(short(path), r.except) {
				continue
			}
			if way := find(packages, path, r.to); way != nil {
				found = append(found, fmt.Sprintf("%s: %s: %s", r.name, strings.Join(way, " → "), r.why))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func direct(p *pkg, a arrow, imports []string, verb string) []string {
	var found []string
	for _, to := range imports {
		// A package may use what lies below it in its own room.
		if to != p.ImportPath && matches(short(to), a.to) {
			found = append(found, fmt.Sprintf("%s: %s %s %s: %s", a.name, short(p.ImportPath), verb, short(to), a.why))
		}
	}
	return found
}

// find is a shortest way of imports from a package to one of the patterns.
func find(packages map[string]*pkg, from string, to []string) []string {
	came := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		p := packages[queue[0]]
		if p == nil || p.Standard {
			continue
		}
		for _, next := range p.Imports {
			if _, seen := came[next]; seen {
				continue
			}
			came[next] = queue[0]
			if matches(short(next), to) {
				var way []string
				for at := next; at != ""; at = came[at] {
					way = append([]string{short(at)}, way...)
				}
				return way
			}
			queue = append(queue, next)
		}
	}
	return nil
}

func sorted(packages map[string]*pkg) []string {
	paths := make([]string, 0, len(packages))
	for path := range packages {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// TestArrows holds the tree against the floor plan.
func TestArrows(t *testing.T) {
	packages := list(t, root)
	for _, path := range sorted(packages) {
		if p := packages[path]; p.own() && p.Error != nil {
			t.Errorf("%s cannot be listed: %s", path, p.Error.Err)
		}
	}
	for _, problem := range forbidden(packages) {
		t.Error(problem)
	}
}
