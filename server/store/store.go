// Package store is the contract between the server and whatever keeps its data:
// transactions as functions over logs, changes, records, scopes and access.
//
// The laws that every backend keeps, and package storetest checks:
//
//   - A function given to Update may run again, from the start, on a fresh Tx;
//     it must not keep anything from a run that did not return nil. It must
//     not call Update itself, which would wait for ever; View it may.
//   - When Update returns nil, all of it is durable (synchronous=FULL or its
//     like); when it returns an error, none of it is there.
//   - View sees one snapshot over everything.
//   - Rows are locked in one order: logs, records, scopes, each ascending by
//     id; positions are taken last, under their scope's lock, so that they
//     commit in order and without gaps.
//   - Reader and Tx answer only until their function returns, and to one
//     goroutine at a time.
//   - Slices that come out belong to the caller, those that go in are copied.
package store

import (
	"context"
	"errors"
	"math"

	"mahalleh/syncproto"
)

var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrFull says that the disk is full: nothing was written, what is there
	// stays readable, and the writer may come back later.
	ErrFull = errors.New("storage is full")
	// ErrDisk says that reading or writing the disk failed. Nothing of the
	// transaction was acknowledged; only if its very last write failed and
	// the machine then went down, it may turn out to be there, so that the
	// caller must be ready to find it when it tries again.
	ErrDisk = errors.New("the disk failed")
	// ErrNewer says that the store was written by a newer release.
	ErrNewer = errors.New("storage was written by a newer release")
	// ErrInUse says that another process holds the store.
	ErrInUse = errors.New("storage is in use by another process")
	// ErrCorrupt says that stored bytes cannot be read back; it is wrapped with
	// the row.
	ErrCorrupt = errors.New("stored bytes are damaged")
)

// Store keeps the server's data. It is safe for concurrent use.
type Store interface {
	// Update runs f in a writing transaction; see the laws above.
	Update(ctx context.Context, f func(Tx) error) error
	// View runs f over one snapshot. f must be short: a long reader keeps the
	// write-ahead log from being folded back.
	View(ctx context.Context, f func(Reader) error) error
	Close() error
}

// Reader is what a snapshot answers.
type Reader interface {
	MetaReader
	LogReader
	ChangeReader
	RecordReader
	ScopeReader
	AccessReader
	SigninReader
}

// Tx is a writing transaction.
type Tx interface {
	Reader
	MetaWriter
	LogWriter
	ChangeWriter
	RecordWriter
	ScopeWriter
	AccessWriter
	SigninWriter
}

// MetaReader reads small named values of the server itself: keys, settings,
// the last time seen.
type MetaReader interface {
	// Meta returns the value, ErrNotFound if there is none.
	Meta(key string) ([]byte, error)
	// Eras returns the openings of this store, oldest first; LastEra the latest,
	// ErrNotFound if there is none.
	Eras() ([]Era, error)
	LastEra() (Era, error)
}

// MetaWriter writes them.
type MetaWriter interface {
	PutMeta(key string, value []byte) error
	AddEra(Era) error
}

// Era is one opening of the store: a random name, and when it was, Unix ms.
type Era struct {
	ID     syncproto.EraID
	Opened int64
}

// Log is a device's log as far as it is here.
type Log struct {
	ID     syncproto.LogID
	Device syncproto.DeviceID
	// Cert is the log certificate as it came.
	Cert []byte
	// Received is the highest sequence durably here, all before it are here or
	// declared lost; Head is the chain hash there.
	Received uint64
	Head     syncproto.Hash
	// BackupSafe is the highest sequence that a verified backup holds.
	BackupSafe uint64
	// LastSeen is when the device last spoke of this log, Unix ms.
	LastSeen int64
}

// Entry is one place in a log.
type Entry struct {
	Seq    uint64
	Change syncproto.ChangeID
	// Chain is the chain hash after this entry.
	Chain syncproto.Hash
}

// Gap is a stretch of a log that its device declared lost.
type Gap struct{ From, To uint64 }

// LogReader reads logs.
type LogReader interface {
	Log(syncproto.LogID) (Log, error)
	// Logs returns all logs of a device, of every device if it is zero.
	Logs(syncproto.DeviceID) ([]Log, error)
	Entry(syncproto.LogID, uint64) (Entry, error)
	// Results returns what the authors of the entries from..from+max-1 are told,
	// by sequence; entries that carry a change received before in another log
	// have that change's result.
	Results(log syncproto.LogID, from uint64, max int) ([]SeqResult, error)
	Gaps(syncproto.LogID) ([]Gap, error)
}

// SeqResult is the result of one entry of a log.
type SeqResult struct {
	Seq    uint64
	Result syncproto.Result
}

// LogWriter writes logs.
type LogWriter interface {
	PutLog(Log) error
	// AppendEntries adds places to a log. A place is written once: one that is
	// there already is an error.
	AppendEntries(syncproto.LogID, []Entry) error
	AddGap(syncproto.LogID, Gap) error
}

// Change is a received change with what became of it.
type Change struct {
	ID     syncproto.ChangeID
	Record syncproto.RecordID
	// Scope is the record's home when the change was received, or what the
	// change claims if it was not applied.
	Scope  syncproto.ScopeID
	Author syncproto.PersonID
	Device syncproto.DeviceID
	// Log and Seq are where it was first received.
	Log syncproto.LogID
	Seq uint64
	// Bytes are wire.AppendChange's form; raw bytes as they came if they could
	// not be decoded; the bare header once redacted.
	Bytes []byte
	// Received is the server's time of receipt, Unix ms.
	Received int64
	Result   syncproto.Result
	// Order numbers applied changes in the order of their application, 0 for
	// those that are not applied.
	Order uint64
}

// Quarantine is how a person decided about a quarantined change.
type Quarantine struct {
	Change syncproto.ChangeID
	// Decision is released, corrected, reassigned or kept.
	Decision string
	By       syncproto.PersonID
	At       int64
	Note     string
	// Instead is the change made in its place, or zero.
	Instead syncproto.ChangeID
}

// ChangeReader reads changes.
type ChangeReader interface {
	Change(syncproto.ChangeID) (Change, error)
	// Changes returns those of the changes that are there, in no order. Here and in
	// the other questions about several rows, ids differ; many at once cost a
	// fraction of what each alone does.
	Changes([]syncproto.ChangeID) ([]Change, error)
	// Outcome is the cheap form of Change: only what became of it.
	Outcome(syncproto.ChangeID) (syncproto.Outcome, error)
	// History returns a record's changes: applied ones in order, then the others
	// in the order of receipt.
	History(syncproto.RecordID) ([]Change, error)
	// Waiting returns the changes of these records with this outcome, by receipt.
	Waiting([]syncproto.RecordID, syncproto.Outcome) ([]Change, error)
	// ByOutcome lists changes with this outcome in the scopes (all if nil) by
	// receipt, after the given one (which may by now have another outcome, but
	// must be there), at most max.
	ByOutcome(o syncproto.Outcome, scopes []syncproto.ScopeID, after syncproto.ChangeID, max int) ([]Change, error)
	// SetAside returns the device's changes that are parked, quarantined, or were
	// erased before they were applied, by receipt, at most max. What others have set
	// aside costs nothing here.
	SetAside(device syncproto.DeviceID, max int) ([]Change, error)
	Decisions(syncproto.ChangeID) ([]Quarantine, error)
}

// ChangeWriter writes changes.
type ChangeWriter interface {
	// PutChange inserts the change or replaces the row with its id.
	PutChange(Change) error
	PutDecision(Quarantine) error
	// NextOrder returns the next number for Change.Order, ascending from 1.
	NextOrder() (uint64, error)
}

// Record is a record's row.
type Record struct {
	State *syncproto.RecordState
	// Hash is wire.StateHash of the state, its share in the scope's sum.
	Hash [16]byte
	// Open counts its open conflicts.
	Open int
	// Stored is wire.AppendStoredRecord of State, if who writes has it already; nil
	// otherwise, and when it was read.
	Stored []byte
}

// Mark says that a record left a scope, or was erased.
type Mark struct {
	Scope    syncproto.ScopeID
	Position uint64
	Record   syncproto.RecordID
	Kind     MarkKind
	// To is the new home of a record that moved.
	To syncproto.ScopeID
}

// MarkKind says why a mark was left. Numbers are for ever.
type MarkKind uint8

// The kinds of marks.
const (
	MarkLeft   MarkKind = 1
	MarkErased MarkKind = 2
)

// Filter narrows a listing of records.
type Filter struct {
	Scopes []syncproto.ScopeID // nil: all
	Form   uint32              // 0: all
	// Conflicts only lists records with open conflicts.
	Conflicts bool
	After     syncproto.RecordID
	Max       int // how many at most
}

// RecordReader reads records. Records and Each leave out records whose state is
// erased; Record and RecordsByID return them, and Page, beside their mark.
type RecordReader interface {
	Record(syncproto.RecordID) (Record, error)
	// RecordsByID returns those of the records that are there, in no order.
	RecordsByID([]syncproto.RecordID) ([]Record, error)
	// Page returns what changed in a scope after a position, up to another one or
	// the scope's head if that comes first, in order of positions: records and
	// marks, each at its last place, as long as their states weigh no more than
	// maxBytes (at least one, if there is one; a record and a mark at one position
	// stay together). to is the position up to which everything is included, the
	// scope's head or upTo if nothing follows; more says whether something does.
	Page(scope syncproto.ScopeID, after, upTo uint64, maxBytes int) (records []Record, marks []Mark, to uint64, more bool, err error)
	// Whole is Page for who holds nothing of the scope: records as they travel
	// whole (wire.AppendRecord), without those erased.
	Whole(scope syncproto.ScopeID, after, upTo uint64, maxBytes int) (records [][]byte, marks []Mark, to uint64, more bool, err error)
	// Records lists by id.
	Records(Filter) ([]Record, error)
	// Each calls f for every record of a scope that is not erased, by id. f may
	// ask the reader other things.
	Each(scope syncproto.ScopeID, f func(id syncproto.RecordID, hash [16]byte) error) error
}

// ToHead is a page's end beyond every head.
const ToHead = math.MaxUint64

// RecordWriter writes records.
type RecordWriter interface {
	// PutRecord inserts or replaces the record; its scope is State.Home, its
	// place there State.Position, at which no other record stands.
	PutRecord(Record) error
	// PutMark replaces an older mark of the record in the scope. No other mark
	// stands at its position; a record may, such as the stone of an erased one.
	PutMark(Mark) error
	// DropMark forgets the record's mark in a scope, when it comes back.
	DropMark(syncproto.ScopeID, syncproto.RecordID) error
}

// Scope is one compartment of a place and the head of its order.
type Scope struct {
	ID          syncproto.ScopeID
	Place       syncproto.PlaceID
	Compartment string
	// Position is the last one given out, Sum the sum of the hashes of the
	// scope's records there modulo 2^128 (big endian), Count their number;
	// erased records are not among them.
	Position uint64
	Sum      [16]byte
	Count    uint64
}

// ScopeReader reads scopes.
type ScopeReader interface {
	Scope(syncproto.ScopeID) (Scope, error)
	Scopes() ([]Scope, error)
	// SumAt returns the sum that the scope had at a position, ErrNotFound if no
	// transaction ended there.
	SumAt(syncproto.ScopeID, uint64) ([16]byte, error)
}

// ScopeWriter writes scopes.
type ScopeWriter interface {
	// LockScope reads the scope and keeps other transactions from it until this
	// one ends.
	LockScope(syncproto.ScopeID) (Scope, error)
	// PutScope writes the scope and remembers (position, sum) for SumAt.
	PutScope(Scope) error
}
