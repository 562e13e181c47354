package wire

import (
	"fmt"
	"slices"

	"mahalleh/syncproto"
)

// BatchEntry is one change of an opened batch: its canonical bytes, covered by the
// chain and so by the batch's signature, not yet looked into.
type BatchEntry struct {
	// Seq is the change's sequence in the batch's log.
	Seq uint64
	// Header is the canonical header, Ops the operations, nil if redacted.
	Header []byte
	Secret [16]byte
	Ops    []byte
	// Chain is the log's chain hash after the change.
	Chain syncproto.Hash

	// id is the change's, derived says that the header's commitment was derived
	// from secret and operations.
	id      syncproto.ChangeID
	derived bool
}

// ID returns the change's id.
func (e *BatchEntry) ID() syncproto.ChangeID {
	if e.id.IsZero() {
		return syncproto.IDOf(e.Header)
	}
	return e.id
}

// Open decodes the change, see OpenChange: when only the operations are wrong,
// the change comes with its header and the error; when the header is, nil.
func (e *BatchEntry) Open() (*syncproto.Change, error) {
	return openChange(e.Header, e.Secret, e.Ops, e.ID(), e.derived)
}

// Raw returns the change as AppendChange writes it, however wrong it is.
func (e *BatchEntry) Raw() []byte {
	return AppendChange(nil, &syncproto.Change{HeaderBytes: e.Header, Secret: e.Secret, OpsBytes: e.Ops})
}

// Tables are the authors and scopes that the changes of a batch name by
// number, and what is usual for the rest of their headers.
type Tables struct {
	Authors []syncproto.PersonID
	Scopes  []syncproto.ScopeID
	Usual   Usual
}

// Usual are the header fields that rarely differ from one change to the next:
// those of the first change of the batch the tables were made for.
type Usual struct {
	Package    uint32
	Role       uint8
	Verified   bool
	Grants     uint64
	Corrected  bool
	Correction int64
	Boot       uint64
	Time       int64
	Uptime     uint64
}

// maxAuthors bounds the authors in a table: those who share a device, and the
// office's in the server's own log.
const maxAuthors = 256

// appendTables appends a count and authors, a count and scopes, then package,
// role<<1 | verified, grants, correction (0, or one more than its zigzag),
// boot, zigzag time, uptime.
func appendTables(b []byte, t *Tables) []byte {
	b = appendUvarint(b, uint64(len(t.Authors)))
	for _, id := range t.Authors {
		b = append(b, id[:]...)
	}
	b = appendUvarint(b, uint64(len(t.Scopes)))
	for _, id := range t.Scopes {
		b = append(b, id[:]...)
	}
	d := &t.Usual
	b = appendUvarint(b, uint64(d.Package))
	b = appendUvarint(b, uint64(d.Role)<<1|boolNum(d.Verified))
	b = appendUvarint(b, d.Grants)
	if d.Corrected {
		b = appendUvarint(b, syncproto.Zigzag(d.Correction)+1)
	} else {
		b = appendUvarint(b, 0)
	}
	b = appendUvarint(b, d.Boot)
	b = appendUvarint(b, syncproto.Zigzag(d.Time))
	return appendUvarint(b, d.Uptime)
}

func (c *cursor) tables() *Tables {
	t := new(Tables)
	t.Authors = make([]syncproto.PersonID, c.count("authors", maxAuthors, 16))
	for i := range t.Authors {
		t.Authors[i] = c.id("author")
	}
	t.Scopes = make([]syncproto.ScopeID, c.count("scopes", syncproto.MaxScopes, 16))
	for i := range t.Scopes {
		t.Scopes[i] = c.id("scope")
	}
	d := &t.Usual
	pkg, role := c.uvarint("package"), c.uvarint("role")
	if pkg > 1<<32-1 || role > 511 {
		c.fail(ErrTooLarge, "package or role")
	}
	d.Package, d.Role, d.Verified = uint32(pkg), uint8(role>>1), role&1 != 0
	d.Grants = c.uvarint("grants")
	if n := c.uvarint("clock correction"); n != 0 {
		d.Corrected, d.Correction = true, c.instant(n-1)
	}
	d.Boot = c.uvarint("boot")
	d.Time = c.instant(c.uvarint("time"))
	d.Uptime = c.uvarint("uptime")
	return t
}

func (t *Tables) author(id syncproto.PersonID) uint64 {
	return uint64(slices.Index(t.Authors, id))
}

func (t *Tables) scope(id syncproto.ScopeID) uint64 { return uint64(slices.Index(t.Scopes, id)) }

// extend returns tables that name all that the changes need, t itself if it
// does. A table that would grow past its bound starts anew.
func (t *Tables) extend(changes []*syncproto.Change) (*Tables, error) {
	for _, start := range []*Tables{t, {}} {
		next := &Tables{Authors: slices.Clone(start.Authors), Scopes: slices.Clone(start.Scopes)}
		first := true
		for _, ch := range changes {
			h, err := DecodeHeader(ch.HeaderBytes)
			if err != nil {
				continue // goes as it is, see packRawHeader
			}
			if first {
				first = false
				next.Usual = Usual{h.Package, h.Role, h.Verified, h.Grants, h.Corrected, h.Correction, h.Boot, h.Time, h.Uptime}
			}
			if !slices.Contains(next.Authors, h.Author) {
				next.Authors = append(next.Authors, h.Author)
			}
			if !slices.Contains(next.Scopes, h.Scope) {
				next.Scopes = append(next.Scopes, h.Scope)
			}
		}
		if len(next.Authors) == len(start.Authors) && len(next.Scopes) == len(start.Scopes) {
			return start, nil
		}
		if len(next.Authors) <= maxAuthors && len(next.Scopes) <= syncproto.MaxScopes {
			return next, nil
		}
	}
	return nil, fmt.Errorf("authors and scopes of a batch: %w", ErrTooLarge)
}
