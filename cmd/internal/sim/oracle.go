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
