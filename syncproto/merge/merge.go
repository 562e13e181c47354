// Package merge is the one place where a conflict is decided: it applies
// changes to a record's state, says which value is shown and which others wait,
// and builds the operations of an edit.
package merge

import (
	"bytes"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// Standing says what is known of a change beyond the state of its record.
type Standing uint8

const (
	// Unknown: never received here.
	Unknown Standing = iota
	// Applied: its operations are in the record's state.
	Applied
	// Withheld: received, but parked, quarantined or rejected.
	Withheld
)

// History is what Apply must know of changes received before. Ops are the
// operations of a withheld change, nil if they could not be read.
type History interface {
	Standing(id syncproto.ChangeID) (Standing, []syncproto.Op, error)
}

// Guard is asked whether a transition may be taken whose predecessor is current.
type Guard interface {
	// MayStep answers for a step of s, which has what the step's change says of
	// other cells. before is the record as it stood before that change; for a step
	// that waited it is s.
	MayStep(before, s *syncproto.RecordState, st *syncproto.Step) (Answer, error)
}

// Answer is what a Guard says of a step.
type Answer struct {
	// Rule is the rule that keeps the step from being taken, ReasonNone if none does.
	Rule syncproto.Reason
	// Waits says that what is still to come may make the step right: it waits for
	// that as one waits for its predecessor. Otherwise it is set aside.
	Waits bool
}

// CellOf returns the cell that an operation works on.
func CellOf(op *syncproto.Op) syncproto.CellKey {
	k := syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub}
	if op.Kind == syncproto.OpSetAdd || op.Kind == syncproto.OpSetRemove {
		k.Element = op.Value
	}
	return k
}

// HomeCell holds a record's home scope.
var HomeCell = syncproto.CellKey{Field: syncproto.FieldHome}

// PresenceCell holds whether a record is there.
var PresenceCell = syncproto.CellKey{Field: syncproto.FieldPresence}

// Apply brings the state forward by one change that has been received for the
// first time, or is released from quarantine, and returns what its author is
// told. The result's Scope and Position are left to the caller. Candidates,
// conflicts and shown values after any number of calls depend only on the set
// of changes, not on their order; only rival transitions and moves go by order.
//
// Whether the author may write there, and whether the values fit the form
// (Judge), has been decided before. An error is the History's; the state is
// then unusable. No rule of a programme is asked, see ApplyAsking.
func Apply(s *syncproto.RecordState, ch *syncproto.Change, past History) (syncproto.Result, error) {
	return ApplyAsking(s, ch, past, nil)
}

// ApplyAsking is Apply of who asks the rules of programmes: the server. A
// transition is taken after the change's other operations, and only if the guard
// lets it; those others are applied whatever it says. An error is the History's or
// the Guard's.
func ApplyAsking(s *syncproto.RecordState, ch *syncproto.Change, past History, guard Guard) (syncproto.Result, error) {
	res := syncproto.Result{Change: ch.ID}
	h := &ch.Header
	switch {
	case s.Erased:
		res.Outcome = syncproto.Erased
		return res, nil
	case ch.Redacted():
		res.Outcome, res.Reason = syncproto.Parked, syncproto.ReasonWaitsContent
		return res, nil
	case h.Verb != syncproto.VerbCreate && !s.Exists():
		res.Outcome, res.Reason = syncproto.Parked, syncproto.ReasonWaitsCreate
		return res, nil
	case h.Verb == syncproto.VerbCreate && s.Exists() && h.Scope != s.Home:
		res.Outcome, res.Reason = syncproto.Quarantined, syncproto.ReasonOtherHome
		return res, nil
	}
	a := applier{s: s, ch: ch, past: past, guard: guard, meta: MetaOf(h)}
	if guard != nil && slices.ContainsFunc(ch.Ops, isTransition) {
		a.before = s.Clone()
	}
	fresh := h.Base == s.Latest
	if h.Verb == syncproto.VerbCreate {
		fresh = !s.Exists()
		a.create()
	}
	var few [usualOps]syncproto.Reason
	reasons := few[:]
	if len(ch.Ops) > len(few) {
		reasons = make([]syncproto.Reason, len(ch.Ops))
	}
	for _, last := range [...]bool{false, true} {
		for i := range ch.Ops {
			if (ch.Ops[i].Kind == syncproto.OpTransition) != last {
				continue
			}
			if reasons[i] = a.op(&ch.Ops[i]); a.err != nil {
				return res, a.err
			}
		}
	}
	for i := range ch.Ops {
		if op := &ch.Ops[i]; reasons[i] != syncproto.ReasonPlain || op.Kind == syncproto.OpTransition || op.Kind == syncproto.OpMove {
			res.Cells = append(res.Cells, syncproto.CellResult{Cell: CellOf(op), Reason: reasons[i]})
		}
	}
	a.steps()
	s.Latest = ch.ID
	s.Number++
	s.Prune()
	res.Outcome = outcome(fresh, res.Cells)
	return res, a.err
}

// usualOps is more than most changes have.
const usualOps = 64

func isTransition(op syncproto.Op) bool { return op.Kind == syncproto.OpTransition }

// Free looks again at the steps of a record that wait, after something that a guard
// asks for may have come; it returns the changes whose steps do not wait any more,
// and says whether the state changed. What is taken is taken as of the record's
// latest version.
func Free(s *syncproto.RecordState, past History, guard Guard) (freed []syncproto.ChangeID, changed bool, err error) {
	a := applier{s: s, past: past, guard: guard}
	waited := slices.Clone(s.Waiting)
	a.steps()
	if !a.changed || a.err != nil {
		return nil, false, a.err
	}
	s.Prune()
	for i := range waited {
		if !slices.ContainsFunc(s.Waiting, func(st syncproto.Step) bool { return st.Change == waited[i].Change }) {
			freed = append(freed, waited[i].Change)
		}
	}
	return freed, true, nil
}

// MetaOf returns what a record's state keeps of a change.
func MetaOf(h *syncproto.Header) syncproto.VersionMeta {
	return syncproto.VersionMeta{Author: h.Author, Verb: h.Verb, Role: h.Role, Verified: h.Verified, Time: h.AuthorTime()}
}

func outcome(fresh bool, cells []syncproto.CellResult) syncproto.Outcome {
	o := syncproto.Applied
	if !fresh {
		o = syncproto.Merged
	}
	for _, c := range cells {
		if c.Reason >= syncproto.FirstRule {
			o = syncproto.Merged
		}
		switch c.Reason {
		case syncproto.ReasonDistinct, syncproto.ReasonContested, syncproto.ReasonNotCurrent:
			return syncproto.Conflicted
		case syncproto.ReasonEqual, syncproto.ReasonTextMerged, syncproto.ReasonReplaced:
			o = syncproto.Merged
		}
	}
	return o
}

// Withhold takes notice of a change that was received but is not applied: who
// named it has seen what it replaced, so what it named is named too. It
// reports whether the state changed.
func Withhold(s *syncproto.RecordState, id syncproto.ChangeID, ops []syncproto.Op, past History) (bool, error) {
	a := applier{s: s, past: past}
	for i := range ops {
		k := CellOf(&ops[i])
		if _, named := s.Names[syncproto.Remembered{Cell: k, Version: id}]; named {
			for _, n := range ops[i].Names {
				a.name(k, n)
			}
		}
	}
	if a.changed {
		s.Prune()
	}
	return a.changed, a.err
}

type applier struct {
	s       *syncproto.RecordState
	ch      *syncproto.Change
	past    History
	guard   Guard
	before  *syncproto.RecordState
	meta    syncproto.VersionMeta
	changed bool
	err     error
	// cells and slots are room for new cells and their first candidates: a new record
	// is made of dozens.
	cells []syncproto.Cell
	slots []syncproto.Candidate
}

func (a *applier) create() {
	s, h := a.s, &a.ch.Header
	if len(s.Cells) == 0 {
		s.Cells = make(map[syncproto.CellKey]*syncproto.Cell, len(a.ch.Ops)+1)
	}
	if !s.Exists() || bytes.Compare(a.ch.ID[:], s.Created[:]) < 0 {
		s.Created = a.ch.ID
	}
	if s.Form == 0 {
		s.Form = h.Form
	}
	if s.Home.IsZero() {
		s.Home = h.Scope
	}
	a.put(HomeCell, syncproto.Scope(h.Scope))
}

// op applies one operation and says what came of it.
func (a *applier) op(op *syncproto.Op) syncproto.Reason {
	k := CellOf(op)
	switch op.Kind {
	case syncproto.OpTransition, syncproto.OpMove:
		return a.step(&syncproto.Step{Change: a.ch.ID, Op: *op, Meta: a.meta})
	}
	for _, n := range op.Names {
		a.name(k, n)
	}
	if planted.Bug("a base that is current is trusted") && a.ch.Header.Base == a.s.Latest && op.Kind == syncproto.OpSet && a.s.Cells[k] != nil {
		a.s.Cells[k].Candidates = nil
	}
	switch op.Kind {
	case syncproto.OpSet, syncproto.OpText, syncproto.OpItemPlace, syncproto.OpAttachAdd:
		if !a.put(k, op.Value) {
			return syncproto.ReasonReplaced
		}
	case syncproto.OpIncrement:
		if !a.put(k, op.Value) {
			return syncproto.ReasonReplaced
		}
		return syncproto.ReasonCounted
	case syncproto.OpSetAdd:
		a.put(k, syncproto.Value{})
		return syncproto.ReasonUnion
	case syncproto.OpItemPut:
		a.put(k, syncproto.Bool(true))
	case syncproto.OpItemRemove:
		a.put(k, syncproto.Bool(false))
		if planted.Bug("a removed row's fields are tidied away") && !itemAlive(a.s, k) {
			for other, cell := range a.s.Cells {
				if other.Field == k.Field && other.Item == k.Item && other.Sub >= syncproto.FirstFormField {
					cell.Candidates, cell.Position = nil, 0
				}
			}
		}
	case syncproto.OpSetRemove, syncproto.OpAttachRemove:
		if len(a.s.Candidates(k)) > 0 {
			return syncproto.ReasonUnion
		}
		return syncproto.ReasonPlain
	default:
		// An operation of a newer release, not marked critical: it stays in the
		// change and is passed on.
		return syncproto.ReasonNone
	}
	return a.reason(k)
}

func (a *applier) reason(k syncproto.CellKey) syncproto.Reason {
	cands := a.s.Candidates(k)
	if planted.Bug("merged text is stored") {
		if v := Look(a.s, k); v.Merged {
			a.s.Cells[k].Candidates = []syncproto.Candidate{{Version: a.ch.ID, Value: v.Value}}
			return syncproto.ReasonTextMerged
		}
	}
	if len(cands) < 2 {
		if a.ch.Header.Verb == syncproto.VerbSettle {
			return syncproto.ReasonSettled
		}
		return syncproto.ReasonPlain
	}
	view := Look(a.s, k)
	switch {
	case view.Contested:
		return syncproto.ReasonContested
	case len(view.Others) > 0:
		return syncproto.ReasonDistinct
	case view.Merged:
		return syncproto.ReasonTextMerged
	}
	return syncproto.ReasonEqual
}

// put adds this change's candidate, unless somebody who saw it has replaced it
// already; it reports whether it did.
func (a *applier) put(k syncproto.CellKey, v syncproto.Value) bool {
	name := syncproto.Remembered{Cell: k, Version: a.ch.ID}
	if _, named := a.s.Names[name]; named {
		delete(a.s.Names, name)
		return false
	}
	a.insert(k, syncproto.Candidate{Version: a.ch.ID, Value: v}, a.meta)
	return true
}

func (a *applier) insert(k syncproto.CellKey, cand syncproto.Candidate, meta syncproto.VersionMeta) {
	cell := a.s.Cells[k]
	if cell == nil {
		cell = a.newCell()
		a.s.Cells[k] = cell
	}
	if planted.Bug("the loser is dropped") && cand.Value.Type == syncproto.TypeText {
		cell.Candidates = nil
	}
	if planted.Bug("the clock decides") {
		for _, c := range cell.Candidates {
			if a.s.Versions[c.Version].Time > meta.Time {
				return
			}
		}
	}
	if planted.Bug("equal values are collapsed") {
		for _, c := range cell.Candidates {
			if cand.Value != (syncproto.Value{}) && Equal(c.Value, cand.Value) {
				return
			}
		}
	}
	i, found := slices.BinarySearchFunc(cell.Candidates, cand.Version, compareVersion)
	if !found {
		cell.Candidates = slices.Insert(cell.Candidates, i, cand)
	}
	a.s.Versions[cand.Version] = meta
	cell.Position = 0
	a.changed = true
}

// newCell makes a cell with room for one candidate.
func (a *applier) newCell() *syncproto.Cell {
	if len(a.cells) == 0 {
		n := 1
		if a.ch != nil && a.ch.Header.Verb == syncproto.VerbCreate {
			n = min(len(a.ch.Ops)+1, usualOps)
		}
		a.cells, a.slots = make([]syncproto.Cell, n), make([]syncproto.Candidate, n)
	}
	cell := &a.cells[0]
	cell.Candidates = a.slots[:0:1]
	a.cells, a.slots = a.cells[1:], a.slots[1:]
	return cell
}

func compareVersion(c syncproto.Candidate, v syncproto.ChangeID) int {
	return bytes.Compare(c.Version[:], v[:])
}

// name takes the candidate of a version out of a cell: its author saw it. A
// version not applied here is remembered, and one withheld also names what it
// named.
func (a *applier) name(k syncproto.CellKey, v syncproto.ChangeID) {
	if a.err != nil {
		return
	}
	if cell := a.s.Cells[k]; cell != nil {
		if i, found := slices.BinarySearchFunc(cell.Candidates, v, compareVersion); found {
			cell.Candidates = slices.Delete(cell.Candidates, i, i+1)
			cell.Position = 0
			a.changed = true
			return
		}
	}
	if _, applied := a.s.Versions[v]; applied {
		return
	}
	name := syncproto.Remembered{Cell: k, Version: v}
	if _, known := a.s.Names[name]; known {
		return
	}
	standing, ops, err := a.past.Standing(v)
	if err != nil {
		a.err = err
		return
	}
	if standing == Applied {
		return
	}
	if a.s.Names == nil {
		a.s.Names = map[syncproto.Remembered]struct{}{}
	}
	if planted.Bug("names of unreceived changes are forgotten") {
		return
	}
	a.s.Names[name] = struct{}{}
	a.changed = true
	if planted.Bug("what a set-aside change replaced comes back") {
		return
	}
	for i := range ops {
		if CellOf(&ops[i]) == k {
			for _, n := range ops[i].Names {
				a.name(k, n)
			}
		}
	}
}
