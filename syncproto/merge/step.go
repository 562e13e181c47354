package merge

import (
	"bytes"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// step applies a transition or move, if the version it names made the state
// that is current; otherwise it waits for that version or is set aside.
func (a *applier) step(st *syncproto.Step) syncproto.Reason {
	k := CellOf(&st.Op)
	switch a.judgeStep(k, st) {
	case stepApplies:
		a.take(k, st)
		return syncproto.ReasonPlain
	case stepWaits:
		a.s.Waiting = append(a.s.Waiting, *st)
		a.changed = true
		return syncproto.ReasonWaitsStep
	}
	a.setAside(k, st.Change)
	return syncproto.ReasonNotCurrent
}

type stepFate uint8

const (
	stepApplies stepFate = iota
	stepWaits
	stepAside
)

func (a *applier) judgeStep(k syncproto.CellKey, st *syncproto.Step) stepFate {
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
// wait for the same predecessor go by id.
func (a *applier) steps() {
	for {
		slices.SortFunc(a.s.Waiting, func(x, y syncproto.Step) int { return bytes.Compare(x.Change[:], y.Change[:]) })
		i := slices.IndexFunc(a.s.Waiting, func(st syncproto.Step) bool {
			return a.judgeStep(CellOf(&st.Op), &st) != stepWaits
		})
		if i < 0 {
			return
		}
		st := a.s.Waiting[i]
		a.s.Waiting = slices.Delete(a.s.Waiting, i, i+1)
		a.step(&st)
		if planted.Bug("only one waiting step follows") {
			return
		}
	}
}
