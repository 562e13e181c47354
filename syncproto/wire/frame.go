package wire

import (
	"fmt"

	"mahalleh/syncproto"
)

// AppendFrame appends the plaintext of one frame: the message's type, the
// coding, and the payload, compressed if that makes it shorter. What it appends
// DecodeFrame reads. The error wraps ErrTooLarge when the message exceeds a
// limit: MaxUnpacked, MaxFrame packed, or that of a field.
func (c *Codec) AppendFrame(b []byte, m Message) ([]byte, error) {
	start := len(b)
	b, err := c.appendPayload(appendUvarint(b, uint64(m.Type())), m)
	if err != nil {
		return b[:start], err
	}
	if n := len(b) - start; n > syncproto.MaxFrame {
		return b[:start], fmt.Errorf("frame of %d bytes: %w", n, ErrTooLarge)
	}
	return b, nil
}

// appendPayload appends coding and payload: records packed if that is shorter,
// which of many it is.
func (c *Codec) appendPayload(b []byte, m Message) ([]byte, error) {
	rest, lists, n := bare(m)
	var packed []byte
	if n > 0 {
		payload, err := checked(rest)
		if err != nil {
			return b, err
		}
		size := len(payload)
		for _, list := range lists {
			for _, rec := range list {
				size += len(rec)
			}
		}
		if size > syncproto.MaxUnpacked {
			return b, fmt.Errorf("message type %d of %d bytes: %w", m.Type(), size, ErrTooLarge)
		}
		// Records that have no packed form travel as they are.
		if p, err := c.packRecords(nil, lists); err == nil {
			packed = appendPrefixed([]byte{codingAdaptive}, c.compress(nil, payload))
			packed = append(packed, p...)
			if n > fewRecords {
				return append(b, packed...), nil
			}
		}
	}
	payload, err := checked(m)
	if err != nil {
		return b, err
	}
	switch m.Type() {
	case MsgPush, MsgReceipt: // packed already, or noise
		return append(appendUvarint(b, codingRaw), payload...), nil
	}
	plain := c.compress(nil, payload)
	if packed != nil && len(packed) < len(plain) {
		return append(b, packed...), nil
	}
	return append(b, plain...), nil
}

// checked returns a message's payload after it was read as its receiver will
// read it: so the limits stand in one place, and what goes over one fails here
// and does not end the session there. Records and batches inside are not looked
// into.
func checked(m Message) ([]byte, error) {
	payload := AppendMessage(nil, m)
	if len(payload) > syncproto.MaxUnpacked {
		return nil, fmt.Errorf("message type %d of %d bytes: %w", m.Type(), len(payload), ErrTooLarge)
	}
	if _, err := DecodeMessage(m.Type(), payload); err != nil {
		return nil, fmt.Errorf("not to be sent: %w", err)
	}
	return payload, nil
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
	if in.left() > 0 && uint64(in.buf[in.off]) == codingAdaptive {
		in.off++
		return c.decodeRecords(in, MsgType(t))
	}
	payload := c.decompress(in, "frame")
	if in.err != nil {
		return nil, fmt.Errorf("frame of message type %d: %w", t, in.err)
	}
	return DecodeMessage(MsgType(t), payload)
}

// decodeRecords reads a message whose records stand apart.
func (c *Codec) decodeRecords(in *cursor, t MsgType) (Message, error) {
	packed := cursor{buf: in.prefixed("message", syncproto.MaxFrame)}
	payload := c.decompress(&packed, "message")
	for _, err := range []error{in.err, packed.err} {
		if err != nil {
			return nil, fmt.Errorf("frame of message type %d: %w", t, err)
		}
	}
	m, err := DecodeMessage(t, payload)
	if err != nil {
		return nil, err
	}
	lists := recordLists(m)
	if lists == nil {
		return nil, fmt.Errorf("records in message type %d: %w", t, ErrMalformed)
	}
	for _, l := range lists {
		if len(*l) > 0 {
			return nil, fmt.Errorf("records in message type %d twice: %w", t, ErrMalformed)
		}
	}
	if err := c.unpackRecords(in, lists, syncproto.MaxUnpacked-len(payload)); err != nil {
		return nil, fmt.Errorf("frame of message type %d: %w", t, err)
	}
	return m, nil
}
