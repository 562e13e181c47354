package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// accepting is what the server holds of batches that the store has not
// answered yet.
type accepting struct {
	// pending are the answers awaited, in order.
	pending []accept
	bytes   int64
}

type accept struct {
	weight int64
	// stale says that the batch came before a new Hello or a fork: its answer is
	// not passed on. refused says that it came before a refusal of an earlier
	// one: only its success is.
	stale, refused bool
	gap            *wire.Gap
}

func (a *accepting) restart() {
	for i := range a.pending {
		a.pending[i].stale = true
	}
}

// telling is what the device has to be told of its changes.
type telling struct {
	// received is up to where the server holds the log as this device wrote it:
	// what Welcome said, which the device checks, and what it pushed since. What
	// the log holds beyond may be a clone's, and is never acknowledged to this one.
	received uint64
	// pushed is the first sequence that this session pushed, 0 before it has.
	pushed uint64
	// told is the highest sequence up to which all results have been queued.
	told uint64
	// due says that an Ack is to be sent even without results, again that what it
	// acknowledges was received before: the device waits for an Ack then, since
	// what a page says of it is no news.
	due, again bool
	// results are queued ones of the session's log, or of no log in particular.
	results []syncproto.Result
	// others are acknowledgements of ancestors.
	others []*wire.Ack
	// receiptDue says that batches were accepted of which no receipt was made,
	// lastAccept when the last was.
	receiptDue bool
	lastAccept int64
	// receiptOwed says that the device may lack the receipt of what earlier
	// sessions brought: its line may have been cut with the receipt on it.
	receiptOwed bool
}

// begin sets what is told at the beginning of a session.
func (s *Server) begin(h *wire.Hello, w *wire.Welcome) {
	s.telling = telling{received: w.Received, told: w.Received, receiptOwed: w.Received > 0}
	if h.ResultsFrom > 0 && h.ResultsFrom <= w.Received && !planted.Bug("results are told to the session that pushed alone") {
		s.told = h.ResultsFrom - 1
	}
	s.lastAccept = s.now
}

func (s *Server) hold(a accept) bool {
	s.pending = append(s.pending, a)
	s.bytes += a.weight
	if s.bytes > maxPushes || len(s.pending) > maxPushCount {
		s.refuse(wire.RefuseLimits, retryLocal, "more batches under way than the server allows")
		return false
	}
	return true
}

func (s *Server) push(m *wire.Push) {
	if len(m.Batch) == 0 {
		s.malformed("an empty batch")
		return
	}
	if s.hold(accept{weight: int64(len(m.Batch)) + 64}) {
		s.do(Accept{Batch: m.Batch})
	}
}

func (s *Server) gap(m *wire.Gap) {
	g := *m
	if g.Log.IsZero() {
		g.Log = s.log
	}
	if g.From == 0 || g.To < g.From || g.To >= 1<<62 || g.Head == (syncproto.Hash{}) {
		s.malformed("a gap from %d to %d", g.From, g.To)
		return
	}
	if s.hold(accept{weight: 64, gap: &g}) {
		s.do(AcceptGap{Gap: g})
	}
}

func (s *Server) accepted(ev Accepted) {
	if len(s.pending) == 0 {
		s.close(Close{Code: CloseLocal, Detail: "an answer to no batch"})
		return
	}
	a := pop(&s.pending)
	s.bytes -= a.weight
	if a.stale || s.state != serverLive {
		return
	}
	own := ev.Log == s.log
	switch ev.Status {
	case AcceptedOK:
		s.receiptDue, s.lastAccept = true, s.now
		if own {
			s.acceptedOwn(ev, a.gap)
			s.listens()
			return
		}
		ack := &wire.Ack{Log: ev.Log, Received: ev.through(a.gap)}
		for _, r := range ev.Results {
			ack.Results = append(ack.Results, r.Result)
		}
		s.others = append(s.others, ack)
		s.listens()
	case AcceptedNot, AcceptedHole:
		if a.refused {
			return // the device was told already, and sends it again
		}
		if ev.Status == AcceptedHole {
			s.refuse(wire.RefuseBusy, retrySoon, ev.Detail) // Hello will say where to go on
			return
		}
		r := &wire.Refuse{Code: wire.RefuseBusy, RetryAfter: uint64(max(ev.RetryAfter, 1)), Detail: ev.Detail}
		if ev.Full {
			r.Code = wire.RefuseFull
		}
		r.Key = CloseCode(r.Code).Key()
		s.control = append(s.control, r)
		for i := range s.pending {
			s.pending[i].refused = true
		}
	case AcceptedFork:
		// In an order of its own: the device gives the log up and says Hello.
		s.control = append(s.control, &wire.Welcome{Proto: ProtoMax, ServerTime: s.now, Fork: true, Received: s.received,
			Ancestors: []wire.LogReceived{{Log: ev.Log, Received: ev.Received}}})
		s.accepting.restart()
		s.forked = true
	default:
		s.malformed("batch: %s", ev.Detail)
	}
}

// listens refuses a device that pushes and does not read what is said of it.
func (s *Server) listens() {
	if len(s.results) > maxUntold || len(s.others) > maxUntoldAcks {
		s.refuse(wire.RefuseLimits, retryLocal, "it pushes and does not read")
	}
}

// through is the last sequence that the accepted batch, or gap, vouches for.
func (ev *Accepted) through(gap *wire.Gap) uint64 {
	last := uint64(0)
	if gap != nil {
		last = gap.To
	}
	for _, r := range ev.Results {
		last = max(last, r.Seq)
	}
	return min(last, ev.Received)
}

func (s *Server) acceptedOwn(ev Accepted, gap *wire.Gap) {
	s.again = s.again || ev.through(gap) <= s.received
	s.received = max(s.received, ev.through(gap))
	s.due = true
	s.needRead = s.needRead || len(ev.Results) > 0
	for _, r := range ev.Results {
		if s.pushed == 0 || r.Seq < s.pushed {
			s.pushed = r.Seq
		}
	}
	if gap != nil && gap.From <= s.told+1 {
		s.told = max(s.told, gap.To)
	}
	for _, r := range ev.Results {
		// What was told before is told again: the device would not have pushed it
		// again for nothing.
		if r.Seq <= s.told+1 {
			s.results = append(s.results, r.Result)
			s.told = max(s.told, r.Seq)
		}
	}
	// Results come in the order of the log: those that are still missing are
	// read, together with these.
	if s.told < s.received {
		s.needRead = true
	}
}

// readResults queues what a snapshot says of the session's log.
func (s *Server) readResults(ev *ScopesRead) {
	for _, r := range ev.Results {
		// What is not received from this session yet is passed on, because the
		// snapshot's pages may hold it, and comes again with its acknowledgement.
		if r.Seq > s.told {
			s.results = append(s.results, r.Result)
			s.told = max(s.told, min(r.Seq, s.received))
		}
	}
	if len(ev.Results) < wire.MaxResults {
		s.told = max(s.told, min(ev.Received, s.received)) // what has no result was declared lost
	}
	s.due = s.due || len(s.results) > 0
}

// changed queues results that are not those of new sequences.
func (s *Server) changed(results []syncproto.Result) {
	s.results = append(s.results, results...)
	s.due = s.due || len(results) > 0
}

func (s *Server) resultsChanged(ev ResultsChanged) {
	if s.state == serverLive {
		s.changed(ev.Results)
	}
}

// fitting counts the results at the head of the queue that one message carries.
func (s *Server) fitting() int {
	n, size := 0, 0
	for n < len(s.results) && n < maxAckResults && size < maxAckWeight {
		size += 64 + 64*len(s.results[n].Cells)
		n++
	}
	return n
}

// resultsFit says whether one message carries all that are queued.
func (s *Server) resultsFit() bool { return s.fitting() == len(s.results) }

// someResults takes as many results from the queue as one message carries.
func (s *Server) someResults() []syncproto.Result {
	n := s.fitting()
	out := s.results[:n:n]
	if s.results = s.results[n:]; len(s.results) == 0 {
		s.results, s.due = nil, false
	}
	return out
}

// nextAck returns an acknowledgement if one is due.
func (s *Server) nextAck() wire.Message {
	if s.scopesAsked && s.resultsFit() && !s.again {
		return nil // what is being read takes it along
	}
	if s.due {
		s.again = false
		return &wire.Ack{Received: s.received, Results: s.someResults()}
	}
	if len(s.others) > 0 {
		return pop(&s.others)
	}
	return nil
}

// status keeps what the device says of itself, and answers, so that it knows
// the connection to be alive.
func (s *Server) status(m *wire.Status) {
	s.touched.Queue, s.touched.OldestQueued, s.touched.ClockAhead = m.Queue, m.OldestQueued, m.DeviceTime-s.now
	s.do(s.touched)
	s.due = true
	if m.Queue == 0 && (s.receiptDue || s.receiptOwed) && len(s.pending) == 0 {
		s.makeReceipt()
	}
}

func (s *Server) makeReceipt() {
	if s.receiptAsked {
		return
	}
	s.receiptDue, s.receiptOwed, s.receiptAsked = false, false, true
	s.do(MakeReceipt{Log: s.log})
}

func (s *Server) receiptMade(ev ReceiptMade) {
	if s.receiptsStale > 0 {
		s.receiptsStale--
		return
	}
	s.receiptAsked = false
	if s.state == serverLive && len(ev.Receipt) > 0 {
		s.control = append(s.control, &wire.ReceiptNote{Receipt: ev.Receipt})
	}
}

// actsRead tells the device how chains of acts go on.
func (s *Server) actsRead(ev ActsRead) {
	if s.state == serverLive && len(ev.Said.Chains) > 0 {
		s.control = append(s.control, &ev.Said)
	}
}

func (s *Server) backupVerified(ev BackupVerified) {
	if s.state != serverLive {
		return // Welcome tells it
	}
	m := &wire.BackupSafe{Log: ev.Log, Seq: ev.Seq}
	if ev.Log == s.log {
		m.Log, m.Seq = syncproto.LogID{}, min(ev.Seq, s.received)
	}
	if m.Seq > 0 {
		s.control = append(s.control, m)
	}
}
