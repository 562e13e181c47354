package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas/texts"
)

const (
	cliPath   = "mahalleh/cmd/internal/cli"
	textsPath = "mahalleh/schemas/texts"
)

// TestCataloguesAgree proves that every text stands in both languages with
// the same arguments.
func TestCataloguesAgree(t *testing.T) {
	en, fa := openCatalogue(t, English), openCatalogue(t, Persian)
	for _, key := range en.Keys() {
		if !fa.Has(key) {
			t.Errorf("%s is in en and not in fa", key)
			continue
		}
		if got, want := fa.Arguments(key), en.Arguments(key); !slices.Equal(got, want) {
			t.Errorf("%s has the arguments %q in fa and %q in en", key, got, want)
		}
	}
	for _, key := range fa.Keys() {
		if !en.Has(key) {
			t.Errorf("%s is in fa and not in en", key)
		}
		if text := fa.Text(key, nil); strings.ContainsAny(text, "يىك") {
			t.Errorf("%s: %q has an Arabic yeh or kaf", key, text)
		}
	}
}

// TestKeysInUse proves, over the type-checked source of all programs and the
// pages that they show, that
// every key that is used exists with the arguments it is given, that every key
// that exists is used, and that every error says what to do next.
func TestKeysInUse(t *testing.T) {
	catalogue := openCatalogue(t, English)
	found := newUses(catalogue)
	for _, p := range loadSpeakers(t) {
		found.scan(p)
	}
	for _, problem := range found.problems {
		t.Error(problem)
	}
	for _, key := range catalogue.Keys() {
		if !found.used(key) {
			t.Errorf("%s is in the catalogue and nothing uses it", key)
		}
	}
}

// TestKeysInUseFinds proves on planted mistakes that the scan bites.
func TestKeysInUseFinds(t *testing.T) {
	tests := []struct {
		name, code, want string
	}{
		{"missing key", `a.Note("cli.nowhere")`, "cli.nowhere is used and not in the catalogue"},
		{"missing help", `a.Command("x", "cli.nohelp", nil)`, "cli.nohelp.short is used and not in the catalogue"},
		{"empty family", `a.Member("cli.nofamily", "x")`, "the family cli.nofamily has no texts"},
		{"argument not given", `a.T("cli.usage.hint")`, `cli.usage.hint takes ["command"] and is given []`},
		{"argument not taken", `a.T("cli.exit.ok", Args{"n": 1})`, `cli.exit.ok takes [] and is given ["n"]`},
		{"error without hint", `_ = &Error{Code: Usage, Key: "cli.exit.ok"}`, "the error cli.exit.ok does not say what to do"},
		{"error argument", `_ = &Error{Key: "cli.error.failed", Hint: "cli.exit.ok"}`, `cli.error.failed takes ["problem"] and is given []`},
	}
	catalogue := openCatalogue(t, English)
	packages := loadSpeakers(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			found := newUses(catalogue)
			found.scan(plant(t, packages, test.code))
			if got := strings.Join(found.problems, "\n"); !strings.Contains(got, test.want) {
				t.Errorf("problems:\n%s\nwant %q", got, test.want)
			}
		})
	}
}

func openCatalogue(t *testing.T, lang Lang) *Catalogue {
	t.Helper()
	c, err := texts.OpenCatalogue(lang)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// uses collects how source code uses the catalogue.
type uses struct {
	catalogue *Catalogue
	keys      map[Key]bool
	families  []string
	problems  []string
}

func newUses(c *Catalogue) *uses { return &uses{catalogue: c, keys: map[Key]bool{}} }

func (u *uses) used(key Key) bool {
	return u.keys[key] || slices.ContainsFunc(u.families, func(family string) bool {
		return strings.HasPrefix(string(key), family+".")
	})
}

func (u *uses) problem(p *checked, node ast.Node, format string, args ...any) {
	u.problems = append(u.problems, fmt.Sprintf("%s: %s", p.fset.Position(node.Pos()), fmt.Sprintf(format, args...)))
}

func (u *uses) scan(p *checked) {
	for _, page := range p.pages {
		u.page(p, page)
	}
	for _, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				u.call(p, n)
			case *ast.CompositeLit:
				u.errorLiteral(p, n)
			}
			if e, ok := n.(ast.Expr); ok {
				u.constant(p, e)
			}
			return true
		})
	}
}

// saidByPage finds the texts that a template shows: {{.T "key" "n" 1}} and
// {{.Member "family" .Name}}.
var saidByPage = regexp.MustCompile(`\.(T|Member) "([^"]*)"`)

// page notes the texts of a template; what arguments it gives them is seen when
// it is shown.
func (u *uses) page(p *checked, name string) {
	raw, err := os.ReadFile(name)
	if err != nil {
		u.problems = append(u.problems, err.Error())
		return
	}
	for _, said := range saidByPage.FindAllStringSubmatch(string(raw), -1) {
		switch {
		case said[1] == "T":
			u.keys[Key(said[2])] = true
			if !u.catalogue.Has(Key(said[2])) {
				u.problems = append(u.problems, fmt.Sprintf("%s: %s is used and not in the catalogue", filepath.Base(name), said[2]))
			}
		case !u.family(said[2]):
			u.problems = append(u.problems, fmt.Sprintf("%s: the family %s has no texts", filepath.Base(name), said[2]))
		}
	}
}

// family notes a family, and says whether it has texts.
func (u *uses) family(name string) bool {
	u.families = append(u.families, name)
	return slices.ContainsFunc(u.catalogue.Keys(), func(key Key) bool { return strings.HasPrefix(string(key), name+".") })
}

// constant notes a constant of one of the three key types.
func (u *uses) constant(p *checked, e ast.Expr) {
	tv := p.info.Types[e]
	if tv.Value == nil || tv.Value.Kind() != constant.String || constant.StringVal(tv.Value) == "" {
		return
	}
	value := constant.StringVal(tv.Value)
	switch types.Unalias(tv.Type).String() {
	case textsPath + ".Key":
		if strings.HasPrefix(value, ".") {
			return // the end of a key that is put together from a Help
		}
		u.need(p, e, Key(value))
	case cliPath + ".Help":
		u.need(p, e, Key(value+".short"))
		u.keys[Key(value+".long")] = true
		u.keys[Key(value+".example")] = true
	case textsPath + ".Family":
		if !u.family(value) {
			u.problem(p, e, "the family %s has no texts", value)
		}
	}
}

func (u *uses) need(p *checked, e ast.Expr, key Key) {
	u.keys[key] = true
	if !u.catalogue.Has(key) {
		u.problem(p, e, "%s is used and not in the catalogue", key)
	}
}

// call compares the arguments of a text with those it is given, where both
// are written out in one call.
func (u *uses) call(p *checked, call *ast.CallExpr) {
	callee, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"T", "Say", "Note", "Text", "Update", "UsageError"}, callee.Sel.Name) {
		return
	}
	if f, ok := p.info.Uses[callee.Sel].(*types.Func); !ok || f.Pkg() == nil || f.Pkg().Path() != cliPath && f.Pkg().Path() != textsPath {
		return
	}
	var keys []Key
	given, known := []string{}, true
	for _, arg := range call.Args {
		tv := p.info.Types[arg]
		switch {
		case tv.Type == nil:
		case types.Unalias(tv.Type).String() == textsPath+".Key" && tv.Value != nil:
			if key := Key(constant.StringVal(tv.Value)); key != "" {
				keys = append(keys, key)
			}
		case types.Unalias(tv.Type).String() == textsPath+".Key", call.Ellipsis.IsValid():
			known = false
		case types.Unalias(tv.Type).String() == textsPath+".Args":
			names, ok := argumentNames(p, arg)
			given, known = append(given, names...), known && ok
		}
	}
	u.compare(p, call, keys, given, known)
}

// errorLiteral does the same for an Error that is written out, and wants a hint.
func (u *uses) errorLiteral(p *checked, lit *ast.CompositeLit) {
	tv := p.info.Types[lit]
	if tv.Type == nil || tv.Type.String() != cliPath+".Error" {
		return
	}
	var keys []Key
	given, known, hinted := []string{}, true, false
	for _, element := range lit.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			u.problem(p, element, "an Error is written with the names of its fields")
			return
		}
		name, value := pair.Key.(*ast.Ident).Name, p.info.Types[pair.Value].Value
		switch name {
		case "Key", "Hint":
			hinted = hinted || name == "Hint"
			if value == nil {
				known = false
			} else {
				keys = append(keys, Key(constant.StringVal(value)))
			}
		case "Args":
			given, known = argumentNames(p, pair.Value)
		}
	}
	if len(keys) > 0 && !hinted {
		u.problem(p, lit, "the error %s does not say what to do", keys[0])
	}
	u.compare(p, lit, keys, given, known)
}

func (u *uses) compare(p *checked, node ast.Node, keys []Key, given []string, known bool) {
	if !known || len(keys) == 0 {
		return
	}
	taken := []string{}
	for _, key := range keys {
		taken = append(taken, u.catalogue.Arguments(key)...)
	}
	slices.Sort(taken)
	slices.Sort(given)
	if taken, given := slices.Compact(taken), slices.Compact(given); !slices.Equal(taken, given) {
		u.problem(p, node, "%s takes %q and is given %q", keys[0], taken, given)
	}
}

// argumentNames reads the names out of an Args literal; false when it is
// computed.
func argumentNames(p *checked, e ast.Expr) ([]string, bool) {
	if ident, ok := e.(*ast.Ident); ok && ident.Name == "nil" {
		return nil, true
	}
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil, false
	}
	var names []string
	for _, element := range lit.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok || p.info.Types[pair.Key].Value == nil {
			return nil, false
		}
		names = append(names, constant.StringVal(p.info.Types[pair.Key].Value))
	}
	return names, true
}

// checked is a type-checked package.
type checked struct {
	path  string
	fset  *token.FileSet
	files []*ast.File
	pages []string // templates
	info  *types.Info
	imp   types.Importer
}

// loadSpeakers type-checks every package that knows the texts.
func loadSpeakers(t *testing.T) []*checked {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	// The go command reads the source in a process of its own; reading the
	// names here as well tells the test cache what the result depends on.
	for _, top := range []string{"cmd", "client-sdk", "server", "schemas"} {
		if err := filepath.WalkDir(filepath.Join(root, top), func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps",
		"-json=ImportPath,Dir,Export,GoFiles,EmbedFiles,Imports,DepOnly", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	type listed struct {
		ImportPath, Dir, Export string
		GoFiles, EmbedFiles     []string
		Imports                 []string
		DepOnly                 bool
	}
	exports := map[string]string{}
	var own []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if !p.DepOnly && (p.ImportPath == textsPath || slices.Contains(p.Imports, cliPath) || slices.Contains(p.Imports, textsPath)) {
			own = append(own, p)
		}
	}
	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var packages []*checked
	for _, p := range own {
		c := &checked{path: p.ImportPath, fset: fset, imp: imp}
		for _, name := range p.EmbedFiles {
			if filepath.Ext(name) == ".html" {
				c.pages = append(c.pages, filepath.Join(p.Dir, name))
			}
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			c.files = append(c.files, file)
		}
		c.check(t)
		packages = append(packages, c)
	}
	return packages
}

func (c *checked) check(t *testing.T) {
	t.Helper()
	c.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: c.imp}
	if _, err := config.Check(c.path, c.fset, c.files, c.info); err != nil {
		t.Fatal(err)
	}
}

// TestPagesAreRead proves that the texts of a template are looked up.
func TestPagesAreRead(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(page, []byte(`<p>{{.T "cli.exit.ok"}} {{$.T "cli.nowhere" "n" 1}} {{.Member "cli.nofamily" .Name}}</p>`), 0o600); err != nil {
		t.Fatal(err)
	}
	found := newUses(openCatalogue(t, English))
	found.scan(&checked{pages: []string{page}})
	want := []string{"page.html: cli.nowhere is used and not in the catalogue", "page.html: the family cli.nofamily has no texts"}
	if !slices.Equal(found.problems, want) || !found.used("cli.exit.ok") {
		t.Errorf("got %q, want %q", found.problems, want)
	}
}

// plant type-checks this package with one statement more and returns only the
// file that holds it.
func plant(t *testing.T, packages []*checked, code string) *checked {
	t.Helper()
	i := slices.IndexFunc(packages, func(c *checked) bool { return c.path == cliPath })
	if i < 0 {
		t.Fatal("this package is not among the commands' packages")
	}
	c := *packages[i]
	file, err := parser.ParseFile(c.fset, "planted.go", "package cli\nfunc planted(a *App) {\n"+code+"\n}", 0)
	if err != nil {
		t.Fatal(err)
	}
	c.files = append(slices.Clone(c.files), file)
	c.check(t)
	c.files = []*ast.File{file}
	return &c
}
