package main

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/persian"
)

func reportCommand(a *cli.App) *cobra.Command {
	var q reportQuery
	var from, to, on string
	c := a.Command("report [FIGURE...]", "mahalleh_data.report_figures", func(ctx context.Context, args []string) (err error) {
		for _, id := range args {
			q.Figures = append(q.Figures, strings.ToUpper(persian.ToASCIIDigits(id)))
		}
		if q.From, err = month("--from", from); err != nil {
			return err
		}
		if q.To, err = month("--to", to); err != nil {
			return err
		}
		if q.Today, err = onDay(on); err != nil {
			return err
		}
		lists, err := forms.Load()
		if err != nil {
			return err
		}
		return ask(ctx, a, "report", q, func(f figureItem) error {
			if a.JSON() {
				return a.PrintJSON(f)
			}
			return sayFigure(a, lists, &f)
		})
	})
	c.Flags().StringVar(&q.Scope, "scope", "", a.T("mahalleh_data.report.flag_scope"))
	c.Flags().StringVar(&from, "from", "", a.T("mahalleh_data.report.flag_from"))
	c.Flags().StringVar(&to, "to", "", a.T("mahalleh_data.report.flag_to"))
	c.Flags().StringVar(&on, "on", "", a.T("mahalleh_data.report.flag_on"))
	c.AddCommand(a.Command("rebuild", "mahalleh_data.report_rebuild", func(ctx context.Context, _ []string) error {
		return ask(ctx, a, "report.rebuild", nothing{}, func(r rebuilt) error {
			if a.JSON() {
				return a.PrintJSON(r)
			}
			return a.Say("mahalleh_data.report.rebuilt", cli.Args{"n": r.Records, "seconds": int(r.Seconds + 0.5)})
		})
	}))
	return c
}

// sayFigure writes a figure as a person reads it: what it is, how old, its
// numbers, its tables.
func sayFigure(a *cli.App, lists *schemas.Package, f *figureItem) error {
	lang := string(a.Lang())
	where := a.T("mahalleh_data.report.everywhere")
	if f.Scope.Place != 0 {
		where = placeText(f.Scope.Place, f.Scope.PlaceName)
	}
	if err := a.Say("mahalleh_data.report.head", cli.Args{"id": f.ID, "title": f.Title.In(lang), "where": where}); err != nil {
		return err
	}
	if err := say(a, 2, "mahalleh_data.report.definition", cli.Args{"definition": f.Definition.In(lang)}); err != nil {
		return err
	}
	settings := short(f.Settings)
	if f.Settings == indicators.ShippedSettings {
		settings = a.T("mahalleh_data.report.shipped")
	}
	said := cli.Args{"as_of": minute(a, stamp(f.AsOf)), "lag": f.Lag.In(lang, lists), "formula": f.Formula, "settings": settings}
	if err := say(a, 2, "mahalleh_data.report.as_of", said); err != nil {
		return err
	}
	for _, v := range f.Values {
		if err := say(a, 2, "mahalleh_data.report.value", cli.Args{"title": v.Title.In(lang), "value": v.In(lang, lists)}); err != nil {
			return err
		}
	}
	for _, t := range f.Tables {
		if len(t.Rows) == 0 {
			continue
		}
		if err := say(a, 2, "mahalleh_data.report.table", cli.Args{"title": t.Title.In(lang)}); err != nil {
			return err
		}
		table := a.TextTable(headings(lang, &t)...)
		for _, row := range t.Rows {
			cells := []any{rowName(lang, lists, f, t.List, &row)}
			for _, v := range row.Cells {
				cells = append(cells, v.In(lang, lists))
			}
			table.Row(cells...)
		}
		if err := table.Write(); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(a.Stdout()); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func headings(lang string, t *indicators.Table) []string {
	titles := []string{""}
	for _, c := range t.Columns {
		titles = append(titles, c.Title.In(lang))
	}
	return titles
}

// rowName is what a row is about.
func rowName(lang string, lists *schemas.Package, f *figureItem, list string, row *indicators.Row) string {
	switch {
	case row.Name != "" && lang == "fa" && !strings.ContainsFunc(row.Name, unicode.IsLetter):
		return persian.ToPersianDigits(row.Name) // a range, a year or a month
	case row.Name != "":
		return row.Name
	case row.Place != indicators.ID{}:
		return f.Places[row.Place]
	}
	return indicators.Value{Kind: indicators.KindCode, List: list, Text: row.Code}.In(lang, lists)
}
