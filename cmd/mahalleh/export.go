package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// exportItem is a record as export prints it.
type exportItem struct {
	Record string `json:"record"`
	Form   string `json:"form"`
	scopeName
	// Number counts the record's versions within an era, Version is the id of
	// the latest.
	Number  uint64 `json:"number"`
	Version string `json:"version"`
	Deleted bool   `json:"deleted,omitempty"`
	// Content holds the values by the names of the form's fields; null if the
	// form is not known here.
	Content json.RawMessage `json:"content"`
	// Others are values of fields that the form, as it is known here, does not have.
	Others    []otherCell    `json:"others,omitempty"`
	Conflicts []conflictItem `json:"conflicts,omitempty"`
	History   []changeItem   `json:"history,omitempty"`
}

// otherCell is a value that no form known here explains.
type otherCell struct {
	cellName
	Value any `json:"value"`
}

type exportQuery struct {
	Scope   string `json:"scope"`
	Form    string `json:"form"`
	History bool   `json:"history"`
}

func actExport(ctx context.Context, d *desk, q exportQuery, out tell) error {
	// Said before the first byte leaves: who reads everything is on record.
	var scopes []syncproto.ScopeID
	err := d.view(ctx, func(r store.Reader) (err error) {
		scopes, err = concerns(r, q.Scope)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.note(ctx, "exported", "scope "+q.Scope, "form "+q.Form, scopes...); err != nil {
		return err
	}
	return d.eachRecord(ctx, q.Scope, q.Form, false, out, func(n *names, row store.Record) ([]any, error) {
		item, err := d.exportOf(n, row.State, q.History)
		return []any{item}, err
	})
}

func (d *desk) exportOf(n *names, s *syncproto.RecordState, history bool) (exportItem, error) {
	form, formed := n.form(s.Form)
	item := exportItem{Record: s.Record.String(), Form: formed.Form, scopeName: n.scopes[s.Home], Number: s.Number, Version: s.Latest.String(),
		Deleted: !merge.Alive(s), Content: json.RawMessage("null")}
	if form != nil {
		raw, err := schemas.EncodeJSON(form, merge.Content(form, s))
		if err != nil {
			return item, fmt.Errorf("write record %s: %w", s.Record, err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, raw); err != nil {
			return item, fmt.Errorf("write record %s: %w", s.Record, err)
		}
		item.Content = line.Bytes()
	}
	for _, k := range s.Keys() {
		if k.Field >= syncproto.FirstFormField && aside.Leaf(form, k) == nil && len(s.Candidates(k)) > 0 {
			item.Others = append(item.Others, otherCell{cellName: nameCell(form, k), Value: plainValue(merge.Look(s, k).Value)})
		}
	}
	var err error
	if item.Conflicts, err = d.conflictsOf(n, s); err != nil || !history {
		return item, err
	}
	rows, err := access.ForOperator(n.r).History(s.Record)
	if err != nil {
		return item, fmt.Errorf("read history of %s: %w", s.Record, err)
	}
	for i := range rows {
		change, err := n.change(&rows[i], true)
		if err != nil {
			return item, err
		}
		if change.Decisions, err = n.decisions(rows[i].ID); err != nil {
			return item, err
		}
		item.History = append(item.History, change)
	}
	return item, nil
}

func exportCommand(a *cli.App) *cobra.Command {
	var q exportQuery
	var lines bool
	c := a.Command("export", "mahalleh_data.export", func(ctx context.Context, _ []string) error {
		if !lines && !a.JSON() {
			return a.UsageError("mahalleh_data.export.format", nil, "mahalleh_data.export.format_hint")
		}
		n := 0
		err := ask(ctx, a, "export", q, func(record json.RawMessage) error {
			n++
			if _, err := a.Stdout().Write(append(record, '\n')); err != nil {
				return fmt.Errorf("write output: %w", err)
			}
			return nil
		})
		if err == nil {
			a.Note("mahalleh_data.export.done", cli.Args{"n": n})
		}
		return err
	})
	c.Flags().BoolVar(&lines, "jsonl", false, a.T("mahalleh_data.export.flag_jsonl"))
	c.Flags().BoolVar(&q.History, "history", false, a.T("mahalleh_data.export.flag_history"))
	scopeFlags(a, c, &q.Scope, &q.Form)
	return c
}
