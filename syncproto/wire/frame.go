package wire

import (
	"fmt"

	"mahalleh/syncproto"
)

// PeerDictionaries says which dictionaries a peer has, from Hello's
// Dictionaries or Welcome's Dictionary.
type PeerDictionaries struct{ Records bool }

// KnownDictionaries picks those that frames can use.
func KnownDictionaries(ids []uint32) PeerDictionaries {
	var p PeerDictionaries
	for _, id := range ids {
		p.Records = p.Records || id == DictRecords
	}
	return p
}

// AppendFrame appends the plaintext of one frame: the message's type, the
// coding, and the payload, compressed if that makes it shorter. The error
// wraps ErrTooLarge when the message exceeds MaxUnpacked, or MaxFrame packed.
func (c *Codec) AppendFrame(b []byte, m Message, peer PeerDictionaries) ([]byte, error) {
	payload := AppendMessage(nil, m)
	if len(payload) > syncproto.MaxUnpacked {
		return b, fmt.Errorf("message type %d of %d bytes: %w", m.Type(), len(payload), ErrTooLarge)
	}
	start := len(b)
	b = appendUvarint(b, uint64(m.Type()))
	switch m.Type() {
	case MsgPush, MsgReceipt: // packed already, or noise
		b = append(appendUvarint(b, codingRaw), payload...)
	default:
		b = c.compress(b, payload, peer.Records)
	}
	if n := len(b) - start; n > syncproto.MaxFrame {
		return b[:start], fmt.Errorf("frame of %d bytes: %w", n, ErrTooLarge)
	}
	return b, nil
}

// DecodeFrame reads the plaintext of one frame. The message may hold parts of
// frame.
func (c *Codec) DecodeFrame(frame []byte) (Message, error) {
	if len(frame) > syncproto.MaxFrame {
		return nil, fmt.Errorf("frame of %d bytes: %w", len(frame), ErrTooLarge)
	}
	in := &cursor{buf: frame}
	t := in.uvarint("message type")
	if in.err != nil {
		return nil, fmt.Errorf("frame: %w", in.err)
	}
	if t > 255 || NewMessage(MsgType(t)) == nil {
		return nil, fmt.Errorf("message type %d: %w", t, ErrUnknownMessage)
	}
	payload := c.decompress(in, "frame")
	if in.err != nil {
		return nil, fmt.Errorf("frame of message type %d: %w", t, in.err)
	}
	return DecodeMessage(MsgType(t), payload)
}
