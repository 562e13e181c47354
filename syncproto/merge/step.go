package merge

import (
	"bytes"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// step applies a transition or move, if the version it names made the state
// that is current and no guard keeps it from being taken; otherwise it waits or is
// set aside.
func (a *applier) step(st *syncproto.Step) syncproto.Reason {
	fate, reason := a.judgeStep(a.before, st)
	a.meet(st, fate)
	return reason
}

// meet has a step meet its fate.
func (a *applier) meet(st *syncproto.Step, fate stepFate) {
	k := CellOf(&st.Op)
	switch fate {
	case stepApplies:
		a.take(k, st)
	case stepWaits:
		a.s.Waiting = append(a.s.Waiting, *st)
		a.changed = true
	default:
		a.setAside(k, st.Change)
	}
}

type stepFate uint8

const (
	stepApplies stepFate = iota
	stepWaits
	stepAside
)

// judgeStep says what becomes of a step, and why. before is the record before the
// step's change.
func (a *applier) judgeStep(before *syncproto.RecordState, st *syncproto.Step) (stepFate, syncproto.Reason) {
	fate := a.follows(CellOf(&st.Op), st)
	switch {
	case fate == stepWaits:
		return fate, syncproto.ReasonWaitsStep
	case fate == stepAside:
		return fate, syncproto.ReasonNotCurrent
	case a.guard == nil || st.Op.Kind != syncproto.OpTransition:
		return fate, syncproto.ReasonPlain
	}
	answer, err := a.guard.MayStep(before, a.s, st)
	switch {
	case err != nil:
		a.err = err
	case answer.Rule == syncproto.ReasonNone:
		return fate, syncproto.ReasonPlain
	case answer.Waits && planted.Bug("a step without its evidence is set aside for good"):
	case answer.Waits:
		return stepWaits, answer.Rule
	}
	return stepAside, answer.Rule
}

// follows says what becomes of a step by what it names alone.
func (a *applier) follows(k syncproto.CellKey, st *syncproto.Step) stepFate {
	cands := a.s.Candidates(k)
	if len(st.Op.Names) == 0 {
		// The first state of all.
		if len(cands) == 0 && len(a.s.Passed[k]) == 0 {
			return stepApplies
		}
		return stepAside
	}
	for _, n := range st.Op.Names {
		if _, current := slices.BinarySearchFunc(cands, n, compareVersion); current {
			return stepApplies
		}
	}
	for _, n := range st.Op.Names {
		if slices.Contains(a.s.Passed[k], n) || slices.Contains(a.s.Aside[k], n) {
			return stepAside
		}
	}
	return stepWaits
}

// take makes the step's state the current one.
func (a *applier) take(k syncproto.CellKey, st *syncproto.Step) {
	s := a.s
	if s.Passed == nil {
		s.Passed = map[syncproto.CellKey][]syncproto.ChangeID{}
	}
	for _, c := range s.Candidates(k) {
		s.Passed[k] = append(s.Passed[k], c.Version)
	}
	if cell := s.Cells[k]; cell != nil {
		cell.Candidates = nil
	}
	v := st.Op.Value
	if st.Op.Kind == syncproto.OpTransition {
		_, to, _ := v.AsTransition()
		v = syncproto.Code(to)
	} else if scope, ok := v.AsScope(); ok && scope != s.Home {
		if !slices.Contains(s.Homes, s.Home) && !planted.Bug("a move forgets the home it left") {
			s.Homes = append(s.Homes, s.Home)
		}
		s.Home = scope
	}
	a.insert(k, syncproto.Candidate{Version: st.Change, Value: v}, st.Meta)
}

func (a *applier) setAside(k syncproto.CellKey, id syncproto.ChangeID) {
	if a.s.Aside == nil {
		a.s.Aside = map[syncproto.CellKey][]syncproto.ChangeID{}
	}
	a.s.Aside[k] = append(a.s.Aside[k], id)
	a.changed = true
}

// steps looks again at what waits, until nothing moves any more. Rivals that
// wait for the same go by id.
func (a *applier) steps() {
	for a.err == nil && a.freeOne() {
		if planted.Bug("only one waiting step follows") {
			return
		}
	}
}

// freeOne lets the first step that need not wait any more meet its fate; false if
// all of them wait on.
func (a *applier) freeOne() bool {
	slices.SortFunc(a.s.Waiting, func(x, y syncproto.Step) int { return bytes.Compare(x.Change[:], y.Change[:]) })
	for i := range a.s.Waiting {
		st := a.s.Waiting[i]
		fate, _ := a.judgeStep(a.s, &st)
		if a.err != nil {
			return false
		}
		if fate != stepWaits {
			a.s.Waiting = slices.Delete(a.s.Waiting, i, i+1)
			a.meet(&st, fate)
			return true
		}
	}
	return false
}
