package dashboard

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// decideAside takes what somebody decided.
func (v *visit) decideAside() error {
	id, err := syncproto.ParseID(v.r.PathValue("id"))
	if err != nil {
		return store.ErrNotFound
	}
	w, err := v.begin()
	if err != nil {
		return err
	}
	if err := w.because(v.r.PostForm.Get("reason")); err != nil {
		return v.showAside(err)
	}
	if w.reason == "" {
		return v.showAside(errNoReason)
	}
	s := v.Hub.Supervisor(v.who.ID)
	switch v.r.PostForm.Get("do") {
	case "release":
		err = s.Release(v.ctx(), id, w.reason)
	case "keep":
		err = s.Keep(v.ctx(), id, w.reason)
	case "correct":
		err = v.correctAside(s, id, w.reason)
	case "reassign":
		to, bad := syncproto.ParseID(v.r.PostForm.Get("to"))
		if bad != nil || to == [16]byte{} {
			return v.showAside(errNoChoice)
		}
		err = s.Correct(v.ctx(), id, to, w.reason, func(ops []syncproto.Op) ([]syncproto.Op, error) { return ops, nil })
	default:
		return errBadRequest
	}
	switch status := statusOf(err); {
	case err == nil:
		v.Moved()
		return v.done("aside_decided", "/aside/"+syncproto.ChangeID(id).String())
	case errors.Is(err, hub.ErrNotQuarantined):
		return v.done("aside_decided_already", "/aside/"+syncproto.ChangeID(id).String())
	case status == 500, notThere(err):
		return err
	}
	return v.showAside(err)
}

// correctAside puts what was typed in place of what a change says, and leaves out what
// was unticked. Values that nobody touched stay as their author wrote them.
func (v *visit) correctAside(s hub.Supervisor, id syncproto.ChangeID, reason string) error {
	var form *schemas.Form
	c := aside.Correction{Forms: v.forms, Set: map[int]string{}, Read: schemas.ParseTyped}
	err := v.read(func(r store.Reader, view *access.View) error {
		row, err := v.findAside(r, view)
		if err != nil {
			return err
		}
		ch, err := wire.DecodeChange(row.Bytes)
		if err != nil {
			return hub.ErrNotReleasable
		}
		form, _ = v.forms.Form(schemas.FormID(ch.Header.Form))
		if form == nil {
			return hub.ErrNotReleasable
		}
		t := v.teller(view)
		for i := range ch.Ops {
			op := &ch.Ops[i]
			if slices.Contains(v.r.PostForm["drop"], strconv.Itoa(i)) && op.Field >= syncproto.FirstFormField {
				c.Drop = append(c.Drop, i)
				continue
			}
			typed, sent := v.r.PostForm["set."+strconv.Itoa(i)]
			leaf := aside.Leaf(form, syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub})
			if sent && aside.Settable(form, op) && strings.TrimSpace(typed[0]) != strings.TrimSpace(v.typedOf(t, leaf, op)) {
				c.Set[i] = typed[0]
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(c.Set) == 0 && len(c.Drop) == 0 {
		return errNoChoice
	}
	c.Form = form
	return s.Correct(v.ctx(), id, syncproto.PersonID{}, reason, c.Apply)
}
