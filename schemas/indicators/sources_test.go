package indicators

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestEveryInstrumentNamesItsSource: whoever reads a formula finds where it comes from, or
// that it is a choice of this project.
func TestEveryInstrumentNamesItsSource(t *testing.T) {
	n := 0
	for _, file := range []string{"agreement.go", "ahp.go", "assets.go", "ballots.go", "capacity.go", "criteria.go", "dossier.go", "hanlon.go", "pairwise.go", "ranking.go", "sampling.go", "urbanheart.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.IsExported() && fn.Name.Name != "Error" {
				if n++; !strings.Contains(fn.Doc.Text(), "Source: ") {
					t.Errorf("%s: %s names no source", file, fn.Name.Name)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d functions were looked at", n)
	}
}

// TestEveryFigureIsThere: the committee's figures are D01 to D23 and D28, each with a title
// and a definition in both languages.
func TestEveryFigureIsThere(t *testing.T) {
	var want []string
	for n := 1; n <= 23; n++ {
		want = append(want, "D"+string(rune('0'+n/10))+string(rune('0'+n%10)))
	}
	want = append(want, "D28")
	settings := ShippedValues()
	var got []string
	for _, f := range Combine(Moment{Now: 1_768_500_000_000, Today: 20_500}, nil, &settings).Figures {
		got = append(got, f.ID)
		for _, text := range []string{f.Title.Fa, f.Title.En, f.Definition.Fa, f.Definition.En} {
			if text == "" {
				t.Errorf("%s lacks a text: %+v, %+v", f.ID, f.Title, f.Definition)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the figures are %v, want %v", got, want)
	}
}
