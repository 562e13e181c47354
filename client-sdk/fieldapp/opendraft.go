package fieldapp

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/syncproto"
)

// maxOpenDrafts bounds the forms that are held in memory. One that was typed into
// is stored, and opened again from there.
const maxOpenDrafts = 30

// drafts are the forms that pages have open: one for each draft, however many
// pages show it. One person fills them in, so one request at a time has them all:
// whoever uses one holds mu.
type drafts struct {
	mu   sync.Mutex
	open map[clientsdk.DraftID]*openDraft
	uses int
}

// openDraft is a form being filled in.
type openDraft struct {
	d *clientsdk.Draft
	// keys name the rows of each list: a row that moves keeps its name, and a page
	// that shows rows as they stood before cannot write into another one.
	keys map[string][]string
	last int
	// others is what two pages gave one field, dropped the row that was taken out of
	// a list last.
	others  map[string]otherText
	dropped map[string]droppedRow
	strict  bool // it was to be saved, and was not
	// touched: somebody set a field since it was begun or opened.
	touched bool
	used    int       // when it was looked at last, counted by drafts
	saved   time.Time // when it was stored last, zero for not yet
	failed  error     // why it could not be stored
	// then is where it leads when it is done, "" for the usual place.
	then string
	// choices are the records that references may point to, as they were when a page
	// last asked for the whole form, titles those of records, may where the person may
	// record.
	choices map[string][]formview.Choice
	titles  map[schemas.ID]string
	may     map[schemas.Compartment]bool
}

// otherText is a text that a page sent for a field that had another by then.
type otherText struct{ refused string }

// droppedRow is a row that may be put back.
type droppedRow struct {
	at   int
	item schemas.Item
	key  string
}

func newOpenDraft(d *clientsdk.Draft) *openDraft {
	o := &openDraft{d: d, keys: map[string][]string{}, others: map[string]otherText{}, dropped: map[string]droppedRow{}}
	o.nameRows()
	return o
}

// after is where the form leads when it is done.
func (o *openDraft) after(usual string) string {
	if o.then != "" {
		return o.then
	}
	return usual
}

// nameRows gives rows that have no name yet one.
func (o *openDraft) nameRows() {
	for _, f := range o.d.Form().Fields() {
		if f.Type != schemas.TypeList {
			continue
		}
		v, _ := o.d.Value(f.Name)
		for len(o.keys[f.Name]) < len(v.Items()) {
			o.keys[f.Name] = append(o.keys[f.Name], o.newKey())
		}
	}
}

func (o *openDraft) newKey() string {
	o.last++
	return strconv.Itoa(o.last)
}

// spot finds the field of a path: "size", or "members.3.sex" in the row of that
// name.
func (o *openDraft) spot(path string) (clientsdk.Spot, *schemas.Field, bool) {
	form := o.d.Form()
	list, rest, inRow := strings.Cut(path, ".")
	if !inRow {
		f, ok := form.FieldByName(path)
		return clientsdk.Spot{Field: path}, f, ok && f.Parent == 0
	}
	key, name, _ := strings.Cut(rest, ".")
	row := slices.Index(o.keys[list], key)
	f, ok := form.FieldByName(list + "." + name)
	return clientsdk.Spot{List: list, Row: row, Field: name}, f, ok && row >= 0
}

// row finds the list and row of a path such as "members.3".
func (o *openDraft) row(path string) (list string, row int, ok bool) {
	list, key, _ := strings.Cut(path, ".")
	row = slices.Index(o.keys[list], key)
	return list, row, row >= 0
}

// text is what stands in the control of a field.
func (o *openDraft) text(t *formview.Teller, at clientsdk.Spot, f *schemas.Field) string {
	v, typed := o.d.Spot(at)
	if typed != "" {
		return typed
	}
	return t.Typed(f, v)
}

// steps are the states to choose from in the form's state field, nil for a form
// without one.
func (o *openDraft) steps() map[schemas.FieldID][]string {
	name, to := o.d.Steps()
	f, ok := o.d.Form().FieldByName(name)
	if !ok {
		return nil
	}
	if !o.begins(f) {
		to = append([]string{o.stood(f)}, to...) // to leave it as it is, after all
	}
	return map[schemas.FieldID][]string{f.ID: to}
}

// beginState gives a new record the state in which all of its form begin. Where there
// are several a person chooses.
func (o *openDraft) beginState() error {
	name, first := o.d.Steps()
	if !o.d.IsNew() || len(first) != 1 {
		return nil
	}
	return o.d.SetValue(name, schemas.CodeValue(first[0]))
}

// begins reports whether a state field has no state yet in the record.
func (o *openDraft) begins(f *schemas.Field) bool { return o.stood(f) == "" }

// stood is the state that the record had when the form was opened.
func (o *openDraft) stood(f *schemas.Field) string { return o.d.Opened().Fields[f.ID].Code() }

// of returns the open form of a draft, from memory or from the store.
func (ds *drafts) of(ctx context.Context, c *clientsdk.Client, id clientsdk.DraftID) (*openDraft, error) {
	if o := ds.open[id]; o != nil {
		ds.uses++
		o.used = ds.uses
		return o, nil
	}
	d, err := c.OpenDraft(ctx, id)
	if err != nil {
		return nil, err
	}
	o := newOpenDraft(d)
	o.saved = ds.storedAt(ctx, c, id)
	ds.keep(o)
	return o, nil
}

func (ds *drafts) storedAt(ctx context.Context, c *clientsdk.Client, id clientsdk.DraftID) time.Time {
	all, err := c.Drafts(ctx)
	if err != nil {
		return time.Time{}
	}
	for _, x := range all {
		if x.ID == id {
			return x.Saved
		}
	}
	return time.Time{}
}

// add holds a form that was begun.
func (ds *drafts) add(d *clientsdk.Draft) *openDraft {
	o := newOpenDraft(d)
	ds.keep(o)
	return o
}

// keep holds a form, and lets go of those that were used least lately: what was
// typed into them is stored. One whose last text could not be stored stays.
func (ds *drafts) keep(o *openDraft) {
	if ds.open == nil {
		ds.open = map[clientsdk.DraftID]*openDraft{}
	}
	ds.uses++
	o.used = ds.uses
	ds.open[o.d.ID()] = o
	for len(ds.open) > maxOpenDrafts {
		var oldest *openDraft
		for _, x := range ds.open {
			if x != o && x.failed == nil && (oldest == nil || x.used < oldest.used) {
				oldest = x
			}
		}
		if oldest == nil {
			return
		}
		delete(ds.open, oldest.d.ID())
	}
}

// forget lets go of all forms but those that could not be stored: what stands in them
// is sealed while the device is locked, and opened again from there.
func (ds *drafts) forget() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for id, o := range ds.open {
		if o.failed == nil {
			delete(ds.open, id)
		}
	}
}

// drop forgets an open form: it was saved or discarded.
func (ds *drafts) drop(id clientsdk.DraftID) {
	delete(ds.open, id)
}

// ofRecord returns an open form of a record that is not stored yet.
func (ds *drafts) ofRecord(id syncproto.RecordID) (clientsdk.DraftID, bool) {
	for draft, o := range ds.open {
		if o.d.Record() == id {
			return draft, true
		}
	}
	return clientsdk.DraftID{}, false
}
