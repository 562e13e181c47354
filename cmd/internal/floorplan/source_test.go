package floorplan

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// worldly are the functions that reach for the clock or the random source of
// the machine instead of taking them as arguments.
var worldly = map[string][]string{
	"time":                   {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"github.com/google/uuid": {"New", "NewString", "NewRandom", "NewUUID", "NewV6", "NewV7", "Must"},
}

// candidateMakers may make candidates of a cell (the store's suite makes rows to
// keep, no decisions): the vocabulary that defines
// them, the code that writes and reads them, and the one that decides.
var candidateMakers = []string{"syncproto", "syncproto/wire/...", "syncproto/merge/...", "syncproto/prototest/...", "server/store/storetest"}

// careless is SQLite told not to wait for the disk. Only the index of a device's lists,
// which is made anew at each start, lies in a file that nobody waits for.
var careless = regexp.MustCompile(`(?i)synchronous\W{1,3}(off|normal|[01]\b)`)

var mayBeCareless = []string{"client-sdk/localstore", "cmd/fleetsim/faultdisk"}

// inSource returns what a source file does that its package must not, in words.
func inSource(fset *token.FileSet, path string, file *ast.File) []string {
	var found []string
	report := func(node ast.Node, why string) {
		position := fset.Position(node.Pos())
		found = append(found, fmt.Sprintf("%s/%s:%d: %s", path, filepath.Base(position.Filename), position.Line, why))
	}
	names := importNames(file)
	pure := matches(path, ground) && !matches(path, []string{"syncproto/prototest/...", "server/store/storetest", "schemas/formview/viewtest"})
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				report(n, "init runs unasked in every program that imports the package; give the work a name and let the caller call it")
			}
		case *ast.GoStmt:
			if pure {
				report(n, "a goroutine in the ground: its order is the scheduler's choice, and a seed would no longer replay to the same trace")
			}
		case *ast.SelectorExpr:
			if from, ok := n.X.(*ast.Ident); ok && pure && slices.Contains(worldly[names[from.Name]], n.Sel.Name) {
				report(n, fmt.Sprintf("%s.%s asks the machine; the ground takes clock and random as arguments", from.Name, n.Sel.Name))
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && careless.MatchString(n.Value) && !matches(path, mayBeCareless) {
				report(n, "SQLite runs synchronous=FULL: what was told to be saved is saved")
			}
		case *ast.CompositeLit:
			if !matches(path, candidateMakers) && isCandidate(n.Type, names) {
				report(n, "makes a candidate of a cell: which values stand is decided only in syncproto/merge")
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if s, ok := left.(*ast.SelectorExpr); ok && s.Sel.Name == "Candidates" && !matches(path, candidateMakers) && hasValue(names, module+"/syncproto") {
					report(n, "sets the candidates of a cell: which values stand is decided only in syncproto/merge")
				}
			}
		}
		return true
	})
	return found
}

// isCandidate says whether a literal's type is syncproto.Candidate or a slice
// of it.
func isCandidate(e ast.Expr, names map[string]string) bool {
	if slice, ok := e.(*ast.ArrayType); ok {
		e = slice.Elt
	}
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	from, ok := s.X.(*ast.Ident)
	return ok && names[from.Name] == module+"/syncproto" && s.Sel.Name == "Candidate"
}

func hasValue(names map[string]string, path string) bool {
	for _, value := range names {
		if value == path {
			return true
		}
	}
	return false
}

// importNames maps the names under which a file knows its imports to their
// paths.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser accepts no such import
		}
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

// checkSource reads every file of the module that is not a test.
func checkSource(t *testing.T, packages map[string]*pkg) []string {
	t.Helper()
	var found []string
	for _, path := range sorted(packages) {
		p := packages[path]
		if !p.own() {
			continue
		}
		fset := token.NewFileSet()
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, inSource(fset, short(path), file)...)
		}
	}
	return found
}

// TestSource holds the source against the rules that imports cannot show.
func TestSource(t *testing.T) {
	for _, problem := range checkSource(t, list(t, root)) {
		t.Error(problem)
	}
}
