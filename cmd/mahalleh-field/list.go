package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
)

// rowItem is a record in a list, as commands print it.
type rowItem struct {
	ID        string `json:"id"`
	Form      string `json:"form"`
	Title     string `json:"title"`
	State     string `json:"state"`
	Conflicts int    `json:"conflicts"`
	Deleted   bool   `json:"deleted"`
	Draft     bool   `json:"draft"`
	Changed   string `json:"changed,omitempty"`
}

// listing is what list was asked for.
type listing struct {
	clientsdk.Query
	state string
	all   bool
}

// states are the names of the states by which a list can be narrowed.
func states() []string {
	names := make([]string, 0, 8)
	for s := clientsdk.SyncState(0); s.String() != "unknown"; s++ {
		names = append(names, s.String())
	}
	return names
}

func stateOf(name string) (clientsdk.SyncState, bool) {
	i := slices.Index(states(), name)
	return clientsdk.SyncState(max(i, 0)), i >= 0
}

func listCommand(a *cli.App) *cobra.Command {
	var q listing
	c := deviceCommand(a, "list [FORM]", "field.list", func(ctx context.Context, d *device, args []string) error {
		if len(args) > 0 {
			form, err := findForm(d.Forms(), args[0])
			if err != nil {
				return err
			}
			q.Form = form.Name
		}
		return d.listRows(ctx, q)
	})
	c.Flags().StringVar(&q.state, "state", "", a.T("field.list.flag_state"))
	c.Flags().BoolVar(&q.Drafts, "drafts", false, a.T("field.list.flag_drafts"))
	c.Flags().BoolVar(&q.Conflicts, "conflicts", false, a.T("field.list.flag_conflicts"))
	c.Flags().BoolVar(&q.Deleted, "deleted", false, a.T("field.list.flag_deleted"))
	c.Flags().BoolVar(&q.Latest, "latest", false, a.T("field.list.flag_latest"))
	pageFlags(a, c, &q)
	return completeForms(c)
}

func pageFlags(a *cli.App, c *cobra.Command, q *listing) {
	c.Flags().IntVar(&q.Max, "max", 50, a.T("field.list.flag_max"))
	c.Flags().StringVar(&q.After, "after", "", a.T("field.list.flag_after"))
	c.Flags().BoolVar(&q.all, "all", false, a.T("field.list.flag_all"))
}

func findCommand(a *cli.App) *cobra.Command {
	var q listing
	c := deviceCommand(a, "find TEXT...", "field.find", func(ctx context.Context, d *device, args []string) error {
		q.Text = strings.Join(args, " ")
		if q.Form != "" {
			form, err := findForm(d.Forms(), q.Form)
			if err != nil {
				return err
			}
			q.Form = form.Name
		}
		return d.listRows(ctx, q)
	})
	c.Flags().StringVar(&q.Form, "form", "", a.T("field.find.flag_form"))
	pageFlags(a, c, &q)
	return c
}

// listRows prints the rows of a list and says where the next page begins.
func (d *device) listRows(ctx context.Context, q listing) error {
	a := d.app
	if q.state != "" {
		state, ok := stateOf(q.state)
		if !ok {
			return a.UsageError("field.list.bad_state", cli.Args{"state": q.state, "states": strings.Join(states(), ", ")}, "field.list.bad_state_hint")
		}
		q.Attention = state
	}
	if q.Max < 1 {
		return a.UsageError("field.list.bad_max", nil, "field.list.bad_max_hint")
	}
	rows, next, err := d.rows(ctx, q)
	if err != nil {
		return err
	}
	titles, err := d.titles(ctx, rows)
	if err != nil {
		return err
	}
	if a.JSON() {
		for i, r := range rows {
			if err := a.PrintJSON(rowJSON(r, titles[i])); err != nil {
				return err
			}
		}
		if next != "" {
			a.Note("field.list.more", cli.Args{"after": next})
		}
		return nil
	}
	if len(rows) == 0 {
		if q.Text != "" {
			a.Note("field.find.none", cli.Args{"text": q.Text})
		} else {
			a.Note("field.list.none")
		}
		return nil
	}
	table := a.Table("field.column.id", "field.column.label", "field.column.title", "field.column.state", "field.column.changed")
	for i, r := range rows {
		table.Row(shortID(r.ID.String()), d.formLabel(r.Form, r.FormID), d.titleOr(titles[i]), d.rowState(r), d.minute(r.Changed))
	}
	if err := table.Write(); err != nil {
		return err
	}
	if next != "" {
		a.Note("field.list.more", cli.Args{"after": next})
	}
	return nil
}

// rows returns one page of a list, or with all the whole of it, and where the
// next page begins.
func (d *device) rows(ctx context.Context, q listing) (rows []clientsdk.Row, next string, err error) {
	most := q.Max
	for {
		query := q.Query
		if query.Max = most - len(rows); q.all {
			query.Max = pageRows
		}
		page, err := d.List(ctx, query)
		if err != nil {
			return nil, "", err
		}
		for _, r := range page.Rows {
			if q.state == "" || r.Sync.String() == q.state {
				rows = append(rows, r)
			}
		}
		q.After = page.Next
		if page.Next == "" || !q.all && len(rows) == most {
			return rows, page.Next, nil
		}
	}
}

// titles are those that the reader of a list expects: rows have them in Persian,
// and none for what is only a draft.
func (d *device) titles(ctx context.Context, rows []clientsdk.Row) ([]string, error) {
	titles := make([]string, len(rows))
	drafts, err := d.Drafts(ctx)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		titles[i] = r.Title
		at := slices.IndexFunc(drafts, func(x clientsdk.DraftInfo) bool { return x.Record == r.ID })
		switch {
		case r.Title == "" && at >= 0:
			draft, err := d.OpenDraft(ctx, drafts[at].ID)
			if err != nil {
				return nil, err
			}
			titles[i] = d.draftTitle(ctx, draft)
		case d.lang() != "fa":
			if titles[i], err = d.Label(ctx, r.ID, d.lang()); err != nil {
				return nil, err
			}
		}
	}
	return titles, nil
}

func rowJSON(r clientsdk.Row, title string) rowItem {
	return rowItem{ID: r.ID.String(), Form: formName(r.Form, r.FormID), Title: title, State: r.Sync.String(), Conflicts: r.Conflicts,
		Deleted: r.Deleted, Draft: r.HasDraft, Changed: stamp(r.Changed)}
}

// rowState is a row's state in words, with what else a person must know.
func (d *device) rowState(r clientsdk.Row) string {
	a := d.app
	words := []string{a.Member(stateFamily, r.Sync.String())}
	if r.HasDraft && r.Sync == 0 && r.Title == "" {
		words = nil // nothing but a draft
	}
	if r.Conflicts > 0 && r.Sync.String() != "conflict" {
		words = append(words, a.Member(stateFamily, "conflict"))
	}
	if r.HasDraft {
		words = append(words, a.T("field.list.draft"))
	}
	if r.Deleted {
		words = append(words, a.T("field.list.deleted"))
	}
	return strings.Join(words, d.comma())
}
