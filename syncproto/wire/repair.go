package wire

import "mahalleh/syncproto"

// Buckets is how many sums a comparison holds: one per first byte of
// SHA-256(record id), so that a difference among ten thousand records leaves
// some forty to name.
const Buckets = 256

// Compare asks the server where its copy of a scope differs.
type Compare struct {
	Scope    syncproto.ScopeID
	Position uint64
	// Buckets are 256 additive sums of 16 bytes of the state hashes of the
	// records, by the first byte of SHA-256(record id).
	Buckets []byte
}

// Entries names the records of the buckets that differ, with their state hashes.
type Entries struct {
	Scope syncproto.ScopeID
	// Buckets are the numbers of the buckets whose records are all named.
	Buckets []byte
	Entries []Entry
}

// Entry is one record of a bucket.
type Entry struct {
	Record    syncproto.RecordID
	StateHash [16]byte
}

// ServerEntries is Entries from the server's side: its answer to Compare.
type ServerEntries Entries

// Want asks for records whole.
type Want struct {
	Scope   syncproto.ScopeID
	Records []syncproto.RecordID
}

// Records answers Want.
type Records struct {
	Scope    syncproto.ScopeID
	Position uint64
	// Records are whole record states as AppendRecord writes them.
	Records [][]byte
	// Gone are those asked for that the scope does not hold.
	Gone []syncproto.RecordID
}

// Type implements Message.
func (*Compare) Type() MsgType { return MsgCompare }

// Type implements Message.
func (*Entries) Type() MsgType { return MsgEntries }

// Type implements Message.
func (*ServerEntries) Type() MsgType { return MsgServerEntries }

// Type implements Message.
func (*Want) Type() MsgType { return MsgWant }

// Type implements Message.
func (*Records) Type() MsgType { return MsgRecords }

func (m *Compare) fields(f *fields) {
	fieldID(f, 1, &m.Scope)
	fieldNum(f, 2, &m.Position)
	fieldExact(f, 3, &m.Buckets, Buckets*16)
}

func (m *Entries) fields(f *fields) {
	fieldID(f, 1, &m.Scope)
	fieldBytes(f, 2, &m.Buckets, Buckets)
	fieldRows(f, 3, &m.Entries, MaxEntries, 32,
		func(b []byte, e *Entry) []byte { return append(append(b, e.Record[:]...), e.StateHash[:]...) },
		func(c *cursor, e *Entry) { e.Record, e.StateHash = c.id("record"), c.id("state hash") })
}

func (m *ServerEntries) fields(f *fields) { (*Entries)(m).fields(f) }

func (m *Want) fields(f *fields) {
	fieldID(f, 1, &m.Scope)
	fieldIDs(f, 2, &m.Records, MaxEntries)
}

func (m *Records) fields(f *fields) {
	fieldID(f, 1, &m.Scope)
	fieldNum(f, 2, &m.Position)
	fieldBlobs(f, 3, &m.Records, MaxEntries)
	fieldIDs(f, 4, &m.Gone, MaxEntries)
}
