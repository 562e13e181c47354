package hub

import "mahalleh/syncproto"

const (
	// maxRecordBytes bounds a record's state, so that a page that holds nothing
	// else fits into one frame of the line. The longest form with full texts
	// needs an eighth of it, so its texts may be in conflict several times over.
	maxRecordBytes = syncproto.MaxFrame / 2
	// maxRecordParts bounds cells, candidates and remembered names of a record,
	// far below where its decoder refuses it.
	maxRecordParts = syncproto.MaxRecordCells / 2
	// candidateBytes is what a candidate weighs beside its value: its version
	// with metadata, and its cell.
	candidateBytes = 64
)

// tooLarge reports whether a record's state is beyond what can be stored, read
// back and carried to devices.
func tooLarge(s *syncproto.RecordState) bool {
	parts, bytes := len(s.Cells)+len(s.Names)+len(s.Homes), 0
	for k, c := range s.Cells {
		bytes += candidateBytes + len(k.Element.Bytes())
		parts += len(c.Candidates)
		for i := range c.Candidates {
			bytes += candidateBytes + len(c.Candidates[i].Value.Bytes())
		}
	}
	for _, steps := range []map[syncproto.CellKey][]syncproto.ChangeID{s.Passed, s.Aside} {
		for _, ids := range steps {
			parts += len(ids)
		}
	}
	for i := range s.Waiting {
		parts += 1 + len(s.Waiting[i].Op.Names)
	}
	return parts > maxRecordParts || bytes > maxRecordBytes
}
