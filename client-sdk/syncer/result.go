package syncer

import (
	"errors"
	"fmt"
	"time"

	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Outcome is how a run ended, as far as a caller acts differently on it.
type Outcome uint8

// The outcomes.
const (
	// CaughtUp: everything is sent and received, and both copies agree.
	CaughtUp Outcome = iota
	// Stopped: the context ended the run first; what was done stands.
	Stopped
	// NotReachable: no connection came about, or none lasted.
	NotReachable
	// Refused: the server does not go on with this device, or not now.
	Refused
	// Incompatible: one of the two programs is too old for the other.
	Incompatible
	// WrongServer: whoever answers is not the server of the enrolment.
	WrongServer
	// StoreFailed: the device's own store could not go on.
	StoreFailed
)

// String names the outcome in English, for logs.
func (o Outcome) String() string {
	switch o {
	case CaughtUp:
		return "caught up"
	case Stopped:
		return "stopped"
	case NotReachable:
		return "not reachable"
	case Refused:
		return "refused"
	case Incompatible:
		return "incompatible"
	case WrongServer:
		return "wrong server"
	case StoreFailed:
		return "store failed"
	}
	return "unknown"
}

// Result is how a run, or one connection of it, ended.
type Result struct {
	Outcome Outcome
	// Code and Key say why the session closed, Code zero if there was none. Key
	// names the sentence for people in the catalogues.
	Code session.CloseCode
	Key  string
	// Err is what a person who looks for trouble needs; nil with CaughtUp. For
	// NotReachable without a Code it is the error of connecting.
	Err error
	// RetryAfter is after how long to try again; 0 means not before a person or
	// a new network asks for it.
	RetryAfter time.Duration
	// Progress is how far the last connection came.
	Progress Progress
	// appointed: RetryAfter is a moment that the server gave this device alone.
	appointed bool
}

// retryLater is implemented by errors of connecting that know how long to wait.
type retryLater interface{ RetryAfter() time.Duration }

// unreachableAfter is how long to wait after a failed attempt to connect, to
// begin with: a line that comes and goes does so within seconds.
const unreachableAfter = 2 * time.Second

// wrongServerAfter is the same where something else answers: a network's
// sign-in page, or another server at an address that was handed on.
const wrongServerAfter = time.Minute

// unreadableAfter is the same where the server says what cannot be read.
const unreadableAfter = time.Minute

// notConnected is the result of a failed attempt to connect.
func notConnected(err error) Result {
	r := Result{Outcome: NotReachable, Key: "session.not_reachable", Err: err, RetryAfter: unreachableAfter}
	var later retryLater
	if errors.As(err, &later) {
		r.Outcome, r.Code, r.Key, r.RetryAfter = Refused, session.CloseBusy, session.CloseBusy.Key(), later.RetryAfter()
		r.appointed = true
	}
	return r
}

// pausedResult is how a run ends that does not wait for a server without room
// or time for what is to be sent; what it had to give has been received.
func pausedResult(r Result, m *wire.Refuse) Result {
	r.Outcome, r.Code, r.Key = Refused, session.CloseCode(m.Code), m.Key
	r.RetryAfter = time.Duration(min(m.RetryAfter, maxPause)) * time.Millisecond
	r.Err = fmt.Errorf("%s: %s", m.Key, m.Detail)
	return r
}

// maxPause bounds what is made of a server's request, in milliseconds.
const maxPause = 24 * 3600 * 1000

// result says how an ended connection went.
func (s *Stepper) result() Result {
	c := s.closed
	r := Result{Code: c.Code, Key: c.Key, RetryAfter: time.Duration(c.RetryAfter) * time.Millisecond, Progress: s.watch.p}
	switch {
	case s.cause != nil && c.Detail != "":
		r.Err = s.cause
	case c.Detail != "":
		r.Err = fmt.Errorf("%s: %s", c.Key, c.Detail)
	default:
		r.Err = errors.New(c.Key)
	}
	switch c.Code {
	case session.CloseDone:
		r.Outcome = Stopped
	case session.CloseProtocolOld, session.CloseProtocolNew:
		r.Outcome = Incompatible
	case session.CloseTimeout, session.CloseLost, session.ClosePeer, session.CloseRestart:
		r.Outcome = NotReachable
	case session.CloseLocal:
		r.Outcome = StoreFailed
	default:
		r.Outcome = Refused
	}
	if errors.Is(s.cause, session.ErrUnreadable) {
		// The line is sound: trying again soon brings the same bytes.
		r.Outcome, r.Code, r.Key, r.RetryAfter = Refused, session.CloseMalformed, session.CloseMalformed.Key(), unreadableAfter
	}
	if errors.Is(s.cause, session.ErrWrongServer) {
		r.Outcome, r.Key, r.RetryAfter = WrongServer, "session.wrong_server", wrongServerAfter
	}
	return r
}
