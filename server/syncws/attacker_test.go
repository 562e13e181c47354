package syncws

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// caller is a connection that comes from an address.
type addressed struct {
	net.Conn
	remote net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }

// dialFrom connects as somebody at an address.
func (s *site) dialFrom(ip string) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{Subprotocols: []string{session.Subprotocol}, NetDialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		s.l.conns <- addressed{far, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}}
		return near, nil
	}}
	return d.Dial("ws://server"+Path, nil)
}

// honest runs attack beside a phone that syncs, and fails unless the phone's next
// change is acknowledged while the attack goes on: in the bubble that takes no time
// unless the phone is made to wait.
func (s *site) honest(attack func()) {
	s.t.Helper()
	p := s.phone(200, "facilitator")
	o := s.online(p)
	soon()
	attack()
	began := time.Now()
	o.save <- 3
	soon()
	if took := time.Since(began); took > 2*time.Second || p.received != 3 {
		s.t.Errorf("beside the attack an honest phone has %d of 3 changes acknowledged after %v", p.received, took)
	}
	o.leave()
}

// known connects a phone as far as the server's Welcome and returns its websocket,
// for what the phone's program would not say.
func (s *site) known(p *phone) (*websocket.Conn, *end) {
	s.t.Helper()
	ws, _, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	e := p.connect()
	for !e.machine.Live() {
		for b := e.next(); b != nil; b = e.next() {
			if err := ws.WriteMessage(websocket.BinaryMessage, b); err != nil {
				s.t.Fatal(err)
			}
		}
		_, b, err := ws.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		e.feed(b)
	}
	return ws, e
}

// drain reads what the server says until it ends the connection.
func drain(ws *websocket.Conn) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	return ended
}

// frame is a websocket frame as a client masks it, with a key of zeros.
func frame(opcode byte, fin bool, announced uint64, payload []byte) []byte {
	if fin {
		opcode |= 0x80
	}
	b := []byte{opcode}
	switch {
	case announced < 126:
		b = append(b, 0x80|byte(announced))
	case announced < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(announced))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), announced)
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// flood writes the same bytes again and again until the server has had enough, and
// says how often it took them.
func flood(ws *websocket.Conn, b []byte, most int) (taken int) {
	under := ws.NetConn()
	for taken < most {
		if _, err := under.Write(b); err != nil {
			break
		}
		taken++
	}
	return taken
}

// grown is how much the heap grows while f runs, garbage apart.
func grown(f func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// record has a phone sync and say goodbye, and returns all that it sent.
func (s *site) record(p *phone) (said [][]byte) {
	ws, _, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	defer ws.Close()
	e := p.connect()
	for !e.synced() {
		for b := e.next(); b != nil; b = e.next() {
			said = append(said, bytes.Clone(b))
			if err := ws.WriteMessage(websocket.BinaryMessage, b); err != nil {
				s.t.Fatal(err)
			}
		}
		_, b, err := ws.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		e.feed(b)
	}
	ws.Close()
	soon()
	return said
}

func sealStatus(t *testing.T, s *site, e *end) []byte {
	b, err := s.s.Codec.AppendFrame(nil, &wire.Status{DeviceTime: 1})
	if err == nil {
		b, err = e.channel.Seal(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustCodec(t *testing.T) *wire.Codec {
	t.Helper()
	c, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// push sends a batch as the session's next message.
func (s *site) push(t *testing.T, ws *websocket.Conn, e *end, m wire.Message) {
	t.Helper()
	b, err := s.s.Codec.AppendFrame(nil, m)
	if err == nil {
		b, err = e.channel.Seal(b)
	}
	if err == nil {
		err = ws.WriteMessage(websocket.BinaryMessage, b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sealed is a self-contained batch of the phone's changes from a sequence on.
func (p *phone) sealed(cert *wire.LogCert, from uint64) []byte {
	batch, _, err := wire.NewBatchSealer(p.b.s.Codec, wire.PurposePush, cert, p.key).Seal(from, p.chain(from-1), p.changes[from-1:], 0)
	if err != nil {
		p.b.t.Fatal(err)
	}
	return batch
}
