package wire

import "mahalleh/syncproto"

// Page carries records of one scope, in the order of their positions.
type Page struct {
	Scope syncproto.ScopeID
	Era   syncproto.EraID
	// From is the position up to which the device held the scope before the
	// page, To up to which it does with it.
	From, To uint64
	// Records are record states as AppendRecord writes them, whole or the
	// cells that changed.
	Records [][]byte
	// Marks name records that left the scope or were erased.
	Marks []Mark
	// Log, Received and Results say what the snapshot this page was read from
	// holds of the device's log; Log is zero when it is the one Hello named.
	Log      syncproto.LogID
	Received uint64
	Results  []syncproto.Result
	// Own are changes that this device pushed and of which nothing else is to be
	// told: each was applied to the very version its author saw (its base), so the
	// record is the one the device holds with the change applied. In the order of
	// their application.
	Own []syncproto.ChangeID
}

// MarkKind says why a record is no longer in a scope.
type MarkKind uint8

// The marks. Numbers are for ever.
const (
	MarkLeft   MarkKind = 1
	MarkErased MarkKind = 2
)

// Mark names a record that a scope no longer holds.
type Mark struct {
	Record syncproto.RecordID
	Kind   MarkKind
	// To is the scope it went to, zero if the reader may not know.
	To syncproto.ScopeID
}

// Caught ends catching up: the last pages, and heads and sums of all scopes,
// from one snapshot, to be applied in one transaction.
type Caught struct {
	Era   syncproto.EraID
	Pages []Page
	Heads []Head
	// Log, Received and Results as in Page.
	Log      syncproto.LogID
	Received uint64
	Results  []syncproto.Result
}

// Head is what both sides must agree on in a scope.
type Head struct {
	Scope    syncproto.ScopeID
	Position uint64
	// Sum is the additive sum of the state hashes, Count the number of live records.
	Sum   [16]byte
	Count uint64
}

// Purge tells the device to destroy its copy of a scope.
type Purge struct {
	Scope  syncproto.ScopeID
	Reason uint8
	// After is the sequence of the device's log through which the server must
	// have received before the copy may go.
	After uint64
}

// Purged confirms that the copy is destroyed.
type Purged struct{ Scope syncproto.ScopeID }

// Type implements Message.
func (*Page) Type() MsgType { return MsgPage }

// Type implements Message.
func (*Caught) Type() MsgType { return MsgCaught }

// Type implements Message.
func (*Purge) Type() MsgType { return MsgPurge }

// Type implements Message.
func (*Purged) Type() MsgType { return MsgPurged }

func (m *Page) fields(f *fields) {
	fieldID(f, 1, &m.Scope)
	fieldID(f, 2, &m.Era)
	fieldNum(f, 3, &m.From)
	fieldNum(f, 4, &m.To)
	fieldBlobs(f, 5, &m.Records, MaxPageRecords)
	fieldList(f, 6, &m.Marks, MaxPageRecords, func(f *fields, k *Mark) {
		fieldID(f, 1, &k.Record)
		fieldNum(f, 2, &k.Kind)
		fieldID(f, 3, &k.To)
	})
	fieldID(f, 7, &m.Log)
	fieldNum(f, 8, &m.Received)
	fieldList(f, 9, &m.Results, MaxResults, describeResult)
	fieldIDs(f, 10, &m.Own, MaxPageRecords)
}

func (m *Caught) fields(f *fields) {
	fieldID(f, 1, &m.Era)
	fieldList(f, 2, &m.Pages, MaxPages, func(f *fields, p *Page) { p.fields(f) })
	fieldList(f, 3, &m.Heads, syncproto.MaxScopes, func(f *fields, h *Head) {
		fieldID(f, 1, &h.Scope)
		fieldNum(f, 2, &h.Position)
		fieldID(f, 3, &h.Sum)
		fieldNum(f, 4, &h.Count)
	})
	fieldID(f, 4, &m.Log)
	fieldNum(f, 5, &m.Received)
	fieldList(f, 6, &m.Results, MaxResults, describeResult)
}

func (m *Purge) fields(f *fields) {
	fieldID(f, 1, &m.Scope)
	fieldNum(f, 2, &m.Reason)
	fieldNum(f, 3, &m.After)
}

func (m *Purged) fields(f *fields) { fieldID(f, 1, &m.Scope) }
