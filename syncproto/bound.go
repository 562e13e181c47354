package syncproto

const (
	// MaxRecordBytes bounds a record's state as TooLarge weighs it, so that a page
	// that holds nothing else fits into one frame of the line. The longest form with
	// full texts needs an eighth of it, so its texts may be in conflict several times over.
	MaxRecordBytes = MaxFrame / 2
	// MaxRecordParts bounds cells, candidates and remembered names of a record,
	// far below where its decoder refuses it.
	MaxRecordParts = MaxRecordCells / 2
	// CandidateBytes is what a cell and each of its candidates weigh beside their
	// values: a version with metadata.
	CandidateBytes = 64
)

// TooLarge reports whether a record's state is beyond what can be stored, read
// back and carried to devices. A change with which it would be is set aside: the
// server does so, and a device shows and refuses what the server will.
func (s *RecordState) TooLarge() bool {
	parts, bytes := len(s.Cells)+len(s.Names)+len(s.Homes), 0
	for k, c := range s.Cells {
		bytes += CandidateBytes + len(k.Element.Bytes())
		parts += len(c.Candidates)
		for i := range c.Candidates {
			bytes += CandidateBytes + len(c.Candidates[i].Value.Bytes())
		}
	}
	for _, steps := range []map[CellKey][]ChangeID{s.Passed, s.Aside} {
		for _, ids := range steps {
			parts += len(ids)
		}
	}
	for i := range s.Waiting {
		parts += 1 + len(s.Waiting[i].Op.Names)
	}
	return parts > MaxRecordParts || bytes > MaxRecordBytes
}
