package syncer

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// Phase is what a session is busy with.
type Phase uint8

// The phases.
const (
	// Connecting: on the way to the server, or being made known to it.
	Connecting Phase = iota
	// Sending: changes are on their way up; others may come down meanwhile.
	Sending
	// Receiving: records are coming down.
	Receiving
	// Comparing: a difference to the server is being looked for and mended.
	Comparing
	// Idle: nothing is left to do; what happens next is sent at once.
	Idle
	// Waiting: not connected, see Progress.Wait.
	Waiting
)

// String names the phase in English, for logs.
func (p Phase) String() string {
	switch p {
	case Connecting:
		return "connecting"
	case Sending:
		return "sending"
	case Receiving:
		return "receiving"
	case Comparing:
		return "comparing"
	case Idle:
		return "idle"
	case Waiting:
		return "waiting"
	}
	return "unknown"
}

// Progress is how a connection goes. Counts begin anew with each connection.
type Progress struct {
	Phase Phase
	// ChangesUp are changes that the server said it has received, ChangesLeft
	// those that wait for that.
	ChangesUp, ChangesLeft uint64
	// RecordsDown are records received and stored.
	RecordsDown uint64
	// BytesUp and BytesDown went over the pipe, sealed.
	BytesUp, BytesDown uint64
	// Wait is for how many milliseconds nothing is tried, with phase Waiting, and
	// Why the key of what ended the connection, such as session.lost.
	Wait int64
	Why  string
	// Ended is how the last connection ended, with phase Waiting. Err is the same
	// as an error of the client, which fills it in.
	Ended *Result
	Err   error
}

// watch follows a connection from what the store was asked to do.
type watch struct {
	p    Progress
	last Progress // as last told

	log            syncproto.LogID
	head, received uint64
	comparing      bool
	// proved is how far a receipt of an earlier session goes; unproved says that
	// changes were received for which no receipt has come.
	proved   uint64
	unproved bool
	// due is, per scope, the position at which the newest result of an own
	// change stands, held the position up to which the scope is stored.
	due, held map[syncproto.ScopeID]uint64
}

func (w *watch) begin() {
	w.p = Progress{Phase: Connecting}
	w.last = Progress{Phase: Waiting}
	w.due, w.held = map[syncproto.ScopeID]uint64{}, map[syncproto.ScopeID]uint64{}
}

// done notes what an effect that succeeded means for the progress.
func (w *watch) done(effect session.DeviceEffect, answer session.DeviceEvent) {
	switch e := effect.(type) {
	case session.ReadHello:
		if h, ok := answer.(session.HelloRead); ok {
			w.log, w.head, w.received, w.proved = h.Hello.Log, h.Hello.HeadSeq, 0, h.Proved
		}
	case session.SaveWelcome:
		w.received = e.Welcome.Received
		w.unproved = w.received > w.proved
	case session.CommitResults:
		w.results(e.Log, e.Received, e.Results)
	case session.CommitPage:
		w.results(e.Page.Log, e.Page.Received, e.Page.Results)
		w.p.RecordsDown += uint64(len(e.Page.Records))
		w.held[e.Page.Scope] = e.Page.To
	case session.CommitCaught:
		w.results(e.Caught.Log, e.Caught.Received, e.Caught.Results)
		for i := range e.Caught.Pages {
			w.p.RecordsDown += uint64(len(e.Caught.Pages[i].Records))
		}
		for _, h := range e.Caught.Heads {
			w.held[h.Scope] = h.Position
		}
	case session.SaveReceipt:
		w.unproved = false
	case session.DropScope:
		delete(w.held, e.Scope)
	case session.ReadBuckets:
		w.comparing = true
	case session.MendRecords:
		w.p.RecordsDown += uint64(len(e.Records))
	}
}

// results notes how far the server holds the own log, and where the outcomes
// of its changes stand.
func (w *watch) results(log syncproto.LogID, received uint64, results []syncproto.Result) {
	if log == w.log && received > w.received {
		w.p.ChangesUp += received - w.received
		w.received, w.unproved = received, true
	}
	for _, r := range results {
		w.due[r.Scope] = max(w.due[r.Scope], r.Position)
	}
}

// complete reports whether the records that the own changes led to are here.
// A scope that is not among those of the session is none of its concern.
func (w *watch) complete() bool {
	for scope, position := range w.due {
		if held, ok := w.held[scope]; ok && held < position {
			return false
		}
	}
	return true
}

// tell calls Progress if something moved.
func (s *Stepper) tell() {
	w := &s.watch
	switch {
	case s.closed != nil: // as it was
	case !s.device.Live():
		w.p.Phase = Connecting
	case !s.device.Sent():
		w.p.Phase = Sending
	case w.comparing && !s.device.Caught():
		w.p.Phase = Comparing
	case !s.device.Caught() || !w.complete():
		w.p.Phase = Receiving
	default:
		w.p.Phase, w.comparing = Idle, false
	}
	w.p.ChangesLeft = 0
	if w.head > w.received {
		w.p.ChangesLeft = w.head - w.received
	}
	if s.opt.Progress != nil && w.p != w.last {
		w.last = w.p
		s.opt.Progress(w.p)
	}
}
