package hub

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// There is one committer, and everybody waits for it. So what needs no
// transaction is done before, by whoever brings a batch: to open its changes and
// to judge them by themselves. And what a group will ask the store for is asked
// in a few questions, not in three for each change.

// opened is a change of a batch as far as it can be looked at by itself.
type opened struct {
	id syncproto.ChangeID
	// change and err are what BatchEntry.Open says, fault and cell what
	// merge.Judge does.
	change *syncproto.Change
	err    error
	fault  syncproto.Reason
	cell   syncproto.CellKey
	// raw is how the change is kept.
	raw []byte
	// done is false if that was too much, or made the program fail. Then it is done
	// in the transaction, where a failure is blamed on the change.
	done bool
}

// maxAhead bounds the bytes of operations that are opened before their batch has its
// turn: opened they take some thirty times as much, and many batches wait at once.
// Devices of ours send 64 KiB in a batch. What is more is opened in its turn.
const maxAhead = 256 << 10

// open opens the entries of a batch. After a run that died nothing is opened
// before it is written down that it will be.
func (h *Hub) open(b *wire.Batch) []opened {
	if h.careful() {
		return nil
	}
	all := make([]opened, len(b.Entries))
	room := maxAhead
	for i := range b.Entries {
		e := &b.Entries[i]
		if room -= len(e.Ops); room < 0 {
			all[i].id = e.ID()
			continue
		}
		h.openOne(&all[i], e)
	}
	return all
}

func (h *Hub) openOne(o *opened, e *wire.BatchEntry) {
	defer func() {
		if recover() != nil {
			*o = opened{id: o.id}
		}
	}()
	o.id = e.ID()
	o.change, o.err = e.Open()
	o.raw = e.Raw()
	if o.change != nil && o.err == nil && !o.change.Redacted() {
		o.fault, o.cell = merge.Judge(h.packages, o.change)
	}
	o.done = true
}

// judge says whether a change can be applied at all, see merge.Judge.
func (w *work) judge(ch *syncproto.Change) (syncproto.Reason, syncproto.CellKey) {
	if o := w.judged[ch.ID]; o != nil && o.change == ch {
		return o.fault, o.cell
	}
	return merge.Judge(w.h.packages, ch)
}

// ahead asks the store for what a group's changes will be looked up by: their
// logs, whether they came before, their records, and what waits for records that
// they make; logs before records, each ascending, as the contract asks. A row that
// cannot be read is left to be met again at its change.
func (w *work) ahead(group []*request) error {
	err := w.ask(group)
	if errors.Is(err, store.ErrCorrupt) || errors.Is(err, errPanic) {
		clear(w.logs)
		clear(w.changes)
		clear(w.records)
		clear(w.waiting)
		return nil
	}
	return err
}

func (w *work) ask(group []*request) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("%w: %v", errPanic, what)
		}
	}()
	logs, changes := map[syncproto.LogID]bool{}, 0
	for _, r := range group {
		logs[r.batch.Cert.Log] = true
		changes += len(r.opened)
	}
	w.expect(changes)
	for _, id := range ascending(logs) {
		row, err := w.tx.Log(id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read log %s: %w", id, err)
		}
		w.logs[id] = row
	}
	made := make(map[syncproto.RecordID]bool, changes)
	for _, r := range group {
		for i := range r.opened {
			o := &r.opened[i]
			w.judged[o.id] = o
			if o.change != nil {
				h := &o.change.Header
				made[h.Record] = made[h.Record] || h.Verb == syncproto.VerbCreate
			}
		}
	}
	if err := w.askChanges(ascending(w.judged)); err != nil {
		return err
	}
	if err := w.askRecords(ascending(made), made); err != nil {
		return err
	}
	return w.askWaiting(ascending(made))
}

func ascending[ID ~[16]byte, V any](set map[ID]V) []ID {
	ids := make([]ID, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs)
	return ids
}

// compareIDs is bytes.Compare of what nearly always differs in its first half.
func compareIDs[ID ~[16]byte](a, b ID) int {
	if c := cmp.Compare(binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(b[:8])); c != 0 {
		return c
	}
	return bytes.Compare(a[8:], b[8:])
}

// expect makes room for what so many changes put into maps, which would grow step
// by step otherwise. Nothing is in them yet.
func (w *work) expect(changes int) {
	w.records = make(map[syncproto.RecordID]*touched, changes)
	w.changes = make(map[syncproto.ChangeID]*store.Change, changes)
	w.judged = make(map[syncproto.ChangeID]*opened, changes)
	w.waiting = make(map[syncproto.RecordID][]*store.Change, changes)
	w.kept = make(map[syncproto.ChangeID]bool, changes)
	w.ofRecord = make(map[syncproto.RecordID][]syncproto.ChangeID, changes)
	w.fresh = make([]syncproto.ChangeID, 0, changes)
}

func (w *work) askChanges(ids []syncproto.ChangeID) error {
	rows, err := w.tx.Changes(ids)
	if err != nil {
		return fmt.Errorf("look for %d changes: %w", len(ids), err)
	}
	for _, id := range ids {
		w.changes[id] = nil
	}
	for i := range rows {
		w.changes[rows[i].ID] = &rows[i]
	}
	return nil
}

// askRecords leaves in made only those that are not there and will be.
func (w *work) askRecords(ids []syncproto.RecordID, made map[syncproto.RecordID]bool) error {
	rows, err := w.tx.RecordsByID(ids)
	if err != nil {
		return fmt.Errorf("read %d records: %w", len(ids), err)
	}
	for _, row := range rows {
		w.found(row)
		delete(made, row.State.Record)
	}
	for _, id := range ids {
		if w.records[id] == nil {
			w.missing(id)
		}
	}
	maps.DeleteFunc(made, func(_ syncproto.RecordID, created bool) bool { return !created })
	return nil
}

func (w *work) askWaiting(ids []syncproto.RecordID) error {
	rows, err := w.tx.Waiting(ids, syncproto.Parked)
	if err != nil {
		return fmt.Errorf("read what waits for %d records: %w", len(ids), err)
	}
	for _, id := range ids {
		w.waiting[id] = nil
	}
	for i := range rows {
		w.waiting[rows[i].Record] = append(w.waiting[rows[i].Record], &rows[i])
	}
	return nil
}
