package syncws

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/server/hub"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// How a silent or slow line is told from a dead one.
const (
	// pingAfter is the silence after which the device is asked whether it is
	// there. Devices speak every minute by themselves and ping before that, so
	// this is for those that do not.
	pingAfter = 120 * time.Second
	// silence is how long nothing at all may arrive, not even an answer to a
	// ping or the next bytes of a message.
	silence = 2*pingAfter + 20*time.Second
	// writeTimeout and slowest bound how long a message may take to go out:
	// some time for the line to wake, and then 2 KiB a second.
	writeTimeout = 30 * time.Second
	slowest      = 2 << 10
	// lastWords is how long the end of a session may take to go out, goodbye
	// how long the websocket's own.
	lastWords = 10 * time.Second
	goodbye   = time.Second
	// replacedAfter is when a device that has connected anew may come back on
	// the older connection: if it does, there are two with the same keys.
	replacedAfter = time.Minute
)

// stage is how much of the other end is known, and so how much it may say.
type stage uint32

const (
	greeting stage = iota // no secure channel yet
	stranger              // it says that it has a key
	known                 // a device, which has proved itself
)

// conn is one connection. At rest it is one goroutine that waits for bytes, and a
// timer. What happens is worked off in turns, by hands that are there for all
// connections. One more writes while there is something to write.
type conn struct {
	h     *Handler
	ws    *websocket.Conn
	meter *meter
	who   string
	from  origin
	began time.Time
	// heard is when something last arrived, as time.Since(began).
	heard atomic.Int64
	stage atomic.Uint32
	// leave is, once not zero, after how many milliseconds the device shall come
	// back.
	leave atomic.Int64
	timer *time.Timer

	mu sync.Mutex
	// What has happened since the last turn, guarded by mu.
	happened happening
	msg      []byte
	readErr  error
	wroteErr error
	mail     hub.Event
	// turning says that a turn is under way, feeding that it looks at a message,
	// over that there will be no more turns; reading and writing that goroutines do.
	turning, feeding, over, reading, writing bool
	// until is when the reader may go on, if that is later.
	until time.Time
	// fed wakes the reader when the next message may come.
	fed sync.Cond

	// What turns use, one after the other.
	v        *Conversation
	mute     bool // nothing can be written any more
	giveUpAt time.Time

	// What the registry knows; guarded by its lock.
	scopes map[syncproto.ScopeID]bool
	logs   []syncproto.LogID
	device syncproto.DeviceID
}

// happening is a set of things that happened to a connection.
type happening uint8

const (
	came    happening = 1 << iota // a message
	failed                        // reading
	wrote                         // a message went out, or could not
	rung                          // there is mail, or the session shall leave
	ticked                        // the timer
	aborted                       // the handler has lost patience
	settled                       // batches under way were accepted
)

func newConn(h *Handler, ws *websocket.Conn, who string, from origin) *conn {
	c := &conn{h: h, ws: ws, who: who, from: from, began: time.Now(), reading: true}
	c.fed.L = &c.mu
	c.meter = ws.NetConn().(*meter) // Handler put it there
	// The line is kept open by what devices say and by pings; the system's own
	// probes every few seconds would wake their radios for nothing.
	if tcp, ok := c.meter.Conn.(*net.TCPConn); ok {
		tcp.SetKeepAlive(false)
	}
	ws.SetPongHandler(func(string) error {
		c.hear()
		return nil
	})
	answer := ws.PingHandler()
	ws.SetPingHandler(func(text string) error {
		c.hear()
		return answer(text)
	})
	s := h.s
	clock := s.Clock()
	s.Clock = func() int64 { return clock + time.Since(c.began).Milliseconds() }
	c.v = NewConversation(h.ctx, &s, who)
	c.v.guests, c.v.queues = h.guests, h.queues
	c.v.interested = func(scopes map[syncproto.ScopeID]bool, logs []syncproto.LogID) {
		h.sessions.interested(c, scopes, logs)
	}
	c.v.ring = func() { c.happen(settled) }
	c.timer = time.AfterFunc(c.wait(), func() { c.happen(ticked) })
	return c
}

// happen notes that something happened and sees that there is a turn.
func (c *conn) happen(what happening) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(what)
}

// note is happen where mu is held.
func (c *conn) note(what happening) {
	c.happened |= what
	if !c.turning && !c.over {
		c.turning = true
		c.h.hands.do(c.turn)
	}
}

// shed asks the session to end; any goroutine may call it.
func (c *conn) shed(after time.Duration) {
	c.leave.CompareAndSwap(0, max(after.Milliseconds(), 1))
	c.happen(rung)
}

// post leaves a note of the hub's.
func (c *conn) post(f func(*hub.Event)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.mail)
	c.note(rung)
}

// turn works off what has happened.
func (c *conn) turn() {
	for {
		c.mu.Lock()
		what, mail := c.happened, c.mail
		c.happened, c.mail = 0, hub.Event{}
		if what&came != 0 && c.v.Busy() {
			// It waits until batches under way are settled.
			what, c.happened = what&^came, came
		}
		var msg []byte
		if c.feeding = what&came != 0; c.feeding {
			msg, c.msg = c.msg, nil
		}
		if what == 0 || c.over {
			c.turning = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if what&came != 0 {
			c.v.Feed(msg)
			c.learn()
			c.mu.Lock()
			c.feeding = false
			c.fed.Broadcast()
			c.mu.Unlock()
		}
		c.work(what, mail)
	}
}

// learn notes how much is known of the other end.
func (c *conn) learn() {
	now := greeting
	switch {
	case c.v.Proved() && !c.v.Device().IsZero():
		now = known
	case c.v.channel.Established():
		now = stranger
	}
	c.stage.Store(uint32(now))
}

// work tells the conversation what else has happened, has the next message
// written, and ends the session when it is over: its last message included if that
// goes out soon.
func (c *conn) work(what happening, mail hub.Event) {
	v := c.v
	if what&settled != 0 {
		v.Settle()
	}
	if what&rung != 0 {
		v.Tell(mail)
		if after := c.leave.Load(); after != 0 {
			v.Shed(wire.RefuseBusy, after)
		}
	}
	slow := v.slow()
	c.mu.Lock()
	if slow > 0 {
		c.until = time.Now().Add(slow)
	}
	writing, readErr, wroteErr := c.writing, c.readErr, c.wroteErr
	c.mu.Unlock()
	if what&failed != 0 {
		v.Cut(readErr)
	}
	if what&wrote != 0 && wroteErr != nil {
		c.mute = true
		v.Cut(wroteErr)
	}
	if what&aborted != 0 {
		c.mute = true
		v.Cut(c.h.ctx.Err())
	}
	if what&ticked != 0 {
		v.Tick()
		c.ask(writing)
	}
	if !writing && !c.mute {
		if b := v.Next(); b != nil {
			writing = true
			c.mu.Lock()
			c.writing = true
			c.mu.Unlock()
			c.h.hands.do(func() { c.write(b) })
		}
	}
	_, ended := v.Ended()
	if ended {
		if c.giveUpAt.IsZero() {
			c.giveUpAt = time.Now().Add(lastWords)
		}
		if !writing || c.mute || !time.Now().Before(c.giveUpAt) {
			c.end()
			return
		}
	}
	if d := v.Device(); !ended && d != c.device && v.Proved() {
		c.recognise(d)
	}
	c.timer.Reset(c.wait())
}

// wait is how long the timer may run: to the deadline, or until a ping may be due.
func (c *conn) wait() time.Duration {
	if !c.giveUpAt.IsZero() {
		return time.Until(c.giveUpAt)
	}
	wait := pingAfter
	if at, ok := c.v.Deadline(); ok {
		wait = min(wait, time.Duration(max(at-c.v.s.Clock(), 0))*time.Millisecond)
	}
	return wait
}

// end closes the connection; whoever of reader and writer ends last takes leave.
func (c *conn) end() {
	c.timer.Stop()
	c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(goodbye))
	c.ws.Close()
	c.after(func() {
		c.over = true
		c.fed.Broadcast()
	})
}

// after notes, by f, that somebody who worked for the connection does not any more,
// and takes leave of it once nobody does.
func (c *conn) after(f func()) {
	c.mu.Lock()
	f()
	gone := c.over && !c.reading && !c.writing
	c.mu.Unlock()
	if gone {
		c.h.left(c)
	}
}

// report counts and logs how a session ended.
func (c *conn) report() {
	v, count := c.v, &c.h.count
	count.ended.Add(1)
	end, _ := v.Ended()
	level := c.h.log.Debug
	switch {
	case broke(v.Cause()), end.Code == session.CloseMalformed, end.Code == session.CloseLimits:
		count.broken.Add(1)
		level = c.h.log.Warn
		if v.Proved() && !v.Device().IsZero() && !errors.Is(v.Cause(), errCrowd) {
			c.h.guests.offends(v.Device(), time.Now())
		}
	case end.Code == session.CloseLocal:
		count.broken.Add(1)
		level = c.h.log.Error
	case end.Code < session.CloseDone && c.leave.Load() == 0:
		count.refused.Add(1)
		level = c.h.log.Info
	}
	// Where a person's device is on the network is nobody's business; where a
	// stranger is may have to be shut out.
	from := "a device"
	if v.Device() == (syncproto.DeviceID{}) {
		from = c.who
	}
	level("a session ended", "peer", from, "device", v.Device(), "key", end.Key, "detail", end.Detail, "lasted", time.Since(c.began).Round(time.Millisecond))
}

// broke tells what no program of ours does from a line that was lost.
func broke(cause error) bool {
	for _, e := range []error{session.ErrChannel, session.ErrUnreadable, errNoChannel, errLong, errCrowd, errText, errWaste, websocket.ErrReadLimit} {
		if errors.Is(cause, e) {
			return true
		}
	}
	return false
}

// recognise keeps the newest connection of a device.
func (c *conn) recognise(device syncproto.DeviceID) {
	c.h.gate.known(c.from)
	older := c.h.sessions.known(c, device)
	if older == nil || older == c {
		return
	}
	c.h.count.replaced.Add(1)
	c.h.log.Warn("a device has connected twice; the older connection ends", "device", device)
	older.shed(replacedAfter)
}

// ask pings a device that has been silent for long; not while a message is
// being written, which asks by itself.
func (c *conn) ask(writing bool) {
	if !writing && time.Since(c.began)-time.Duration(c.heard.Load()) >= pingAfter {
		c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(goodbye))
	}
}

// write sends one message.
func (c *conn) write(b []byte) {
	allowed := writeTimeout + time.Duration(len(b)/slowest)*time.Second
	c.ws.SetWriteDeadline(time.Now().Add(allowed))
	err := c.ws.WriteMessage(websocket.BinaryMessage, b)
	if err == nil {
		c.h.count.framesOut.Add(1)
		c.h.count.bytesOut.Add(int64(len(b)))
	}
	c.after(func() {
		c.writing, c.wroteErr = false, err
		c.note(wrote)
	})
}
