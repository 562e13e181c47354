package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
)

// TestConflictIsToldInPeoplesWords: a conflict that came up this second, with
// a number, as an operator reads it in either language.
func TestConflictIsToldInPeoplesWords(t *testing.T) {
	c := conflictItem{cellName: cellName{Field: "cost_rial", Label: &schemas.Text{Fa: "هزینه", En: "Cost"}},
		Shown: rival{valueItem: valueItem{Value: json.Number("22000000")}}, Others: []rival{{valueItem: valueItem{Value: json.Number("1.5")}}, {valueItem: valueItem{Value: true}}}}
	for lang, want := range map[string][]string{
		"en": {"  Cost, since just now", "    shown: 22000000 ", "    other: 1.5 ", "    other: yes "},
		"fa": {"  هزینه، از همین حالا", "۲۲۰۰۰۰۰۰", "۱٫۵", "بله"},
	} {
		var out bytes.Buffer
		p := program()
		p.Commands = func(a *cli.App) []*cobra.Command {
			return []*cobra.Command{a.Command("tell", "mahalleh_data.conflicts", func(context.Context, []string) error { return sayConflict(a, c) })}
		}
		if code := p.Main(t.Context(), []string{"tell", "--lang", lang, "--data-dir", t.TempDir()}, strings.NewReader(""), &out, &out, nil); code != 0 {
			t.Fatalf("code %d, %s", code, &out)
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s: %q is not in\n%s", lang, w, &out)
			}
		}
	}
}
