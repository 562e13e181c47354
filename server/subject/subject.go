// Package subject finds all that is held on one person: the records about them,
// and every other place that refers to them or names them in a text.
//
// It stands on articles 58 and 59 of Iran's E-Commerce Act: who is recorded may
// see what is held, have it corrected, and have it erased.
package subject

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// personForm is the name of the form whose records are persons, consentForm of
// those by which they agreed to something.
const (
	personForm  = "person"
	consentForm = "consent"
)

// ErrNoPerson says that a record is there and no person.
var ErrNoPerson = errors.New("the record is not a person")

// Why says what a record has to do with a person; the closest comes first.
type Why uint8

// What a record may have to do with a person.
const (
	// Self is the person's own record.
	Self Why = iota + 1
	// Consent is what the person agreed to.
	Consent
	// About is a record of which the person is the subject: a field marked as
	// subject refers to them, or the record, in a compartment that protects
	// persons, stands on their consent.
	About
	// Mention is a record about something else that refers to the person, now or
	// in its history.
	Mention
	// Text is one in which a text, now or in its history, has the person's name or
	// number.
	Text
)

// String names it in English, for JSON and logs.
func (w Why) String() string {
	if w < Self || w > Text {
		return "unknown"
	}
	return [...]string{"self", "consent", "about", "mention", "text"}[w-1]
}

// Theirs reports whether the whole record is the person's, so that erasing what is
// held on them erases it.
func (w Why) Theirs() bool { return w >= Self && w <= About }

// Record is a record that has to do with the person.
type Record struct {
	ID  syncproto.RecordID
	Why Why
	// Form is its form's number, Scope where it lives, or, of a record that never
	// came to be, what its changes say.
	Form  uint32
	Scope syncproto.ScopeID
	// Never says that all there is of it are changes that were set aside or wait.
	Never bool
	// Cells are where the person is referred to or named, ascending.
	Cells []syncproto.CellKey
}

// Source is what is read from.
type Source struct {
	// View runs f over one snapshot; a search takes many short ones.
	View  func(ctx context.Context, f func(store.Reader) error) error
	Forms *schemas.Package
	// Progress, if set, hears how many changes have been read.
	Progress func(changes int)
}

// holding are the outcomes of changes that may hold content: all but those that were
// stripped of it. What a person kept out, or put right, is kept as it came.
var holding = []syncproto.Outcome{syncproto.Applied, syncproto.Merged, syncproto.Conflicted, syncproto.Parked, syncproto.Quarantined, syncproto.Rejected}

// pageOf is how many changes are read in one snapshot.
const pageOf = 1000

// Find searches everything that was ever received, and is not erased: states are
// made of changes, so what stands in no change stands nowhere. The records come
// by Why, then by id. What arrives while it reads may be missed.
//
// The errors wrap store.ErrNotFound for an unknown record and ErrNoPerson. A
// person who is erased has no name to look for any more; what refers to them is
// found all the same.
func Find(ctx context.Context, src Source, person syncproto.RecordID) ([]Record, error) {
	s := &search{src: src, person: person, consents: map[syncproto.RecordID]bool{}, found: map[syncproto.RecordID]*Record{}}
	if err := src.View(ctx, s.begin); err != nil {
		return nil, fmt.Errorf("find what is held on %s: %w", person, err)
	}
	if err := s.readConsents(ctx); err != nil {
		return nil, fmt.Errorf("find what is held on %s: %w", person, err)
	}
	for _, o := range holding {
		if err := s.readChanges(ctx, o); err != nil {
			return nil, fmt.Errorf("find what is held on %s: %w", person, err)
		}
	}
	if err := s.place(ctx); err != nil {
		return nil, fmt.Errorf("find what is held on %s: %w", person, err)
	}
	return s.list(), nil
}

// search is one search.
type search struct {
	src      Source
	person   syncproto.RecordID
	names    names
	consents map[syncproto.RecordID]bool
	found    map[syncproto.RecordID]*Record
	read     int
}

// begin reads the person, and by which names they are known.
func (s *search) begin(r store.Reader) error {
	door := access.ForOperator(r)
	row, err := door.Record(s.person)
	if err != nil {
		return err
	}
	form, known := s.src.Forms.Form(schemas.FormID(row.State.Form))
	if !known || form.Name != personForm {
		return ErrNoPerson
	}
	s.found[s.person] = &Record{ID: s.person, Why: Self, Form: row.State.Form, Scope: row.State.Home}
	history, err := door.History(s.person)
	if err != nil {
		return fmt.Errorf("read the person's history: %w", err)
	}
	for i := range history {
		ch, err := wire.DecodeChange(history[i].Bytes)
		if err != nil {
			continue // it says nothing that could be looked for
		}
		for _, op := range ch.Ops {
			field, ok := form.Field(schemas.FieldID(op.Field))
			if !ok || field.Sensitivity < schemas.S2 {
				continue
			}
			if text, ok := op.Value.AsText(); ok && field.Type == schemas.TypeText {
				s.names.add(text)
			}
		}
	}
	return nil
}

// readConsents finds what the person agreed to.
func (s *search) readConsents(ctx context.Context) error {
	form, ok := s.src.Forms.FormByName(consentForm)
	if !ok {
		return nil
	}
	filter := store.Filter{Form: uint32(form.ID), Max: pageOf}
	for {
		n := 0
		err := s.src.View(ctx, func(r store.Reader) error {
			rows, err := access.ForOperator(r).Records(filter)
			if err != nil {
				return fmt.Errorf("read consents: %w", err)
			}
			for _, row := range rows {
				filter.After = row.State.Record
				if s.isSubject(form, row.State) {
					s.consents[row.State.Record] = true
				}
			}
			n = len(rows)
			return nil
		})
		if err != nil || n < pageOf {
			return err
		}
	}
}

func (s *search) isSubject(form *schemas.Form, state *syncproto.RecordState) bool {
	for _, k := range state.Keys() {
		field, ok := form.Field(schemas.FieldID(k.Field))
		if !ok || !field.Subject {
			continue
		}
		for _, c := range state.Candidates(k) {
			if id, ok := c.Value.AsRef(); ok && id == s.person {
				return true
			}
		}
	}
	return false
}

// readChanges looks at every change with an outcome.
func (s *search) readChanges(ctx context.Context, o syncproto.Outcome) error {
	var after syncproto.ChangeID
	for {
		var rows []store.Change
		err := s.src.View(ctx, func(r store.Reader) (err error) {
			rows, err = access.ForOperator(r).Received(o, after, pageOf)
			return err
		})
		if err != nil {
			return fmt.Errorf("read changes: %w", err)
		}
		for i := range rows {
			s.look(&rows[i])
		}
		if s.read += len(rows); s.src.Progress != nil {
			s.src.Progress(s.read)
		}
		if len(rows) < pageOf {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// look finds what a change has to do with the person.
func (s *search) look(row *store.Change) {
	ch, err := wire.DecodeChange(row.Bytes)
	if err != nil {
		if s.names.in(string(row.Bytes)) {
			s.note(row, 0, Text, syncproto.CellKey{})
		}
		return
	}
	form, _ := s.src.Forms.Form(schemas.FormID(ch.Header.Form))
	for i := range ch.Ops {
		op := &ch.Ops[i]
		if why := s.says(form, op.Field, op.Value); why != 0 {
			s.note(row, ch.Header.Form, why, syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub})
		}
	}
}

// says is what a value in a field has to do with the person, 0 for nothing.
func (s *search) says(form *schemas.Form, id uint32, v syncproto.Value) Why {
	if text, ok := v.AsText(); ok {
		if s.names.in(text) {
			return Text
		}
		return 0
	}
	ref, ok := v.AsRef()
	if !ok || ref != s.person && !s.consents[ref] {
		return 0
	}
	if form == nil {
		return Mention
	}
	field, _ := form.Field(schemas.FieldID(id))
	switch {
	case ref == s.person && field != nil && field.Subject && form.Name == consentForm:
		return Consent
	case ref == s.person && field != nil && field.Subject:
		return About
	case s.consents[ref] && schemas.FieldID(id) == form.Consent && form.Name != personForm && form.Compartment.Holds(schemas.CompartmentPersons):
		return About
	}
	return Mention
}

func (s *search) note(row *store.Change, form uint32, why Why, cell syncproto.CellKey) {
	f := s.found[row.Record]
	if f == nil {
		f = &Record{ID: row.Record, Why: why, Form: form, Scope: row.Scope, Never: true}
		s.found[row.Record] = f
	}
	f.Why = min(f.Why, why)
	if !slices.Contains(f.Cells, cell) {
		f.Cells = append(f.Cells, cell)
	}
}

// place says of every record where it lives. One that is the person's by what it
// said once, and is somebody else's now, is a mention; one that was erased while
// others were read is none of it any more.
func (s *search) place(ctx context.Context) error {
	for _, id := range s.ids() {
		f := s.found[id]
		err := s.src.View(ctx, func(r store.Reader) error {
			row, err := access.ForOperator(r).Record(id)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read record %s: %w", id, err)
			}
			if row.State.Erased && id != s.person {
				delete(s.found, id)
				return nil
			}
			f.Form, f.Scope, f.Never = row.State.Form, row.State.Home, false
			if (f.Why == Consent || f.Why == About) && !s.stillTheirs(row.State) {
				f.Why = Mention
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortFunc(f.Cells, syncproto.CellKey.Compare)
	}
	return nil
}

// stillTheirs reports whether one of a record's present values, contested ones
// among them, makes it the person's.
func (s *search) stillTheirs(state *syncproto.RecordState) bool {
	form, _ := s.src.Forms.Form(schemas.FormID(state.Form))
	for _, k := range state.Keys() {
		for _, c := range state.Candidates(k) {
			if why := s.says(form, k.Field, c.Value); why == Consent || why == About {
				return true
			}
		}
	}
	return false
}

func (s *search) ids() []syncproto.RecordID {
	ids := make([]syncproto.RecordID, 0, len(s.found))
	for id := range s.found {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs)
	return ids
}

func compareIDs(a, b syncproto.RecordID) int { return slices.Compare(a[:], b[:]) }

func (s *search) list() []Record {
	all := make([]Record, 0, len(s.found))
	for _, f := range s.found {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Record) int { return cmp.Or(cmp.Compare(a.Why, b.Why), compareIDs(a.ID, b.ID)) })
	return all
}
