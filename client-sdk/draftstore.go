package clientsdk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// storedDraft is a draft as it lies, sealed, in the store. Values stand by the
// numbers of their fields, so that they read the same in every revision of the
// form.
type storedDraft struct {
	Version  int
	Revision uint32
	Place    syncproto.PlaceID
	Group    syncproto.GroupID
	// Opened is the state on the screen when the form was opened, as on the
	// wire; absent for a new record.
	Opened []byte `json:",omitempty"`
	// Set are the fields that were given another value, Cleared those that were
	// emptied, Typed the texts that cannot be read, by field.
	Set     json.RawMessage               `json:",omitempty"`
	Cleared []schemas.FieldID             `json:",omitempty"`
	Typed   map[schemas.FieldID]typedJSON `json:",omitempty"`
	// TypedRows are such texts in rows.
	TypedRows []typedInRow `json:",omitempty"`
}

// typedInRow is a text that cannot be read in the Row-th row, from 1.
type typedInRow struct {
	Field schemas.FieldID
	Row   int
	typedJSON
}

type typedJSON struct {
	Text string
	Why  schemas.Text
}

const draftVersion = 1

// encode writes the draft for the store.
func (d *Draft) encode() ([]byte, error) {
	s := storedDraft{Version: draftVersion, Revision: d.form.Revision, Place: d.place, Group: d.group}
	if d.opened.Exists() {
		s.Opened = wire.AppendRecord(nil, d.opened, 0)
	}
	set := schemas.Record{Fields: map[schemas.FieldID]schemas.Value{}}
	for _, f := range d.form.Fields() {
		switch before, now := d.before.Fields[f.ID], d.now.Fields[f.ID]; {
		case before.Equal(now):
		case now.IsEmpty():
			s.Cleared = append(s.Cleared, f.ID)
		default:
			set.Fields[f.ID] = now
		}
	}
	for at, t := range d.typed {
		kept := typedJSON{Text: t.text, Why: t.why}
		if at.row > 0 {
			s.TypedRows = append(s.TypedRows, typedInRow{at.field, at.row, kept})
			continue
		}
		if s.Typed == nil {
			s.Typed = map[schemas.FieldID]typedJSON{}
		}
		s.Typed[at.field] = kept
	}
	var err error
	// A form without fields makes each value stand with its number and kind.
	if s.Set, err = schemas.EncodeJSON(&schemas.Form{}, set); err != nil {
		return nil, fmt.Errorf("write draft: %w", err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write draft: %w", err)
	}
	if len(b) > localstore.MaxDraft {
		return nil, refuse(ErrTooLarge, fmt.Errorf("draft of %d bytes", len(b)))
	}
	return b, nil
}

// decodeDraft reads what encode wrote: opened is nil for a new record, set are
// the values by field.
func decodeDraft(b []byte) (s storedDraft, opened *syncproto.RecordState, set schemas.Record, err error) {
	bad := func(what string, err error) (storedDraft, *syncproto.RecordState, schemas.Record, error) {
		return s, nil, set, refuse(ErrDamaged, fmt.Errorf("draft: %s: %w", what, err))
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return bad("form", err)
	}
	if s.Version != draftVersion {
		return s, nil, set, refuse(ErrNewer, fmt.Errorf("draft of version %d", s.Version))
	}
	if len(s.Opened) > 0 {
		if opened, _, err = wire.DecodeRecord(s.Opened); err != nil {
			return bad("state", err)
		}
	}
	if len(s.Set) > 0 {
		if set, err = schemas.DecodeJSON(&schemas.Form{}, nil, s.Set); err != nil {
			return bad("values", err)
		}
	}
	return s, opened, set, nil
}

// Autosave stores the draft, so that it survives a crash. A draft is never
// sent. Call it as often as what was typed should not be lost.
func (d *Draft) Autosave(ctx context.Context) error {
	const doing = "store draft"
	if d.over {
		return told(doing, refuse(ErrDraftOver, nil))
	}
	body, err := d.encode()
	if err != nil {
		return told(doing, err)
	}
	err = d.c.store.PutDraft(ctx, localstore.Draft{ID: d.id, Record: d.record, Form: uint32(d.form.ID), Scope: d.home(), Body: body})
	d.c.noteFull(err)
	if err == nil {
		d.stored = true
	}
	return told(doing, err)
}

// home is the scope in which the author sees the record.
func (d *Draft) home() syncproto.ScopeID {
	if d.opened.Exists() {
		return d.opened.Home
	}
	return d.scope
}

// Discard forgets the draft.
func (d *Draft) Discard(ctx context.Context) error {
	d.over = true
	if !d.stored {
		return nil
	}
	return told("discard draft", d.c.store.DropDraft(ctx, d.id))
}

// DraftInfo is a stored draft in a list.
type DraftInfo struct {
	ID     DraftID
	Record syncproto.RecordID
	Form   *schemas.Form // the latest revision, nil if the form is not known here
	// New reports whether saving makes a record.
	New   bool
	Saved time.Time // when it was stored last, by the device's clock
	Group syncproto.GroupID
	// Err is why the draft cannot be opened by this release, nil if it can.
	Err error
}

// Drafts lists the stored drafts, the latest first.
func (c *Client) Drafts(ctx context.Context) ([]DraftInfo, error) {
	const doing = "list drafts"
	stored, err := c.store.Drafts(ctx)
	if err != nil {
		return nil, told(doing, err)
	}
	all := make([]DraftInfo, 0, len(stored))
	for _, x := range stored {
		s, _, _, err := decodeDraft(x.Body)
		info := DraftInfo{ID: x.ID, Record: x.Record, New: len(s.Opened) == 0, Saved: time.UnixMilli(x.Saved), Group: s.Group, Err: err}
		info.Form, _ = c.forms.Form(schemas.FormID(x.Form))
		all = append(all, info)
	}
	return all, nil
}

// OpenDraft goes on with a stored draft, in the revision of the form it was
// begun in and on the state that stood on the screen then.
func (c *Client) OpenDraft(ctx context.Context, id DraftID) (*Draft, error) {
	const doing = "open draft"
	x, err := c.store.Draft(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	s, opened, set, err := decodeDraft(x.Body)
	if err != nil {
		return nil, told(doing, err)
	}
	if opened == nil {
		opened = syncproto.NewRecordState(x.Record)
	} else if opened.Record != x.Record {
		return nil, told(doing, refuse(ErrDamaged, fmt.Errorf("draft holds the state of record %v", opened.Record)))
	}
	form, ok := c.forms.FormRevision(schemas.FormID(x.Form), s.Revision)
	if !ok {
		// A package may have left an old revision out; ids of fields mean the same
		// in all of them.
		if form, ok = c.forms.Form(schemas.FormID(x.Form)); !ok {
			return nil, told(doing, refuse(ErrUnknownForm, nil, "form", fmt.Sprint(x.Form)))
		}
	}
	d := &Draft{id: id, record: x.Record, form: form, scope: x.Scope, place: s.Place, group: s.Group, opened: opened, stored: true}
	if err := c.ready(ctx, d); err != nil {
		return nil, told(doing, err)
	}
	for id, v := range set.Fields {
		d.now.Fields[id] = v
	}
	for _, id := range s.Cleared {
		delete(d.now.Fields, id)
	}
	for id, t := range s.Typed {
		d.typed[cell{field: id}] = typedText{text: t.Text, why: t.Why}
	}
	for _, t := range s.TypedRows {
		d.typed[cell{t.Field, t.Row}] = typedText{text: t.Text, why: t.Why}
	}
	return d, nil
}

// DropDraft forgets a stored draft; it is no error if there is none.
func (c *Client) DropDraft(ctx context.Context, id DraftID) error {
	return told("discard draft", c.store.DropDraft(ctx, id))
}
