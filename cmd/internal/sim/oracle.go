package sim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// oracle remembers what everybody wrote, saw and was promised, apart from the
// programs that are tested.
type oracle struct {
	w       *world
	records map[syncproto.RecordID]bool
	// written are all changes ever saved, and on which device first.
	written map[syncproto.ChangeID]*syncproto.Change
	order   []syncproto.ChangeID
	erased  map[syncproto.RecordID]bool
	// acked are changes that a server said it holds; excused those of them that
	// were lost with every copy that could have held them.
	acked, excused map[syncproto.ChangeID]bool
	// inBackup are those in the last verified backup.
	inBackup map[syncproto.ChangeID]bool
	// taken are steps of programmes that a server said it has taken.
	taken  map[syncproto.ChangeID]bool
	rights rights
}

func newOracle(w *world) *oracle {
	return &oracle{w: w, rights: rights{w: w, revoked: map[syncproto.DeviceID]int64{}}, records: map[syncproto.RecordID]bool{}, written: map[syncproto.ChangeID]*syncproto.Change{},
		erased: map[syncproto.RecordID]bool{}, acked: map[syncproto.ChangeID]bool{}, excused: map[syncproto.ChangeID]bool{},
		inBackup: map[syncproto.ChangeID]bool{}, taken: map[syncproto.ChangeID]bool{}}
}

// marker is a text that stands in no other record.
func (o *oracle) marker(id syncproto.RecordID) string { return fmt.Sprintf("راز%x", id[:3]) }

// wrote notes a saved form, and checks that it names nothing but what stood on
// the screen when it was opened.
func (o *oracle) wrote(d *device, ch *syncproto.Change, opened *syncproto.RecordState) error {
	for i := range ch.Ops {
		k := merge.CellOf(&ch.Ops[i])
		for _, n := range ch.Ops[i].Names {
			if !slices.ContainsFunc(opened.Candidates(k), func(c syncproto.Candidate) bool { return c.Version == n }) {
				return broken("names are what was on the screen", "change %s of device %d replaces %s in %v, which its author did not see", ch.ID, d.n, n, k)
			}
		}
	}
	if err := o.settled(ch, opened); err != nil {
		return err
	}
	o.records[ch.Header.Record] = true
	if o.written[ch.ID] == nil {
		o.order = append(o.order, ch.ID)
	}
	o.written[ch.ID] = ch
	return nil
}

// answered sees what the server tells a device, before the device does.
func (o *oracle) answered(device syncproto.DeviceID, e session.ServerEffect, ev session.ServerEvent) error {
	if err := o.rights.offered(device, ev); err != nil {
		return err
	}
	switch ev := ev.(type) {
	case session.Accepted:
		for _, r := range ev.Results {
			o.acked[r.Result.Change] = true
			o.took(&r.Result)
		}
	case session.ScopesRead:
		allowed := o.rights.readableOn(device)
		for i := range ev.Pages {
			if err := o.page(allowed, &ev.Pages[i]); err != nil {
				return err
			}
		}
		for _, h := range ev.Heads {
			if !allowed[h.Scope] && h.Position > 0 {
				return broken("scope", "a device is told the head of scope %s, which it may not read", h.Scope)
			}
		}
	case session.RecordsRead:
		allowed := o.rights.readableOn(device)
		for _, b := range ev.Records {
			if err := o.state(allowed, ev.Scope, b); err != nil {
				return err
			}
		}
	case session.EntriesRead:
		allowed := o.rights.readableOn(device)
		if len(ev.Entries) > 0 && !allowed[ev.Scope] {
			return broken("scope", "a device is told the records of scope %s, which it may not read", ev.Scope)
		}
	}
	return nil
}

func (o *oracle) page(allowed map[syncproto.ScopeID]bool, p *wire.Page) error {
	for _, b := range p.Records {
		if err := o.state(allowed, p.Scope, b); err != nil {
			return err
		}
	}
	for _, m := range p.Marks {
		if !allowed[p.Scope] {
			return broken("scope", "a mark of scope %s goes to a device that may not read it", p.Scope)
		}
		if m.To != (syncproto.ScopeID{}) && !allowed[m.To] {
			return broken("scope", "a device is told that record %s moved to a scope it may not read", m.Record)
		}
	}
	return nil
}

func (o *oracle) state(allowed map[syncproto.ScopeID]bool, scope syncproto.ScopeID, b []byte) error {
	s, _, err := wire.DecodeRecord(b)
	if err != nil {
		return broken("format", "the server sends a record that cannot be read: %v", err)
	}
	if s.Home != scope || !allowed[scope] {
		return broken("scope", "record %s of scope %s goes out in a page of %s", s.Record, s.Home, scope)
	}
	for id := range o.erased {
		if id == s.Record || bytes.Contains(b, []byte(o.marker(id))) {
			return broken("erasure", "content of erased record %s goes out with record %s, %d cells", id, s.Record, len(s.Cells))
		}
	}
	return nil
}

// backedUp notes what the backup just taken holds.
func (o *oracle) backedUp() {
	o.inBackup = o.atServer()
}

// atServer are the changes that the server holds now.
func (o *oracle) atServer() map[syncproto.ChangeID]bool {
	there := map[syncproto.ChangeID]bool{}
	o.w.server.store.View(o.w.ctx, func(r store.Reader) error {
		for _, id := range o.order {
			if _, err := r.Outcome(id); err == nil {
				there[id] = true
			}
		}
		return nil
	})
	return there
}

// onDevices are the changes that some device's log holds.
func (o *oracle) onDevices() (map[syncproto.ChangeID]bool, error) {
	there := map[syncproto.ChangeID]bool{}
	for _, d := range o.w.devices {
		for id := range o.records {
			own, err := d.store.History(o.w.ctx, id)
			if err != nil {
				return nil, fmt.Errorf("device %d's own changes: %w", d.n, err)
			}
			for _, c := range own {
				if c.Change != nil {
					there[c.Change.ID] = true
				}
			}
		}
	}
	return there, nil
}

// lost is called after copies were put back: what no copy holds any more is
// nobody's to bring back.
func (o *oracle) lost() error {
	server := o.atServer()
	devices, err := o.onDevices()
	if err != nil {
		return err
	}
	for id := range o.written {
		if !server[id] && !devices[id] && !o.inBackup[id] {
			o.excused[id] = true
		}
	}
	return nil
}

// agree checks that every device holds what the server holds of its scopes.
func (o *oracle) agree() error {
	return o.w.server.store.View(o.w.ctx, func(r store.Reader) error {
		for _, d := range o.w.devices {
			if err := o.device(r, d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *oracle) device(r store.Reader, d *device) error {
	scopes, err := d.store.Scopes(o.w.ctx)
	if err != nil {
		return err
	}
	allowed := o.rights.readableOn(d.id)
	for _, c := range scopes {
		ok := allowed[c.Scope]
		delete(allowed, c.Scope)
		if !ok {
			if c.Count > 0 || c.Position > 0 {
				return broken("scope", "device %d still holds scope %s, which was taken away", d.n, c.Scope)
			}
			continue
		}
		head, err := r.Scope(c.Scope)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if c.Held != head.Sum || c.Count != head.Count {
			return broken("convergence", "device %d holds %d records of scope %s, the server %d, and the sums differ or not: %x %x", d.n, c.Count, c.Scope, head.Count, c.Held, head.Sum)
		}
	}
	for scope := range allowed {
		if head, err := r.Scope(scope); err == nil && head.Position > 0 {
			return broken("convergence", "device %d has not heard of scope %s, which it may read", d.n, scope)
		}
	}
	q, err := d.store.Queue(o.w.ctx)
	if err != nil {
		return err
	}
	if q.Changes > 0 {
		return broken("queues drain", "device %d still has %d changes to send", d.n, q.Changes)
	}
	if err := o.told(d); err != nil {
		return err
	}
	return o.shows(r, d)
}

// told checks that the author has been told what became of each change that
// the device still keeps.
func (o *oracle) told(d *device) error {
	for id := range o.records {
		own, err := d.store.History(o.w.ctx, id)
		if err != nil {
			return err
		}
		for _, c := range own {
			if c.Change != nil && c.Result == nil && !o.erased[id] {
				return broken("authors are told", "device %d was not told what became of its change %s", d.n, c.Change.ID)
			}
		}
	}
	return nil
}

// shows compares what the device shows, record by record, with the server.
func (o *oracle) shows(r store.Reader, d *device) error {
	for id := range o.records {
		held, err := d.store.State(o.w.ctx, id)
		if err != nil {
			return err
		}
		row, err := r.Record(id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if o.erased[id] && held.State.Exists() && !held.State.Erased {
			return broken("erasure", "device %d still shows erased record %s", d.n, id)
		}
		if !held.State.Exists() || err != nil || held.State.Erased {
			continue
		}
		if held.Over > 0 {
			return broken("convergence", "device %d still lays %d own changes over record %s, at the server at %d of %s: %s", d.n, held.Over, id, row.State.Position, row.State.Home, o.own(r, d, id))
		}
		if wire.StateHash(held.State) != row.Hash {
			return broken("convergence", "device %d shows record %s otherwise than the server", d.n, id)
		}
	}
	return nil
}

// toldLast checks, when all are connected and at rest, that what authors were
// told is what became of their changes in the end.
func (o *oracle) toldLast() error {
	return o.w.server.store.View(o.w.ctx, func(r store.Reader) error {
		for _, d := range o.w.devices {
			for id := range o.records {
				own, err := d.store.History(o.w.ctx, id)
				if err != nil {
					return err
				}
				for _, c := range own {
					if c.Change == nil || c.Result == nil || c.Result.Outcome == syncproto.Duplicate {
						continue
					}
					row, err := r.Change(c.Change.ID)
					if errors.Is(err, store.ErrNotFound) {
						continue
					}
					if err != nil {
						return err
					}
					// That what was applied is erased now, the record's mark tells.
					told, is := c.Result.Outcome, row.Result.Outcome
					if told != is && !(applied(told) && (applied(is) || is == syncproto.Erased)) {
						return broken("authors are told", "device %d believes that its change %s is %s, and it is %s", d.n, c.Change.ID, told, is)
					}
				}
			}
		}
		return nil
	})
}

// forgotten checks that no device keeps the content of an erased record in its
// log once a backup of the server holds it.
func (o *oracle) forgotten() error {
	for _, d := range o.w.devices {
		for id := range o.erased {
			held, err := d.store.State(o.w.ctx, id)
			if err != nil {
				return err
			}
			if !held.State.Erased {
				continue
			}
			own, err := d.store.History(o.w.ctx, id)
			if err != nil {
				return err
			}
			for _, c := range own {
				if c.Change != nil && !c.Change.Redacted() {
					return broken("erasure", "device %d keeps its change %s of erased record %s", d.n, c.Change.ID, id)
				}
			}
		}
	}
	return nil
}

// became checks what became of a change at the server.
func (o *oracle) became(id syncproto.ChangeID, want syncproto.Outcome) error {
	return o.w.server.store.View(o.w.ctx, func(r store.Reader) error {
		row, err := r.Change(id)
		if err == nil && row.Result.Outcome != want {
			return broken("nothing blocks", "change %s is %s, not %s", id, row.Result.Outcome, want)
		}
		return err
	})
}

// own says how a device's own changes of a record stand.
func (o *oracle) own(r store.Reader, d *device, id syncproto.RecordID) string {
	all, err := d.store.History(o.w.ctx, id)
	if err != nil {
		return err.Error()
	}
	out := ""
	for _, c := range all {
		out += fmt.Sprintf("%d of %s: %s", c.Seq, c.Log, c.Sync)
		if c.Result != nil {
			out += fmt.Sprintf(" (%s at %d of %s)", c.Result.Outcome, c.Result.Position, c.Result.Scope)
		}
		if c.Change != nil {
			if row, err := r.Change(c.Change.ID); err == nil {
				out += fmt.Sprintf(", at the server %s at %d", row.Result.Outcome, row.Result.Position)
			}
		}
		out += "; "
	}
	return out
}

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
