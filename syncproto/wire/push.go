package wire

import "mahalleh/syncproto"

// Push carries a signed batch of changes, see OpenBatch.
type Push struct{ Batch []byte }

// Credit allows the peer this many more bytes.
type Credit struct{ Bytes uint32 }

// Gap declares that sequences of a log are lost for ever, with the device's
// old copy, so that the server need not wait for them.
type Gap struct {
	Log syncproto.LogID
	// From and To are the first and last lost sequence.
	From, To uint64
	// Head is the chain hash at To, as far as the device knows it.
	Head syncproto.Hash
}

// Ack says what the server has committed of a log.
type Ack struct {
	// Log is zero when it is the log that Hello named.
	Log syncproto.LogID
	// Received is the highest sequence up to which the server durably holds
	// the log without a hole, Head the chain hash there.
	Received uint64
	Head     syncproto.Hash
	Results  []syncproto.Result
}

// BackupSafe says up to which sequence a log stands in a verified backup; the
// device may redact what lies at or below.
type BackupSafe struct {
	// Log is zero when it is the log that Hello named.
	Log syncproto.LogID
	Seq uint64
}

// ReceiptNote carries a signed receipt, see Receipt.
type ReceiptNote struct{ Receipt []byte }

// maxReceipt bounds a receipt: 4096 ranges of at most 20 bytes and its fields.
const maxReceipt = 96 << 10

// Type implements Message.
func (*Push) Type() MsgType { return MsgPush }

// Type implements Message.
func (*Credit) Type() MsgType { return MsgCredit }

// Type implements Message.
func (*Gap) Type() MsgType { return MsgGap }

// Type implements Message.
func (*Ack) Type() MsgType { return MsgAck }

// Type implements Message.
func (*BackupSafe) Type() MsgType { return MsgBackupSafe }

// Type implements Message.
func (*ReceiptNote) Type() MsgType { return MsgReceipt }

func (m *Push) fields(f *fields) { fieldBytes(f, 1, &m.Batch, syncproto.MaxFrame) }

func (m *Credit) fields(f *fields) { fieldNum(f, 1, &m.Bytes) }

func (m *Gap) fields(f *fields) {
	fieldID(f, 1, &m.Log)
	fieldNum(f, 2, &m.From)
	fieldNum(f, 3, &m.To)
	fieldHash(f, 4, &m.Head)
}

func (m *Ack) fields(f *fields) {
	fieldID(f, 1, &m.Log)
	fieldNum(f, 2, &m.Received)
	fieldHash(f, 3, &m.Head)
	fieldList(f, 4, &m.Results, MaxResults, describeResult)
}

func (m *BackupSafe) fields(f *fields) {
	fieldID(f, 1, &m.Log)
	fieldNum(f, 2, &m.Seq)
}

func (m *ReceiptNote) fields(f *fields) { fieldBytes(f, 1, &m.Receipt, maxReceipt) }

func describeResult(f *fields, r *syncproto.Result) {
	fieldID(f, 1, &r.Change)
	fieldNum(f, 2, &r.Outcome)
	fieldNum(f, 3, &r.Reason)
	fieldID(f, 4, &r.WaitsFor)
	fieldID(f, 5, &r.Scope)
	fieldNum(f, 6, &r.Position)
	// A cell takes at least two bytes: reason and field.
	fieldRows(f, 7, &r.Cells, syncproto.MaxOps, 2, putCellResult, getCellResult)
}

// putCellResult appends reason, then the cell.
func putCellResult(b []byte, r *syncproto.CellResult) []byte {
	b = append(b, byte(r.Reason))
	return appendCellKey(b, r.Cell)
}

func getCellResult(c *cursor, r *syncproto.CellResult) {
	r.Reason = syncproto.Reason(c.byte("reason"))
	start := c.off
	r.Cell = c.cellKey()
	if c.err == nil && len(appendCellKey(nil, r.Cell)) != c.off-start {
		c.fail(ErrNotCanonical, "cell")
	}
}
