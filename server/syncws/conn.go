package syncws

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

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
	// unknownMost bounds a message while it is not known who sends it: anybody
	// may connect, and many at once. The longest Hello, with all its scopes,
	// ancestors and unsettled changes, is half of it.
	unknownMost = 128 << 10
)

// conn is one connection: one goroutine reads, one does everything else, and
// one more writes while there is something to write.
type conn struct {
	h    *Handler
	ws   *websocket.Conn
	who  string
	mail mailbox

	in     chan []byte
	failed chan error // of reading, once
	wrote  chan error
	gone   chan struct{}
	took   chan struct{} // holds one ring while accepted batches wait
	heard  atomic.Int64  // when something last arrived, as time.Since(began)
	began  time.Time
	known  atomic.Bool // who it is
	// leave is, once not zero, after how many milliseconds the device shall come
	// back.
	leave atomic.Int64

	// What the registry knows; guarded by its lock.
	scopes map[syncproto.ScopeID]bool
	logs   []syncproto.LogID
	device syncproto.DeviceID
}

func newConn(h *Handler, ws *websocket.Conn, who string) *conn {
	ws.SetReadLimit(session.MaxSealed)
	// The line is kept open by what devices say and by pings; the system's own
	// probes every few seconds would wake their radios for nothing.
	if tcp, ok := ws.NetConn().(*net.TCPConn); ok {
		tcp.SetKeepAlive(false)
	}
	c := &conn{h: h, ws: ws, who: who, mail: mailbox{bell: make(chan struct{}, 1)},
		in: make(chan []byte), failed: make(chan error, 1), wrote: make(chan error, 1), gone: make(chan struct{}), took: make(chan struct{}, 1), began: time.Now()}
	ws.SetPongHandler(func(string) error {
		c.hear()
		return nil
	})
	answer := ws.PingHandler()
	ws.SetPingHandler(func(text string) error {
		c.hear()
		return answer(text)
	})
	return c
}

// shed asks the session to end; any goroutine may call it.
func (c *conn) shed(after time.Duration) {
	c.leave.CompareAndSwap(0, max(after.Milliseconds(), 1))
	c.mail.ring()
}

// hear notes that the device is there.
func (c *conn) hear() {
	c.heard.Store(int64(time.Since(c.began)))
	c.ws.SetReadDeadline(time.Now().Add(silence))
}

func (c *conn) run() {
	s := c.h.s
	clock := s.Clock()
	s.Clock = func() int64 { return clock + time.Since(c.began).Milliseconds() }
	v := NewConversation(c.h.ctx, &s, c.who)
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		c.read()
	}()
	v.interested = func(scopes map[syncproto.ScopeID]bool, logs []syncproto.LogID) {
		c.h.sessions.interested(c, scopes, logs)
	}
	v.ring = func() {
		select {
		case c.took <- struct{}{}:
		default:
		}
	}
	c.loop(v)
	close(c.gone)
	c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(goodbye))
	c.ws.Close()
	<-reading
	c.h.sessions.remove(c)
	c.report(v)
}

// report counts and logs how a session ended.
func (c *conn) report(v *Conversation) {
	count := &c.h.count
	count.ended.Add(1)
	end, _ := v.Ended()
	level := c.h.log.Debug
	switch {
	case errors.Is(v.Cause(), session.ErrChannel), errors.Is(v.Cause(), errNoChannel), end.Code == session.CloseMalformed, end.Code == session.CloseLimits:
		count.broken.Add(1)
		level = c.h.log.Warn
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

// loop runs the conversation to its end, its last message included if that goes
// out soon.
func (c *conn) loop(v *Conversation) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var device syncproto.DeviceID
	var giveUp <-chan time.Time
	writing, mute := false, false
	abort := c.h.ctx.Done()
	for {
		if !writing && !mute {
			if b := v.Next(); b != nil {
				writing = true
				go c.write(b)
			}
		}
		if _, ended := v.Ended(); ended {
			if !writing || mute {
				return
			}
			if giveUp == nil {
				giveUp = time.After(lastWords)
			}
		}
		if d := v.Device(); d != device {
			device = d
			c.recognise(d)
		}
		c.set(timer, v)
		in := c.in
		if v.Busy() {
			in = nil
		}
		select {
		case b := <-in:
			v.Feed(b)
		case <-c.took:
			v.Settle()
		case err := <-c.failed:
			v.Cut(err)
		case err := <-c.wrote:
			writing = false
			if err != nil {
				mute = true
				v.Cut(err)
			}
		case <-c.mail.bell:
			v.Tell(c.mail.take())
			if after := c.leave.Load(); after != 0 {
				v.Shed(wire.RefuseBusy, after)
			}
		case <-timer.C:
			v.Tick()
			c.ask(writing)
		case <-giveUp:
			return
		case <-abort:
			abort, mute = nil, true
			v.Cut(c.h.ctx.Err())
		}
	}
}

// recognise keeps the newest connection of a device.
func (c *conn) recognise(device syncproto.DeviceID) {
	c.known.Store(true)
	older := c.h.sessions.known(c, device)
	if older == nil || older == c {
		return
	}
	c.h.count.replaced.Add(1)
	c.h.log.Warn("a device has connected twice; the older connection ends", "device", device)
	older.shed(replacedAfter)
}

// set makes the timer fire at the deadline, or when a ping may be due.
func (c *conn) set(timer *time.Timer, v *Conversation) {
	wait := pingAfter
	if at, ok := v.Deadline(); ok {
		wait = min(wait, time.Duration(max(at-v.s.Clock(), 0))*time.Millisecond)
	}
	timer.Reset(wait)
}

// ask pings a device that has been silent for long; not while a message is
// being written, which asks by itself.
func (c *conn) ask(writing bool) {
	if !writing && time.Since(c.began)-time.Duration(c.heard.Load()) >= pingAfter {
		c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(goodbye))
	}
}

// write sends one message; its error is for the loop.
func (c *conn) write(b []byte) {
	allowed := writeTimeout + time.Duration(len(b)/slowest)*time.Second
	c.ws.SetWriteDeadline(time.Now().Add(allowed))
	err := c.ws.WriteMessage(websocket.BinaryMessage, b)
	if err == nil {
		c.h.count.framesOut.Add(1)
		c.h.count.bytesOut.Add(int64(len(b)))
	}
	c.wrote <- err
}

// read hands messages over one by one: while the session is busy, nothing is
// read, and the device has to wait.
func (c *conn) read() {
	c.hear()
	for {
		b, err := c.message()
		if err != nil {
			c.failed <- err
			return
		}
		c.h.count.framesIn.Add(1)
		c.h.count.bytesIn.Add(int64(len(b)))
		select {
		case c.in <- b:
		case <-c.gone:
			return
		}
	}
}

// errLong says that somebody unknown sends what no device begins with.
var errLong = errors.New("a long message from an unknown sender")

// errText says that the peer sent text, which no device does.
var errText = errors.New("a text message")

func (c *conn) message() ([]byte, error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.BinaryMessage {
		return nil, errText
	}
	var b []byte
	for {
		b = slices.Grow(b, readBuffer)
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		c.hear()
		if len(b) > unknownMost && !c.known.Load() {
			return nil, errLong
		}
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
