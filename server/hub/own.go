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
	// change is the change itself, or bytes are what it is read from.
	change *syncproto.Change
	bytes  []byte
}

// open returns the change, nil if it cannot be read.
func (c *ownChange) open() *syncproto.Change {
	if c.change == nil {
		if ch, err := wire.DecodeChange(c.bytes); err == nil {
			c.change = ch
		}
	}
	return c.change
}

// maxOwn bounds the changes that a session keeps until they are read; the rest
// is read from the store.
const maxOwn = 2 * syncproto.MaxBatchChanges

// own is what a session pushed and has not been told of yet.
type own struct {
	// weight is how many bytes of operations the changes have; opened they take
	// many times as much, so they are bounded like what is opened ahead.
	weight  int
	changes map[syncproto.ChangeID]ownChange
	// made are the creates among them with whose position nothing else is to be
	// told: the record there is what the create made, as long as it stands there.
	made map[spot]madeHere
}

// spot is a position in a scope.
type spot struct {
	scope    syncproto.ScopeID
	position uint64
}

type madeHere struct {
	change syncproto.ChangeID
	seq    uint64
}

func newOwn() own {
	return own{changes: map[syncproto.ChangeID]ownChange{}, made: map[spot]madeHere{}}
}

func (o *own) forget() {
	o.weight = 0
	clear(o.changes)
	clear(o.made)
}

// remember keeps what was accepted for the read that follows.
func (d *Desk) remember(got Accepted, opened []opened) {
	if got.Log != d.log || len(got.Taken) != len(opened) {
		return
	}
	for i := range opened {
		o, res, taken := &opened[i], got.Results[i], got.Taken[i]
		if !o.done || o.err != nil || !taken.Here || len(d.own.changes) >= maxOwn {
			continue
		}
		if d.own.weight+len(o.change.OpsBytes) > maxAhead {
			continue // it is read from the store
		}
		switch res.Result.Outcome {
		case syncproto.Applied, syncproto.Merged, syncproto.Conflicted:
			// This stays so; what was set aside or waits may be something else by then.
			d.own.weight += len(o.change.OpsBytes)
			d.own.changes[o.id] = ownChange{log: got.Log, seq: res.Seq, result: res.Result, change: o.change}
		}
		if res.Result.Outcome == syncproto.Applied && taken.Alone && o.change.Header.Verb == syncproto.VerbCreate && !slices.ContainsFunc(o.change.Ops, isStep) {
			d.own.made[spot{res.Result.Scope, res.Result.Position}] = madeHere{o.id, res.Seq}
		}
	}
}

// tail returns the creates of which alone a scope's order consists after some
// position up to its head, and that position. Whatever is done to a record moves
// it behind the head, so who stands where a create put it is as the create made it.
func (d *Desk) tail(e session.ReadScopes, start session.Start, head uint64) (own []syncproto.ChangeID, after uint64) {
	after = head
	for ; after > start.From && e.Pushed > 0; after-- {
		m, known := d.own.made[spot{start.Scope, after}]
		if !known || m.seq < e.Pushed {
			break
		}
		own = append(own, m.change)
	}
	slices.Reverse(own)
	return own, after
}

// ownChange returns a change as it was accepted, or as the store has it.
func (d *Desk) ownChange(r store.Reader, id syncproto.ChangeID) (ownChange, error) {
	if c, kept := d.own.changes[id]; kept {
		return c, nil
	}
	row, err := r.Change(id)
	if err != nil {
		return ownChange{}, err
	}
	return ownChange{log: row.Log, seq: row.Seq, result: row.Result, bytes: row.Bytes}, nil
}

// byOthers says that a version of a record is known to come from another device:
// nobody who shares this one is its author. To most of a scope's changes that is
// all there is to ask.
func (d *Desk) byOthers(r store.Reader, s *syncproto.RecordState, id syncproto.ChangeID) (bool, error) {
	version, stands := s.Versions[id]
	if _, kept := d.own.changes[id]; kept || !stands {
		return false, nil
	}
	people, err := r.DevicePeople(d.device)
	return !slices.Contains(people, version.Author), err
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
	// The first version that is not this session's may be another's: the one that
	// the author saw.
	if others, err := d.byOthers(r, s, s.Latest); err != nil || others {
		return nil, err
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
		ch := c.open()
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
