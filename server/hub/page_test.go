package hub_test

import (
	"errors"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// mayOnPages is what a role may do on the committee's pages in the compartments of its
// own place, written by hand: r see, w write, s settle, d vouch. Whoever may not read
// is told that nothing is there.
var mayOnPages = map[string]map[string]string{
	"local_team":        {"reference": "r", "plain": "r"}, // writes activities alone
	"facilitator":       {"reference": "rw", "plain": "rws", "persons": "rws", "harm": "rws"},
	"steering":          {"reference": "r", "plain": "r"}, // writes decisions and what belongs to them
	"clinic":            {"reference": "r", "plain": "rw", "persons": "rw"},
	"technical_manager": {"reference": "rwsd", "plain": "rwsd", "persons": "rwsd", "harm": "rwsd"},
	"county":            {"reference": "rwsd", "plain": "rwd", "persons": "r"},
	"province":          {"reference": "rwsd", "plain": "rwsd"},
	"national":          {}, // reads, and sees no neighbourhood by itself
	"":                  {},
}

// pageForms is a form of each compartment, with the field that is written.
var pageForms = map[string]struct{ form, field string }{
	"reference": {"organisation", "name_fa"},
	"plain":     {"asset", "title_fa"},
	"persons":   {"person", "full_name"},
	"harm":      {"harm_rating", "note"},
}

// page is what a person does on a page.
func (p *phone) page(token byte, edits ...hub.PageEdit) (again bool, err error) {
	p.b.t.Helper()
	return p.b.hub.Write(p.b.ctx, hub.PageAct{By: p.person, Token: syncproto.GroupID{token}, Edits: edits})
}

// pageEdit sets one text of a record, which is made if it is not there.
func (b *bench) pageEdit(id syncproto.RecordID, compartment, text string, verb syncproto.Verb, author syncproto.PersonID) hub.PageEdit {
	b.t.Helper()
	at := pageForms[compartment]
	f, ok := b.forms.FormByName(at.form)
	if !ok || string(f.Compartment) != compartment {
		b.t.Fatalf("form %s is not of %s", at.form, compartment)
	}
	field, ok := f.FieldByName(at.field)
	if !ok {
		b.t.Fatalf("no field %s.%s", at.form, at.field)
	}
	e := hub.PageEdit{Record: id, Edit: func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		made := hub.OfficeEdit{Verb: verb, Form: uint32(f.ID), Scope: b.scope(compartment)}
		if verb == syncproto.VerbDelete {
			made.Ops = []syncproto.Op{merge.Presence(s, author, false, true)}
			return made, nil
		}
		before := merge.Content(f, s)
		after := before.Clone()
		after.Fields[field.ID] = schemas.TextValue(text)
		edit := merge.Edit{Form: f, Opened: s, Before: before, After: after, Author: author, NewItem: newItem}
		made.Ops = edit.Ops()
		return made, nil
	}}
	if verb != syncproto.VerbCreate {
		e.Seen = hub.VersionOf(b.record(id).State)
	}
	return e
}

// TestPagesGiveNoMoreThanTheRole asks for every role, compartment and act.
func TestPagesGiveNoMoreThanTheRole(t *testing.T) {
	verbs := map[string]struct {
		verb syncproto.Verb
		need string
	}{"create": {syncproto.VerbCreate, "w"}, "edit": {syncproto.VerbEdit, "w"}, "delete": {syncproto.VerbDelete, "w"},
		"settle": {syncproto.VerbSettle, "ws"}, "vouch": {syncproto.VerbEdit, "wd"}}
	for role, compartments := range mayOnPages {
		t.Run("as "+role, func(t *testing.T) {
			b := newBench(t)
			maker, me := b.phone(1, "technical_manager"), b.phone(2, role)
			n := byte(20)
			for compartment := range pageForms {
				for name, v := range verbs {
					may := compartments[compartment]
					id := syncproto.RecordID{n}
					n++
					if v.verb != syncproto.VerbCreate {
						if _, err := maker.page(n, b.pageEdit(id, compartment, "پیش", syncproto.VerbCreate, maker.person)); err != nil {
							t.Fatal(err)
						}
					}
					e := b.pageEdit(id, compartment, "پس", v.verb, me.person)
					if name == "vouch" {
						edit := e.Edit
						e.Edit = func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
							made, err := edit(s, newItem)
							made.Verified = true
							return made, err
						}
					}
					_, err := me.page(n, e)
					refused, is := errors.AsType[*hub.RefusedError](err)
					want := true
					for _, letter := range v.need {
						want = want && strings.ContainsRune(may, letter)
					}
					switch {
					case want && err != nil, !want && err == nil:
						t.Errorf("%s in %s: %v, want %t", name, compartment, err, want)
					case want:
					case v.verb != syncproto.VerbCreate && !strings.Contains(may, "r") && !errors.Is(err, store.ErrNotFound):
						t.Errorf("%s in %s, which is not read: %v", name, compartment, err)
					case is && refused.Reason != syncproto.ReasonForbidden:
						t.Errorf("%s in %s: reason %d", name, compartment, refused.Reason)
					}
					if !want {
						b.unwritten(id, v.verb == syncproto.VerbCreate)
					}
				}
			}
		})
	}
}

// unwritten wants that a record is as its maker left it, or that there is none.
func (b *bench) unwritten(id syncproto.RecordID, none bool) {
	b.t.Helper()
	err := b.store.View(b.ctx, func(r store.Reader) error {
		row, err := r.Record(id)
		if none {
			if !errors.Is(err, store.ErrNotFound) {
				b.t.Errorf("record %s is there: %v", id, err)
			}
			return nil
		}
		rows, failed := r.History(id)
		if row.State.Number != 1 || len(rows) != 1 {
			b.t.Errorf("record %s has version %d and %d changes", id, row.State.Number, len(rows))
		}
		return errors.Join(err, failed)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// Beside the place of one's role nothing is there.
func TestPagesSeeNothingBeside(t *testing.T) {
	b := newBench(t)
	maker := b.phone(1, "technical_manager")
	if _, err := maker.page(1, b.pageEdit(syncproto.RecordID{9}, "plain", "سالن", syncproto.VerbCreate, maker.person)); err != nil {
		t.Fatal(err)
	}
	b.update(func(tx store.Tx) error {
		return tx.PutPlace(store.Place{ID: syncproto.PlaceID{8}, Number: 8, Kind: store.PlaceNeighbourhood, NameFa: "کناری"})
	})
	here := b.place
	b.place = syncproto.PlaceID{8}
	beside := b.phone(2, "province")
	b.place = here
	_, err := beside.page(2, b.pageEdit(syncproto.RecordID{9}, "plain", "بام", syncproto.VerbEdit, beside.person))
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another place's record: %v", err)
	}
	_, err = beside.page(3, b.pageEdit(syncproto.RecordID{10}, "plain", "بام", syncproto.VerbCreate, beside.person))
	if refused, is := errors.AsType[*hub.RefusedError](err); !is || refused.Reason != syncproto.ReasonForbidden {
		t.Errorf("a record at another place: %v", err)
	}
	b.unwritten(syncproto.RecordID{9}, false)
}

// A page takes the steps of the person's role and no others, whoever has the server's
// own device; and what would wait is told, not kept waiting.
func TestPagesTakeTheStepsOfTheRole(t *testing.T) {
	b := newBench(t)
	p, boss := b.phone(1, "facilitator"), b.phone(2, "province")
	s := p.make(9, "dossier", values{"status": code("assigned")})
	p.mustPush(1)
	step := func(who *phone, token byte, to string) error {
		_, err := who.page(token, b.stepOf(who, "dossier", s.Record, to))
		return err
	}
	err := step(p, 1, "suspended")
	if refused, is := errors.AsType[*hub.RefusedError](err); !is || refused.Finding.Rule != "not_your" || refused.Finding.Message.Fa == "" || refused.Finding.Message.En == "" {
		t.Fatalf("another role's step: %v", err)
	}
	if err := step(p, 2, "collecting"); err != nil {
		t.Fatal(err)
	}
	err = step(p, 3, "submitted")
	if refused, is := errors.AsType[*hub.RefusedError](err); !is || !strings.HasPrefix(refused.Finding.Rule, "dossier.none.") {
		t.Fatalf("a dossier of nothing: %v", err)
	}
	if n := len(b.record(s.Record).State.Waiting); n != 0 {
		t.Errorf("%d steps wait", n)
	}
	if err := step(boss, 4, "suspended"); err != nil {
		t.Fatal(err)
	}
	if got := b.stateOf("dossier", s.Record); got != "suspended" {
		t.Errorf("the state is %q", got)
	}
}

func (b *bench) stepOf(who *phone, form string, id syncproto.RecordID, to string) hub.PageEdit {
	f, _ := b.forms.FormByName(form)
	x, _ := f.FieldByName("status")
	return hub.PageEdit{Record: id, Seen: hub.VersionOf(b.record(id).State),
		Edit: func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			return hub.OfficeEdit{Verb: syncproto.VerbTransition, Ops: []syncproto.Op{merge.TransitionOp(s, x.ID, to), merge.Presence(s, who.person, true, false)}}, nil
		}}
}

// What was changed since the page was made is not written over, and a form that is
// sent twice writes once, over a restart too; with another content it is another form.
func TestPagesWriteOnceAndOnlyWhatWasSeen(t *testing.T) {
	b := newBench(t)
	me, other := b.phone(1, "technical_manager"), b.phone(2, "facilitator")
	id := syncproto.RecordID{9}
	edit := func(text string, verb syncproto.Verb) hub.PageEdit {
		return b.pageEdit(id, "plain", text, verb, me.person)
	}
	create := edit("یک", syncproto.VerbCreate)
	for i, want := range []bool{false, true} {
		if again, err := me.page(1, create); err != nil || again != want {
			t.Fatalf("sent for the %d. time: again %t, %v", i+1, again, err)
		}
	}
	if _, err := me.page(2, create); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("another form makes the same record: %v", err)
	}
	if _, err := other.page(1, create); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("somebody else's form of the same name: %v", err)
	}
	two, three := edit("دو", syncproto.VerbEdit), edit("سه", syncproto.VerbEdit)
	if _, err := me.page(3, two); err != nil {
		t.Fatal(err)
	}
	b.hub.Close()
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.open()
	if again, err := me.page(3, two); err != nil || !again {
		t.Errorf("sent again after a restart: again %t, %v", again, err)
	}
	if _, err := me.page(4, three); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("a page that is out of date: %v", err)
	}
	if n := b.record(id).State.Number; n != 2 {
		t.Errorf("version %d, want 2", n)
	}
	ch := b.row(b.record(id).State.Latest)
	if ch.Author != me.person || ch.Result.Outcome != syncproto.Applied {
		t.Errorf("written by %s: %s", ch.Author, ch.Result.Outcome)
	}
}

// Only what the page showed counts where an edit says which cells those are.
func TestPagesMindTheirCells(t *testing.T) {
	b := newBench(t)
	me := b.phone(1, "technical_manager")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	me.save(s, newAsset("سالن"))
	me.mustPush(1)
	seen := b.record(s.Record).State
	f, _ := b.forms.FormByName("asset")
	title, _ := f.FieldByName("title_fa")
	e := b.pageEdit(s.Record, "plain", "سالن نو", syncproto.VerbEdit, me.person)
	e.Cells = []syncproto.CellKey{{Field: uint32(title.ID)}}
	e.Seen = hub.VersionOf(seen, e.Cells...)
	me.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	me.mustPush(2)
	if _, err := me.page(1, e); err != nil {
		t.Errorf("another field was changed: %v", err)
	}
	e = b.pageEdit(s.Record, "plain", "سالن کهنه", syncproto.VerbEdit, me.person)
	e.Cells = []syncproto.CellKey{{Field: uint32(title.ID)}}
	e.Seen = hub.VersionOf(seen, e.Cells...)
	if _, err := me.page(2, e); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("the field itself was changed: %v", err)
	}
}

// What a page does to several records it does to all of them or to none, and a later
// one sees what an earlier one did.
func TestPagesDoAllOrNothing(t *testing.T) {
	b := newBench(t)
	me := b.phone(1, "facilitator")
	s := me.make(9, "dossier", values{"status": code("assigned")})
	me.mustPush(1)
	first := b.pageEdit(syncproto.RecordID{10}, "plain", "سالن", syncproto.VerbCreate, me.person)
	if _, err := me.page(1, first, b.stepOf(me, "dossier", s.Record, "suspended")); err == nil {
		t.Fatal("a step of another role was taken")
	}
	b.unwritten(syncproto.RecordID{10}, true)
	if n := b.logLength(); n != 0 {
		t.Errorf("%d changes are in the pages' log", n)
	}
	if _, err := me.page(1, first, b.stepOf(me, "dossier", s.Record, "collecting")); err != nil {
		t.Fatal(err)
	}
	if again, err := me.page(1, first, b.stepOf(me, "dossier", s.Record, "collecting")); err != nil || !again {
		t.Errorf("sent again: again %t, %v", again, err)
	}
	if n := b.logLength(); n != 2 || b.stateOf("dossier", s.Record) != "collecting" {
		t.Errorf("%d changes are in the pages' log, the state is %q", n, b.stateOf("dossier", s.Record))
	}
}

// logLength is how many changes stand in the log of the server's pages.
func (b *bench) logLength() (n uint64) {
	b.t.Helper()
	err := b.store.View(b.ctx, func(r store.Reader) error {
		logs, err := r.Logs(syncproto.DeviceID{})
		for _, l := range logs {
			if d, failed := r.Device(l.Device); failed == nil && d.Name == "pages" {
				n += l.Received
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// Somebody whose right was taken away while a page stood open writes nothing more.
func TestPagesAskForRightsAnew(t *testing.T) {
	b := newBench(t)
	me := b.phone(1, "facilitator")
	if _, err := me.page(1, b.pageEdit(syncproto.RecordID{9}, "plain", "سالن", syncproto.VerbCreate, me.person)); err != nil {
		t.Fatal(err)
	}
	e := b.pageEdit(syncproto.RecordID{9}, "plain", "بام", syncproto.VerbEdit, me.person)
	b.update(func(tx store.Tx) error {
		who, err := tx.Person(me.person)
		who.Disabled = true
		return errors.Join(err, tx.PutPerson(who))
	})
	b.hub.AccessChanged()
	if _, err := me.page(2, e); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a disabled person writes: %v", err)
	}
	b.unwritten(syncproto.RecordID{9}, false)
}
