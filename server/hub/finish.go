package hub

import (
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// finish gives positions to all that changed and writes every row: changes, and
// then, in the order that the contract asks for, records and scopes, each
// ascending.
func (w *work) finish() error {
	if err := w.freeHeld(); err != nil {
		return err
	}
	var ids []syncproto.RecordID
	scopes := map[syncproto.ScopeID]*store.Scope{}
	need := func(id syncproto.ScopeID) {
		if scopes[id] == nil {
			scopes[id] = &store.Scope{ID: id}
		}
	}
	for id, t := range w.records {
		if !t.dirty {
			continue
		}
		ids = append(ids, id)
		need(t.state.Home)
		if t.there {
			need(t.home)
		}
	}
	slices.SortFunc(ids, compareIDs)
	for _, id := range sortedScopes(scopes) {
		sc, err := w.lockScope(id)
		if err != nil {
			return err
		}
		scopes[id] = &sc
	}
	all := make([]placed, len(ids))
	for i, id := range ids {
		w.at, all[i].t = w.newestOf(id), w.records[id]
		if err := w.place(all[i].t, scopes); err != nil {
			return err
		}
	}
	w.at = syncproto.ChangeID{}
	// To encode the records takes half of the time that to write the changes does.
	encoded := encodeAll(all)
	defer func() { <-encoded }()
	for _, id := range w.fresh {
		row := w.changes[id]
		if t := w.records[row.Record]; t != nil && row.Order != 0 && row.Result.Position == 0 {
			row.Result.Scope, row.Result.Position = t.state.Home, t.state.Position
		}
		if err := w.tx.PutChange(*row); err != nil {
			return fmt.Errorf("write change %s: %w", id, err)
		}
	}
	<-encoded
	for i := range all {
		p := &all[i]
		w.at = w.newestOf(p.t.state.Record)
		if !p.encoded {
			p.encode()
		}
		if err := w.write(p, scopes[p.t.state.Home]); err != nil {
			return err
		}
	}
	w.at = syncproto.ChangeID{}
	for _, id := range sortedScopes(scopes) {
		if err := w.tx.PutScope(*scopes[id]); err != nil {
			return fmt.Errorf("write scope %s: %w", id, err)
		}
		w.moved[id] = scopes[id].Position
	}
	return w.tx.PutMeta(clockKey, timeBytes(w.now))
}

// lockScope locks a scope, which begins with its first record.
func (w *work) lockScope(id syncproto.ScopeID) (store.Scope, error) {
	sc, err := w.tx.LockScope(id)
	if errors.Is(err, store.ErrNotFound) {
		return access.ScopeRow(w.tx, id)
	}
	if err != nil {
		return sc, fmt.Errorf("lock scope %s: %w", id, err)
	}
	return sc, nil
}

func sortedScopes(m map[syncproto.ScopeID]*store.Scope) []syncproto.ScopeID {
	ids := make([]syncproto.ScopeID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs)
	return ids
}

// place gives a changed record its position, and takes it out of the sum in
// which it was.
func (w *work) place(t *touched, scopes map[syncproto.ScopeID]*store.Scope) error {
	s := t.state
	home := scopes[s.Home]
	if t.there && t.home != s.Home {
		old := scopes[t.home]
		old.Position++
		if planted.Bug("a move takes the new hash out of the old sum") {
			t.hash = wire.StateHash(s)
		}
		old.Sum = syncproto.SumSub(old.Sum, t.hash)
		old.Count--
		if err := w.tx.PutMark(store.Mark{Scope: t.home, Position: old.Position, Record: s.Record, Kind: store.MarkLeft, To: s.Home}); err != nil {
			return fmt.Errorf("mark that record %s left: %w", s.Record, err)
		}
		if err := w.tx.DropMark(s.Home, s.Record); err != nil {
			return fmt.Errorf("forget that record %s left: %w", s.Record, err)
		}
	} else if t.there {
		home.Sum = syncproto.SumSub(home.Sum, t.hash)
		home.Count--
	}
	home.Position++
	s.Position = home.Position
	if !t.there || t.home != s.Home {
		s.Entered = home.Position
		for _, c := range s.Cells {
			c.Position = home.Position
		}
	}
	for _, c := range s.Cells {
		if c.Position == 0 {
			c.Position = home.Position
		}
	}
	return nil
}

// placed is a changed record at its new position, as it is written.
type placed struct {
	t   *touched
	row store.Record
	// encoded is false if that made the program fail, or was not tried.
	encoded bool
}

func (p *placed) encode() {
	s := p.t.state
	p.row = store.Record{State: s, Open: len(merge.Conflicts(s))}
	p.row.Stored, p.row.Hash = wire.StoredRecord(s)
	p.encoded = true
}

// fewRecords are encoded as quickly as somebody else is asked to.
const fewRecords = 16

// encodeAll encodes records while others are written; they must not be touched
// before the channel is closed. Of one at which that fails the failure is met
// again, and blamed, where it is written.
func encodeAll(all []placed) <-chan struct{} {
	done := make(chan struct{})
	if len(all) < fewRecords {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		for i := range all {
			func() {
				defer func() { _ = recover() }()
				all[i].encode()
			}()
		}
	}()
	return done
}

// write writes a record and counts it into its home's sum.
func (w *work) write(p *placed, home *store.Scope) error {
	home.Sum = syncproto.SumAdd(home.Sum, p.row.Hash)
	home.Count++
	if err := w.tx.PutRecord(p.row); err != nil {
		return fmt.Errorf("write record %s: %w", p.row.State.Record, err)
	}
	t := p.t
	t.there, t.hash, t.home, t.dirty = true, p.row.Hash, p.row.State.Home, false
	return nil
}
