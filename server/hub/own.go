package hub

import (
	"errors"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// ownChange is what is asked of a change when a record that it made is told.
type ownChange struct {
	log    syncproto.LogID
	seq    uint64
	result syncproto.Result
	// change is nil if it could not be read.
	change *syncproto.Change
}

// maxOwn bounds the changes that a session keeps until they are read; the rest
// is read from the store.
const maxOwn = 2 * syncproto.MaxBatchChanges

// remember keeps what was accepted for the read that follows.
func (d *Desk) remember(got Accepted, opened []opened) {
	if got.Log != d.log || len(got.Here) != len(opened) {
		return
	}
	for i := range opened {
		o, res := &opened[i], &got.Results[i]
		// What is applied stays applied; anything else may be something else by then.
		if o.done && o.err == nil && got.Here[i] && res.Result.Outcome == syncproto.Applied && len(d.own) < maxOwn {
			d.own[o.id] = ownChange{log: got.Log, seq: res.Seq, result: res.Result, change: o.change}
		}
	}
}

// ownChange returns a change as it was accepted, or as the store has it.
func (d *Desk) ownChange(r store.Reader, id syncproto.ChangeID) (ownChange, error) {
	if c, kept := d.own[id]; kept {
		return c, nil
	}
	row, err := r.Change(id)
	if err != nil {
		return ownChange{}, err
	}
	c := ownChange{log: row.Log, seq: row.Seq, result: row.Result}
	if ch, err := wire.DecodeChange(row.Bytes); err == nil {
		c.change = ch
	}
	return c, nil
}

// maxOwnChain bounds the own changes by which one record is told; a record with
// more is sent as it stands.
const maxOwnChain = 16

// ownChain returns the changes that make the record of what the device holds
// of it as of since, or from its creation on, in order, if all that was applied
// after that is what this session pushed, and each to the very version that its
// author saw. Nil if the record has to be sent.
func (d *Desk) ownChain(r store.Reader, e session.ReadScopes, s *syncproto.RecordState, since uint64) ([]syncproto.ChangeID, error) {
	if e.Pushed == 0 || len(s.Waiting) > 0 {
		return nil, nil
	}
	touched := map[syncproto.CellKey]bool{merge.HomeCell: true}
	done := func(own []syncproto.ChangeID) []syncproto.ChangeID {
		for k, c := range s.Cells {
			if c.Position > since && !touched[k] {
				return nil // what was set aside can take values away too
			}
		}
		slices.Reverse(own)
		return own
	}
	var own []syncproto.ChangeID
	for id := s.Latest; len(own) < maxOwnChain; {
		c, err := d.ownChange(r, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if c.result.Scope == s.Home && c.result.Position <= since {
			return done(own), nil
		}
		// Applied, and not merged, says that nothing had come since its base.
		if c.log != e.Log || c.seq < e.Pushed || c.result.Outcome != syncproto.Applied || c.result.Scope != s.Home {
			return nil, nil
		}
		ch := c.change
		if ch == nil || ch.Redacted() || slices.ContainsFunc(ch.Ops, isStep) {
			return nil, nil
		}
		for i := range ch.Ops {
			touched[merge.CellOf(&ch.Ops[i])] = true
		}
		own = append(own, id)
		if ch.Header.Verb == syncproto.VerbCreate {
			return done(own), nil
		}
		id = ch.Header.Base
	}
	return nil, nil
}

// isStep tells operations whose effect depends on what is kept on the server only.
func isStep(op syncproto.Op) bool {
	return op.Kind == syncproto.OpTransition || op.Kind == syncproto.OpMove
}
