package syncws

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

// listener hands out the far ends of net.Pipes.
type listener struct{ conns chan net.Conn }

func (l *listener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *listener) Close() error { return nil }

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// site is a handler that listens.
type site struct {
	*bench
	h *Handler
	l *listener
}

// onSite runs f with a handler in a bubble, and ends with a shutdown after
// which nothing may be left.
func onSite(t *testing.T, limits Limits, f func(t *testing.T, s *site)) {
	inBubble(t, func(t *testing.T, b *bench) {
		s := &site{bench: b, h: New(b.s, limits), l: &listener{conns: make(chan net.Conn)}}
		server := &http.Server{Handler: s.h, ErrorLog: nil}
		go server.Serve(s.l)
		f(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s.h.Shutdown(ctx)
		if n := s.h.Counters().Sessions; n != 0 {
			t.Errorf("%d sessions after the shutdown", n)
		}
		if n := len(s.h.sessions.scopes) + len(s.h.sessions.logs) + len(s.h.sessions.devices); n != 0 {
			t.Errorf("the registry still knows %d things", n)
		}
		close(s.l.conns)
		server.Close()
	})
}

func (s *site) dial() (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{Subprotocols: []string{session.Subprotocol}, NetDialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		s.l.conns <- far
		return near, nil
	}}
	return d.Dial("ws://server"+Path, nil)
}

// online is a phone on the line: it answers until its connection ends.
type online struct {
	p     *phone
	e     *end
	ws    *websocket.Conn
	save  chan int      // write so many new assets
	stop  chan struct{} // say goodbye
	ended chan struct{}
	err   error // of the connection
}

func (s *site) online(p *phone) *online {
	s.t.Helper()
	ws, _, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	o := &online{p: p, e: p.connect(), ws: ws, save: make(chan int), stop: make(chan struct{}), ended: make(chan struct{})}
	go o.run()
	return o
}

func (o *online) run() {
	defer close(o.ended)
	in, failed := make(chan []byte, 16), make(chan error, 1)
	go func() {
		for {
			_, b, err := o.ws.ReadMessage()
			if err != nil {
				failed <- err
				return
			}
			in <- b
		}
	}()
	stop := o.stop
	for {
		for b := o.e.next(); b != nil; b = o.e.next() {
			if o.ws.WriteMessage(websocket.BinaryMessage, b) != nil {
				break
			}
		}
		if o.e.closed != nil {
			o.ws.Close()
			return
		}
		wait := time.Hour
		if at, ok := o.e.machine.Deadline(); ok {
			wait = time.Duration(at-time.Now().UnixMilli()) * time.Millisecond
		}
		select {
		case b := <-in:
			o.e.feed(b)
		case o.err = <-failed:
			for len(in) > 0 { // what was said before it closed
				o.e.feed(<-in)
			}
			o.e.step(session.Disconnected{Err: o.err})
		case n := <-o.save:
			o.p.saveNew(n)
			o.e.queued()
		case <-stop:
			stop = nil
			o.e.step(session.Stop{})
		case <-time.After(wait):
			o.e.step(session.Tick{})
		}
	}
}

func (o *online) leave() {
	close(o.stop)
	<-o.ended
}

// soon lets the bubble do what takes no time.
func soon() {
	time.Sleep(time.Second)
	synctest.Wait()
}
