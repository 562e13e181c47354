package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"mahalleh/schemas/persian"
)

// PeerKey files a record in an index, so that the few records that a rule over
// several may flag together with it are found without reading all. It is a
// digest: what the record says does not stand in it.
type PeerKey struct {
	Digest [16]byte
	// Everywhere: it files records of all places together, otherwise each place's
	// apart.
	Everywhere bool
}

// FileKeys returns the keys under which a record is filed: for each of the
// form's rules over several records (Unique, Among) that may speak of it, one.
func FileKeys(form *Form, r Record) []PeerKey { return peerKeys(form, r, false) }

// LookKeys returns the keys to look under for the peers of a record: every
// record that a rule flags together with it is filed under one of them.
func LookKeys(form *Form, r Record) []PeerKey { return peerKeys(form, r, true) }

func peerKeys(form *Form, r Record, look bool) []PeerKey {
	var all []PeerKey
	if len(form.Unique) > 0 {
		tests := make([]AmongTest, len(form.Unique))
		for i, id := range form.Unique {
			tests[i] = AmongTest{Field: id, Same: true}
		}
		all = appendKeys(all, "unique", form.UniqueEverywhere, tests, r, look)
	}
	for i := range form.Among {
		rule := &form.Among[i]
		all = appendKeys(all, "among "+rule.Name, rule.Everywhere, rule.Tests, r, look)
	}
	return all
}

// appendKeys adds the keys of one rule, none if one of its tests can hold of no
// other record. Tests that cannot be looked up by equality leave the key as it is.
func appendKeys(all []PeerKey, rule string, everywhere bool, tests []AmongTest, r Record, look bool) []PeerKey {
	bases := [][]byte{append([]byte(rule), 0)}
	for i := range tests {
		t := &tests[i]
		v := r.Fields[t.Field]
		if v.IsEmpty() || t.Of != nil && !t.holds(r, r) || t.By != 0 && r.Fields[t.By].IsEmpty() {
			return all
		}
		switch {
		case t.Same:
			part := samePart(v)
			for i := range bases {
				bases[i] = appendPart(bases[i], part)
			}
		case t.Metres > 0:
			cells := cellsOf(v.Point(), float64(t.Metres), look)
			var next [][]byte
			for _, b := range bases {
				for _, c := range cells {
					next = append(next, appendPart(append([]byte(nil), b...), c))
				}
			}
			bases = next
		}
	}
	for _, b := range bases {
		sum := sha256.Sum256(b)
		all = append(all, PeerKey{Digest: [16]byte(sum[:16]), Everywhere: everywhere})
	}
	return all
}

func appendPart(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}

// samePart is equal for values that say the same; for kinds that are rarely
// looked up it says nothing, so that the rule itself tells them apart.
func samePart(v Value) []byte {
	switch v.Kind() {
	case KindText:
		return []byte(persian.Fold(v.Text()))
	case KindCode:
		return []byte(v.Code())
	case KindInt:
		return binary.BigEndian.AppendUint64(nil, uint64(v.Int()))
	case KindDate:
		return binary.BigEndian.AppendUint32(nil, uint32(v.Date()))
	case KindRef:
		id := v.Ref()
		return id[:]
	}
	return nil
}

// metresPerE7 is a little less than a unit of a Point's latitude is anywhere,
// so that cells are rather too large than too small.
const metresPerE7 = 0.011

// cellsOf returns the cell of a grid in which a point lies, and with look all
// cells that hold points nearer than metres. The rows are bands of latitude; how
// wide a cell of a row is follows from the row alone, so both sides agree.
func cellsOf(p Point, metres float64, look bool) [][]byte {
	high := math.Ceil(metres / metresPerE7)
	row := math.Floor(float64(p.LatE7) / high)
	cell := func(row, lon, width float64) []byte {
		b := binary.BigEndian.AppendUint64(nil, uint64(int64(row)))
		return binary.BigEndian.AppendUint64(b, uint64(int64(math.Floor(lon/width))))
	}
	width := func(row float64) float64 {
		furthest := max(math.Abs(row), math.Abs(row+1)) * high / 1e7 * math.Pi / 180
		return math.Ceil(high / max(math.Cos(furthest), 0.01))
	}
	if !look {
		return [][]byte{cell(row, float64(p.LonE7), width(row))}
	}
	// Towards the pole a degree is shorter: the next row's width is enough on both sides.
	reach := max(width(row-1), width(row), width(row+1))
	var all [][]byte
	for r := row - 1; r <= row+1; r++ {
		w := width(r)
		for lon := float64(p.LonE7) - reach; ; lon += w {
			lon = min(lon, float64(p.LonE7)+reach)
			if c := cell(r, lon, w); len(all) == 0 || string(all[len(all)-1]) != string(c) {
				all = append(all, c)
			}
			if lon == float64(p.LonE7)+reach {
				break
			}
		}
	}
	return all
}
