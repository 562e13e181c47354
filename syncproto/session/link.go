package session

import (
	"errors"
	"fmt"
	"sync/atomic"

	"mahalleh/syncproto/wire"
)

// Link is one end of a connection between socket and machine: websocket
// messages in, protocol messages out, and back. A frame is one websocket
// message. Like a Channel it serves one goroutine, or one that sends beside
// one that receives once it is Established.
type Link struct {
	channel *Channel
	codec   *wire.Codec
	// records says that the peer named the dictionary of record states in Hello.
	records atomic.Bool
}

// NewLink joins a channel and a codec. Dictionaries are used from the peer's
// Hello on, which names those it has.
func NewLink(channel *Channel, codec *wire.Codec) *Link {
	return &Link{channel: channel, codec: codec}
}

// Channel returns the link's channel.
func (l *Link) Channel() *Channel { return l.channel }

// ErrUnreadable: the peer proved itself and sent what is no message of the
// protocol, or of a release that this one cannot read.
var ErrUnreadable = errors.New("a message cannot be read")

// Start returns the device's first websocket message.
func (l *Link) Start() ([]byte, error) { return l.channel.Start() }

// Receive takes a websocket message. It returns what to send at once, if
// anything, or the message inside. With an error the connection is over; a
// reply that comes with it is sent before closing.
func (l *Link) Receive(msg []byte) (reply []byte, m wire.Message, err error) {
	reply, frame, err := l.channel.Receive(msg)
	if err != nil || frame == nil {
		return reply, nil, err
	}
	m, err = l.codec.DecodeFrame(frame)
	if err != nil {
		return nil, nil, fmt.Errorf("receive: %w: %w", ErrUnreadable, err)
	}
	if h, ok := m.(*wire.Hello); ok {
		l.records.Store(wire.KnownDictionaries(h.Dictionaries).Records)
	}
	return nil, m, nil
}

// Send makes the websocket message that carries a message.
func (l *Link) Send(m wire.Message) ([]byte, error) {
	frame, err := l.codec.AppendFrame(nil, m, wire.PeerDictionaries{Records: l.records.Load()})
	if err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	return l.channel.Seal(frame)
}
