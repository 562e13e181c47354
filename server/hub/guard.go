package hub

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// A step of a programme is judged here as it is on the device, by the same rules,
// with what the transaction sees. Devices ask before they save; who asks nobody has
// only the step set aside.

var _ merge.Guard = (*work)(nil)

// MayStep implements merge.Guard. A form without a machine, or one that is not known
// here, has no rules.
func (w *work) MayStep(before, s *syncproto.RecordState, st *syncproto.Step) (merge.Answer, error) {
	form, known := w.h.packages.Form(schemas.FormID(s.Form))
	if !known {
		return merge.Answer{}, nil
	}
	m, ok := workflow.Of(form.Name)
	if !ok {
		return merge.Answer{}, nil
	}
	f, has := form.FieldByName(m.Field)
	if !has || uint32(f.ID) != st.Op.Field {
		return merge.Answer{}, nil
	}
	q := &question{w: w, s: s, st: st, m: m, asked: asked{}}
	_, to, _ := st.Op.Value.AsTransition()
	after := merge.Content(form, s)
	after.Fields[f.ID] = schemas.CodeValue(to)
	finding, refused, err := q.put(workflow.Case{
		Forms: w.h.packages, ID: schemas.ID(s.Record), Before: merge.Content(form, before), After: after, To: to,
		Version: merge.VersionDecided(form, s), Today: w.today(st), Refusals: true, Records: q, ActorOf: q.actor, FactsOf: q.facts,
	})
	if err != nil || !refused {
		return merge.Answer{}, err
	}
	w.refused[st.Change] = finding
	if !finding.Final {
		w.holdsFor(s, q.asked)
	}
	return merge.Answer{Rule: syncproto.Reason(workflow.NumberOf(finding.Rule)), Waits: !finding.Final}, nil
}

// today is the day of a step: the author's, but never one that has not come here. By
// the server's alone a notice that was given in time would be refused since it
// arrived late; by the author's alone a clock would decide.
func (w *work) today(st *syncproto.Step) jalali.Day {
	return jalali.Tehran{}.Day(time.UnixMilli(min(st.Meta.Time, w.now)))
}

// question is one step that is judged, and what was asked for it.
type question struct {
	w     *work
	s     *syncproto.RecordState
	st    *syncproto.Step
	m     *workflow.Machine
	asked asked
	// found are the records of the place that were looked at for evidence.
	found *evidence
	err   error
}

// put judges the step. What the place has is looked at a page at a time, until it is
// enough or there is no more: whether there is any at all is told by the first.
func (q *question) put(c workflow.Case) (workflow.Finding, bool, error) {
	for {
		finding, refused := workflow.Judge(q.m, &c).Refused()
		if q.err != nil || !refused {
			return finding, false, q.err
		}
		if len(finding.Evidence) == 0 {
			return finding, true, nil
		}
		q.asked.forms(q.found, finding.Evidence)
		more, err := q.found.more(finding.Evidence)
		if err != nil || !more {
			return finding, true, err
		}
	}
}

// Record implements workflow.Records.
func (q *question) Record(id schemas.ID) (schemas.Record, bool) {
	q.asked.record(syncproto.RecordID(id))
	t, err := q.w.record(syncproto.RecordID(id))
	if err != nil {
		q.err = errors.Join(q.err, err)
		return schemas.Record{}, false
	}
	if !merge.Alive(t.state) {
		return schemas.Record{}, false
	}
	form, known := q.w.h.packages.Form(schemas.FormID(t.state.Form))
	if !known {
		return schemas.Record{}, false
	}
	return merge.Content(form, t.state), true
}

// facts are those of what was looked at so far.
func (q *question) facts() workflow.Facts {
	if q.found == nil {
		place, err := q.w.placeOf(q.s.Home)
		q.err = errors.Join(q.err, err)
		q.found = q.w.evidenceAt(place)
	}
	return q.found.of(q.s.Record)
}

// actor is who takes the step. The office, and who had a step released, is asked for
// no role.
func (q *question) actor() workflow.Actor {
	a, err := q.w.actorOf(q.s, q.st)
	q.err = errors.Join(q.err, err)
	return a
}

func (w *work) actorOf(s *syncproto.RecordState, st *syncproto.Step) (workflow.Actor, error) {
	row, err := w.change(st.Change)
	if err != nil {
		return workflow.Actor{}, fmt.Errorf("look for change %s: %w", st.Change, err)
	}
	by, judged := w.deciders[row.ID]
	if !judged && (row.Device == w.h.office.id || w.released[row.ID]) {
		return workflow.Actor{Office: true}, nil
	}
	decisions, err := w.tx.Decisions(row.ID)
	if err != nil {
		return workflow.Actor{}, fmt.Errorf("read decisions about %s: %w", row.ID, err)
	}
	if !judged && slices.ContainsFunc(decisions, func(d store.Quarantine) bool { return d.Decision == DecisionReleased }) {
		return workflow.Actor{Office: true}, nil
	}
	seen, err := w.placeOf(homeSeen(s, row))
	if err != nil {
		return workflow.Actor{}, err
	}
	roles, err := w.h.access.RolesAt(w.tx, st.Meta.Author, seen, row.Received)
	if err != nil {
		return workflow.Actor{}, fmt.Errorf("read the roles of %s: %w", st.Meta.Author, err)
	}
	if judged {
		place, err := w.placeOf(s.Home)
		if err != nil {
			return workflow.Actor{}, err
		}
		more, err := w.h.access.RolesAt(w.tx, by, place, w.now)
		if err != nil {
			return workflow.Actor{}, fmt.Errorf("read the roles of %s: %w", by, err)
		}
		roles = append(roles, more...)
	}
	var a workflow.Actor
	for _, r := range roles {
		a.Roles = append(a.Roles, workflow.Role(r))
	}
	return a, nil
}

// homeSeen is the home in which a change's author saw the record, if that was ever its
// home; else the one it has. As for admit, the answer does not depend on whether a move
// or a step arrives first, which is another order after a server was put back.
func homeSeen(s *syncproto.RecordState, row *store.Change) syncproto.ScopeID {
	header, _, _, err := wire.SplitChange(row.Bytes)
	if err != nil {
		return s.Home
	}
	h, err := wire.DecodeHeader(header)
	if err != nil || !slices.Contains(s.Homes, h.Scope) {
		return s.Home
	}
	return h.Scope
}

// placeOf is the place of a scope, zero if it is of none.
func (w *work) placeOf(id syncproto.ScopeID) (syncproto.PlaceID, error) {
	sc, err := w.tx.Scope(id)
	if errors.Is(err, store.ErrNotFound) {
		sc, err = access.ScopeRow(w.tx, id)
	}
	if err != nil {
		return syncproto.PlaceID{}, fmt.Errorf("read scope %s: %w", id, err)
	}
	return sc.Place, nil
}
