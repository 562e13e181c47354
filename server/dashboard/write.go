package dashboard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/server/aside"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// Pages write by the hub like everybody else: as the person who is signed in, with
// their rights and roles, bound to what the page showed, once for each form that is
// sent. A page that can write
//
//   - has the hidden fields formField, with [visit.newForm], and, for each record that
//     it writes, one with [seenOf] of what it shows;
//   - on POST begins [visit.begin], says what to write (create, edit, remove) and calls
//     do; of what is refused [visit.explain] tells, with [statusOf];
//   - shows itself anew, with what was typed, where that is hub.ErrChanged.

// formField is the hidden field that names a form which may be sent once.
const formField = "form"

// maxReason bounds a reason, in characters, as on devices.
const maxReason = 500

var (
	// errLongReason: a reason is longer than the history keeps.
	errLongReason = errors.New("the reason is too long")
	// errNoReason: a reason is asked for, and none was given.
	errNoReason = errors.New("a reason is asked for")
)

// formError says which rules of a form the values break that somebody sent.
type formError struct {
	form     *schemas.Form
	problems []schemas.Problem
}

func (e *formError) Error() string {
	return fmt.Sprintf("form %s: %s", e.form.Name, e.problems[0].Message.En)
}

// newForm names a form that a page shows: the time and random bits.
func (v *visit) newForm() (string, error) {
	var name [16]byte
	if _, err := io.ReadFull(v.Admin.Rand, name[6:]); err != nil {
		return "", fmt.Errorf("name a form: %w", err)
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(v.now()))
	copy(name[:], ms[2:])
	return hex.EncodeToString(name[:]), nil
}

// seenOf is what a page says it showed of a record, or of these cells of it.
func seenOf(s *syncproto.RecordState, cells ...syncproto.CellKey) string {
	h := hub.VersionOf(s, cells...)
	return hex.EncodeToString(h[:])
}

// writing is what somebody does with one form that they sent.
type writing struct {
	v      *visit
	form   [16]byte
	made   int
	reason string
	act    hub.PageAct
}

// begin reads which form was sent.
func (v *visit) begin() (*writing, error) {
	w := &writing{v: v}
	id, err := syncproto.ParseID(v.r.PostForm.Get(formField))
	if err != nil {
		return nil, errBadRequest
	}
	w.form, w.act.By = id, v.who.ID
	// With another content it is another form: what a person sent last counts, and
	// meets what was written by the first.
	w.act.Token = tokenOf(syncproto.GroupID(id), v.r.URL.Path+"\n"+v.r.PostForm.Encode())
	return w, nil
}

// tokenOf names what a form does with one content.
func tokenOf(form syncproto.GroupID, content string) syncproto.GroupID {
	h := sha256.Sum256(append(append([]byte("mahalleh form 1\n"), form[:]...), content...))
	return syncproto.GroupID(h[:16])
}

// because puts a reason into the history of all that is written.
func (w *writing) because(reason string) error {
	clean, err := persian.Clean(reason)
	switch {
	case err != nil:
		return errBadRequest
	case persian.Length(clean) > maxReason:
		return errLongReason
	}
	w.reason = clean
	return nil
}

// create makes a record of a form at a place, in the form's compartment. fill writes
// into the empty record; it may be called again.
func (w *writing) create(form *schemas.Form, place syncproto.PlaceID, fill func(*schemas.Record) error) syncproto.RecordID {
	ms := int64(binary.BigEndian.Uint64(append([]byte{0, 0}, w.form[:6]...)))
	id := hub.PageRecord(w.v.who.ID, w.form, w.made, ms)
	w.made++
	w.act.Edits = append(w.act.Edits, hub.PageEdit{Record: id, Edit: func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		e, err := w.filled(form, s, newItem, fill)
		e.Verb, e.Scope = syncproto.VerbCreate, syncproto.ScopeOf(place, string(form.Compartment))
		return e, err
	}})
	return id
}

// edit changes a record of which the page showed seen. change writes into what stands
// there; it may be called again. A state that it puts to another is a step.
func (w *writing) edit(id syncproto.RecordID, seen string, change func(*schemas.Form, *schemas.Record) error) error {
	return w.on(id, seen, nil, func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		form, ok := w.v.forms.Form(schemas.FormID(s.Form))
		if !ok {
			return hub.OfficeEdit{}, store.ErrNotFound
		}
		return w.filled(form, s, newItem, func(r *schemas.Record) error { return change(form, r) })
	})
}

// remove takes a record away, restore brings it back.
func (w *writing) remove(id syncproto.RecordID, seen string) error {
	return w.presence(id, seen, syncproto.VerbDelete, false)
}

func (w *writing) restore(id syncproto.RecordID, seen string) error {
	return w.presence(id, seen, syncproto.VerbRestore, true)
}

func (w *writing) presence(id syncproto.RecordID, seen string, verb syncproto.Verb, alive bool) error {
	return w.on(id, seen, nil, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		if merge.Alive(s) == alive {
			return hub.OfficeEdit{}, hub.ErrChanged
		}
		return hub.OfficeEdit{Verb: verb, Ops: w.with([]syncproto.Op{merge.Presence(s, w.v.who.ID, alive, true)})}, nil
	})
}

// on makes any change of a record, bound to what the page showed of it or of cells.
func (w *writing) on(id syncproto.RecordID, seen string, cells []syncproto.CellKey, edit func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error)) error {
	h, ok := decodeSeen(seen)
	if !ok {
		return errBadRequest
	}
	w.act.Edits = append(w.act.Edits, hub.PageEdit{Record: id, Seen: h, Cells: cells, Edit: edit})
	return nil
}

// decodeSeen reads what seenOf wrote.
func decodeSeen(text string) (seen syncproto.Hash, ok bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(seen) {
		return seen, false
	}
	copy(seen[:], b)
	return seen, seen != syncproto.Hash{}
}

// filled is what somebody changed in a record, if the form's rules let it be saved.
func (w *writing) filled(form *schemas.Form, s *syncproto.RecordState, newItem func(int) syncproto.ItemID, change func(*schemas.Record) error) (hub.OfficeEdit, error) {
	e := hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(form.ID)}
	before := schemas.Record{Form: form.ID}
	if s.Exists() {
		before = merge.Content(form, s)
	}
	after := before.Clone()
	if after.Fields == nil {
		after.Fields = map[schemas.FieldID]schemas.Value{}
	}
	if err := change(&after); err != nil {
		return e, err
	}
	after = schemas.Normalise(form, after)
	env := schemas.Env{Today: int32(w.v.tehran.Day(time.UnixMilli(w.v.now())))}
	then, now := schemas.Assess(form, w.v.forms, before, env), schemas.Assess(form, w.v.forms, after, env)
	for _, f := range form.Fields() {
		// What is not asked any more goes, as on a device; counters and states stay.
		old := f.Type == schemas.TypeState || f.Type == schemas.TypeCounter
		if !now.Relevant(f.ID) && then.Relevant(f.ID) && !(old && !before.Fields[f.ID].IsEmpty()) {
			delete(after.Fields, f.ID)
		}
		if f.Type == schemas.TypeState && !before.Fields[f.ID].IsEmpty() && !before.Fields[f.ID].Equal(after.Fields[f.ID]) {
			e.Verb = syncproto.VerbTransition
		}
	}
	old := then.Problems
	if !s.Exists() {
		old = nil // what a new record lacks is whoever's who makes it
	}
	if wrong := broken(old, now.Problems); len(wrong) > 0 {
		return e, &formError{form, wrong}
	}
	edit := merge.Edit{Form: form, Opened: s, Before: before, After: after, Author: w.v.who.ID, NewItem: newItem}
	e.Ops = w.with(edit.Ops())
	return e, nil
}

// broken are the rules for which a record could not be saved and that it did not break
// before: what somebody else left is not held against who writes now.
func broken(before, after []schemas.Problem) []schemas.Problem {
	var all []schemas.Problem
	for _, p := range after {
		old := slices.ContainsFunc(before, func(b schemas.Problem) bool {
			return b.Field == p.Field && b.Item == p.Item && b.Rule == p.Rule && b.Level >= p.Level
		})
		if p.Level >= schemas.LevelIncomplete && !old {
			all = append(all, p)
		}
	}
	return all
}

// with adds the reason to what is written, if anything is.
func (w *writing) with(ops []syncproto.Op) []syncproto.Op {
	if len(ops) == 0 || w.reason == "" {
		return ops
	}
	return append(ops, syncproto.ReasonOp(w.reason))
}

// do writes all of it, or nothing. What was sent before is done already.
func (w *writing) do() error {
	_, err := w.v.Hub.Write(w.v.ctx(), w.act)
	return err
}

// explainWriting says why something was not written; false for any other error.
func (v *visit) explainWriting(err error) (formview.Notice, bool) {
	n := formview.Notice{Level: formview.Problem}
	refused, isRefused := errors.AsType[*hub.RefusedError](err)
	wrong, isForm := errors.AsType[*formError](err)
	switch {
	case errors.Is(err, hub.ErrChanged):
		n.Level, n.Text, n.Hint = formview.Warning, v.say("office.failed.changed", nil), v.say("office.failed.changed_hint", nil)
	case errors.Is(err, errLongReason):
		n.Text = v.say("office.failed.long_reason", texts.Args{"most": maxReason})
	case errors.Is(err, errNoReason):
		n.Text = v.say("office.failed.no_reason", nil)
	case isForm:
		n.Text = v.label(wrong.problems[0].Message)
		if more := len(wrong.problems) - 1; more > 0 {
			n.Hint = v.say("office.failed.more_wrong", texts.Args{"n": more})
		}
	case isRefused && refused.Finding.Rule != "":
		n.Text, n.Hint = v.label(refused.Finding.Message), v.say("screen.rule", texts.Args{"rule": refused.Finding.Rule, "source": string(refused.Finding.Source)})
	case isRefused && !unseen(err):
		n.Text = v.say("office.failed.refused", nil)
	default:
		return n, false
	}
	return n, true
}

// unseen reports whether a change was refused since its author may not make it: to them
// what they asked for is not there.
func unseen(err error) bool {
	refused, is := errors.AsType[*hub.RefusedError](err)
	return is && slices.Contains([]syncproto.Reason{syncproto.ReasonForbidden, syncproto.ReasonRevoked, syncproto.ReasonUnknownName}, refused.Reason)
}

// statusOfWriting is the HTTP status of what was not written, 0 for any other error.
func statusOfWriting(err error) int {
	_, isRefused := errors.AsType[*hub.RefusedError](err)
	_, isForm := errors.AsType[*formError](err)
	_, isField := errors.AsType[*schemas.FieldError](err)
	switch {
	case errors.Is(err, hub.ErrChanged):
		return http.StatusConflict
	case unseen(err):
		return http.StatusNotFound
	case isRefused, isForm, isField, errors.Is(err, errLongReason), errors.Is(err, errNoReason), errors.Is(err, errNoChoice), errors.Is(err, errNoPick), errors.Is(err, errOpen), errors.Is(err, errNotBrought),
		errors.Is(err, hub.ErrMayNot), errors.Is(err, hub.ErrNotReleasable), errors.Is(err, aside.ErrNotSettable):
		return http.StatusUnprocessableEntity
	}
	return 0
}
