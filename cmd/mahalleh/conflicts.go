package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// conflictItem is one field with several values, as commands print it.
type conflictItem struct {
	Record string `json:"record"`
	formName
	scopeName
	cellName
	// Shown is the value that is shown until somebody settles it.
	Shown  rival   `json:"shown"`
	Others []rival `json:"others"`
	// Contested says that one deleted what another worked on.
	Contested bool `json:"contested,omitempty"`
	// Since is when the server held both, Age how long ago that is, in seconds.
	Since string `json:"since"`
	Age   int64  `json:"age_s"`
}

// rival is one of the values of a conflict and who wrote it.
type rival struct {
	valueItem
	By       author `json:"by"`
	Verified bool   `json:"verified,omitempty"`
	// When is the author's corrected time, Received the server's.
	When     string `json:"when"`
	Received string `json:"received,omitempty"`
	Version  string `json:"version"`

	received int64
}

// pageOf is how many records are read in one snapshot, so that a long listing
// holds up nothing.
const pageOf = 200

type conflictsQuery struct {
	Scope string `json:"scope"`
	Form  string `json:"form"`
}

func actConflicts(ctx context.Context, d *desk, q conflictsQuery, out tell) error {
	return d.eachRecord(ctx, q.Scope, q.Form, true, out, func(n *names, row store.Record) ([]any, error) {
		items, err := d.conflictsOf(n, row.State)
		return anyOf(items), err
	})
}

func anyOf[T any](items []T) []any {
	all := make([]any, len(items))
	for i, item := range items {
		all[i] = item
	}
	return all
}

// eachRecord hands out what f makes of every record that fits and is not
// erased, a page of records in a snapshot; nothing is handed out while a snapshot is held.
func (d *desk) eachRecord(ctx context.Context, scope, form string, conflicts bool, out tell, f func(*names, store.Record) ([]any, error)) error {
	number, err := d.formNamed(form)
	if err != nil {
		return err
	}
	filter := store.Filter{Form: number, Conflicts: conflicts, Max: pageOf}
	for done := 0; ; {
		var rows []store.Record
		var items []any
		err := d.view(ctx, func(r store.Reader) error {
			items = nil
			if filter.Scopes, err = scopesAt(r, scope); err != nil {
				return err
			}
			if rows, err = access.ForOperator(r).Records(filter); err != nil {
				return fmt.Errorf("read records: %w", err)
			}
			n, err := d.names(r)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if row.State.Erased {
					continue
				}
				found, err := f(n, row)
				if err != nil {
					return err
				}
				items = append(items, found...)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := out.item(item); err != nil {
				return err
			}
		}
		if len(rows) < pageOf {
			return nil
		}
		done += len(rows)
		out.progress("mahalleh_data.export.progress", cli.Args{"n": done})
		filter.After = rows[len(rows)-1].State.Record
	}
}

func (d *desk) conflictsOf(n *names, s *syncproto.RecordState) ([]conflictItem, error) {
	now, _ := d.server.Hub().Now()
	form, formed := n.form(s.Form)
	var items []conflictItem
	for _, c := range merge.Conflicts(s) {
		field := aside.Leaf(form, c.Cell)
		item := conflictItem{Record: s.Record.String(), formName: formed, scopeName: n.scopes[s.Home], cellName: nameCell(form, c.Cell), Contested: c.Contested}
		rivalOf := func(v syncproto.Value, version syncproto.ChangeID) (rival, error) {
			meta := s.Versions[version]
			by, err := n.author(meta.Author)
			r := rival{valueItem: n.value(field, v), By: by, Verified: meta.Verified, When: stamp(meta.Time), Version: version.String()}
			change, gone := n.r.Change(version)
			if gone != nil && !errors.Is(gone, store.ErrNotFound) {
				return r, errors.Join(err, fmt.Errorf("read change %s: %w", version, gone))
			}
			r.received, r.Received = change.Received, stamp(change.Received)
			return r, err
		}
		var err error
		if item.Shown, err = rivalOf(c.Value, best(s, c.Shown)); err != nil {
			return nil, err
		}
		since := item.Shown.received
		first := int64(0)
		for _, o := range c.Others {
			other, err := rivalOf(o.Value, o.Version)
			if err != nil {
				return nil, err
			}
			if first == 0 || other.received < first {
				first = other.received
			}
			item.Others = append(item.Others, other)
		}
		since = max(since, first)
		item.Since, item.Age = stamp(since), max(0, now-since)/1000
		items = append(items, item)
	}
	return items, nil
}

// best is the latest of several versions with equal values.
func best(s *syncproto.RecordState, versions []syncproto.ChangeID) syncproto.ChangeID {
	latest := versions[0]
	for _, v := range versions[1:] {
		if s.Versions[v].Time > s.Versions[latest].Time {
			latest = v
		}
	}
	return latest
}

func conflictsCommand(a *cli.App) *cobra.Command {
	var q conflictsQuery
	c := a.Command("conflicts", "mahalleh_data.conflicts", func(ctx context.Context, _ []string) error {
		n, last := 0, ""
		err := ask(ctx, a, "conflicts", q, func(c conflictItem) error {
			n++
			if a.JSON() {
				return a.PrintJSON(c)
			}
			if c.Record != last {
				last = c.Record
				if err := a.Say("mahalleh_data.conflicts.record", cli.Args{"form": c.formName.text(a), "place": placeText(c.Place, c.PlaceName), "id": c.Record}); err != nil {
					return err
				}
			}
			return sayConflict(a, c)
		})
		if err != nil {
			return err
		}
		if n > 0 {
			return &cli.Error{Code: cli.Conflicts, Key: "mahalleh_data.conflicts.pending", Args: cli.Args{"n": n}, Hint: "mahalleh_data.conflicts.pending_hint"}
		}
		a.Note("mahalleh_data.conflicts.none")
		return nil
	})
	scopeFlags(a, c, &q.Scope, &q.Form)
	return c
}

func scopeFlags(a *cli.App, c *cobra.Command, scope, form *string) {
	c.Flags().StringVar(scope, "scope", "", a.T("mahalleh.flag.scope"))
	c.Flags().StringVar(form, "form", "", a.T("mahalleh.flag.form"))
}

func sayConflict(a *cli.App, c conflictItem) error {
	field := c.Field
	if c.Label != nil {
		field = c.Label.In(string(a.Lang()))
	}
	key, age := cli.Key("mahalleh_data.conflicts.field"), time.Duration(c.Age)*time.Second
	if age == 0 {
		key = "mahalleh_data.conflicts.field_now"
	}
	if err := say(a, 2, key, cli.Args{"field": field, "age": age}); err != nil {
		return err
	}
	if err := say(a, 4, "mahalleh_data.conflicts.shown", rivalArgs(a, c, c.Shown)); err != nil {
		return err
	}
	for _, o := range c.Others {
		if err := say(a, 4, "mahalleh_data.conflicts.other", rivalArgs(a, c, o)); err != nil {
			return err
		}
	}
	return nil
}

func rivalArgs(a *cli.App, c conflictItem, r rival) cli.Args {
	by := r.By.Name
	if by == "" {
		by = a.T("mahalleh_data.conflicts.unknown")
	}
	value := r.text(a)
	if there, is := r.Value.(bool); is && c.Field == presenceName {
		value = a.T("mahalleh_data.conflicts.deleted")
		if there {
			value = a.T("mahalleh_data.conflicts.kept")
		}
	}
	return cli.Args{"value": value, "name": by, "when": minute(a, r.When)}
}
