package sim

import (
	"bytes"
	"slices"

	"mahalleh/schemas"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// A programme's steps are judged at the server too. The devices played here ask no
// guard before they save: each is a client of somebody's own.

// formOf is the form of the record at hand, or of the one that an act begins.
func (p *pen) formOf(act string) schemas.FormID {
	switch {
	case p.opened.Exists():
		return schemas.FormID(p.opened.Form)
	case act == "enrolment":
		return formEnrolment
	case act == "committee":
		return formCommittee
	}
	return formEvery
}

// first is the first of the author's scopes: records of a programme meet there.
func (p *pen) first() syncproto.ScopeID {
	return slices.MinFunc(p.scopes, func(a, b syncproto.ScopeID) int { return bytes.Compare(a[:], b[:]) })
}

// begun is a new record of a programme.
func (p *pen) begun(form schemas.FormID) schemas.Record {
	r := schemas.Record{Form: form, Fields: map[schemas.FieldID]schemas.Value{fieldText: schemas.TextValue(p.marker)}}
	if form == formEnrolment {
		r.Fields[fieldState] = schemas.CodeValue(stages[0])
	} else {
		r.Fields[fieldKind] = schemas.CodeValue(monitoring)
	}
	return r
}

// programme is what somebody who edits, or steps, does to a record of a programme:
// leads it to another stage, or makes the committee another one; nil for other acts
// and forms.
func (p *pen) programme(act string, edit merge.Edit) []syncproto.Op {
	if act != "edit" && act != "transition" && act != monitoring {
		return nil
	}
	switch p.opened.Form {
	case formEnrolment:
		to := stages[p.rng.IntN(len(stages))]
		if act == monitoring {
			to = monitoring
		}
		return []syncproto.Op{merge.TransitionOp(p.opened, fieldState, to), merge.Presence(p.opened, p.author, true, false)}
	case formCommittee:
		edit.After = edit.Before.Clone()
		edit.After.Fields[fieldKind] = schemas.CodeValue([]string{monitoring, "steering"}[p.rng.IntN(2)])
		return edit.Ops()
	}
	return nil
}

// leadsTo is where a change leads a record's state, "" if it does not.
func leadsTo(ch *syncproto.Change) (to string, names []syncproto.ChangeID) {
	for i := range ch.Ops {
		if ch.Ops[i].Kind == syncproto.OpTransition {
			_, to, _ := ch.Ops[i].Value.AsTransition()
			return to, ch.Ops[i].Names
		}
	}
	return "", nil
}

// took notes a step of a programme that a server says it has taken.
func (o *oracle) took(r *syncproto.Result) {
	ch := o.written[r.Change]
	if ch == nil || ch.Header.Form != formEnrolment || !applied(r.Outcome) {
		return
	}
	for _, c := range r.Cells {
		if c.Cell.Field == fieldState && c.Reason == syncproto.ReasonPlain {
			o.taken[r.Change] = true
		}
	}
}

// monitored says whether a scope has a committee that monitors.
func (o *oracle) monitored(r store.Reader, home syncproto.ScopeID) bool {
	for id := range o.records {
		row, err := r.Record(id)
		if err != nil || row.State.Form != formCommittee || row.State.Home != home || !merge.Alive(row.State) {
			continue
		}
		if kind, _ := merge.Look(row.State, syncproto.CellKey{Field: fieldKind}).Value.AsText(); kind == monitoring {
			return true
		}
	}
	return false
}

// everMonitored says whether anybody wrote of a committee that monitors.
func (o *oracle) everMonitored() bool {
	for _, ch := range o.written {
		for i := range ch.Ops {
			if kind, _ := ch.Ops[i].Value.AsText(); ch.Header.Form == formCommittee && ch.Ops[i].Field == fieldKind && kind == monitoring {
				return true
			}
		}
	}
	return false
}

// programme checks the steps of an enrolment: none was taken for which there never
// was what it stands on; one that was taken, and told so, stays taken, also over a
// server that was put back, unless somebody else's took its place or what it stands
// on is gone; and none waits for what is there.
func (o *oracle) programme(r store.Reader, s *syncproto.RecordState, rows map[syncproto.ChangeID]store.Change) error {
	if s.Form != formEnrolment {
		return nil
	}
	k := syncproto.CellKey{Field: fieldState}
	chain := slices.Clone(s.Passed[k])
	current := func(id syncproto.ChangeID) bool {
		return slices.ContainsFunc(s.Candidates(k), func(c syncproto.Candidate) bool { return c.Version == id })
	}
	for _, c := range s.Candidates(k) {
		chain = append(chain, c.Version)
	}
	for _, id := range chain {
		if to, _ := leadsTo(o.written[id]); to == monitoring && !o.everMonitored() {
			return broken("no step that a rule forbids", "step %s of record %s was taken, and nobody monitors", id, s.Record)
		}
	}
	there := o.monitored(r, s.Home)
	for id := range o.taken {
		ch := o.written[id]
		row, here := rows[id]
		if ch.Header.Record != s.Record || !here || !applied(row.Result.Outcome) || slices.Contains(chain, id) {
			continue
		}
		to, names := leadsTo(ch)
		if slices.ContainsFunc(names, current) && (to != monitoring || there) {
			return broken("an applied step stays applied over a restore", "step %s of record %s was taken, and told so, and is not any more", id, s.Record)
		}
	}
	return nil
}

// lacks says that a step waits for what is not there.
func (o *oracle) lacks(r store.Reader, s *syncproto.RecordState, st *syncproto.Step) bool {
	_, to, _ := st.Op.Value.AsTransition()
	return s.Form == formEnrolment && to == monitoring && !o.monitored(r, s.Home)
}

// lateEvidence lets somebody found a committee, somebody else take the step that
// stands on it, and the server lose both, so that the step is sent again first.
func (w *world) lateEvidence() error {
	founder := w.devices[0]
	var guest *device
	for _, d := range w.devices[1:] {
		if d.person != founder.person {
			guest = d
		}
	}
	if guest == nil {
		return nil
	}
	w.note("story of late evidence", founder.n, guest.n)
	id, err := w.make(founder, "enrolment")
	if err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	if s, ok, err := w.shown(guest, id); err != nil || !ok || !merge.Alive(s) {
		return err // the guest works elsewhere
	}
	if err := w.server.backUp(true); err != nil {
		return err
	}
	if _, err := w.make(founder, "committee"); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	s, ok, err := w.shown(guest, id)
	if err != nil || !ok {
		return err
	}
	if err := guest.write(id, s, monitoring); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	for _, d := range w.devices {
		if d.line != nil {
			if err := d.line.cut(); err != nil {
				return err
			}
		}
	}
	if err := w.server.verified(); err != nil {
		return err
	}
	w.note("restore server")
	if err := w.server.restoreBackup(); err != nil {
		return err
	}
	if err := w.oracle.lost(); err != nil {
		return err
	}
	if _, err = w.settle(guest); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	return w.oracle.check()
}
