package planted

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's directory, seen from this package.
var root = filepath.Join("..", "..")

// The list of faults is read as source, so that it is held against the code in
// every build.
func TestNames(t *testing.T) {
	listed := literals(t, "names.go", func(n ast.Node) []ast.Expr {
		if l, ok := n.(*ast.CompositeLit); ok {
			return l.Elts
		}
		return nil
	})
	if len(listed) == 0 {
		t.Fatal("no faults are listed")
	}
	if !slices.IsSorted(listed) || len(slices.Compact(slices.Clone(listed))) != len(listed) {
		t.Error("the list is not sorted, or names a fault twice")
	}
	used := inSource(t)
	for _, name := range listed {
		if !slices.Contains(used, name) {
			t.Errorf("%q is listed and planted nowhere", name)
		}
	}
	for _, name := range used {
		if !slices.Contains(listed, name) {
			t.Errorf("%q is planted and not listed in names.go", name)
		}
	}
}

// Without the tag there is no fault to switch on, with it there are those listed.
func TestSwitch(t *testing.T) {
	defer Switch("")
	const nobody = "a fault that nobody planted"
	if Switch(nobody) {
		t.Errorf("the fault %q can be switched on", nobody)
	}
	for _, name := range Names() {
		if !Switch(name) || !Bug(name) {
			t.Errorf("the fault %q cannot be switched on", name)
		}
	}
}

// inSource returns the names that planted.Bug is asked for anywhere in the module.
func inSource(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && path != root && strings.HasPrefix(e.Name(), ".") {
			return fs.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "planted.Bug") {
			return err
		}
		names = append(names, literals(t, path, func(n ast.Node) []ast.Expr {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return nil
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Bug" {
				return nil
			}
			return call.Args
		})...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// literals returns the strings among the expressions that pick finds in a file.
func literals(t *testing.T, path string, pick func(ast.Node) []ast.Expr) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		for _, e := range pick(n) {
			lit, ok := e.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				t.Errorf("%s: the name of a fault is not written out", path)
				continue
			}
			name, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, name)
		}
		return true
	})
	return found
}
