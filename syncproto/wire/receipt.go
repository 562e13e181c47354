package wire

import (
	"crypto/ed25519"
	"fmt"

	"mahalleh/syncproto"
)

// MaxRanges bounds the ranges of one receipt; a log without bundles lost on
// the way has one.
const MaxRanges = 4096

// Range is sequences of a log, From to To, both included.
type Range struct{ From, To uint64 }

// Receipt proves that a server durably holds changes of a log.
type Receipt struct {
	// Server is ServerOf the key that signs.
	Server syncproto.DeviceID
	Era    syncproto.EraID
	Log    syncproto.LogID
	// Ranges ascend and do not touch.
	Ranges []Range
	// Chain is the chain hash of the log at the last sequence of the last range.
	Chain syncproto.Hash
	// Time is the server's clock, Unix milliseconds.
	Time int64
	// Extra are fields of a newer release, kept.
	Extra []syncproto.ExtraField
	// Signature is by the server's receipt key over "mahalleh receipt 1\n" and
	// all bytes before it.
	Signature [64]byte
}

// SignReceipt makes a receipt; Server is taken from key, the receipt key.
func SignReceipt(r Receipt, key ed25519.PrivateKey) (*Receipt, error) {
	r.Server = ServerOf([32]byte(key.Public().(ed25519.PublicKey)))
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("sign receipt: %w", err)
	}
	body := writeFields([]byte{documentVersion}, r.describe)
	r.Signature = [64]byte(sign(body, 0, labelReceipt, key)[len(body):])
	return &r, nil
}

// AppendReceipt appends the document: a version byte, fields, the signature.
func AppendReceipt(b []byte, r *Receipt) []byte {
	b = writeFields(append(b, documentVersion), r.describe)
	return append(b, r.Signature[:]...)
}

// DecodeReceipt reads a receipt. Verify checks it.
func DecodeReceipt(buf []byte) (*Receipt, error) {
	if len(buf) > maxReceipt {
		return nil, fmt.Errorf("receipt of %d bytes: %w", len(buf), ErrTooLarge)
	}
	body, signature, err := splitSigned(buf)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	r := new(Receipt)
	if err := readDocument(body, r.describe); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	r.Signature = [64]byte(signature)
	return r, nil
}

// Verify says whether the server with this receipt key made the receipt.
func (r *Receipt) Verify(receiptKey [32]byte) error {
	if r.Server != ServerOf(receiptKey) {
		return fmt.Errorf("receipt of another server: %w", ErrSignature)
	}
	body := writeFields([]byte{documentVersion}, r.describe)
	if err := verify(receiptKey, labelReceipt, body, r.Signature[:]); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	return nil
}

// Covers reports whether the receipt speaks of a sequence.
func (r *Receipt) Covers(seq uint64) bool {
	for _, g := range r.Ranges {
		if seq >= g.From && seq <= g.To {
			return true
		}
	}
	return false
}

// codeLetters are Crockford's base 32: no I, L, O, U.
const codeLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Code is a short name of the receipt that a person can photograph or read
// out: ten letters, fifty bits of the hash of the whole document, with a hyphen
// in the middle.
func (r *Receipt) Code() string {
	h := labelled(labelReceipt, AppendReceipt(nil, r))
	n := uint64(0)
	for _, b := range h[:8] {
		n = n<<8 | uint64(b)
	}
	var s []byte
	for i := range 10 {
		if i == 5 {
			s = append(s, '-')
		}
		s = append(s, codeLetters[n>>59])
		n <<= 5
	}
	return string(s)
}

func (r *Receipt) check() error {
	if r.Server.IsZero() || r.Era.IsZero() || r.Log.IsZero() || len(r.Ranges) == 0 || r.Chain == (syncproto.Hash{}) {
		return fmt.Errorf("lacks a required field: %w", ErrMalformed)
	}
	if len(r.Ranges) > MaxRanges {
		return fmt.Errorf("%d ranges: %w", len(r.Ranges), ErrTooLarge)
	}
	last := uint64(0)
	for i, g := range r.Ranges {
		if g.From == 0 || g.To < g.From || g.To > 1<<63-1 || i > 0 && g.From <= last+1 {
			return fmt.Errorf("range %d to %d: %w", g.From, g.To, ErrMalformed)
		}
		last = g.To
	}
	return nil
}

func (r *Receipt) describe(f *fields) {
	f.keep(&r.Extra)
	fieldID(f, 1, &r.Server)
	fieldID(f, 2, &r.Era)
	fieldID(f, 3, &r.Log)
	// A range: its first sequence, counted from the end of the one before,
	// then how many more there are.
	end := uint64(0)
	fieldRows(f, 4, &r.Ranges, MaxRanges, 2,
		func(b []byte, g *Range) []byte {
			b = appendUvarint(b, g.From-end)
			b = appendUvarint(b, g.To-g.From)
			end = g.To
			return b
		},
		func(c *cursor, g *Range) {
			g.From = end + c.uvarint("range")
			g.To = g.From + c.uvarint("range")
			if c.err == nil && (g.From < end || g.To < g.From) {
				c.fail(ErrTooLarge, "range")
			}
			end = g.To
		})
	fieldHash(f, 5, &r.Chain)
	fieldInt(f, 6, &r.Time)
	f.keepEnd(r.Extra)
}
