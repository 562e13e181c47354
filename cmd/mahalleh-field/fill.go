package main

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// filling says where the values of a form come from: a JSON file, flags, or,
// with neither, the person at the terminal.
type filling struct {
	file  string
	set   []string
	draft bool
}

func (q *filling) flags(a *cli.App, c *cobra.Command) {
	c.Flags().StringVar(&q.file, "file", "", a.T("field.fill.flag_file"))
	c.Flags().StringArrayVar(&q.set, "set", nil, a.T("field.fill.flag_set"))
	c.Flags().BoolVar(&q.draft, "draft", false, a.T("field.fill.flag_draft"))
}

// asked says that the person is to be asked.
func (q *filling) asked() bool { return q.file == "" && len(q.set) == 0 }

// fill gives a draft its values and saves it.
func (d *device) fill(ctx context.Context, draft *clientsdk.Draft, q filling) error {
	if q.asked() {
		if err := d.askForm(ctx, draft); err != nil {
			return err
		}
		return d.save(ctx, draft, q.draft)
	}
	if q.file != "" {
		if err := d.fillFile(draft, q.file); err != nil {
			return err
		}
	}
	for _, pair := range q.set {
		name, text, ok := strings.Cut(pair, "=")
		if !ok {
			return d.app.UsageError("field.fill.bad_set", cli.Args{"text": pair}, "field.fill.bad_set_hint")
		}
		if err := d.set(ctx, draft, strings.TrimSpace(name), text); err != nil {
			return err
		}
	}
	return d.save(ctx, draft, q.draft)
}

func (d *device) fillFile(draft *clientsdk.Draft, name string) error {
	var raw []byte
	var err error
	if name == "-" {
		raw, err = readAll(d.app.Stdin(), "-", schemas.MaxRecordJSON)
	} else {
		raw, err = readBounded(name, schemas.MaxRecordJSON)
	}
	if err != nil {
		return err
	}
	// Some editors begin a file with a byte order mark, which nobody sees.
	if err := draft.SetJSON(bytes.TrimPrefix(raw, []byte("\ufeff"))); err != nil {
		return err
	}
	return dropEmptyRows(draft)
}

// dropEmptyRows takes out rows in which nothing was filled, such as the one
// that the example of a form shows.
func dropEmptyRows(draft *clientsdk.Draft) error {
	values := draft.Values()
	for _, f := range draft.Form().Fields() {
		rows := values.Fields[f.ID].Items()
		var kept []schemas.Item
		for _, row := range rows {
			empty := row.ID == (schemas.ID{})
			for _, v := range row.Fields {
				empty = empty && v.IsEmpty()
			}
			if !empty {
				kept = append(kept, row)
			}
		}
		if len(kept) < len(rows) {
			if err := draft.SetValue(f.Name, schemas.ItemsValue(kept)); err != nil {
				return err
			}
		}
	}
	return nil
}

// set gives one field what a person typed. A text that cannot be read stays
// with the draft as it was typed; saving says what is wrong with it.
func (d *device) set(ctx context.Context, draft *clientsdk.Draft, name, text string) error {
	f, err := findField(draft.Form(), name)
	if err != nil {
		return err
	}
	v, err := d.parse(ctx, draft.Form(), f, text)
	if err == nil {
		return draft.SetValue(f.Name, v)
	}
	var told *cli.Error
	if errors.As(err, &told) {
		return err
	}
	err = draft.Set(f.Name, text)
	if _, typed := draft.Value(f.Name); typed == text {
		return nil
	}
	return err
}

// problemItem is what is wrong with a record, as commands print it.
type problemItem struct {
	// Field is the field's name, "list[2].field" in the second row; of a rule
	// over several fields it is empty, and Fields names them.
	Field  string   `json:"field,omitempty"`
	Fields []string `json:"fields,omitempty"`
	// Level is error, incomplete (● empty), missing (◐ empty) or warning. Error
	// and incomplete keep a record a draft.
	Level string `json:"level"`
	Rule  string `json:"rule"`
	// Record is the other record that a rule over several speaks of.
	Record  string       `json:"record,omitempty"`
	Message schemas.Text `json:"message"`
}

func problemItems(form *schemas.Form, problems []schemas.Problem) []problemItem {
	items := make([]problemItem, 0, len(problems))
	for _, p := range problems {
		item := problemItem{Field: problemPath(form, p), Level: p.Level.String(), Rule: string(p.Rule), Message: p.Message}
		if p.Record != (schemas.ID{}) {
			item.Record = syncproto.RecordID(p.Record).String()
		}
		for _, id := range p.Others {
			if f, ok := form.Field(id); ok {
				item.Fields = append(item.Fields, f.Name)
			}
		}
		items = append(items, item)
	}
	return items
}

func problemPath(form *schemas.Form, p schemas.Problem) string {
	f, ok := form.Field(p.Field)
	if !ok {
		return ""
	}
	list, ok := form.Field(f.Parent)
	if !ok {
		return f.Name
	}
	return list.Name + "[" + plain(int64(p.Row)) + "]." + f.Name
}

// sayProblems writes what is wrong, what keeps the record a draft first.
func (d *device) sayProblems(problems []schemas.Problem) error {
	for _, held := range []bool{true, false} {
		for _, p := range problems {
			if held != (p.Level >= schemas.LevelIncomplete) {
				continue
			}
			level, message := d.app.Member("field.level", p.Level.String()), p.Message.In(d.lang())
			line := d.app.T("field.fill.problem", cli.Args{"level": level, "message": message})
			if p.Record != (schemas.ID{}) {
				other := shortID(syncproto.RecordID(p.Record).String())
				line = d.app.T("field.fill.problem_with", cli.Args{"level": level, "message": message, "record": other})
			}
			if err := say(d.app, 2, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// completeness is how much of what a dossier needs is filled.
type completeness struct {
	Filled int `json:"filled"`
	Total  int `json:"total"`
}
