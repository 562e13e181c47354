package clientsdk

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// DraftID names a draft.
type DraftID = localstore.DraftID

// Draft is a form begun and not saved: the state of the record that stood on
// the screen when it was opened, and what was typed since. One goroutine uses
// it. It lives in memory until Autosave or Save.
type Draft struct {
	c      *Client
	id     DraftID
	record syncproto.RecordID
	form   *schemas.Form
	scope  syncproto.ScopeID
	place  syncproto.PlaceID
	group  syncproto.GroupID
	// opened is the record as it stood when the form was opened, before what
	// its fields showed.
	opened *syncproto.RecordState
	before schemas.Record
	now    schemas.Record
	// typed are texts that cannot be read as their field's value; they are kept
	// as they were typed, with why.
	typed map[cell]typedText
	// boundary is that of the neighbourhood, for rules that ask for it.
	boundary []schemas.Point
	stored   bool // it stands in the store
	over     bool
}

// cell is a field of the draft; row is the number of its row from 1, 0 for a field
// of the record.
type cell struct {
	field schemas.FieldID
	row   int
}

type typedText struct {
	text string
	why  schemas.Text
}

// New begins a record of a form in the neighbourhood of the enrolment. It says
// ErrUnknownForm, ErrNoGrant if the person may not record there, or ErrDiskFull
// before anything is typed that could not be saved.
func (c *Client) New(ctx context.Context, form string) (*Draft, error) {
	id, _ := c.known()
	return c.NewAt(ctx, form, id.Place)
}

// NewAt is New for another place of the person's.
func (c *Client) NewAt(ctx context.Context, form string, place syncproto.PlaceID) (*Draft, error) {
	record, err := c.newRecordID()
	if err != nil {
		return nil, told("begin "+form, err)
	}
	return c.begin(ctx, form, place, record)
}

// NewBeside begins the record of another form that belongs to a record, such
// as what a form asks in a more protected compartment. Its id is derived from
// the record's, so that two devices that do it make one record. Save both
// drafts together by SaveGroup.
func (c *Client) NewBeside(ctx context.Context, record syncproto.RecordID, place syncproto.PlaceID, form string) (*Draft, error) {
	f, ok := c.forms.FormByName(form)
	if !ok {
		return nil, told("begin "+form, refuse(ErrUnknownForm, nil, "form", form))
	}
	return c.begin(ctx, form, place, BesideID(record, f.ID))
}

func (c *Client) begin(ctx context.Context, name string, place syncproto.PlaceID, record syncproto.RecordID) (*Draft, error) {
	doing := "begin " + name
	form, ok := c.forms.FormByName(name)
	if !ok {
		return nil, told(doing, refuse(ErrUnknownForm, nil, "form", name))
	}
	if c.Locked() {
		return nil, told(doing, localstore.ErrLocked)
	}
	scope := syncproto.ScopeOf(place, string(form.Compartment))
	if _, k := c.known(); !k.mayWrite(place, form) {
		return nil, told(doing, refuse(ErrNoGrant, nil, "form", name))
	}
	if err := c.room(ctx); err != nil {
		return nil, told(doing, err)
	}
	d := &Draft{record: record, form: form, scope: scope, place: place, opened: syncproto.NewRecordState(record)}
	return d, told(doing, c.ready(ctx, d))
}

// Edit opens a record's form. What stands on the screen now is what a save
// will name as replaced, however long the form stays open and whatever a sync
// brings meanwhile. It says ErrNotFound, ErrDeleted, ErrErased, ErrUnknownForm,
// ErrNoGrant if the person may not record there, or ErrDiskFull.
func (c *Client) Edit(ctx context.Context, id syncproto.RecordID) (*Draft, error) {
	const doing = "open record"
	if err := c.mayRead(); err != nil {
		return nil, told(doing, err)
	}
	h, form, err := c.open(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	if _, k := c.known(); !k.mayWrite(c.placeOf(h.State.Home), form) {
		return nil, told(doing, refuse(ErrNoGrant, nil, "form", form.Name))
	}
	if err := c.room(ctx); err != nil {
		return nil, told(doing, err)
	}
	d := &Draft{record: id, form: form, scope: h.State.Home, place: c.placeOf(h.State.Home), opened: h.State}
	return d, told(doing, c.ready(ctx, d))
}

// open reads a record that can be worked on, with its form.
func (c *Client) open(ctx context.Context, id syncproto.RecordID) (localstore.Held, *schemas.Form, error) {
	h, err := c.held(ctx, id)
	if err != nil {
		return h, nil, err
	}
	switch {
	case h.State.Erased:
		return h, nil, refuse(ErrErased, nil)
	case !h.State.Exists():
		return h, nil, refuse(ErrNotFound, nil)
	case !merge.Alive(h.State):
		return h, nil, refuse(ErrDeleted, nil)
	}
	form, ok := c.forms.Form(schemas.FormID(h.State.Form))
	if !ok {
		return h, nil, refuse(ErrUnknownForm, nil, "form", fmt.Sprint(h.State.Form))
	}
	return h, form, nil
}

// held is a record as it is shown; one whose create the server set aside is
// shown as its author left it.
func (c *Client) held(ctx context.Context, id syncproto.RecordID) (localstore.Held, error) {
	h, err := c.store.State(ctx, id)
	if err == nil && !h.State.Exists() && !h.State.Erased && len(h.Aside) > 0 {
		return c.store.AsWritten(ctx, id)
	}
	return h, err
}

// ready fills in what a new or opened draft needs, and does what its save shall
// not have to wait for.
func (c *Client) ready(ctx context.Context, d *Draft) error {
	d.c = c
	if err := c.store.Maintain(ctx); err != nil {
		c.log.Warn("tidying up before a form failed", "err", err)
	}
	if d.id == (DraftID{}) {
		id, err := c.newRecordID()
		if err != nil {
			return err
		}
		d.id = DraftID(id)
	}
	d.before = merge.Content(d.form, d.opened)
	d.now = d.before.Clone()
	d.typed = map[cell]typedText{}
	var err error
	d.boundary, err = c.boundary(ctx, d.place)
	return err
}

// ID names the draft, Record the record that it edits or will make, Form the
// revision of the form it was begun in.
func (d *Draft) ID() DraftID { return d.id }

// Record is the record that the draft edits or will make.
func (d *Draft) Record() syncproto.RecordID { return d.record }

// Form is the revision of the form that the draft was begun in.
func (d *Draft) Form() *schemas.Form { return d.form }

// IsNew reports whether saving makes a record.
func (d *Draft) IsNew() bool { return !d.opened.Exists() }

// Set gives a field the value that a text says, as a person types it: digits
// of any family, dates Jalali or ISO, codes or their labels, "" to clear. A
// text that cannot be read is kept with the draft as it is, and returned as
// ErrInvalid with what to do; until it is mended the draft is not sent.
func (d *Draft) Set(field, text string) error {
	f, err := d.settable(field)
	if err != nil {
		return err
	}
	v, err := schemas.ParseInput(d.form, d.c.forms, f, text)
	if err != nil {
		err = told("set "+field, err)
		d.keepTyped(cell{field: f.ID}, text, err)
		return err
	}
	return d.put(f, v)
}

// SetValue gives a field a value, the empty Value to clear it.
func (d *Draft) SetValue(field string, v schemas.Value) error {
	f, err := d.settable(field)
	if err != nil {
		return err
	}
	return d.put(f, v)
}

// SetJSON gives the fields that an object names their values, null to clear;
// other fields stay. A list is given whole: rows keep who they are by their
// "id", those without are new. Either all fields are set or none.
func (d *Draft) SetJSON(data []byte) error {
	const doing = "read fields"
	if d.over {
		return told(doing, refuse(ErrDraftOver, nil))
	}
	r, err := schemas.DecodeJSON(d.form, d.c.forms, data)
	if err != nil {
		return told(doing, err)
	}
	ids := slices.Sorted(maps.Keys(r.Fields))
	for _, id := range ids {
		if f, ok := d.form.Field(id); ok {
			if err := d.allows(f, r.Fields[id]); err != nil {
				return told(doing, err)
			}
		}
	}
	for _, id := range ids {
		if f, ok := d.form.Field(id); ok && f.Parent == 0 {
			if err := d.put(f, r.Fields[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Draft) settable(name string) (*schemas.Field, error) {
	if d.over {
		return nil, told("set "+name, refuse(ErrDraftOver, nil))
	}
	f, ok := d.form.FieldByName(name)
	if !ok || f.Parent != 0 || !f.Stored() {
		return nil, told("set "+name, refuse(ErrUnknownField, nil, "field", name))
	}
	return f, nil
}

// allows checks what put may not be given.
func (d *Draft) allows(f *schemas.Field, v schemas.Value) error {
	if f.Type == schemas.TypeState && !d.before.Fields[f.ID].IsEmpty() && !v.Equal(d.before.Fields[f.ID]) {
		return refuse(ErrByTransition, nil, "field", f.Name)
	}
	seen := map[schemas.ID]bool{}
	for _, row := range v.Items() {
		if row.ID != (schemas.ID{}) && seen[row.ID] {
			return refuse(ErrInvalid, fmt.Errorf("two rows of %s have one id", f.Name), "field", f.Name)
		}
		seen[row.ID] = true
	}
	return nil
}

func (d *Draft) put(f *schemas.Field, v schemas.Value) error {
	if err := d.allows(f, v); err != nil {
		return told("set "+f.Name, err)
	}
	d.forgetTyped(f)
	one := schemas.Normalise(d.form, schemas.Record{Form: d.form.ID, Fields: map[schemas.FieldID]schemas.Value{f.ID: v}})
	if v = one.Fields[f.ID]; v.IsEmpty() {
		delete(d.now.Fields, f.ID)
	} else {
		d.now.Fields[f.ID] = v
	}
	if d.form.Name == "decision" && f.Name == "subject_ref" && !v.Equal(d.before.Fields[f.ID]) {
		d.bindDecision(v)
	}
	return nil
}

func (d *Draft) keepTyped(at cell, text string, err error) {
	d.typed[at] = typedText{text: text, why: whyOf(err)}
}

// forgetTyped drops what was typed into a field, or into the rows of a list, since
// it has another value now.
func (d *Draft) forgetTyped(f *schemas.Field) {
	delete(d.typed, cell{field: f.ID})
	for at := range d.typed {
		if column, ok := d.form.Field(at.field); ok && column.Parent == f.ID {
			delete(d.typed, at)
		}
	}
}

// Values returns what stands on the screen now, computed fields apart.
func (d *Draft) Values() schemas.Record { return d.now.Clone() }

// Value returns what a field holds now, and the text that was typed into it if
// that cannot be read.
func (d *Draft) Value(field string) (v schemas.Value, typed string) {
	f, ok := d.form.FieldByName(field)
	if !ok {
		return schemas.Value{}, ""
	}
	return d.now.Fields[f.ID], d.typed[cell{field: f.ID}].text
}

// JSON returns Values as SetJSON reads them.
func (d *Draft) JSON() ([]byte, error) {
	b, err := schemas.EncodeJSON(d.form, d.now)
	return b, told("write fields", err)
}

// Changed names the fields that a save would change, in the form's order:
// never one that nobody touched.
func (d *Draft) Changed() []string {
	var names []string
	after, _ := d.settled()
	for _, f := range d.form.Fields() {
		if f.Stored() && !d.before.Fields[f.ID].Equal(after.Fields[f.ID]) {
			names = append(names, f.Name)
		}
	}
	return names
}

// Offers are values that the form proposes for empty fields. They are shown to
// the person; what the person takes is given to Set, and nothing else is saved.
func (d *Draft) Offers() map[schemas.FieldID]schemas.Value {
	offers := schemas.Prefill(d.form, d.c.forms, d.now, d.env())
	// The days of the province's clocks, where the form knows only the usual ones.
	for id, due := range workflow.Offers(d.form, d.now, d.c.settings(context.Background(), d.place)) {
		if d.Assess().Relevant(id) {
			offers[id] = due
		}
	}
	return offers
}

// Assess is everything the form says of what stands on the screen now: which
// fields are asked, what is computed, what is wrong, how complete it is.
func (d *Draft) Assess() *schemas.Assessment {
	return schemas.Assess(d.form, d.c.forms, d.now, d.env())
}

// Problems are what is wrong or missing now, in the form's order. Those of
// schemas.LevelIncomplete and above keep the record a draft; of the others the
// person is told.
func (d *Draft) Problems() []schemas.Problem {
	after, _ := d.settled()
	return d.problems(context.Background(), after)
}

func (d *Draft) problems(ctx context.Context, r schemas.Record) []schemas.Problem {
	a := schemas.Assess(d.form, d.c.forms, r, d.env())
	problems := a.Problems
	for _, f := range d.form.Fields() {
		problems = d.unread(problems, cell{field: f.ID}, a.Relevant(f.ID))
		for row := range d.now.Fields[f.ID].Items() {
			for _, column := range f.Fields {
				problems = d.unread(problems, cell{column.ID, row + 1}, a.RelevantInRow(column.ID, row))
			}
		}
	}
	peers, err := d.c.peers(ctx, d.form, d.scope, d.record, r)
	if err != nil { // a warning less; the person goes on
		d.c.log.Warn("looking for records that a rule over several flags failed", "err", err)
	}
	return append(append(problems, peers...), d.c.named(ctx, d.form, d.record, r)...)
}

// unread adds that a field holds a text that cannot be read, in place of that it is
// empty.
func (d *Draft) unread(problems []schemas.Problem, at cell, asked bool) []schemas.Problem {
	t, ok := d.typed[at]
	if !ok || !asked {
		return problems
	}
	problems = slices.DeleteFunc(problems, func(p schemas.Problem) bool {
		return p.Field == at.field && p.Row == at.row && p.Rule == schemas.RuleRequired
	})
	return append(problems, schemas.Problem{Field: at.field, Row: at.row, Rule: schemas.RuleType, Level: schemas.LevelError, Message: t.why})
}

func (d *Draft) env() schemas.Env {
	return schemas.Env{Today: int32(d.c.Today()), TestMode: d.c.opt.TestMode, HomeBoundary: d.boundary}
}
