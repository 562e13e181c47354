package hub

import (
	"slices"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// fate is what access says of a change.
type fate uint8

const (
	fateApplies fate = iota
	fateWaits
	fateRefused
)

// admit asks access. The author must be able to write in the scope where they
// saw the record; if the record has never been there, the change waits for the
// move that brings it there, unless the author may write where it is. So the
// answer does not depend on whether a move or an edit arrives first.
func (w *work) admit(row *store.Change, ch *syncproto.Change, s *syncproto.RecordState) (fate, syncproto.Reason, error) {
	if row.Device == w.h.office.id {
		return fateApplies, syncproto.ReasonNone, nil
	}
	writer, err := w.writer(row.Device)
	if err != nil {
		return fateApplies, syncproto.ReasonNone, err
	}
	h := &ch.Header
	reason, err := writer.Judge(h, h.Scope)
	if err != nil || reason != syncproto.ReasonNone {
		return fateRefused, reason, err
	}
	if h.Verb == syncproto.VerbCreate {
		if ok, err := w.holds(writer, h, h.Scope); err != nil || !ok {
			return fateRefused, syncproto.ReasonForbidden, err
		}
	}
	for i := range ch.Ops {
		if to, ok := ch.Ops[i].Value.AsScope(); ok && ch.Ops[i].Kind == syncproto.OpMove {
			if ok, err := w.holds(writer, h, to); err != nil || !ok {
				return fateRefused, syncproto.ReasonForbidden, err
			}
		}
		if to, ok := ch.Ops[i].Value.AsScope(); ok && ch.Ops[i].Kind == syncproto.OpMove && !planted.Bug("a move asks only about the home it leaves") {
			if reason, err := writer.Judge(h, to); err != nil || reason != syncproto.ReasonNone {
				return fateRefused, reason, err
			}
		}
	}
	if !s.Exists() || h.Scope == s.Home || slices.Contains(s.Homes, h.Scope) || h.Verb == syncproto.VerbCreate {
		return fateApplies, syncproto.ReasonNone, nil
	}
	reason, err = writer.Judge(h, s.Home)
	if err != nil {
		return fateApplies, syncproto.ReasonNone, err
	}
	if reason != syncproto.ReasonNone {
		return fateWaits, syncproto.ReasonWaitsHome, nil
	}
	return fateApplies, syncproto.ReasonNone, nil
}

// holds says whether a scope's compartment protects a record of the change's
// form as the form asks. Of a form that is not known here nobody can say.
func (w *work) holds(writer *access.Writer, h *syncproto.Header, scope syncproto.ScopeID) (bool, error) {
	form, known := w.h.packages.Form(schemas.FormID(h.Form))
	if !known {
		return true, nil
	}
	c, err := writer.Compartment(h.Author, scope)
	// Without rights there the reason is another one.
	return err != nil || c == "" || schemas.Compartment(c).Holds(form.Compartment), err
}
