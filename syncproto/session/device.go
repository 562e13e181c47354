package session

import (
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// DeviceConfig sets a Device up.
type DeviceConfig struct {
	// Window is how many bytes the server may send ahead of the device's commits;
	// DefaultWindow if zero, at most MaxWindow.
	Window uint32
	// App names program and release to the server.
	App string
}

// Device is the device's end of one connection. See the package comment for
// how a driver uses it.
type Device struct {
	cfg   DeviceConfig
	state deviceState
	now   int64
	// lastHeard and lastSpoke are when a message last came and last went out.
	lastHeard, lastSpoke int64

	control []wire.Message // to be sent before anything else
	effects []DeviceEffect // of the step at hand
	// waiting counts, by type, effects given and not answered, stale how many
	// of the next answers belong to a Hello that has been replaced.
	waiting, stale [askCount]int

	// From Hello and Welcome.
	hellos    int
	helloAt   int64
	hello     wire.Hello
	ancestors []uint64 // HelloRead.AncestorResults
	welcome   wire.Welcome
	sawReset  map[syncproto.ScopeID]bool

	pushing
	pulling
	mending
}

type deviceState uint8

const (
	deviceNew       deviceState = iota // waits for the channel
	deviceReadEnrol                    // waits for the store's Enrol
	deviceEnrolling                    // waits for Enrolled
	deviceSaveEnrol                    // waits for the store
	deviceReadHello                    // waits for the store's Hello
	deviceGreeting                     // waits for Welcome
	deviceWelcoming                    // pulls, and waits for the store before it pushes
	deviceLive                         // pulls and pushes
	deviceForking                      // waits for the store to fork the log
	deviceClosed
)

// NewDevice makes the device's end of a connection.
func NewDevice(cfg DeviceConfig) *Device {
	if cfg.Window == 0 {
		cfg.Window = DefaultWindow
	}
	cfg.Window = min(cfg.Window, MaxWindow)
	return &Device{cfg: cfg}
}

// Closed reports whether the machine has given its Close.
func (d *Device) Closed() bool { return d.state == deviceClosed }

// Live reports whether a Welcome has been received and saved.
func (d *Device) Live() bool { return d.state == deviceLive }

// Step takes an event at a time (Unix milliseconds) and returns what to do.
func (d *Device) Step(now int64, ev DeviceEvent) []DeviceEffect {
	if d.state == deviceClosed {
		return nil
	}
	d.now = now
	if a := answers(ev); a != askNone {
		if d.waiting[a] == 0 {
			d.close(Close{Code: CloseLocal, Detail: fmt.Sprintf("an answer to nothing: %T", ev)})
			return d.flush()
		}
		d.waiting[a]--
		if d.stale[a] > 0 {
			d.stale[a]--
			ev = Tick{} // nobody waits for it any more
		}
	}
	switch ev := ev.(type) {
	case DeviceConnected:
		d.connected(ev)
	case Received:
		d.lastHeard = now
		d.message(ev.Message)
	case Disconnected:
		d.lost(ev)
	case Stop:
		d.control = append(d.control, &wire.Bye{})
		d.close(Close{Code: CloseDone})
	case Failed:
		d.effectFailed(ev)
	case Queued:
		d.queued(ev)
	case Prove:
		d.prove()
	case EnrolRead:
		d.enrol(ev.Enrol)
	case EnrolmentSaved:
		d.readHello()
	case HelloRead:
		d.greet(ev)
	case WelcomeSaved:
		d.welcomed(ev)
	case LogForked:
		d.readHello()
	case BatchRead:
		d.batchRead(ev)
	case ResultsCommitted:
		d.retryDrops()
	case PageCommitted:
		d.committed()
		d.retryDrops()
	case CaughtCommitted:
		d.caughtCommitted(ev)
		d.retryDrops()
	case BucketsRead:
		d.bucketsRead(ev)
	case EntriesRead:
		d.entriesRead(ev)
	case RecordsMended:
		d.recordsMended(ev)
	case CursorReset:
		d.close(Close{Code: CloseRestart, RetryAfter: retrySoon})
	case ScopeDropped:
		d.scopeDropped(ev)
	case CheckpointsKept:
		d.checkpointsKept(ev)
	}
	d.timers()
	d.pump()
	return d.flush()
}

func (d *Device) flush() []DeviceEffect {
	out := d.effects
	d.effects = nil
	return out
}

// Next returns the next message to send, or nil if there is none now.
func (d *Device) Next(now int64) (wire.Message, []DeviceEffect) {
	var m wire.Message
	switch {
	case len(d.control) > 0:
		m = pop(&d.control)
	case d.state != deviceClosed && len(d.outbox) > 0:
		m = pop(&d.outbox)
	default:
		return nil, nil
	}
	d.lastSpoke = now
	if _, ok := m.(*wire.Hello); ok {
		d.helloAt = now
	}
	return m, nil
}

// Deadline returns when Tick is due, and false if nothing waits for a time.
func (d *Device) Deadline() (int64, bool) {
	if d.state == deviceNew || d.state == deviceClosed {
		return 0, false
	}
	at := d.lastHeard + deviceSilence
	if d.state == deviceLive {
		at = min(at, d.lastSpoke+heartbeatEvery)
		if d.paused() {
			at = min(at, d.pausedUntil)
		}
	}
	return at, true
}

// timers does what is due by time alone.
func (d *Device) timers() {
	if d.state == deviceNew || d.state == deviceClosed {
		return
	}
	if d.now-d.lastHeard >= deviceSilence {
		d.close(Close{Code: CloseTimeout, RetryAfter: retrySoon, Detail: "the server is silent"})
		return
	}
	if d.state == deviceLive && d.now-d.lastSpoke >= heartbeatEvery {
		d.heartbeat()
	}
}

func (d *Device) heartbeat() {
	d.lastSpoke = d.now
	d.told = d.unsent() == 0
	d.proved = d.told
	d.control = append(d.control, &wire.Status{Queue: d.unsent(), OldestQueued: d.oldest, DeviceTime: d.now})
}

// do gives an effect that will be answered, tell one that has no answer.
func (d *Device) do(e DeviceEffect) {
	d.waiting[asks(e)]++
	d.effects = append(d.effects, e)
}

func (d *Device) tell(e DeviceEffect) { d.effects = append(d.effects, e) }

// close ends the connection; what stands in control is still sent.
func (d *Device) close(c Close) {
	if d.state == deviceClosed {
		return
	}
	d.state = deviceClosed
	d.outbox = nil
	if c.Key == "" {
		c.Key = c.Code.Key()
	}
	d.tell(c)
}

// broken closes because the server broke the protocol.
func (d *Device) broken(format string, args ...any) {
	detail := fmt.Sprintf(format, args...)
	d.control = append(d.control, &wire.Bye{Code: uint8(CloseMalformed), Text: detail})
	d.close(Close{Code: CloseMalformed, RetryAfter: retryLocal, Detail: detail})
}

func (d *Device) lost(ev Disconnected) {
	c := Close{Code: CloseLost, RetryAfter: retrySoon}
	if ev.Err != nil {
		c.Detail = ev.Err.Error()
	}
	if d.paused() {
		c.Code, c.RetryAfter = d.pauseCode, d.pausedUntil-d.now
	}
	d.close(c)
}

func (d *Device) effectFailed(ev Failed) {
	c := Close{Code: CloseLocal, RetryAfter: retryLocal, Detail: fmt.Sprintf("%T: %v", ev.Effect, ev.Err)}
	if ev.Fatal {
		c.RetryAfter = 0
	}
	if ev.Full {
		c.Key = "session.local_full"
	}
	d.control = append(d.control, &wire.Bye{Code: uint8(CloseLocal)})
	d.close(c)
}

// message takes a message of the server.
func (d *Device) message(m wire.Message) {
	switch m := m.(type) {
	case *wire.Refuse:
		d.refused(m)
		return
	case *wire.Bye:
		d.close(Close{Code: ClosePeer, RetryAfter: retrySoon, Detail: m.Text})
		return
	}
	switch d.state {
	case deviceEnrolling:
		if m, ok := m.(*wire.Enrolled); ok {
			d.state = deviceSaveEnrol
			d.do(SaveEnrolment{Enrolled: *m})
			return
		}
	case deviceGreeting:
		w, ok := m.(*wire.Welcome)
		if ok && !d.outdated(w) {
			d.welcomeCame(w)
			return
		}
		if d.hellos > 1 && isLive(m) {
			return // sent before the server saw the new Hello, which it answers anew
		}
	case deviceReadHello, deviceForking:
		if d.hellos > 0 && isLive(m) {
			return // as above: Hello says where things stand after this
		}
	case deviceWelcoming, deviceLive:
		if d.live(m) {
			return
		}
	}
	d.broken("message %d in state %d", m.Type(), d.state)
}

// isLive tells the messages that only a welcomed session brings.
func isLive(m wire.Message) bool {
	switch m.(type) {
	case *wire.Ack, *wire.Page, *wire.Caught, *wire.ServerEntries, *wire.Records, *wire.Purge,
		*wire.BackupSafe, *wire.ReceiptNote, *wire.GrantsNote, *wire.Checkpoints, *wire.Welcome:
		return true
	}
	return false
}

// live takes a message of a welcomed session; false if it is none.
func (d *Device) live(m wire.Message) bool {
	switch m := m.(type) {
	case *wire.Ack:
		d.ack(m)
	case *wire.Page:
		d.page(m)
	case *wire.Caught:
		d.caught(m)
	case *wire.ServerEntries:
		d.serverEntries(m)
	case *wire.Records:
		d.records(m)
	case *wire.Purge:
		d.purge(m)
	case *wire.BackupSafe:
		d.do(MarkBackupSafe{Log: d.logOr(m.Log), Seq: m.Seq})
	case *wire.ReceiptNote:
		d.do(SaveReceipt{Receipt: m.Receipt})
	case *wire.GrantsNote:
		d.grant(m.Grants)
		d.do(SaveGrants{Grants: *m})
	case *wire.Checkpoints:
		d.do(KeepCheckpoints{Said: *m})
	case *wire.Welcome:
		return d.forkCame(m)
	default:
		return false
	}
	return true
}

// checkpointsKept reports chains of acts that were rewritten; the session goes
// on, since nothing that people recorded hangs on them.
func (d *Device) checkpointsKept(ev CheckpointsKept) {
	for _, scope := range ev.Broken {
		d.tell(Alarm{Scope: scope, Detail: "the list of acts does not go on from what this device holds"})
	}
}

// logOr fills in the log that Hello named.
func (d *Device) logOr(log syncproto.LogID) syncproto.LogID {
	if log.IsZero() {
		return d.hello.Log
	}
	return log
}
