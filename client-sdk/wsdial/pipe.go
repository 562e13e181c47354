package wsdial

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

// How a silent or slow line is told from a dead one.
const (
	// pingAfter is the silence after which the peer is asked whether it is
	// there. A session speaks and is answered every minute, which keeps the line
	// open at no more cost, so pings only fill what it leaves; a server asks
	// later still, so that only one side does.
	pingAfter = 75 * time.Second
	// silence is how long nothing at all may arrive, not even an answer to a
	// ping or the next bytes of a message.
	silence = 2*pingAfter + 20*time.Second
	// writeTimeout and slowest bound how long a message may take to go out:
	// some time for the line to wake, and then 2 KiB a second.
	writeTimeout = 30 * time.Second
	slowest      = 2 << 10
	// goodbye bounds how long closing waits to tell the peer.
	goodbye = time.Second
	// firstRead is what a message's buffer begins with; most are shorter.
	firstRead = 4 << 10
)

// Pipe is one connection. One goroutine may send while another receives;
// Close may be called from any.
type Pipe struct {
	conn     *websocket.Conn
	distrust func() bool

	mu     sync.Mutex // guards ping and closed
	ping   *time.Timer
	closed bool
}

func newPipe(conn *websocket.Conn) *Pipe {
	p := &Pipe{conn: conn}
	conn.SetReadLimit(session.MaxSealed)
	p.mu.Lock()
	p.ping = time.AfterFunc(pingAfter, p.ask)
	p.mu.Unlock()
	p.heard()
	answer := conn.PingHandler()
	conn.SetPingHandler(func(text string) error {
		p.heard()
		return answer(text)
	})
	conn.SetPongHandler(func(string) error {
		p.heard()
		return nil
	})
	return p
}

// Distrust says that what answered at this pipe's address is not the server, so
// that other addresses come before it from now on. It returns whether there is
// one that was not found to be wrong as well.
func (p *Pipe) Distrust() bool { return p.distrust() }

// heard notes that the peer is there.
func (p *Pipe) heard() {
	p.conn.SetReadDeadline(time.Now().Add(silence))
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.ping.Reset(pingAfter)
	}
}

// ask pings; an error shows in Receive.
func (p *Pipe) ask() {
	p.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.ping.Reset(pingAfter)
	}
}

// Send writes one message. The error wraps ErrTimeout or ErrLost; then the
// connection is of no more use.
func (p *Pipe) Send(msg []byte) error {
	allowed := writeTimeout + time.Duration(len(msg)/slowest)*time.Second
	p.conn.SetWriteDeadline(time.Now().Add(allowed))
	if err := p.conn.WriteMessage(websocket.BinaryMessage, msg); err != nil {
		return fmt.Errorf("send: %w", explainEnd(err))
	}
	return nil
}

// Receive returns the next message, at most session.MaxSealed bytes. The error
// is io.EOF if the peer closed in order, or wraps ErrTimeout, ErrLost or
// ErrNotMahalleh; then the connection is of no more use.
func (p *Pipe) Receive() ([]byte, error) {
	kind, r, err := p.conn.NextReader()
	if err == nil && kind != websocket.BinaryMessage {
		err = fmt.Errorf("%w: it sent text", ErrNotMahalleh)
	}
	var msg []byte
	if err == nil {
		msg, err = p.collect(r)
	}
	if err != nil {
		if err = explainEnd(err); err == io.EOF {
			return nil, err
		}
		return nil, fmt.Errorf("receive: %w", err)
	}
	return msg, nil
}

// collect reads a message to its end; every part that arrives gives the next
// one its time.
func (p *Pipe) collect(r io.Reader) ([]byte, error) {
	b := make([]byte, 0, firstRead)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		p.heard()
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// Close tells the peer if that is quickly done, and ends the connection. A
// Send or Receive under way returns.
func (p *Pipe) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.ping.Stop()
	p.mu.Unlock()
	if !first {
		return nil
	}
	p.conn.WriteControl(websocket.CloseMessage,
		websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(goodbye))
	if err := p.conn.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
