package session

import (
	"errors"
	"fmt"

	"mahalleh/syncproto/wire"
)

// Link is one end of a connection between socket and machine: websocket
// messages in, protocol messages out, and back. A frame is one websocket
// message. Like a Channel it serves one goroutine, or one that sends beside
// one that receives once it is Established.
type Link struct {
	channel *Channel
	codec   *wire.Codec
}

// NewLink joins a channel and a codec.
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
	return nil, m, nil
}

// Send makes the websocket message that carries a message.
func (l *Link) Send(m wire.Message) ([]byte, error) {
	frame, err := l.codec.AppendFrame(nil, m)
	if err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	return l.channel.Seal(frame)
}
