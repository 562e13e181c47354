package merge

import (
	"bytes"
	"cmp"
	"slices"

	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// View is how one cell is shown.
type View struct {
	// Value is the value shown; for a counter the sum of what was added.
	Value syncproto.Value
	// Shown are the versions that Value came from: the winning candidate and
	// its equals, or all whose texts were merged. An edit names them.
	Shown []syncproto.ChangeID
	// Others are the candidates with distinct values, best first; they wait
	// for a person.
	Others []syncproto.Candidate
	// Merged says that Value is several authors' text, fitted together.
	Merged bool
	// Contested says that one deleted what another worked on.
	Contested bool
}

// Look returns how a cell is shown: a pure function of its candidates.
func Look(s *syncproto.RecordState, k syncproto.CellKey) View {
	cands := s.Candidates(k)
	if len(cands) == 0 {
		return View{Value: syncproto.None()}
	}
	if len(cands) == 1 {
		return View{Value: cands[0].Value, Shown: []syncproto.ChangeID{cands[0].Version}}
	}
	if cands[0].Value.Type == syncproto.TypeIncrement {
		return lookCounter(cands)
	}
	if k.Element != (syncproto.Value{}) {
		return View{Value: syncproto.None(), Shown: versionsOf(cands)}
	}
	best := rank(s, cands)
	v := View{Value: best[0].Value, Shown: []syncproto.ChangeID{best[0].Version}}
	if isPresence(k) && !planted.Bug("presence is ranked like any field") {
		v.Value, v.Shown = syncproto.Bool(false), nil
		for _, c := range best {
			if alive, _ := c.Value.AsBool(); alive {
				v.Value = syncproto.Bool(true)
			}
		}
	}
	for _, c := range best {
		if Equal(c.Value, v.Value) {
			v.Shown = append(v.Shown, c.Version)
		} else {
			v.Others = append(v.Others, c)
		}
	}
	v.Shown = syncproto.SortIDs(v.Shown)
	switch {
	case len(v.Others) == 0:
	case isPresence(k):
		v.Contested = true
	case v.Value.Type == syncproto.TypePlace || v.Value.Type == syncproto.TypeAttachment:
		v.Others, v.Shown = nil, versionsOf(cands)
	default:
		if text, ok := mergeTexts(best); ok {
			v = View{Value: text, Shown: versionsOf(cands), Merged: true}
		}
	}
	return v
}

func isPresence(k syncproto.CellKey) bool {
	return k.Field == syncproto.FieldPresence || k.Item != (syncproto.ItemID{}) && k.Sub == syncproto.SubPresence
}

func lookCounter(cands []syncproto.Candidate) View {
	var sum int64
	for _, c := range cands {
		n, _ := c.Value.AsInt()
		sum += n
	}
	return View{Value: syncproto.Increment(sum), Shown: versionsOf(cands)}
}

func versionsOf(cands []syncproto.Candidate) []syncproto.ChangeID {
	ids := make([]syncproto.ChangeID, len(cands))
	for i, c := range cands {
		ids[i] = c.Version
	}
	return syncproto.SortIDs(ids)
}

// rank orders candidates by who is shown first: verified before not, the
// higher role, the later corrected time of the author, the higher id. All of it
// stands in the changes themselves.
func rank(s *syncproto.RecordState, cands []syncproto.Candidate) []syncproto.Candidate {
	best := slices.Clone(cands)
	slices.SortFunc(best, func(x, y syncproto.Candidate) int {
		a, b := s.Versions[x.Version], s.Versions[y.Version]
		return cmp.Or(
			cmp.Compare(boolRank(b.Verified), boolRank(a.Verified)),
			cmp.Compare(b.Role, a.Role),
			cmp.Compare(b.Time, a.Time),
			bytes.Compare(y.Version[:], x.Version[:]),
		)
	})
	return best
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Equal reports whether two values say the same: identical, or texts that the
// safe cleanup makes identical. It never folds as search does.
func Equal(a, b syncproto.Value) bool {
	if a == b {
		return true
	}
	ta, okA := a.AsText()
	tb, okB := b.AsText()
	if !okA || !okB || a.Type != b.Type || a.Type == syncproto.TypeCode || a.Type == syncproto.TypePlace {
		return false
	}
	return clean(ta) == clean(tb)
}

func clean(s string) string {
	c, err := persian.Clean(s)
	if err != nil {
		return s
	}
	return c
}

// Alive reports whether the record is there; a deletion that somebody's work
// contests leaves it there.
func Alive(s *syncproto.RecordState) bool {
	if !s.Exists() || s.Erased {
		return false
	}
	alive, _ := Look(s, PresenceCell).Value.AsBool()
	return alive
}

// Conflict is one cell whose candidates a person must settle.
type Conflict struct {
	Cell syncproto.CellKey
	View
}

// Conflicts returns the record's open conflicts, in the order of its cells. A
// deleted record has none but that about its presence; the same holds for a
// deleted list item.
func Conflicts(s *syncproto.RecordState) []Conflict {
	if !s.Exists() || s.Erased {
		return nil
	}
	var several []syncproto.CellKey
	for k, c := range s.Cells {
		if len(c.Candidates) > 1 {
			several = append(several, k)
		}
	}
	if len(several) == 0 {
		return nil
	}
	slices.SortFunc(several, syncproto.CellKey.Compare)
	alive := Alive(s)
	var open []Conflict
	for _, k := range several {
		if !alive && k != PresenceCell {
			continue
		}
		if k.Item != (syncproto.ItemID{}) && k.Sub != syncproto.SubPresence && !itemAlive(s, k) {
			continue
		}
		if v := Look(s, k); len(v.Others) > 0 {
			open = append(open, Conflict{Cell: k, View: v})
		}
	}
	return open
}

func itemAlive(s *syncproto.RecordState, k syncproto.CellKey) bool {
	p := Look(s, syncproto.CellKey{Field: k.Field, Item: k.Item, Sub: syncproto.SubPresence})
	alive, is := p.Value.AsBool()
	return alive || !is
}
