package sim

import (
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

func (o *oracle) restless() string {
	out := ""
	for _, d := range o.w.devices {
		if d.line == nil {
			out += fmt.Sprintf("device %d has no line; ", d.n)
		} else if !d.line.dev.Settled() {
			c, ended := d.line.dev.Ended()
			out += fmt.Sprintf("device %d is not settled (ended %v %d); ", d.n, ended, c.Code)
		}
	}
	return out
}

// check holds the world to the laws once everything has come to rest.
func (o *oracle) check() error {
	if err := o.nothingWaits(); err != nil {
		return err
	}
	return o.w.server.store.View(o.w.ctx, func(r store.Reader) error {
		rows := map[syncproto.ChangeID]store.Change{}
		orders := map[uint64]syncproto.ChangeID{}
		for _, id := range o.order {
			row, err := r.Change(id)
			if errors.Is(err, store.ErrNotFound) {
				switch {
				case o.excused[id]:
				case o.acked[id]:
					return broken("no acknowledged change is lost", "change %s of record %s was acknowledged and is gone", id, o.written[id].Header.Record)
				default:
					return broken("no saved form is lost", "change %s of record %s never reached the server", id, o.written[id].Header.Record)
				}
				continue
			}
			if err != nil {
				return err
			}
			rows[id] = row
			if row.Order != 0 {
				if other, twice := orders[row.Order]; twice {
					return broken("exactly once", "changes %s and %s have one place", id, other)
				}
				orders[row.Order] = id
			}
		}
		for id := range o.records {
			if err := o.record(r, id, rows); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *oracle) record(r store.Reader, id syncproto.RecordID, rows map[syncproto.ChangeID]store.Change) error {
	row, err := r.Record(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s := row.State
	if o.erased[id] != s.Erased {
		return broken("erasure", "record %s: erased %v, the server says %v", id, o.erased[id], s.Erased)
	}
	owners := o.rights.owners()
	named := map[syncproto.Remembered]bool{}
	times := uint64(0)
	for cid, c := range rows {
		if c.Record != id {
			continue
		}
		if applied(c.Result.Outcome) {
			times++
		}
		if applied(c.Result.Outcome) && !s.Erased {
			if err := o.rights.used(r, o.written[cid], &c, owners[c.Device]); err != nil {
				return err
			}
		}
		if s.Erased {
			if ch, err := wire.DecodeChange(c.Bytes); err != nil || !ch.Redacted() {
				return broken("erasure", "change %s of erased record %s still has its content", cid, id)
			}
			continue
		}
		if applied(c.Result.Outcome) {
			o.names(cid, nil, rows, named)
		}
	}
	if s.Erased {
		return nil
	}
	if s.Number != times {
		return broken("exactly once", "record %s is at version %d after %d applied changes", id, s.Number, times)
	}
	if err := o.steps(s, id); err != nil {
		return err
	}
	if err := o.waits(r, s); err != nil {
		return err
	}
	if err := o.programme(r, s, rows); err != nil {
		return err
	}
	if err := o.shownPresence(s); err != nil {
		return err
	}
	return o.values(s, id, rows, named)
}

// steps checks that the transitions and the moves of a record form one chain.
func (o *oracle) steps(s *syncproto.RecordState, id syncproto.RecordID) error {
	for _, k := range []syncproto.CellKey{{Field: fieldState}, merge.HomeCell} {
		chain := slices.Clone(s.Passed[k])
		for _, c := range s.Candidates(k) {
			chain = append(chain, c.Version)
		}
		for i, v := range chain {
			for _, op := range o.written[v].Ops {
				if merge.CellOf(&op) != k || op.Kind != syncproto.OpTransition && op.Kind != syncproto.OpMove {
					continue
				}
				if i == 0 && len(op.Names) != 0 || i > 0 && !slices.Contains(op.Names, chain[i-1]) {
					return broken("transitions form one chain", "step %d of %d of record %s does not follow the one before", i, len(chain), id)
				}
			}
		}
		if len(s.Candidates(k)) > 1 {
			return broken("transitions form one chain", "record %s has %d current values of %v", id, len(s.Candidates(k)), k)
		}
	}
	return nil
}

func applied(out syncproto.Outcome) bool {
	return out == syncproto.Applied || out == syncproto.Merged || out == syncproto.Conflicted
}

// names collects what a change names, in one cell or in all; who names a
// change that is withheld names what that one named.
func (o *oracle) names(cid syncproto.ChangeID, cell *syncproto.CellKey, rows map[syncproto.ChangeID]store.Change, named map[syncproto.Remembered]bool) {
	ch := o.written[cid]
	for i := range ch.Ops {
		k := merge.CellOf(&ch.Ops[i])
		if cell != nil && *cell != k {
			continue
		}
		for _, n := range ch.Ops[i].Names {
			r := syncproto.Remembered{Cell: k, Version: n}
			if named[r] {
				continue
			}
			named[r] = true
			if row, here := rows[n]; here && !applied(row.Result.Outcome) {
				o.names(n, &k, rows, named)
			}
		}
	}
}

// values checks that each applied value is a candidate or was replaced by
// somebody who saw it, that each candidate was written, and counters add up.
func (o *oracle) values(s *syncproto.RecordState, id syncproto.RecordID, rows map[syncproto.ChangeID]store.Change, named map[syncproto.Remembered]bool) error {
	var counted int64
	for cid, c := range rows {
		if c.Record != id {
			continue
		}
		applied := applied(c.Result.Outcome)
		ch := o.written[cid]
		for i := range ch.Ops {
			op := &ch.Ops[i]
			k := merge.CellOf(op)
			switch op.Kind {
			case syncproto.OpSetRemove, syncproto.OpAttachRemove, syncproto.OpTransition, syncproto.OpMove:
				continue
			case syncproto.OpIncrement:
				if n, _ := op.Value.AsInt(); applied {
					counted += n
				}
			}
			at := slices.IndexFunc(s.Candidates(k), func(x syncproto.Candidate) bool { return x.Version == cid })
			gone := named[syncproto.Remembered{Cell: k, Version: cid}]
			switch {
			case applied && at < 0 && !gone:
				return broken("no value is dropped", "the value of change %s in %v is gone, and nobody who saw it replaced it", cid, k)
			case at >= 0 && (!applied || gone):
				return broken("replaced values stay replaced", "change %s is a candidate in %v; applied %v, replaced %v", cid, k, applied, gone)
			}
		}
	}
	got, _ := merge.Look(s, syncproto.CellKey{Field: fieldCounter}).Value.AsInt()
	if got != counted {
		return broken("exactly once", "record %s counts %d, applied changes add up to %d", id, got, counted)
	}
	for _, k := range s.Keys() {
		for _, c := range s.Candidates(k) {
			if o.written[c.Version] == nil {
				return broken("nothing is invented", "record %s has a candidate by change %s, which nobody wrote", id, c.Version)
			}
		}
	}
	return nil
}
