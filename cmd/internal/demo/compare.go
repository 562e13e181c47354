package demo

import (
	"context"
	"errors"
	"fmt"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// count asks the server what became of everything.
func (s *Story) count(ctx context.Context, out *Outcome) error {
	for _, p := range out.Phones {
		out.Recorded += p.Recorded
		out.Up += p.Up
		out.Down += p.Down
	}
	return s.Store.View(ctx, func(r store.Reader) error {
		for _, o := range []struct {
			outcome syncproto.Outcome
			n       *int
		}{{syncproto.Applied, &out.Applied}, {syncproto.Merged, &out.Merged}, {syncproto.Conflicted, &out.Conflict},
			{syncproto.Quarantined, &out.Aside}, {syncproto.Parked, &out.Aside}} {
			var after syncproto.ChangeID
			for {
				rows, err := r.ByOutcome(o.outcome, nil, after, 500)
				if err != nil {
					return err
				}
				*o.n += len(rows)
				if len(rows) < 500 {
					break
				}
				after = rows[len(rows)-1].ID
			}
		}
		out.Received = out.Applied + out.Merged + out.Conflict + out.Aside
		rows, err := s.records(r)
		out.Records = len(rows)
		for _, row := range rows {
			out.OpenConflicts += row.Open
		}
		return err
	})
}

func (s *Story) records(r store.Reader) ([]store.Record, error) {
	var all []store.Record
	f := store.Filter{Max: 500}
	for {
		rows, err := r.Records(f)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if len(rows) < f.Max {
			return all, nil
		}
		f.After = rows[len(rows)-1].State.Record
	}
}

// compare holds every record on every phone against the server's: the content
// as JSON, and what is in conflict.
func (s *Story) compare(ctx context.Context, out *Outcome) error {
	forms := s.Server.Hub().Packages()
	return s.Store.View(ctx, func(r store.Reader) error {
		for _, p := range out.Phones {
			held := 0
			q := clientsdk.Query{Max: 200, Deleted: true}
			for {
				page, err := p.client.List(ctx, q)
				if err != nil {
					return fmt.Errorf("list %s's records: %w", p.Name, err)
				}
				for _, row := range page.Rows {
					same, err := s.same(ctx, r, forms, p, row.ID)
					if err != nil {
						return err
					}
					held++
					out.Compared++
					if !same {
						out.Different++
					}
				}
				if page.Next == "" {
					break
				}
				q.After = page.Next
			}
			want, err := s.granted(r, p)
			if err != nil {
				return err
			}
			if held != want {
				out.Different += max(held-want, want-held)
			}
		}
		return nil
	})
}

func (s *Story) same(ctx context.Context, r store.Reader, forms *schemas.Package, p *Phone, id syncproto.RecordID) (bool, error) {
	row, err := r.Record(id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mine, err := p.client.Record(ctx, id)
	if err != nil {
		return false, fmt.Errorf("read record %s of %s: %w", id, p.Name, err)
	}
	form, ok := forms.Form(schemas.FormID(row.State.Form))
	if !ok {
		return false, nil
	}
	theirs, err := schemas.EncodeJSON(form, merge.Content(form, row.State))
	if err != nil {
		return false, err
	}
	ours, err := mine.JSON()
	if err != nil {
		return false, err
	}
	return string(ours) == string(theirs) && len(mine.Conflicts) == row.Open && mine.Pending == 0, nil
}

// granted counts the server's records in the scopes that the phone holds.
func (s *Story) granted(r store.Reader, p *Phone) (int, error) {
	status, err := p.client.Status(context.Background())
	if err != nil {
		return 0, err
	}
	n := 0
	for _, sc := range status.Scopes {
		row, err := r.Scope(sc.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
		n += int(row.Count)
	}
	return n, nil
}
