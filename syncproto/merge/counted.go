package merge

import (
	"bytes"
	"cmp"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/syncproto"
)

// Counted returns a record's state as the committee's figures see it. It is a
// function of what device and server both hold, so that both count the same. A
// record of a form that is not known here counts nothing.
func Counted(forms *schemas.Package, s *syncproto.RecordState) indicators.Record {
	r := indicators.Record{ID: indicators.ID(s.Record), Version: indicators.ID(s.Latest), Gone: !Alive(s)}
	form, known := forms.Form(schemas.FormID(s.Form))
	if !known || s.Erased || !s.Exists() {
		return r
	}
	r.Form, r.Values = form, Content(form, s)
	if r.Gone {
		return r
	}
	r.Hands, r.Made = hands(s)
	for _, c := range Conflicts(s) {
		r.Conflicts = append(r.Conflicts, indicators.Conflict{Field: cellField(c.Cell), Since: since(s, c.Cell)})
	}
	r.Judge(forms)
	return r
}

// cellField is the form's field that a cell belongs to, in a row the row's.
func cellField(k syncproto.CellKey) schemas.FieldID {
	if k.Item != (syncproto.ItemID{}) && k.Sub >= syncproto.FirstFormField {
		return schemas.FieldID(k.Sub)
	}
	return schemas.FieldID(k.Field)
}

// hands are the authors of what stands, each with the time of their last words,
// and the time of the oldest.
func hands(s *syncproto.RecordState) (all []indicators.Hand, oldest int64) {
	last := map[syncproto.PersonID]int64{}
	first := true
	for _, v := range s.Versions {
		last[v.Author] = max(last[v.Author], v.Time)
		if first || v.Time < oldest {
			first, oldest = false, v.Time
		}
	}
	for person, t := range last {
		all = append(all, indicators.Hand{Person: indicators.ID(person), Time: t})
	}
	slices.SortFunc(all, func(a, b indicators.Hand) int { return bytes.Compare(a.Person[:], b.Person[:]) })
	return all, oldest
}

// since is when the second value of a cell was written: before it there was no
// conflict.
func since(s *syncproto.RecordState, k syncproto.CellKey) int64 {
	var times []int64
	for _, c := range s.Candidates(k) {
		times = append(times, s.Versions[c.Version].Time)
	}
	slices.SortFunc(times, cmp.Compare)
	if len(times) < 2 {
		return 0
	}
	return times[1]
}
