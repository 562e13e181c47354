package hostile

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/cmd/fleetsim/fleet"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// hand is one attacker; it is some device that is enrolled.
type hand struct {
	*gang
	fleet.Parts
	serial int
	// seq and head are where the log stands that it made, if it made one.
	seq  uint64
	head syncproto.Hash
}

// line is an attacker's connection.
type line struct {
	h       *hand
	ws      *websocket.Conn
	channel *session.Channel
	link    *session.Link
	// welcome is what the server answered to Hello.
	welcome *wire.Welcome
}

// slowed is a connection that the gang's line is shared by.
type slowed struct {
	net.Conn
	ctx context.Context
	h   *hand
}

func (c slowed) Write(b []byte) (int, error) {
	if err := c.h.gang.bytes.wait(c.ctx, len(b)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	c.h.sent.Add(int64(n))
	return n, err
}

// tcp connects. The connection ends with the context.
func (h *hand) tcp(ctx context.Context) (net.Conn, error) {
	if err := h.connections.wait(ctx, 1); err != nil {
		return nil, err
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", h.address)
	if err != nil {
		return nil, err
	}
	h.opened.Add(1)
	context.AfterFunc(ctx, func() { c.Close() })
	return slowed{c, ctx, h}, nil
}

// upgrade makes a connection a websocket; without a subprotocol it says the right one.
func (h *hand) upgrade(ctx context.Context, header http.Header, protocols ...string) (*line, error) {
	if protocols == nil {
		protocols = []string{session.Subprotocol}
	}
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: 20 * time.Second,
		NetDialContext: func(ctx2 context.Context, _, _ string) (net.Conn, error) { return h.tcp(ctx) }}
	ws, resp, err := d.DialContext(ctx, "ws://"+h.address+"/sync", header)
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusServiceUnavailable {
			return nil, errRefused
		}
		return nil, err
	}
	return &line{h: h, ws: ws}, nil
}

// errOver says that the server ended what would have gone on.
var errOver = errors.New("the server has had enough")

// errRefused says that the server did not even upgrade.
var errRefused = errors.New("refused")

// secure makes the channel, as a device with a key.
func (h *hand) secure(ctx context.Context, key session.KeyPair) (*line, error) {
	l, err := h.upgrade(ctx, nil)
	if err != nil {
		return nil, err
	}
	l.channel = session.DeviceChannel(key, h.keys, nil, rand.Reader)
	l.link = session.NewLink(l.channel, h.codec)
	next, err := l.link.Start()
	for err == nil {
		if next != nil {
			err = l.write(next)
		}
		if err == nil && l.channel.Established() {
			return l, nil
		}
		var b []byte
		if err == nil {
			_, b, err = l.ws.ReadMessage()
		}
		if err == nil {
			next, _, err = l.link.Receive(b)
		}
	}
	l.close()
	return nil, err
}

// hello is what the device says if it is honest.
func (h *hand) hello() *wire.Hello {
	return &wire.Hello{ProtoMin: session.ProtoMin, ProtoMax: session.ProtoMax, Device: h.Cert.Device(), Cert: wire.AppendLogCert(nil, h.Cert),
		Log: h.Cert.Log, HeadSeq: h.seq, Head: h.head, Credit: session.DefaultWindow, DeviceTime: time.Now().UnixMilli(), App: "hostile", ResultsFrom: 1, Dictionaries: h.codec.Dictionaries()}
}

// known goes as far as the server's Welcome.
func (h *hand) known(ctx context.Context, hello *wire.Hello) (*line, error) {
	l, err := h.secure(ctx, h.Noise)
	if err != nil {
		return nil, err
	}
	if err = l.send(hello); err == nil {
		for err == nil && l.welcome == nil {
			var m wire.Message
			if m, err = l.receive(); err == nil {
				l.welcome, _ = m.(*wire.Welcome)
			}
		}
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *line) close() { l.ws.Close() }

// write sends a websocket message.
func (l *line) write(b []byte) error { return l.ws.WriteMessage(websocket.BinaryMessage, b) }

func (l *line) send(m wire.Message) error {
	b, err := l.link.Send(m)
	if err != nil {
		return err
	}
	return l.write(b)
}

// sendFrame seals and sends what need not be a message.
func (l *line) sendFrame(frame []byte) error {
	b, err := l.channel.Seal(frame)
	if err != nil {
		return err
	}
	return l.write(b)
}

func (l *line) receive() (wire.Message, error) {
	_, b, err := l.ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	_, m, err := l.link.Receive(b)
	return m, err
}

// ended waits until the server ends the connection.
func (l *line) ended() {
	for {
		if _, _, err := l.ws.NextReader(); err != nil {
			return
		}
	}
}

// cut has the server end the connection, which f gives it a reason for: it returns
// nil when that has happened.
func (l *line) cut(ctx context.Context, f func() error) error {
	defer l.close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.ended()
	}()
	_ = f() // it fails once the server has had enough
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ended:
		return nil
	}
}

// stay stands as long as the server lets it, while f says something.
func (l *line) stay(ctx context.Context, f func() error) error {
	l.h.did()
	if err := l.cut(ctx, f); err != nil {
		return err
	}
	return errOver
}

// flood writes the same bytes again and again, so many in all.
func (l *line) flood(b []byte, all int) error {
	for n := 0; n < all; n += len(b) {
		if _, err := l.ws.NetConn().Write(b); err != nil {
			return err
		}
	}
	return nil
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

// The opcodes of websocket frames.
const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opPing     = 9
	opPong     = 10
)
