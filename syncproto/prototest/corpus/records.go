package corpus

import "mahalleh/syncproto"

// Records returns the states that n changes of Changes leave behind when each
// stands alone with its record: what pages carry. No conflicts, no sets.
func Records(seed int64, words []string, n int, mk Make) ([]*syncproto.RecordState, error) {
	changes, err := Changes(seed, words, n, mk)
	if err != nil {
		return nil, err
	}
	states := map[syncproto.RecordID]*syncproto.RecordState{}
	var out []*syncproto.RecordState
	for i, ch := range changes {
		h := &ch.Header
		s := states[h.Record]
		if s == nil {
			s = syncproto.NewRecordState(h.Record)
			s.Form, s.Created, s.Home = h.Form, ch.ID, h.Scope
			states[h.Record] = s
			out = append(out, s)
		}
		s.Number++
		s.Latest = ch.ID
		s.Versions[ch.ID] = syncproto.VersionMeta{Author: h.Author, Verb: h.Verb, Role: h.Role, Verified: h.Verified, Time: h.AuthorTime()}
		for _, op := range ch.Ops {
			k := syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub}
			if op.Kind == syncproto.OpSetAdd {
				k.Element = op.Value
			}
			s.Cells[k] = &syncproto.Cell{Position: uint64(i + 1), Candidates: []syncproto.Candidate{{Version: ch.ID, Value: op.Value}}}
		}
	}
	return out, nil
}
