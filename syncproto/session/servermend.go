package session

import (
	"mahalleh/syncproto/wire"
)

func sumsOf(b []byte) *BucketSums {
	var sums BucketSums
	for i := range sums {
		copy(sums[i][:], b[i*16:])
	}
	return &sums
}

func (s *Server) compare(m *wire.Compare) {
	switch {
	case len(m.Buckets) != wire.Buckets*16:
		s.malformed("a comparison of %d bytes", len(m.Buckets))
	case s.compared != nil || s.want != nil:
		s.malformed("a comparison before the last one is answered")
	case s.scope(m.Scope) == nil:
		// Taken away meanwhile; the Purge under way ends it.
		if !s.purging[m.Scope] {
			s.malformed("a comparison of a scope that is not granted")
		}
	default:
		s.compared = m
	}
}

func (s *Server) entriesRead(ev EntriesRead) {
	if !s.current(&s.entriesAsked) {
		return
	}
	scope := s.compared.Scope
	s.compared = nil
	if s.scope(scope) == nil {
		return
	}
	s.outbox = append(s.outbox, &wire.ServerEntries{Scope: scope, Buckets: ev.Buckets, Entries: ev.Entries})
}

func (s *Server) wanted(m *wire.Want) {
	switch {
	case len(m.Records) == 0 || len(m.Records) > maxWant:
		s.malformed("%d records wanted", len(m.Records))
	case s.compared != nil || s.want != nil:
		s.malformed("records wanted before the last are sent")
	case s.scope(m.Scope) == nil:
		if !s.purging[m.Scope] {
			s.malformed("records of a scope that is not granted")
		}
	default:
		s.want = m
	}
}

func (s *Server) recordsRead(ev RecordsRead) {
	if !s.current(&s.recordsAsked) {
		return
	}
	w := s.want
	if s.scope(w.Scope) == nil {
		s.want = nil
		return
	}
	if ev.Done < 1 || ev.Done > len(w.Records) || len(ev.Records)+len(ev.Gone) != ev.Done {
		s.close(Close{Code: CloseLocal, Detail: "the store read other records than were asked for"})
		return
	}
	w.Records = w.Records[ev.Done:]
	if len(w.Records) == 0 {
		s.want = nil
	}
	s.outbox = append(s.outbox, &wire.Records{Scope: w.Scope, Position: ev.Position, Records: ev.Records, Gone: ev.Gone})
}
