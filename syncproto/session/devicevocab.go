package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Events of a Device from outside.

// DeviceConnected says that the Link is established.
type DeviceConnected struct {
	// Handshake is the Link's Binding, which an enrolment signs.
	Handshake []byte
	// Enrol says that the device has a code and is not yet confirmed.
	Enrol bool
}

// Queued says that the store committed changes of its log: HeadSeq is the last
// sequence now, Oldest the device time of the oldest one not received.
type Queued struct {
	HeadSeq uint64
	Oldest  int64
}

// Prove asks for a receipt of what the server has received, for a session that is
// to end soon: otherwise it comes when nothing has been pushed for a while. It
// changes nothing if everything is proved or not everything is received.
type Prove struct{}

// Stop asks for an orderly end now.
type Stop struct{}

// ReadEnrol asks for an Enrol message, complete but for ProtoMin and ProtoMax.
// Answer: EnrolRead.
type ReadEnrol struct {
	// Handshake is what Proof signs, by wire.EnrolProof.
	Handshake []byte
}

// EnrolRead answers ReadEnrol.
type EnrolRead struct{ Enrol wire.Enrol }

// SaveEnrolment makes the device that of the named person: the provisional
// author of its code stays an alias of it. Answer: EnrolmentSaved.
type SaveEnrolment struct{ Enrolled wire.Enrolled }

// EnrolmentSaved answers SaveEnrolment.
type EnrolmentSaved struct{}

// ReadHello asks how things stand. Answer: HelloRead.
type ReadHello struct{}

// HelloRead answers ReadHello.
type HelloRead struct {
	// Hello is complete but for ProtoMin, ProtoMax, Credit and DeviceTime.
	// Cursors name every scope of which the device holds anything.
	Hello wire.Hello
	// Scopes are the scopes of the grants with the serial Hello.Grants.
	Scopes []syncproto.ScopeID
	// AncestorResults say, for each of Hello.Ancestors, the lowest kept sequence
	// whose result is not known here, HeadSeq+1 if all are. What lies above it is
	// pushed again, so that its result is told.
	AncestorResults []uint64
	// Proved is the sequence of Hello.Log up to which the device has a receipt.
	Proved uint64
	// Reset names the scopes whose cursor was reset by ResetCursor and whose sum
	// has not agreed since: mending them by a reset was tried and did not help.
	Reset []syncproto.ScopeID
}

// SaveWelcome keeps what the server said: grants, places, people, lease,
// backup-safe sequences, eras, the clock correction and, unless Welcome.Fork is
// set or the chains differ, that the log is received up to Received. It deletes
// no records and moves no cursor. Answer: WelcomeSaved.
type SaveWelcome struct {
	Welcome wire.Welcome
	// Correction is by how many milliseconds the server's clock is ahead of
	// this device's, to be added to times of new changes.
	Correction int64
}

// WelcomeSaved answers SaveWelcome.
type WelcomeSaved struct {
	// Contradicted says that this device's chain hash at Welcome.Received is not
	// Welcome.ReceivedHead, or that its log is shorter: somebody else wrote it.
	// Asked of the store because it alone has the chain.
	Contradicted bool
	// ActsBroken says that Welcome.Acts is not what this device holds; the store
	// keeps the proof.
	ActsBroken bool
}

// ForkLog says that the server holds other entries of a log than this device:
// two copies of one database wrote it, or an old copy came back. If Log is the
// one being written, the database continues under a new log id with key and
// certificate of its own. Every kept change of Log (not only unsent ones: what
// was acknowledged may have been lost with a restored server) is issued again
// in the log now written, in its order and with unchanged body, so unchanged
// id; what the server has already is a duplicate there. Log is no ancestor
// afterwards. One transaction. Answer: LogForked; Hello is then read again.
type ForkLog struct {
	Log syncproto.LogID
	// Received is how far the server holds the log.
	Received uint64
}

// LogForked answers ForkLog.
type LogForked struct{}

// ReadBatch asks for a signed batch of changes of a log from a sequence on, of
// at most MaxBytes (but at least one change) and syncproto.MaxBatchChanges.
// Answer: BatchRead.
type ReadBatch struct {
	Log      syncproto.LogID
	From     uint64
	MaxBytes int
	// First says that the batch may lean only on what Hello and Welcome said of
	// the log: it is the session's first, or earlier ones may not have been
	// opened. Later ones may name certificate and tables by hash.
	First bool
}

// BatchRead answers ReadBatch.
type BatchRead struct {
	Log      syncproto.LogID
	From, To uint64
	// Batch is the bytes of a wire batch of From..To. If nil, the store does not
	// hold From..To any more (or cannot read it), and the stretch is declared a
	// gap; Head is then the chain hash at To.
	Batch []byte
	Head  syncproto.Hash
}

// CommitResults keeps what the server says of changes: they are received up to
// Received, and the results stand. Results of changes that are not this
// database's (a clone's) are passed over, here and in pages. Answer:
// ResultsCommitted.
type CommitResults struct {
	Log      syncproto.LogID
	Received uint64
	Results  []syncproto.Result
}

// ResultsCommitted answers CommitResults.
type ResultsCommitted struct{}

// CommitPage applies a page and its results in one transaction and sets the
// scope's cursor to (Era, To, no sum). A whole record replaces what is here, a
// delta patches it. An own change stays in the overlay over the scope until the
// cursor reaches the position in its result, so that it is never shown twice
// and never missing. Page.Log zero is the log that Hello named. Answer:
// PageCommitted.
type CommitPage struct {
	Page wire.Page
	// Reset says that the page begins before the device's cursor, since the
	// server could not vouch for it. Records that no page names stay: the
	// comparison after Caught finds them.
	Reset bool
}

// PageCommitted answers CommitPage.
type PageCommitted struct{}

// CommitCaught applies all pages, results and heads in one transaction; the
// cursor of each scope in Heads becomes (Era, Position, Sum of the head).
// Answer: CaughtCommitted.
type CommitCaught struct {
	Caught wire.Caught
	// Reset names the scopes whose pages begin before the device's cursor, see
	// CommitPage.
	Reset []syncproto.ScopeID
}

// CaughtCommitted answers CommitCaught: for each scope in its heads, the sum
// and number of records as this device holds them, overlay apart.
type CaughtCommitted struct{ Heads []wire.Head }

// ReadBuckets asks for the 256 bucket sums of a scope, overlay apart, and its
// position. Answer: BucketsRead.
type ReadBuckets struct{ Scope syncproto.ScopeID }

// BucketsRead answers ReadBuckets.
type BucketsRead struct {
	Scope    syncproto.ScopeID
	Position uint64
	Sums     BucketSums
}

// ReadEntries asks for the records of some buckets with their state hashes.
// Answer: EntriesRead.
type ReadEntries struct {
	Scope   syncproto.ScopeID
	Buckets []byte
}

// EntriesRead answers ReadEntries and, on the server, CompareScope.
type EntriesRead struct {
	Scope   syncproto.ScopeID
	Buckets []byte
	Entries []wire.Entry
	// Walked is how many records the server looked at for it; zero on the device.
	Walked int
}

// MendRecords puts whole records in the place of what is held here, and drops
// those that are gone, except records on which a change of this device is not
// received yet. They are as of Position at the server, which may be ahead of the
// cursor. One transaction, the cursor stays. Answer: RecordsMended.
type MendRecords struct {
	Scope    syncproto.ScopeID
	Position uint64
	Records  [][]byte
	Gone     []syncproto.RecordID
}

// RecordsMended answers MendRecords with how the scope stands now.
type RecordsMended struct {
	Scope syncproto.ScopeID
	Head  wire.Head
	// Kept counts the records in Gone that could not be dropped.
	Kept int
}

// ResetCursor sets the scope's cursor to zero and keeps its records: mending
// did not help, the scope is loaded anew over what is here. Answer: CursorReset.
type ResetCursor struct{ Scope syncproto.ScopeID }

// CursorReset answers ResetCursor.
type CursorReset struct{ Scope syncproto.ScopeID }

// SaveGrants keeps changed grants, places and people. It drops no scope.
// Answer: GrantsSaved.
type SaveGrants struct{ Grants wire.GrantsNote }

// GrantsSaved answers SaveGrants.
type GrantsSaved struct{}

// DropScope destroys this device's copy of a scope and its key, unless a
// change of it made here is not received yet. Answer: ScopeDropped.
type DropScope struct {
	Scope  syncproto.ScopeID
	Reason uint8
}

// ScopeDropped answers DropScope.
type ScopeDropped struct {
	Scope syncproto.ScopeID
	// Pending says that nothing was dropped because changes wait to be sent.
	Pending bool
}

// MarkBackupSafe says that the log stands in a verified backup up to Seq: what
// lies at or below may be redacted, as far as it is acknowledged (a Seq beyond
// speaks of a clone's changes). Answer: BackupSafeMarked.
type MarkBackupSafe struct {
	Log syncproto.LogID
	Seq uint64
}

// BackupSafeMarked answers MarkBackupSafe.
type BackupSafeMarked struct{}

// SaveReceipt keeps a signed receipt. Answer: ReceiptSaved.
type SaveReceipt struct{ Receipt []byte }

// ReceiptSaved answers SaveReceipt.
type ReceiptSaved struct{}

// KeepCheckpoints holds what the server says of the chains of acts against
// the checkpoints that the device has, and keeps it in their place. Answer:
// CheckpointsKept.
type KeepCheckpoints struct{ Said wire.Checkpoints }

// CheckpointsKept answers KeepCheckpoints.
type CheckpointsKept struct {
	// Broken are the scopes whose chain does not go on from what the device has.
	// The store keeps the proof.
	Broken []syncproto.ScopeID
}

// Alarm reports what a person who runs the service should look into; it has no
// answer and changes nothing.
type Alarm struct {
	Scope  syncproto.ScopeID
	Detail string
}

func (DeviceConnected) deviceEvent()  {}
func (Queued) deviceEvent()           {}
func (Prove) deviceEvent()            {}
func (Stop) deviceEvent()             {}
func (EnrolRead) deviceEvent()        {}
func (EnrolmentSaved) deviceEvent()   {}
func (HelloRead) deviceEvent()        {}
func (WelcomeSaved) deviceEvent()     {}
func (LogForked) deviceEvent()        {}
func (BatchRead) deviceEvent()        {}
func (ResultsCommitted) deviceEvent() {}
func (PageCommitted) deviceEvent()    {}
func (CaughtCommitted) deviceEvent()  {}
func (BucketsRead) deviceEvent()      {}
func (EntriesRead) deviceEvent()      {}
func (RecordsMended) deviceEvent()    {}
func (CursorReset) deviceEvent()      {}
func (GrantsSaved) deviceEvent()      {}
func (ScopeDropped) deviceEvent()     {}
func (BackupSafeMarked) deviceEvent() {}
func (ReceiptSaved) deviceEvent()     {}
func (CheckpointsKept) deviceEvent()  {}

func (ReadEnrol) deviceEffect()       {}
func (SaveEnrolment) deviceEffect()   {}
func (ReadHello) deviceEffect()       {}
func (SaveWelcome) deviceEffect()     {}
func (ForkLog) deviceEffect()         {}
func (ReadBatch) deviceEffect()       {}
func (CommitResults) deviceEffect()   {}
func (CommitPage) deviceEffect()      {}
func (CommitCaught) deviceEffect()    {}
func (ReadBuckets) deviceEffect()     {}
func (ReadEntries) deviceEffect()     {}
func (MendRecords) deviceEffect()     {}
func (ResetCursor) deviceEffect()     {}
func (SaveGrants) deviceEffect()      {}
func (DropScope) deviceEffect()       {}
func (MarkBackupSafe) deviceEffect()  {}
func (SaveReceipt) deviceEffect()     {}
func (KeepCheckpoints) deviceEffect() {}
func (Alarm) deviceEffect()           {}
