package sim

import (
	"errors"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// settled checks that a settlement names all that stood on the screen in the
// cell that it decides.
func (o *oracle) settled(ch *syncproto.Change, opened *syncproto.RecordState) error {
	if ch.Header.Verb != syncproto.VerbSettle {
		return nil
	}
	for i := range ch.Ops {
		k := merge.CellOf(&ch.Ops[i])
		if k == merge.PresenceCell && len(ch.Ops) > 1 {
			continue // only says that the record is there
		}
		for _, c := range opened.Candidates(k) {
			if !slices.Contains(ch.Ops[i].Names, c.Version) {
				return broken("a settlement names all it saw", "change %s does not name %s in %v", ch.ID, c.Version, k)
			}
		}
	}
	return nil
}

// homes are the scopes in which a record has been.
func (o *oracle) homes(s *syncproto.RecordState) map[syncproto.ScopeID]bool {
	been := map[syncproto.ScopeID]bool{s.Home: true}
	steps := slices.Clone(s.Passed[merge.HomeCell])
	for _, c := range s.Candidates(merge.HomeCell) {
		steps = append(steps, c.Version)
	}
	for _, v := range steps {
		ch := o.written[v]
		if ch == nil {
			continue
		}
		if ch.Header.Verb == syncproto.VerbCreate {
			been[ch.Header.Scope] = true
		}
		for i := range ch.Ops {
			if to, ok := ch.Ops[i].Value.AsScope(); ok && ch.Ops[i].Kind == syncproto.OpMove {
				been[to] = true
			}
		}
	}
	return been
}

// shownPresence checks that what somebody says is there, is shown: a deletion
// beside it only contests it.
func (o *oracle) shownPresence(s *syncproto.RecordState) error {
	for _, k := range s.Keys() {
		if k != merge.PresenceCell && (k.Item == (syncproto.ItemID{}) || k.Sub != syncproto.SubPresence) {
			continue
		}
		said, denied := false, false
		for _, c := range s.Candidates(k) {
			alive, _ := c.Value.AsBool()
			said, denied = said || alive, denied || !alive
		}
		view := merge.Look(s, k)
		if shown, _ := view.Value.AsBool(); shown != said {
			return broken("what somebody works on stays visible", "record %s, %v: said to be there %v, denied %v, shown %v", s.Record, k, said, denied, shown)
		}
	}
	return nil
}

// nothingWaits checks that no change waits for what is there: the create of its
// record, or a move of it to where it has been.
func (o *oracle) nothingWaits() error {
	return o.w.server.store.View(o.w.ctx, func(r store.Reader) error {
		parked, err := r.ByOutcome(syncproto.Parked, nil, syncproto.ChangeID{}, len(o.written))
		if err != nil {
			return err
		}
		for _, c := range parked {
			row, err := r.Record(c.Record)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			switch {
			case c.Result.Reason == syncproto.ReasonWaitsHome && o.homes(row.State)[o.written[c.ID].Header.Scope]:
				return broken("nothing waits for ever", "change %s waits for a move of record %s to where it has been", c.ID, c.Record)
			case c.Result.Reason == syncproto.ReasonWaitsCreate && row.State.Exists():
				return broken("nothing waits for ever", "change %s waits for the create of record %s, which is there", c.ID, c.Record)
			}
		}
		return nil
	})
}

// waits checks that no step waits that could be taken or set aside.
func (o *oracle) waits(r store.Reader, s *syncproto.RecordState) error {
	for i := range s.Waiting {
		st := &s.Waiting[i]
		k := merge.CellOf(&st.Op)
		for _, n := range st.Op.Names {
			current := slices.ContainsFunc(s.Candidates(k), func(c syncproto.Candidate) bool { return c.Version == n })
			if current && !o.lacks(r, s, st) || slices.Contains(s.Passed[k], n) {
				return broken("nothing waits for ever", "step %s of record %s waits for %s, which is there", st.Change, s.Record, n)
			}
		}
	}
	return nil
}
