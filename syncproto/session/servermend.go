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

// A comparison is a walk through all of a scope, and wanted records are read one by
// one: a device that lies about its sums could keep the server busy with both. So
// each costs time, of which a device has as much as passes. It may be ahead by so
// much that an honest one, whose disk was damaged or whose server was put back,
// notices nothing; who asks on and on is answered the later.
const (
	// mendFree is how far ahead a device may be, in milliseconds: 120,000 records
	// of some scopes compared, or 15,000 sent.
	mendFree = 30_000
	// mostCost bounds what one question costs.
	mostCost = 20_000
	// comparedCost is that of a comparison, and of as many records as walkedInMilli
	// a millisecond more; wantedCost that of a record.
	comparedCost  = 40
	walkedInMilli = 5
	wantedCost    = 2
)

// asks says whether the device waits for an answer that is not being read.
func (s *Server) asks() bool {
	return s.compared != nil && !s.entriesAsked || s.want != nil && !s.recordsAsked
}

// mayAsk is when the next question is answered at the earliest.
func (s *Server) mayAsk() int64 { return s.ahead - mendFree }

func (s *Server) pays(ms int) { s.ahead = max(s.ahead, s.now) + int64(min(ms, mostCost)) }

// Ahead is by how many milliseconds the device has asked for more than it had time
// for. Authenticated takes it into the device's next connection.
func (s *Server) Ahead(now int64) int64 { return max(s.ahead-now, 0) }

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
	s.pays(comparedCost + ev.Walked/walkedInMilli)
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
	s.pays(wantedCost * ev.Done)
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
