package syncproto

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// CellKey names the smallest part of a record that two people can change
// without meeting: a field, a field of a list item, an element of a set.
type CellKey struct {
	Field uint32
	Item  ItemID
	Sub   uint32
	// Element is the element of a set, the zero Value for every other cell.
	Element Value
}

// Compare orders cells: by field, item, sub-field, element.
func (k CellKey) Compare(o CellKey) int {
	if c := cmp.Compare(k.Field, o.Field); c != 0 {
		return c
	}
	if c := bytes.Compare(k.Item[:], o.Item[:]); c != 0 {
		return c
	}
	if c := cmp.Compare(k.Sub, o.Sub); c != 0 {
		return c
	}
	return k.Element.Compare(o.Element)
}

// Compare orders values by their wire form: type, then payload. The order has
// no meaning for people.
func (v Value) Compare(o Value) int {
	if c := cmp.Compare(v.Type, o.Type); c != 0 {
		return c
	}
	if c := cmp.Compare(v.num, o.num); c != 0 {
		return c
	}
	if c := bytes.Compare(v.id[:], o.id[:]); c != 0 {
		return c
	}
	return strings.Compare(v.str, o.str)
}

// Candidate is one value of a cell that nobody who saw it has replaced.
type Candidate struct {
	Version ChangeID
	Value   Value
}

// Cell is the set of candidates of one cell, ascending by version.
type Cell struct {
	Candidates []Candidate
	// Position is where in its scope's order the cell last changed; server only.
	Position uint64
}

// VersionMeta is what a record's state keeps of a change that one of its
// candidates came from: all that the choice of the shown value may look at,
// and what people are told.
type VersionMeta struct {
	Author   PersonID
	Verb     Verb
	Role     uint8
	Verified bool
	// Time is the author's corrected time, Unix milliseconds.
	Time int64
}

// Remembered is a name of a version not applied here: when that version
// arrives or is released, its value is not a candidate of this cell.
type Remembered struct {
	Cell    CellKey
	Version ChangeID
}

// Step is a transition or move that waits, see RecordState.Waiting.
type Step struct {
	Change ChangeID
	Op     Op
	Meta   VersionMeta
}

// RecordState is a record as it stands: per cell the candidates, and of every
// version that a candidate came from its metadata. Server and devices hold
// the same state for the same record, but for the fields marked "server only".
type RecordState struct {
	Record RecordID
	Form   uint32
	// Created is the create that made the record, Home its scope now.
	Created ChangeID
	Home    ScopeID
	// Number counts applied changes within an era, for people and ETags.
	Number uint64
	// Latest is the change applied last: the record's version.
	Latest   ChangeID
	Versions map[ChangeID]VersionMeta
	Cells    map[CellKey]*Cell
	// Erased says that all content was erased and may never come back.
	Erased bool

	// Position is where in its scope's order the record last changed, Entered
	// where it came into its scope; server only.
	Position, Entered uint64
	// Names are versions named before they were applied; server only.
	Names map[Remembered]struct{}
	// Homes are the scopes that were the record's home before; server only.
	Homes []ScopeID
	// Passed are the transitions and moves applied to a cell before its
	// current one, Aside those set aside; server only.
	Passed map[CellKey][]ChangeID
	Aside  map[CellKey][]ChangeID
	// Waiting are transitions and moves whose predecessor is not applied, or that lack
	// what a rule of a programme asks for; server only.
	Waiting []Step
}

// NewRecordState returns the state before any change.
func NewRecordState(id RecordID) *RecordState {
	return &RecordState{Record: id, Versions: map[ChangeID]VersionMeta{}, Cells: map[CellKey]*Cell{}}
}

// Exists reports whether a create has been applied.
func (s *RecordState) Exists() bool { return !s.Created.IsZero() }

// Keys returns the cells in order.
func (s *RecordState) Keys() []CellKey {
	keys := make([]CellKey, 0, len(s.Cells))
	for k := range s.Cells {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, CellKey.Compare)
	return keys
}

// Candidates returns the candidates of a cell, nil if it has none. The slice
// belongs to the state.
func (s *RecordState) Candidates(k CellKey) []Candidate {
	if c := s.Cells[k]; c != nil {
		return c.Candidates
	}
	return nil
}

// Clone returns a deep copy.
func (s *RecordState) Clone() *RecordState {
	d := *s
	d.Versions = make(map[ChangeID]VersionMeta, len(s.Versions))
	for k, v := range s.Versions {
		d.Versions[k] = v
	}
	d.Cells = make(map[CellKey]*Cell, len(s.Cells))
	for k, c := range s.Cells {
		d.Cells[k] = &Cell{Candidates: slices.Clone(c.Candidates), Position: c.Position}
	}
	d.Names = cloneMap(s.Names)
	d.Passed = cloneLists(s.Passed)
	d.Aside = cloneLists(s.Aside)
	d.Homes = slices.Clone(s.Homes)
	d.Waiting = slices.Clone(s.Waiting)
	return &d
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return nil
	}
	d := make(map[K]V, len(m))
	for k, v := range m {
		d[k] = v
	}
	return d
}

func cloneLists[K comparable, V any](m map[K][]V) map[K][]V {
	if m == nil {
		return nil
	}
	d := make(map[K][]V, len(m))
	for k, v := range m {
		d[k] = slices.Clone(v)
	}
	return d
}

// Prune forgets the metadata of versions that no candidate comes from and no
// waiting step needs.
func (s *RecordState) Prune() {
	used := make(map[ChangeID]bool, len(s.Versions))
	var last ChangeID // most cells come from the same version
	for _, c := range s.Cells {
		for i := range c.Candidates {
			if v := c.Candidates[i].Version; v != last {
				used[v], last = true, v
			}
		}
	}
	for v := range s.Versions {
		if !used[v] {
			delete(s.Versions, v)
		}
	}
}

// Patch brings the state to the one that a delta leads to: cells of the delta
// replace the same cells here, and a cell without candidates goes.
func (s *RecordState) Patch(delta *RecordState) {
	s.Form, s.Created, s.Home, s.Number, s.Latest = delta.Form, delta.Created, delta.Home, delta.Number, delta.Latest
	for v, m := range delta.Versions {
		s.Versions[v] = m
	}
	for k, c := range delta.Cells {
		if len(c.Candidates) == 0 {
			delete(s.Cells, k)
			continue
		}
		s.Cells[k] = &Cell{Candidates: slices.Clone(c.Candidates), Position: c.Position}
	}
	s.Prune()
}
