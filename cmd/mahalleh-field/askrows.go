package main

import (
	"context"
	"strconv"
	"strings"

	clientsdk "mahalleh/client-sdk"
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
			err = q.dropRow(ctx, f, n-1)
		default:
			err = q.row(ctx, f, n-1)
		}
		if err != nil {
			return err
		}
	}
}

func (q *asker) dropRow(ctx context.Context, f *schemas.Field, at int) error {
	if err := q.draft.DropRow(f.Name, at); err != nil {
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
			now:   func() (schemas.Value, string) { return q.draft.Spot(spot(f, at, column)) },
			put: func(v schemas.Value) error {
				if err := q.needRow(f, at); err != nil {
					return err
				}
				return q.draft.SetSpot(spot(f, at, column), v)
			},
			typed: func(text string) error {
				if err := q.needRow(f, at); err != nil {
					return err
				}
				return q.draft.SetTyped(spot(f, at, column), text)
			},
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

func spot(list *schemas.Field, at int, column *schemas.Field) clientsdk.Spot {
	return clientsdk.Spot{List: list.Name, Row: at, Field: column.Name}
}

// needRow makes the row after the last when its first column is answered.
func (q *asker) needRow(f *schemas.Field, at int) error {
	if at < len(q.rowsOf(f)) {
		return nil
	}
	_, err := q.draft.AddRow(f.Name)
	return err
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
