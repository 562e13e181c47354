package clientsdk

import (
	"context"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Row is a record in a list.
type Row struct {
	ID     syncproto.RecordID
	Form   *schemas.Form // nil if the form is not known here
	FormID schemas.FormID
	Scope  syncproto.ScopeID
	// Title is made of the form's title fields, with plain digits; empty for a
	// record that is only a draft, or whose form is not known here.
	Title string
	Sync  SyncState
	// Conflicts counts what a person must settle.
	Conflicts         int
	Deleted, HasDraft bool
	// Changed is when its last version was saved, by its author's corrected clock.
	Changed time.Time
}

// Query narrows a list; the zero Query lists all records that stand.
type Query struct {
	// Form is a form's name, "" for all.
	Form string
	// Scopes narrow to places and compartments, nil for all.
	Scopes []syncproto.ScopeID
	// RefersTo lists records that refer to this one, by Field (a name of Form's)
	// or by any.
	RefersTo syncproto.RecordID
	Field    string
	// Text must be found in titles or searched fields, every word of it, the
	// last word as far as it is typed; digits, spellings of ye and ke, joiners
	// and vowel marks do not matter.
	Text string
	// Attention lists records whose Sync is at least this.
	Attention SyncState
	// States lists records whose Sync is one of these, nil for all.
	States []SyncState
	// Conflicts and Drafts list only records that have some, Deleted lists
	// deleted ones too, Gone no others.
	Conflicts, Drafts, Deleted, Gone bool
	// Latest orders by the last change, the latest first; else titles stand in
	// the order of the Persian alphabet.
	Latest bool
	// After is Page.Next of the page before, Max the most rows to return, 0 for
	// fifty.
	After string
	Max   int
}

// Page is one page of a list.
type Page struct {
	Rows []Row
	// Next is Query.After of the next page, "" after the last.
	Next string
}

// List returns records by form, place, reference, text or state.
func (c *Client) List(ctx context.Context, q Query) (Page, error) {
	const doing = "list records"
	f, err := c.filter(q)
	if err != nil {
		return Page{}, told(doing, err)
	}
	l, err := c.store.List(ctx, f)
	if err != nil {
		return Page{}, told(doing, err)
	}
	page := Page{Next: l.Next}
	for i := range l.Rows {
		page.Rows = append(page.Rows, c.row(&l.Rows[i]))
	}
	return page, nil
}

// Count returns how many records a list would hold in all.
func (c *Client) Count(ctx context.Context, q Query) (int, error) {
	const doing = "count records"
	f, err := c.filter(q)
	if err != nil {
		return 0, told(doing, err)
	}
	n, err := c.store.Count(ctx, f)
	return n, told(doing, err)
}

// Find returns up to fifty records that hold every word of a text.
func (c *Client) Find(ctx context.Context, text string) ([]Row, error) {
	p, err := c.List(ctx, Query{Text: text})
	return p.Rows, err
}

func (c *Client) filter(q Query) (localstore.Filter, error) {
	if err := c.mayRead(); err != nil {
		return localstore.Filter{}, err
	}
	f := localstore.Filter{Scopes: q.Scopes, RefersTo: q.RefersTo, Text: q.Text, Attention: q.Attention, States: q.States,
		Conflicts: q.Conflicts, Drafts: q.Drafts, Deleted: q.Deleted, Gone: q.Gone, After: q.After, Max: q.Max}
	if q.Latest {
		f.Order = localstore.ByChanged
	}
	if q.Form == "" {
		return f, nil
	}
	form, ok := c.forms.FormByName(q.Form)
	if !ok {
		return f, refuse(ErrUnknownForm, nil, "form", q.Form)
	}
	f.Form = uint32(form.ID)
	if q.Field != "" {
		field, ok := form.FieldByName(q.Field)
		if !ok {
			return f, refuse(ErrUnknownField, nil, "field", q.Field)
		}
		f.Field = uint32(field.ID)
	}
	return f, nil
}

func (c *Client) row(r *localstore.Row) Row {
	row := Row{ID: r.Record, FormID: schemas.FormID(r.Form), Scope: r.Scope, Title: r.Title, Sync: r.Sync, Conflicts: r.Conflicts,
		Deleted: r.Deleted, HasDraft: r.Draft, Changed: time.UnixMilli(r.Changed)}
	row.Form, _ = c.forms.Form(row.FormID)
	return row
}
