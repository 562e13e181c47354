package hub

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// Incoming is one change as it came, at its place in a log.
type Incoming struct {
	Seq   uint64
	Chain syncproto.Hash
	// ID is the hash of the header, whether or not it could be decoded.
	ID syncproto.ChangeID
	// Change is nil if not even the header could be decoded; without
	// operations if those could not.
	Change *syncproto.Change
	// Bytes are kept as they are: wire.AppendChange's form, or what came in its place.
	Bytes []byte
	// Err says why the change could not be decoded whole.
	Err error
}

// incoming opens a batch's entry, if that was not done before, and unless
// opening it is what fails.
func (w *work) incoming(e *wire.BatchEntry, o *opened) Incoming {
	in := Incoming{Seq: e.Seq, Chain: e.Chain, Err: wire.ErrMalformed}
	if o != nil && o.done {
		in.ID, in.Change, in.Err, in.Bytes = o.id, o.change, o.err, o.raw
		return in
	}
	in.ID, in.Bytes = e.ID(), e.Raw()
	if !w.poison[in.ID] {
		w.at, w.opening = in.ID, true
		in.Change, in.Err = e.Open()
		w.at, w.opening = syncproto.ChangeID{}, false
	}
	return in
}

// receive takes in one change for the first time, or finds that it is not the
// first time.
func (w *work) receive(device syncproto.DeviceID, log syncproto.LogID, in Incoming) error {
	w.at = in.ID
	if err := w.take(device, log, in); err != nil {
		return err
	}
	w.at = syncproto.ChangeID{}
	return nil
}

func (w *work) take(device syncproto.DeviceID, log syncproto.LogID, in Incoming) error {
	known, err := w.change(in.ID)
	if err == nil && planted.Bug("duplicates are recognised by log and sequence") && (known.Log != log || known.Seq != in.Seq) && known.Order != 0 {
		return w.decide(known, in.Change, in.Err)
	}
	switch {
	case err == nil:
		content := in.Change != nil && !in.Change.Redacted() && in.Err == nil
		if known.Result.Outcome != syncproto.Parked || known.Result.Reason != syncproto.ReasonWaitsContent || !content {
			return nil // received before: the result its author was told stands
		}
		known.Bytes = in.Bytes
		w.told[known.Device] = true
		return w.decide(known, in.Change, nil)
	case !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("look for change %s: %w", in.ID, err)
	}
	row := &store.Change{ID: in.ID, Device: device, Log: log, Seq: in.Seq, Bytes: in.Bytes, Received: w.now}
	if errors.Is(in.Err, wire.ErrSpoilt) {
		// A carrier spoilt it: the header stands, its content is still to come.
		row.Bytes, in.Err = redact(row.Bytes), nil
	}
	if in.Change != nil {
		h := &in.Change.Header
		row.Record, row.Scope, row.Author = h.Record, h.Scope, h.Author
	}
	w.changes[row.ID] = row
	return w.decide(row, in.Change, in.Err)
}

// decide says what becomes of a change: applied, parked or quarantined, and
// writes its row.
func (w *work) decide(row *store.Change, ch *syncproto.Change, broken error) error {
	w.keep(row)
	if w.poison.has(row.ID) {
		row.Result = syncproto.Result{Change: row.ID, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonMalformed}
		return nil
	}
	var t *touched
	if ch != nil {
		var err error
		if t, err = w.record(ch.Header.Record); err != nil {
			return err
		}
		if t.state.Erased {
			return w.erased(row, ch, broken)
		}
	}
	if ch == nil || broken != nil {
		return w.quarantine(row, ch, brokenBy(broken), syncproto.CellKey{})
	}
	fault, cell := w.faultOf(ch)
	if fault != syncproto.ReasonNone && fault != syncproto.ReasonBadValue {
		return w.quarantine(row, ch, fault, cell)
	}
	// Whoever releases a bad value must not let in by it what access forbids.
	fate, reason, err := w.admit(row, ch, t.state)
	if err != nil {
		return err
	}
	switch {
	case fate == fateRefused:
		return w.quarantine(row, ch, reason, syncproto.CellKey{})
	case fault != syncproto.ReasonNone:
		return w.quarantine(row, ch, fault, cell)
	case fate == fateWaits:
		row.Result = syncproto.Result{Change: row.ID, Outcome: syncproto.Parked, Reason: reason}
		if planted.Bug("what waits names nothing") {
			return nil
		}
		return w.withhold(row, ch)
	}
	return w.apply(row, ch, t)
}

// formDiffers reports whether a change says another form than the record has:
// the rules of the record's own would be passed by. It is asked after access,
// since the answer tells of the record; of a second create elsewhere merge says
// no more than that.
func formDiffers(s *syncproto.RecordState, ch *syncproto.Change) bool {
	h := &ch.Header
	elsewhere := h.Verb == syncproto.VerbCreate && h.Scope != s.Home
	return s.Exists() && s.Form != h.Form && !elsewhere
}

func (w *work) quarantine(row *store.Change, ch *syncproto.Change, reason syncproto.Reason, cell syncproto.CellKey) error {
	row.Result = setAside(row.ID, reason, cell)
	return w.withhold(row, ch)
}

// setAside is the result of a change that is quarantined, for what stands in a cell
// or for all of it.
func setAside(id syncproto.ChangeID, reason syncproto.Reason, cell syncproto.CellKey) syncproto.Result {
	res := syncproto.Result{Change: id, Outcome: syncproto.Quarantined, Reason: reason}
	if cell != (syncproto.CellKey{}) {
		cell.Element = syncproto.Value{}
		res.Cells = []syncproto.CellResult{{Cell: cell, Reason: reason}}
	}
	return res
}

// withhold lets the record know of a change that is received and not applied.
func (w *work) withhold(row *store.Change, ch *syncproto.Change) error {
	if ch == nil || len(ch.Ops) == 0 {
		return nil
	}
	t, err := w.record(ch.Header.Record)
	if err != nil || !t.there && !t.state.Exists() {
		return err
	}
	before := t.state.Clone()
	changed, err := merge.Withhold(t.state, row.ID, ch.Ops, w)
	if err == nil && t.state.TooLarge() {
		t.state, changed = before, false
	}
	t.dirty = t.dirty || changed
	return err
}

// erased strips a change that arrives for a record that was erased. Only who may
// write where the change says is told that there was one; whatever else is wrong
// with the change is told as of any other.
func (w *work) erased(row *store.Change, ch *syncproto.Change, broken error) error {
	row.Bytes = redact(row.Bytes)
	if broken != nil {
		row.Result = setAside(row.ID, brokenBy(broken), syncproto.CellKey{})
		return nil
	}
	if fault, cell := w.faultOf(ch); fault != syncproto.ReasonNone && fault != syncproto.ReasonBadValue {
		row.Result = setAside(row.ID, fault, cell)
		return nil
	}
	fate, reason, err := w.admit(row, ch, syncproto.NewRecordState(ch.Header.Record))
	switch {
	case err != nil:
		return err
	case fate == fateRefused:
		row.Result = setAside(row.ID, reason, syncproto.CellKey{})
	default:
		row.Result = syncproto.Result{Change: row.ID, Outcome: syncproto.Erased}
	}
	return nil
}

// faultOf says what is wrong with a change by itself, and where.
func (w *work) faultOf(ch *syncproto.Change) (syncproto.Reason, syncproto.CellKey) {
	if ch.Redacted() {
		return syncproto.ReasonNone, syncproto.CellKey{}
	}
	return w.judge(ch)
}

// brokenBy names what keeps a change from being read.
func brokenBy(broken error) syncproto.Reason {
	if errors.Is(broken, wire.ErrTooNew) {
		return syncproto.ReasonTooNew
	}
	return syncproto.ReasonMalformed
}

// redact keeps the header of a change alone.
func redact(change []byte) []byte {
	header, _, _, err := wire.SplitChange(change)
	if err != nil {
		return nil
	}
	return wire.AppendChange(nil, &syncproto.Change{HeaderBytes: header})
}

func (w *work) apply(row *store.Change, ch *syncproto.Change, t *touched) error {
	if formDiffers(t.state, ch) {
		return w.quarantine(row, ch, syncproto.ReasonMalformed, syncproto.CellKey{})
	}
	if lacks, err := w.lacksConsent(ch, t); err != nil {
		return err
	} else if lacks {
		if !t.state.Exists() {
			// Its consent could only come with another change of a record that is not there.
			return w.quarantine(row, ch, syncproto.ReasonNoConsent, syncproto.CellKey{})
		}
		// A change that another device sends may bring the consent: after the server was
		// put back from a backup they come in any order.
		row.Result = syncproto.Result{Change: row.ID, Outcome: syncproto.Parked, Reason: syncproto.ReasonWaitsConsent}
		return w.withhold(row, ch)
	}
	// Steps that waited may lead away and back at once: where it was in between counts.
	homeBefore, homesBefore, existed := t.state.Home, len(t.state.Homes), t.state.Exists()
	var before *syncproto.RecordState
	if existed || len(t.state.Names) > 0 {
		before = t.state.Clone()
	}
	if len(t.state.Waiting) > 0 {
		w.held[t.state.Record] = asked{} // they are looked at again
	}
	res, err := merge.ApplyAsking(t.state, ch, w, w)
	if err != nil {
		return fmt.Errorf("merge change %s: %w", ch.ID, err)
	}
	if t.state.TooLarge() {
		// Nobody could read the record back, and its scope would stand still.
		if before == nil {
			before = syncproto.NewRecordState(t.state.Record)
		}
		t.state = before
		res = syncproto.Result{Change: ch.ID, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonTooLarge}
	}
	row.Result = res
	delete(w.standings, row.ID)
	switch res.Outcome {
	case syncproto.Parked:
		return nil
	case syncproto.Quarantined:
		return w.withhold(row, ch)
	}
	if row.Order, err = w.tx.NextOrder(); err != nil {
		return err
	}
	t.dirty = true
	if !existed || w.givesConsent(ch) || (t.state.Home != homeBefore || len(t.state.Homes) != homesBefore) && !planted.Bug("a move wakes nothing that waited for it") {
		return w.unpark(ch.Header.Record)
	}
	return nil
}

// unpark looks again at what waits for the record, until nothing moves.
func (w *work) unpark(id syncproto.RecordID) error {
	if planted.Bug("a child waits for ever") {
		return nil
	}
	if _, asked := w.waiting[id]; !asked {
		if err := w.askWaiting([]syncproto.RecordID{id}); err != nil {
			return err
		}
	}
	var waiting []*store.Change
	for _, row := range w.waiting[id] {
		if w.changes[row.ID] == nil {
			w.changes[row.ID] = row
		}
		waiting = append(waiting, w.changes[row.ID])
	}
	for _, kept := range w.ofRecord[id] {
		if row := w.changes[kept]; !slices.Contains(waiting, row) {
			waiting = append(waiting, row)
		}
	}
	slices.SortStableFunc(waiting, func(a, b *store.Change) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, row := range waiting {
		if row.Result.Outcome != syncproto.Parked || row.Result.Reason == syncproto.ReasonWaitsContent {
			continue
		}
		if err := w.again(row); err != nil {
			return err
		}
	}
	return nil
}

// again decides about a parked change once more; what fails is its own doing,
// not that of the change that freed it. A person's decision to release it
// stands: it is not judged a second time. One that cannot be read any more is
// set aside.
func (w *work) again(row *store.Change) error {
	freed := w.at
	w.at = row.ID
	if err := w.judgeAgain(row); err != nil {
		return err
	}
	w.at = freed
	return nil
}

func (w *work) judgeAgain(row *store.Change) error {
	if w.poison.has(row.ID) {
		return w.decide(row, nil, nil)
	}
	ch, err := wire.DecodeChange(row.Bytes)
	if err != nil {
		w.h.log.Error("a parked change cannot be read any more; it is set aside", "change", row.ID, "err", err)
		return w.decide(row, nil, err)
	}
	decisions, err := w.tx.Decisions(row.ID)
	if err != nil {
		return fmt.Errorf("read decisions about %s: %w", row.ID, err)
	}
	w.told[row.Device] = true
	for _, d := range decisions {
		if d.Decision == DecisionReleased {
			w.keep(row)
			t, err := w.record(row.Record)
			if err != nil {
				return err
			}
			w.released[row.ID] = true
			return w.apply(row, ch, t)
		}
	}
	return w.decide(row, ch, nil)
}
