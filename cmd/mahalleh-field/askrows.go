package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
)

// addRow and removeRow are what is typed to add a row, and before the number
// of a row to remove it.
const (
	addRow    = "+"
	removeRow = "-"
)

// list asks for the rows of a list field: one can be added, changed by its
// number or taken out.
func (q *asker) list(ctx context.Context, f *schemas.Field) error {
	if hint := f.Hint.In(q.lang()); hint != "" {
		q.tell(2, q.app.T("field.ask.hint", cli.Args{"hint": hint}))
	}
	for {
		rows := q.draft.Values().Fields[f.ID].Items()
		for i, row := range rows {
			q.tell(2, q.app.T("field.ask.option", cli.Args{"n": digits(q.app, plain(int64(i+1))), "label": q.rowText(ctx, f, row)}))
		}
		answer, err := q.app.Ask(ctx, q.app.T("field.ask.rows", cli.Args{"label": needSign(f.Required) + " " + f.Label.In(q.lang())}), "", "")
		if err != nil {
			return err
		}
		answer = persian.ToASCIIDigits(strings.TrimSpace(answer))
		n, bad := strconv.Atoi(strings.TrimPrefix(answer, removeRow))
		switch {
		case answer == "":
			return nil
		case answer == answerEnd:
			return errEnd
		case answer == addRow:
			err = q.row(ctx, f, len(rows))
		case bad != nil || n < 1 || n > len(rows):
			q.tell(0, q.app.T("field.ask.rows_help", cli.Args{"n": len(rows)}))
		case strings.HasPrefix(answer, removeRow):
			err = q.putRows(ctx, f, slices.Delete(slices.Clone(rows), n-1, n))
		default:
			err = q.row(ctx, f, n-1)
		}
		if err != nil {
			return err
		}
	}
}

func (q *asker) putRows(ctx context.Context, f *schemas.Field, rows []schemas.Item) error {
	if err := q.draft.SetValue(f.Name, schemas.ItemsValue(rows)); err != nil {
		return err
	}
	q.given = true
	return q.draft.Autosave(ctx)
}

// row asks for the columns of one row; the row after the last is a new one.
func (q *asker) row(ctx context.Context, f *schemas.Field, at int) error {
	q.tell(2, q.app.T("field.ask.row", cli.Args{"n": at + 1}))
	for _, column := range f.Fields {
		if !column.Stored() || column.Type == schemas.TypeAttachment {
			continue
		}
		if at < len(q.rowsOf(f)) && !q.draft.Assess().RelevantInRow(column.ID, at) {
			continue
		}
		err := q.question(ctx, question{
			field: column,
			now: func() (schemas.Value, string) {
				if rows := q.rowsOf(f); at < len(rows) {
					return rows[at].Fields[column.ID], ""
				}
				return schemas.Value{}, ""
			},
			put: func(v schemas.Value) error { return q.putCell(f, at, column, v) },
			problems: func() []schemas.Problem {
				return problemsOf(q.draft, func(p schemas.Problem) bool { return p.Field == column.ID && p.Row == at+1 })
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *asker) rowsOf(f *schemas.Field) []schemas.Item { return q.draft.Values().Fields[f.ID].Items() }

// putCell gives a column of a row its value, and makes the row if it is new.
func (q *asker) putCell(f *schemas.Field, at int, column *schemas.Field, v schemas.Value) error {
	rows := slices.Clone(q.rowsOf(f))
	if at == len(rows) {
		rows = append(rows, schemas.Item{})
	}
	fields := schemas.Record{Fields: rows[at].Fields}.Clone().Fields
	if fields[column.ID] = v; v.IsEmpty() {
		delete(fields, column.ID)
	}
	rows[at].Fields = fields
	return q.draft.SetValue(f.Name, schemas.ItemsValue(rows))
}

// rowText is a row in one line.
func (q *asker) rowText(ctx context.Context, f *schemas.Field, row schemas.Item) string {
	var parts []string
	for _, column := range f.Fields {
		if v := row.Fields[column.ID]; !v.IsEmpty() {
			parts = append(parts, q.shown(ctx, column, v))
		}
	}
	return strings.Join(parts, " · ")
}
