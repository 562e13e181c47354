package session

import (
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// Server is the server's end of one connection. See the package comment for
// how a driver uses it.
type Server struct {
	state serverState
	now   int64
	// began is when the connection stood, lastHeard when a message last came.
	began, lastHeard int64

	control []wire.Message // to be sent before anything else
	effects []ServerEffect
	// inbox holds the one message that may come before the answer to Authenticate.
	inbox wire.Message

	noise     [32]byte
	handshake []byte
	standing  Standing
	device    syncproto.DeviceID
	hellos    int
	// hello is the greeting that is being answered, and nil after that: a session
	// may rest for days. log and headSeq are what it still asks for.
	hello   *wire.Hello
	log     syncproto.LogID
	headSeq uint64
	// forked says that the device was told to give its log up.
	forked  bool
	touched Touch
	// ahead is when what the device has asked for by comparisons is paid for; it
	// outlives a Hello, and a connection.
	ahead int64

	accepting
	telling
	reading
}

type serverState uint8

const (
	serverNew       serverState = iota // waits for the channel
	serverAuth                         // waits to be told who has the key
	serverHello                        // waits for Hello or Enrol
	serverRedeeming                    // waits for the store to enrol
	serverLoading                      // waits for what the session begins with
	serverLive
	serverClosed
)

// NewServer makes the server's end of a connection.
func NewServer() *Server { return &Server{} }

// Closed reports whether the machine has given its Close.
func (s *Server) Closed() bool { return s.state == serverClosed }

// Live reports whether a session is under way.
func (s *Server) Live() bool { return s.state == serverLive }

// Step takes an event at a time (Unix milliseconds) and returns what to do.
func (s *Server) Step(now int64, ev ServerEvent) []ServerEffect {
	if s.state == serverClosed {
		return nil
	}
	s.now = now
	switch ev := ev.(type) {
	case ServerConnected:
		s.connected(ev)
	case Received:
		s.lastHeard = now
		s.message(ev.Message)
	case Disconnected:
		c := Close{Code: CloseLost}
		if ev.Err != nil {
			c.Detail = ev.Err.Error()
		}
		s.close(c)
	case Failed:
		s.effectFailed(ev)
	case Shed:
		s.refuse(ev.Code, ev.RetryAfter, "shed")
	case Authenticated:
		s.authenticated(ev)
	case Redeemed:
		s.redeemed(ev)
	case SessionLoaded:
		s.loaded(ev)
	case Accepted:
		s.accepted(ev)
	case ScopesRead:
		s.scopesRead(ev)
	case EntriesRead:
		s.entriesRead(ev)
	case RecordsRead:
		s.recordsRead(ev)
	case GrantsLoaded:
		s.grantsLoaded(ev)
	case ReceiptMade:
		s.receiptMade(ev)
	case Moved:
		s.moved(ev)
	case GrantsChanged:
		s.grantsDirty = true
	case ResultsChanged:
		s.resultsChanged(ev)
	case BackupVerified:
		s.backupVerified(ev)
	case ActsRead:
		s.actsRead(ev)
	}
	s.timers()
	s.pump()
	return s.flush()
}

func (s *Server) flush() []ServerEffect {
	out := s.effects
	s.effects = nil
	return out
}

// Next returns the next message to send, or nil if there is none now, and what
// can go on once it is gone.
func (s *Server) Next(now int64) (wire.Message, []ServerEffect) {
	if len(s.control) > 0 {
		return pop(&s.control), nil
	}
	if s.state != serverLive {
		return nil, nil
	}
	s.now = now
	var m wire.Message
	if !s.again {
		m = s.nextRecords()
	}
	if m == nil {
		m = s.nextAck()
	}
	if m == nil {
		return nil, nil
	}
	s.pump()
	return m, s.flush()
}

// Deadline returns when Tick is due, and false if nothing waits for a time.
func (s *Server) Deadline() (int64, bool) {
	switch s.state {
	case serverNew, serverClosed:
		return 0, false
	case serverLive:
		at := min(s.lastHeard+serverSilence, s.lastRead+pollEvery)
		if s.receiptDue {
			at = min(at, s.lastAccept+receiptAfter)
		}
		if s.asks() && s.now < s.mayAsk() {
			at = min(at, s.mayAsk())
		}
		return at, true
	}
	return s.began + helloWithin, true
}

func (s *Server) timers() {
	switch s.state {
	case serverNew, serverClosed:
	case serverLive:
		switch {
		case s.now-s.lastHeard >= serverSilence:
			s.close(Close{Code: CloseTimeout, Detail: "the device is silent"})
		case s.now-s.lastRead >= pollEvery:
			s.needRead, s.lastRead = s.needRead || !planted.Bug("nobody looks for a lost wake-up"), s.now
		}
		if s.receiptDue && s.now-s.lastAccept >= receiptAfter {
			s.makeReceipt()
		}
	default:
		if s.now-s.began >= helloWithin {
			s.close(Close{Code: CloseTimeout, Detail: "no Hello"})
		}
	}
}

func (s *Server) do(e ServerEffect) { s.effects = append(s.effects, e) }

// close ends the connection; what stands in control is still sent.
func (s *Server) close(c Close) {
	if s.state == serverClosed {
		return
	}
	s.state = serverClosed
	s.outbox, s.inbox = nil, nil
	c.Key = c.Code.Key()
	s.do(c)
}

// refuse tells the device why, and closes.
func (s *Server) refuse(code wire.RefuseCode, after int64, detail string) {
	if s.state == serverClosed {
		return
	}
	s.control = append(s.control, &wire.Refuse{Code: code, Key: CloseCode(code).Key(), RetryAfter: uint64(max(after, 0)), Detail: detail})
	s.close(Close{Code: CloseCode(code), RetryAfter: after, Detail: detail})
}

func (s *Server) malformed(format string, args ...any) {
	s.refuse(wire.RefuseMalformed, retryLocal, fmt.Sprintf(format, args...))
}

func (s *Server) effectFailed(ev Failed) {
	detail := fmt.Sprintf("%T: %v", ev.Effect, ev.Err)
	code, after := wire.RefuseBusy, int64(retryBusy)
	if ev.Full {
		code, after = wire.RefuseFull, retryFull
	}
	// The device learns that the store failed, not how.
	s.control = append(s.control, &wire.Refuse{Code: code, Key: CloseCode(code).Key(), RetryAfter: uint64(after)})
	s.close(Close{Code: CloseLocal, RetryAfter: after, Detail: detail})
}

// message takes a message of the device.
func (s *Server) message(m wire.Message) {
	if b, ok := m.(*wire.Bye); ok {
		s.close(Close{Code: ClosePeer, Detail: b.Text})
		return
	}
	switch s.state {
	case serverAuth:
		if s.inbox == nil {
			s.inbox = m
			return
		}
	case serverHello:
		switch m := m.(type) {
		case *wire.Hello:
			s.helloCame(m)
			return
		case *wire.Enrol:
			s.enrol(m)
			return
		default:
			if s.forked && isLiveUp(m) {
				return // sent before the device saw that its log forked
			}
		}
	case serverLive:
		if h, ok := m.(*wire.Hello); ok {
			s.helloCame(h)
			return
		}
		if s.live(m) {
			return
		}
	}
	s.malformed("message %d in state %d", m.Type(), s.state)
}

// isLiveUp tells the messages that only a welcomed device sends.
func isLiveUp(m wire.Message) bool {
	switch m.(type) {
	case *wire.Push, *wire.Credit, *wire.Compare, *wire.Want, *wire.Gap, *wire.Purged, *wire.Status:
		return true
	}
	return false
}

// live takes a message of a welcomed device; false if it is none.
func (s *Server) live(m wire.Message) bool {
	switch m := m.(type) {
	case *wire.Push:
		s.push(m)
	case *wire.Gap:
		s.gap(m)
	case *wire.Credit:
		s.moreCredit(m)
	case *wire.Compare:
		s.compare(m)
	case *wire.Want:
		s.wanted(m)
	case *wire.Purged:
		s.purged(m)
	case *wire.Status:
		s.status(m)
	default:
		return false
	}
	return true
}
