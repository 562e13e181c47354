package syncproto

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Verb says what the author did to the record as a whole.
type Verb uint8

// The verbs. Numbers are for ever.
const (
	VerbCreate     Verb = 1
	VerbEdit       Verb = 2
	VerbDelete     Verb = 3
	VerbRestore    Verb = 4
	VerbMove       Verb = 5
	VerbTransition Verb = 6
	VerbSettle     Verb = 7
)

func (v Verb) String() string {
	switch v {
	case VerbCreate:
		return "create"
	case VerbEdit:
		return "edit"
	case VerbDelete:
		return "delete"
	case VerbRestore:
		return "restore"
	case VerbMove:
		return "move"
	case VerbTransition:
		return "transition"
	case VerbSettle:
		return "settle"
	}
	return "unknown"
}

// OpKind says what an operation does to its cell.
type OpKind uint8

// The operation kinds. Numbers are for ever.
const (
	// OpSet puts a value; None clears the field.
	OpSet OpKind = 1
	// OpSetAdd puts an element into a set; the element is the value.
	OpSetAdd OpKind = 2
	// OpSetRemove takes an element out of a set, as far as its author saw it there.
	OpSetRemove OpKind = 3
	// OpItemPut says that a list item is there: its first appearance, or that
	// somebody works on it.
	OpItemPut OpKind = 4
	// OpItemRemove takes an item out of its list.
	OpItemRemove OpKind = 5
	// OpItemPlace gives an item its place in the list: an order key.
	OpItemPlace OpKind = 6
	// OpIncrement adds to a counter.
	OpIncrement OpKind = 7
	// OpText puts an author's whole text with the base it was written on.
	OpText OpKind = 8
	// OpAttachAdd and OpAttachRemove work on the attachments of a record.
	OpAttachAdd    OpKind = 9
	OpAttachRemove OpKind = 10
	// OpTransition steps a state machine from the state that the named version made.
	OpTransition OpKind = 11
	// OpMove gives the record another home, if the named version still made its home.
	OpMove OpKind = 12
	// OpReason is what a person says of the act, on FieldReason: it changes no
	// cell, is not critical, and is erased with the change's other content.
	OpReason OpKind = 13
)

// ReasonOp is the operation by which a change says why it was made.
func ReasonOp(text string) Op {
	return Op{Kind: OpReason, Field: FieldReason, Value: Text(text)}
}

// ReasonOf is what a change says of why it was made, "" if it says nothing.
func ReasonOf(ops []Op) string {
	for i := range ops {
		if ops[i].Kind == OpReason && ops[i].Field == FieldReason {
			s, _ := ops[i].Value.AsText()
			return s
		}
	}
	return ""
}

// Field numbers below FirstFormField belong to the protocol.
const (
	// FieldPresence holds whether the record is there: True alive, False deleted.
	FieldPresence uint32 = 0
	// FieldHome holds the record's home scope.
	FieldHome uint32 = 1
	// FieldReason is the field of OpReason; it has no cell.
	FieldReason uint32 = 2
	// SubPresence is the sub-field of a list item that holds whether it is there.
	SubPresence uint32 = 0
	// SubPlace is the sub-field of a list item that holds its order key.
	SubPlace uint32 = 1
	// SubFile is the sub-field under which an attachment stands; its item is
	// the attachment's id.
	SubFile uint32 = 2
	// FirstFormField is the lowest number a form may give to a field.
	FirstFormField uint32 = 10
)

// Op is one operation of a change on one cell of the record.
type Op struct {
	Kind OpKind
	// Critical says that a reader who does not know the kind may not apply the
	// change without it.
	Critical bool
	Field    uint32
	// Item is the list item or attachment, zero for a plain field; Sub the
	// item's field.
	Item ItemID
	Sub  uint32
	// Names are the versions whose values this operation replaces: those on
	// the author's screen when the form was opened. Ascending, no doubles.
	Names []ChangeID
	Value Value
}

// Header is the signed part of a change. It holds one salted commitment to the
// operations, so that secret and operations can be erased and the chain of
// headers still verifies.
type Header struct {
	Verb   Verb
	Record RecordID
	// Form and Package say which form, in which package of forms, the author used.
	Form    uint32
	Package uint32
	// Scope is the record's home as the author knew it.
	Scope ScopeID
	// OriginLog and OriginSeq are where the change first stood. Re-issuing it
	// in another log keeps them, and so its id.
	OriginLog LogID
	OriginSeq uint64
	// Base is the record's version on the author's screen, zero for a create.
	Base ChangeID
	// Parent is the author's device's previous change of this record, or zero.
	Parent ChangeID
	Author PersonID
	// Role is the author's role as the device knew it, Verified whether the
	// author vouches for the values (an office's check). Both weigh in the
	// choice of the shown value and are checked against the grants.
	Role     uint8
	Verified bool
	// Grants is the serial of the grants the device had seen.
	Grants uint64
	// Time is the device's clock, Unix milliseconds; Correction what the server's
	// clock was ahead of it at the last contact, in milliseconds, if there was one.
	Time       int64
	Corrected  bool
	Correction int64
	// Uptime is milliseconds since the device booted, Boot a count of boots.
	Uptime uint64
	Boot   uint64
	// Group joins changes saved together, or zero.
	Group GroupID
	// Commitment is SHA-256(secret ‖ operations).
	Commitment Hash
	// Extra are fields this program does not know, as they stood, kept and
	// passed on.
	Extra []ExtraField
}

// ExtraField is a header field of a newer release.
type ExtraField struct {
	Key     uint64 // number, critical bit and class as on the wire
	Payload string // all that follows the key, a length included
}

// Critical reports whether a reader who does not know the field may not apply
// the change.
func (f ExtraField) Critical() bool { return f.Key&4 != 0 }

// AuthorTime is the time at which the author saved, as well as the device
// knew: Unix milliseconds. It is shown, and breaks ties between shown values;
// it never decides what is kept.
func (h *Header) AuthorTime() int64 { return h.Time + h.Correction }

// Change is a saved form, decoded. HeaderBytes and OpsBytes are the canonical
// bytes that id, commitment, chain and signature cover; they are kept beside
// the decoded form so that content of a newer release passes through untouched.
type Change struct {
	ID          ChangeID
	Header      Header
	HeaderBytes []byte
	// Secret salts the commitment; zero once redacted.
	Secret [16]byte
	// OpsBytes is nil once redacted: the header alone remains.
	OpsBytes []byte
	Ops      []Op
}

// Redacted reports whether secret and operations have been erased.
func (c *Change) Redacted() bool { return c.OpsBytes == nil }

// HeaderHash is the hash of a header's bytes, of which id and chain are made.
func HeaderHash(header []byte) Hash {
	h := sha256.New()
	h.Write([]byte("mahalleh change 1\n"))
	h.Write(header)
	return Hash(h.Sum(nil))
}

// IDOf returns the id of a change with these header bytes.
func IDOf(header []byte) ChangeID {
	h := HeaderHash(header)
	return ChangeID(h[:16])
}

// Commit returns the hash by which a header commits to secret and operations.
func Commit(secret [16]byte, ops []byte) Hash {
	h := sha256.New()
	h.Write([]byte("mahalleh operations 1\n"))
	h.Write(secret[:])
	h.Write(ops)
	return Hash(h.Sum(nil))
}

// ChainStart is the chain hash of a log before its first entry.
func ChainStart(log LogID) Hash {
	return sha256.Sum256(append([]byte("mahalleh log 1\n"), log[:]...))
}

// ChainNext is the chain hash after an entry with these header bytes.
func ChainNext(prev Hash, header []byte) Hash {
	hh := HeaderHash(header)
	b := make([]byte, 0, 81)
	b = append(b, "mahalleh chain 1\n"...)
	b = append(b, prev[:]...)
	b = append(b, hh[:]...)
	return sha256.Sum256(b)
}

// OwnItem is the id of the n-th new list item or attachment (from 0) that the
// change at this origin makes. Deriving it spares sixteen bytes an item.
func OwnItem(log LogID, seq uint64, n int) ItemID {
	b := append([]byte("mahalleh item 1\n"), log[:]...)
	b = binary.BigEndian.AppendUint64(b, seq)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	h := sha256.Sum256(b)
	return ItemID(h[:16])
}

// ScopeOf is the id of a compartment of a place. Device and server derive it
// alike, so that a device enrolled by a typed code can record at once.
func ScopeOf(place PlaceID, compartment string) ScopeID {
	b := append([]byte("mahalleh scope 1\n"), place[:]...)
	b = append(b, compartment...)
	h := sha256.Sum256(b)
	return ScopeID(h[:16])
}

// SortIDs sorts versions and drops doubles, the order that Names and states use.
func SortIDs(ids []ChangeID) []ChangeID {
	slices.SortFunc(ids, func(a, b ChangeID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}
