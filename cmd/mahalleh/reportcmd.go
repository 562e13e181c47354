package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// printedFigure is a figure as it comes back as JSON.
type printedFigure struct {
	ID         string            `json:"id"`
	Title      schemas.Text      `json:"title"`
	Definition schemas.Text      `json:"definition"`
	Formula    int               `json:"formula"`
	AsOf       int64             `json:"as_of"`
	Lag        printedValue      `json:"lag"`
	Values     []printedValue    `json:"values"`
	Tables     []printedTable    `json:"tables"`
	Scope      scopeName         `json:"scope"`
	Settings   string            `json:"settings"`
	Places     map[string]string `json:"places"`
}

type printedValue struct {
	Title schemas.Text `json:"title"`
	Kind  string       `json:"kind"`
	State string       `json:"state"`
	Value any          `json:"value"`
	List  string       `json:"list"`
}

type printedTable struct {
	Title   schemas.Text `json:"title"`
	List    string       `json:"list"`
	Columns []struct {
		Title schemas.Text `json:"title"`
	} `json:"columns"`
	Rows []struct {
		Place string         `json:"place"`
		Code  string         `json:"code"`
		Name  string         `json:"name"`
		Cells []printedValue `json:"cells"`
	} `json:"rows"`
}

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
		return ask(ctx, a, "report", q, func(raw json.RawMessage) error {
			if a.JSON() {
				return a.PrintJSON(raw)
			}
			f, err := readFigure(raw)
			if err != nil {
				return err
			}
			return sayFigure(a, lists, f)
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

func readFigure(raw json.RawMessage) (*printedFigure, error) {
	var f printedFigure
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("read a figure: %w", err)
	}
	return &f, nil
}

// sayFigure writes a figure as a person reads it: what it is, how old, its
// numbers, its tables.
func sayFigure(a *cli.App, lists *schemas.Package, f *printedFigure) error {
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
	said := cli.Args{"as_of": minute(a, stamp(f.AsOf)), "lag": valueText(a, lists, f.Lag), "formula": f.Formula, "settings": settings}
	if err := say(a, 2, "mahalleh_data.report.as_of", said); err != nil {
		return err
	}
	for _, v := range f.Values {
		if err := say(a, 2, "mahalleh_data.report.value", cli.Args{"title": v.Title.In(lang), "value": valueText(a, lists, v)}); err != nil {
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
			cells := []any{rowName(lang, lists, f, t.List, row.Place, row.Code, row.Name)}
			for _, v := range row.Cells {
				cells = append(cells, valueText(a, lists, v))
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

func headings(lang string, t *printedTable) []string {
	titles := []string{""}
	for _, c := range t.Columns {
		titles = append(titles, c.Title.In(lang))
	}
	return titles
}

// rowName is what a row is about.
func rowName(lang string, lists *schemas.Package, f *printedFigure, list, place, code, name string) string {
	switch {
	case name != "" && lang == "fa" && !strings.ContainsFunc(name, unicode.IsLetter):
		return persian.ToPersianDigits(name) // a range, a year or a month
	case name != "":
		return name
	case place != "":
		return f.Places[place]
	}
	return codeText(lang, lists, list, code)
}

func codeText(lang string, lists *schemas.Package, list, code string) string {
	if l, ok := lists.List(list); ok {
		if item, ok := l.Item(code); ok {
			return item.Label.In(lang)
		}
	}
	return code
}

// valueText is a value with its unit, in the digits of the language.
func valueText(a *cli.App, lists *schemas.Package, v printedValue) string {
	switch v.State {
	case "unknown":
		return "—"
	case "small":
		return a.T("mahalleh_data.report.small")
	case "hidden":
		return a.T("mahalleh_data.report.hidden")
	}
	text := fmt.Sprint(v.Value)
	switch v.Kind {
	case "text":
		return text
	case "code":
		return codeText(string(a.Lang()), lists, v.List, text)
	case "colour":
		return a.Member("mahalleh_data.colour", text)
	case "date":
		return dayText(a, text)
	}
	if v.Kind == "month" {
		text = strings.ReplaceAll(text, "-", "/")
	}
	if a.Lang() == cli.Persian {
		text = persian.ToPersianDigits(strings.ReplaceAll(text, ".", "٫"))
	}
	return a.Member("mahalleh_data.unit", v.Kind, cli.Args{"n": text})
}

// dayText is an ISO day as people read it.
func dayText(a *cli.App, iso string) string {
	d, err := jalali.ParseISO(iso)
	if err != nil {
		return iso
	}
	date, err := d.Date()
	switch {
	case err != nil:
		return iso
	case a.Lang() == cli.Persian:
		return date.Fa()
	}
	return date.String()
}
