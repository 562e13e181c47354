package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// DeviceEvent is what can happen to a Device.
type DeviceEvent interface{ deviceEvent() }

// ServerEvent is what can happen to a Server.
type ServerEvent interface{ serverEvent() }

// DeviceEffect is what a Device asks of its driver.
type DeviceEffect interface{ deviceEffect() }

// ServerEffect is what a Server asks of its driver.
type ServerEffect interface{ serverEffect() }

// Received brings a message of the peer.
type Received struct{ Message wire.Message }

// Disconnected says that the connection has ended; nothing more arrives. Err
// is what the transport or the Link said, nil for an orderly end.
type Disconnected struct{ Err error }

// Tick says that the time of Deadline has come; more often does no harm.
type Tick struct{}

// Failed answers an effect that could not be carried out. Nothing of the
// effect may have been kept, and effects that were given after it and not
// carried out yet are dropped, since they build on it.
type Failed struct {
	// Effect is the effect as it was given.
	Effect any
	Err    error
	// Full says that the disk is full: come back later.
	Full bool
	// Fatal says that trying again cannot help.
	Fatal bool
}

// Close ends the connection, after the messages that Next still hands out
// have been sent. It is the last effect and has no answer.
type Close struct {
	// Code says why.
	Code CloseCode
	// Key names the sentence for people in the catalogues.
	Key string
	// RetryAfter is after how many milliseconds to connect again; 0 means not
	// before a person or a new network asks for it. The driver adds a random
	// part of up to half of it, so that devices cut off together do not return
	// together.
	RetryAfter int64
	// Detail is for logs.
	Detail string
}

// LogResult is the result of one entry of a log.
type LogResult struct {
	Seq    uint64
	Result syncproto.Result
}

// pop takes the first of a queue. What was taken is not held any longer: a session
// may rest for days after its last page.
func pop[T any](queue *[]T) T {
	var none T
	first := (*queue)[0]
	(*queue)[0] = none
	if *queue = (*queue)[1:]; len(*queue) == 0 {
		*queue = nil
	}
	return first
}

func (Received) deviceEvent()     {}
func (Received) serverEvent()     {}
func (Disconnected) deviceEvent() {}
func (Disconnected) serverEvent() {}
func (Tick) deviceEvent()         {}
func (Tick) serverEvent()         {}
func (Failed) deviceEvent()       {}
func (Failed) serverEvent()       {}
func (Close) deviceEffect()       {}
func (Close) serverEffect()       {}

// CloseCode says why a machine closes its connection.
type CloseCode uint8

// Why a connection is closed. The first eleven are those of wire.RefuseCode.
const (
	// CloseProtocolOld: this side speaks only versions that the peer has given up.
	CloseProtocolOld CloseCode = CloseCode(wire.RefuseProtocolOld)
	// CloseProtocolNew: the server is older than this device.
	CloseProtocolNew CloseCode = CloseCode(wire.RefuseProtocolNew)
	// CloseUnknownDevice: the server does not know this device.
	CloseUnknownDevice CloseCode = CloseCode(wire.RefuseUnknownDevice)
	// CloseRevoked: the device or its person may not sync any more, and what it
	// had to give has been received.
	CloseRevoked CloseCode = CloseCode(wire.RefuseRevoked)
	// CloseBadCode: the enrolment code is none of this server's, or has expired.
	CloseBadCode CloseCode = CloseCode(wire.RefuseBadCode)
	// CloseUsedCode: another device used the enrolment code.
	CloseUsedCode CloseCode = CloseCode(wire.RefuseUsedCode)
	// CloseBusy: the server has too much to do.
	CloseBusy CloseCode = CloseCode(wire.RefuseBusy)
	// CloseFull: the server's disk is full.
	CloseFull CloseCode = CloseCode(wire.RefuseFull)
	// CloseMalformed: the peer broke the protocol, or says that this side did.
	CloseMalformed CloseCode = CloseCode(wire.RefuseMalformed)
	// CloseLimits: a limit was passed.
	CloseLimits CloseCode = CloseCode(wire.RefuseLimits)
	// CloseClock: the server's clock is in doubt.
	CloseClock CloseCode = CloseCode(wire.RefuseClock)

	// CloseDone: asked for by this side's driver.
	CloseDone CloseCode = 32
	// CloseTimeout: the peer was silent for too long.
	CloseTimeout CloseCode = 33
	// CloseLost: the connection broke.
	CloseLost CloseCode = 34
	// CloseLocal: this side's own store failed.
	CloseLocal CloseCode = 35
	// CloseRestart: connect again at once, a scope begins anew.
	CloseRestart CloseCode = 36
	// ClosePeer: the peer said goodbye.
	ClosePeer CloseCode = 37
)

// Key names the sentence for people in the catalogues: what happened and what
// can be done. Every code has its own.
func (c CloseCode) Key() string {
	switch c {
	case CloseProtocolOld:
		return "session.protocol_old"
	case CloseProtocolNew:
		return "session.protocol_new"
	case CloseUnknownDevice:
		return "session.unknown_device"
	case CloseRevoked:
		return "session.revoked"
	case CloseBadCode:
		return "session.bad_code"
	case CloseUsedCode:
		return "session.used_code"
	case CloseBusy:
		return "session.busy"
	case CloseFull:
		return "session.full"
	case CloseMalformed:
		return "session.malformed"
	case CloseLimits:
		return "session.limits"
	case CloseClock:
		return "session.clock"
	case CloseDone:
		return "session.done"
	case CloseTimeout:
		return "session.timeout"
	case CloseLost:
		return "session.lost"
	case CloseLocal:
		return "session.local"
	case CloseRestart:
		return "session.restart"
	case ClosePeer:
		return "session.peer"
	}
	return "session.unknown"
}
