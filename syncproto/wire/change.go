package wire

import (
	"encoding/binary"
	"fmt"
	"slices"

	"mahalleh/syncproto"
)

// NewChange makes a change: it encodes the operations, commits to them with
// the secret (16 fresh random bytes), and names the change by its header. The
// header's Commitment is filled in.
func NewChange(h syncproto.Header, secret [16]byte, ops []syncproto.Op) (*syncproto.Change, error) {
	ob, err := EncodeOps(h.OriginLog, h.OriginSeq, ops)
	if err != nil {
		return nil, fmt.Errorf("encode operations: %w", err)
	}
	// What no reader would take must not be written.
	if _, err := DecodeOps(h.OriginLog, h.OriginSeq, ob); err != nil {
		return nil, fmt.Errorf("encode operations: %w", err)
	}
	h.Commitment = syncproto.Commit(secret, ob)
	hb := AppendHeader(nil, &h)
	if _, err := DecodeHeader(hb); err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	if len(hb)+len(ob) > syncproto.MaxChange {
		return nil, fmt.Errorf("change of %d bytes: %w", len(hb)+len(ob), ErrTooLarge)
	}
	return &syncproto.Change{ID: syncproto.IDOf(hb), Header: h, HeaderBytes: hb, Secret: secret, OpsBytes: ob, Ops: ops}, nil
}

// OpenChange decodes a change from its canonical header and, unless it is
// redacted (ops nil), secret and operations. The header is checked first; when
// only the operations are wrong, the change is returned with its header, its
// id and the error, so that it can be kept with its reason. ErrSpoilt comes with
// the change as if redacted.
func OpenChange(header []byte, secret [16]byte, ops []byte) (*syncproto.Change, error) {
	return openChange(header, secret, ops, syncproto.IDOf(header), false)
}

// openChange is OpenChange for who knows the id already, and whether the commitment
// is to secret and operations.
func openChange(header []byte, secret [16]byte, ops []byte, id syncproto.ChangeID, derived bool) (*syncproto.Change, error) {
	if len(header)+len(ops) > syncproto.MaxChange {
		return nil, fmt.Errorf("change of %d bytes: %w", len(header)+len(ops), ErrTooLarge)
	}
	h, err := DecodeHeader(header)
	if err != nil {
		return nil, fmt.Errorf("decode header: %w", err)
	}
	ch := &syncproto.Change{ID: id, Header: h, HeaderBytes: header}
	if ops == nil {
		return ch, nil
	}
	ch.Secret, ch.OpsBytes = secret, ops
	if !derived && syncproto.Commit(secret, ops) != h.Commitment {
		ch.Secret, ch.OpsBytes = [16]byte{}, nil
		return ch, ErrSpoilt
	}
	if ch.Ops, err = DecodeOps(h.OriginLog, h.OriginSeq, ops); err != nil {
		return ch, fmt.Errorf("decode operations: %w", err)
	}
	return ch, nil
}

// AppendChange appends a change as one self-contained string of bytes, the
// form in which logs, history and quarantine keep it: the header with its
// length, then nothing more if it is redacted, else secret and operations.
func AppendChange(b []byte, ch *syncproto.Change) []byte {
	b = slices.Grow(b, len(ch.HeaderBytes)+len(ch.Secret)+len(ch.OpsBytes)+binary.MaxVarintLen32)
	b = appendPrefixed(b, ch.HeaderBytes)
	if ch.Redacted() {
		return b
	}
	b = append(b, ch.Secret[:]...)
	return append(b, ch.OpsBytes...)
}

// SplitChange takes apart what AppendChange made, without looking inside. ops
// is nil for a redacted change. The slices belong to buf.
func SplitChange(buf []byte) (header []byte, secret [16]byte, ops []byte, err error) {
	c := &cursor{buf: buf}
	header = c.prefixed("header", syncproto.MaxChange)
	if c.err != nil || c.left() == 0 {
		return header, secret, nil, c.err
	}
	secret = c.id("secret")
	ops = c.bytes("operations", c.left())
	if c.err == nil && len(ops) == 0 {
		c.fail(ErrTruncated, "operations")
	}
	return header, secret, ops, c.err
}

// DecodeChange is SplitChange followed by OpenChange.
func DecodeChange(buf []byte) (*syncproto.Change, error) {
	header, secret, ops, err := SplitChange(buf)
	if err != nil {
		return nil, fmt.Errorf("split change: %w", err)
	}
	return OpenChange(header, secret, ops)
}
