package hub

import (
	"errors"
	"fmt"

	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// touched is a record that the transaction works on.
type touched struct {
	state *syncproto.RecordState
	// hash and home are those it had in the store, there is false for a new one.
	there bool
	hash  [16]byte
	home  syncproto.ScopeID
	dirty bool
}

// work is one transaction's state: rows read and changed, written at its end
// in the order that the contract asks for.
type work struct {
	h       *Hub
	tx      store.Tx
	now     int64
	records map[syncproto.RecordID]*touched
	// changes has nil for a change that is known not to be there.
	changes map[syncproto.ChangeID]*store.Change
	fresh   []syncproto.ChangeID // rows of changes to write, in order of receipt
	// logs are rows that were read in advance, as they stand now, zero for those
	// that are not there.
	logs map[syncproto.LogID]store.Log
	// waiting is what waits for records that were asked about in advance.
	waiting map[syncproto.RecordID][]*store.Change
	// judged is what was found out about changes before the transaction.
	judged map[syncproto.ChangeID]*opened
	kept   map[syncproto.ChangeID]bool
	// ofRecord are the rows to write by their record.
	ofRecord map[syncproto.RecordID][]syncproto.ChangeID
	// standings are answers of Standing, as long as they hold.
	standings map[syncproto.ChangeID]stand
	writers   map[syncproto.DeviceID]*access.Writer
	moved     map[syncproto.ScopeID]uint64 // scopes whose position moved, and where to
	told      map[syncproto.DeviceID]bool  // devices with other results than they were told
	acted     map[syncproto.ScopeID]bool   // scopes in which an act was noted
	// released are changes that a person lets in with this transaction.
	released map[syncproto.ChangeID]bool
	// deciders are the people on pages who let changes in with this transaction:
	// their roles count beside the author's. decider is who writes another now.
	deciders map[syncproto.ChangeID]syncproto.PersonID
	decider  syncproto.PersonID
	// evidence is what was looked at of places, held what steps wait for that were
	// looked at.
	evidence map[syncproto.PlaceID]*evidence
	held     map[syncproto.RecordID]asked
	// refused is why rules did not let steps be taken.
	refused map[syncproto.ChangeID]workflow.Finding
	// poison are changes that made an earlier run of the transaction fail.
	poison poison
	// at is the change to be blamed for a failure now, if any; opening says that
	// it is only being opened.
	at      syncproto.ChangeID
	opening bool
}

var _ merge.History = (*work)(nil)

func (h *Hub) newWork(tx store.Tx, now int64) *work {
	return &work{h: h, tx: tx, now: now,
		records: map[syncproto.RecordID]*touched{}, changes: map[syncproto.ChangeID]*store.Change{},
		logs: map[syncproto.LogID]store.Log{}, waiting: map[syncproto.RecordID][]*store.Change{}, judged: map[syncproto.ChangeID]*opened{},
		kept: map[syncproto.ChangeID]bool{}, ofRecord: map[syncproto.RecordID][]syncproto.ChangeID{}, standings: map[syncproto.ChangeID]stand{},
		writers: map[syncproto.DeviceID]*access.Writer{}, moved: map[syncproto.ScopeID]uint64{}, told: map[syncproto.DeviceID]bool{},
		released: map[syncproto.ChangeID]bool{}, evidence: map[syncproto.PlaceID]*evidence{}, held: map[syncproto.RecordID]asked{},
		refused: map[syncproto.ChangeID]workflow.Finding{}, deciders: map[syncproto.ChangeID]syncproto.PersonID{}}
}

// stand is one answer of Standing.
type stand struct {
	standing merge.Standing
	ops      []syncproto.Op
}

// Standing is merge's view of what was received before; work implements
// merge.History. One change may name the same version in thousands of cells.
func (w *work) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	if s, known := w.standings[id]; known {
		return s.standing, s.ops, nil
	}
	standing, ops, err := w.stands(id)
	if err == nil {
		w.standings[id] = stand{standing, ops}
	}
	return standing, ops, err
}

func (w *work) stands(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	row, err := w.change(id)
	if errors.Is(err, store.ErrNotFound) {
		return merge.Unknown, nil, nil
	}
	if err != nil {
		return merge.Unknown, nil, err
	}
	switch row.Result.Outcome {
	case syncproto.Applied, syncproto.Merged, syncproto.Conflicted, syncproto.Erased:
		return merge.Applied, nil, nil
	case syncproto.Parked:
		if planted.Bug("a parked change counts as applied") {
			return merge.Applied, nil, nil
		}
	}
	ch, err := wire.DecodeChange(row.Bytes)
	if err != nil {
		return merge.Withheld, nil, nil // what cannot be read names nothing
	}
	return merge.Withheld, ch.Ops, nil
}

func (w *work) change(id syncproto.ChangeID) (*store.Change, error) {
	if row, asked := w.changes[id]; row != nil {
		return row, nil
	} else if asked {
		return nil, store.ErrNotFound
	}
	row, err := w.tx.Change(id)
	if err != nil {
		return nil, err
	}
	w.changes[id] = &row
	return &row, nil
}

// keep marks a change's row to be written at the end.
func (w *work) keep(row *store.Change) {
	w.changes[row.ID] = row
	delete(w.standings, row.ID)
	if !w.kept[row.ID] {
		w.kept[row.ID] = true
		w.fresh = append(w.fresh, row.ID)
		w.ofRecord[row.Record] = append(w.ofRecord[row.Record], row.ID)
	}
}

func (w *work) record(id syncproto.RecordID) (*touched, error) {
	if t := w.records[id]; t != nil {
		return t, nil
	}
	row, err := w.tx.Record(id)
	if errors.Is(err, store.ErrNotFound) {
		return w.missing(id), nil
	}
	if err != nil {
		return nil, w.damaged(fmt.Errorf("read record %s: %w", id, err))
	}
	return w.found(row), nil
}

// missing and found take in what the store says of a record.
func (w *work) missing(id syncproto.RecordID) *touched {
	t := &touched{state: syncproto.NewRecordState(id)}
	w.records[id] = t
	return t
}

func (w *work) found(row store.Record) *touched {
	t := &touched{state: row.State, there: true, hash: row.Hash, home: row.State.Home}
	w.records[row.State.Record] = t
	return t
}

func (w *work) writer(device syncproto.DeviceID) (*access.Writer, error) {
	if x := w.writers[device]; x != nil {
		return x, nil
	}
	if device == w.h.pages.id {
		w.writers[device] = w.h.access.NewPageWriter(w.tx)
		return w.writers[device], nil
	}
	d, err := w.tx.Device(device)
	if err != nil {
		return nil, fmt.Errorf("read device %s: %w", device, err)
	}
	x, err := w.h.access.NewWriter(w.tx, d)
	if err != nil {
		return nil, err
	}
	w.writers[device] = x
	return x, nil
}
