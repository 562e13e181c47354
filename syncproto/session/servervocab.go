package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Standing is how a device stands with the server.
type Standing uint8

// The standings.
const (
	// StandingUnknown: no device has this key; it may only enrol.
	StandingUnknown Standing = iota
	// StandingGood: enrolled.
	StandingGood
	// StandingRevoked: enrolled once. What is pending on it is still received
	// (its changes are quarantined), then its scopes are purged.
	StandingRevoked
)

// ServerConnected says that the Link is established.
type ServerConnected struct {
	// Noise is the device's static key, proved by the handshake.
	Noise [32]byte
	// Handshake is the Link's Binding.
	Handshake []byte
}

// Moved wakes the session: these scopes have new positions, up to Heads, each
// at its scope's place, or nil if that is not known. It may be lost; the Server
// looks by itself from time to time.
type Moved struct {
	Scopes []syncproto.ScopeID
	Heads  []uint64
}

// GrantsChanged wakes the session: the grants of its person changed.
type GrantsChanged struct{}

// ResultsChanged tells that changes of this device have another result now
// (released, rejected, or no longer parked). It may be lost; SessionLoaded
// tells them again.
type ResultsChanged struct{ Results []syncproto.Result }

// BackupVerified says that a log of this device stands in a verified backup up
// to Seq.
type BackupVerified struct {
	Log syncproto.LogID
	Seq uint64
}

// ActsRead says how chains of acts in the session's scopes go on from what the
// device was told last.
type ActsRead struct{ Said wire.Checkpoints }

// Shed asks the session to end because the server has too much to do or stops.
type Shed struct {
	Code wire.RefuseCode // RefuseBusy, RefuseFull or RefuseClock
	// RetryAfter is after how many milliseconds the device shall come back. The
	// driver spreads it over its sessions.
	RetryAfter int64
}

// Authenticate asks who has this key. Answer: Authenticated.
type Authenticate struct{ Noise [32]byte }

// Authenticated answers Authenticate.
type Authenticated struct {
	Standing Standing
	Device   syncproto.DeviceID
	// Ahead is what Server.Ahead said at the end of the device's last connection,
	// less the time since.
	Ahead int64
}

// Redeem asks to enrol a device. The driver checks Proof over
// wire.EnrolProof(Handshake), the certificate and the secret. A code already
// redeemed by the same DeviceKey and Noise key is answered as the first time,
// since that answer may have been lost. Answer: Redeemed.
type Redeem struct {
	Enrol     wire.Enrol
	Noise     [32]byte
	Handshake []byte
}

// Redeemed answers Redeem.
type Redeemed struct {
	// Refuse is zero, RefuseBadCode, RefuseUsedCode, RefuseMalformed (a wrong
	// proof or certificate) or RefuseBusy (too many attempts).
	Refuse   wire.RefuseCode
	Enrolled wire.Enrolled
}

// LoadSession asks for all that a session begins with, read from one
// snapshot; it checks the certificates, and makes the device's log known.
// Answer: SessionLoaded.
type LoadSession struct{ Hello wire.Hello }

// SessionLoaded answers LoadSession.
type SessionLoaded struct {
	// Refuse is zero, or why the session cannot begin (a certificate that does
	// not hold: RefuseMalformed; a device gone meanwhile: RefuseUnknownDevice).
	Refuse   wire.RefuseCode
	Detail   string
	Standing Standing
	// Serial is that of the grants in the snapshot, for the session alone: the
	// device is told a name of what it is granted, see wire.Welcome.
	Serial uint64
	// Welcome is complete but for Proto, ServerTime, Fork, Credit and
	// ClockAhead. Received and ReceivedHead are zero and the chain's start for an
	// unknown log. Of an ancestor, Received and BackupSafe are zero if the log's
	// chain hash here, at the ancestor's HeadSeq, is not the ancestor's Head:
	// somebody else wrote it, and nothing of it may be acknowledged to this
	// device, which then pushes it, is contradicted, and issues it again.
	// Grants, Places and People are left out if their name, GrantSerial, is the
	// one that the device says it has. For a revoked device there are no grants.
	Welcome wire.Welcome
	// Starts name every granted scope and where its pages go on, see Resume.
	Starts []Start
	// Results are those that changed since the device was told, by change; the
	// unknown ones from Hello.ResultsFrom on come with the first read.
	Results []syncproto.Result
	// Acts are the chains of acts that go on from what Hello named.
	Acts wire.Checkpoints
}

// Start says where the pages of a scope begin.
type Start struct {
	Scope syncproto.ScopeID
	// From is the position after which to read.
	From uint64
	// Since is the position that the device's copies of the scope's records are
	// of: where it last caught up. Records travel as what changed after it, whole
	// if it is zero: while a scope is loaded, or the copy cannot be trusted.
	Since uint64
}

// Accept hands over a pushed batch to be committed. Answer: Accepted, in order.
type Accept struct{ Batch []byte }

// AcceptGap hands over a declared gap. Answer: Accepted, in order with Accept.
type AcceptGap struct{ Gap wire.Gap }

// AcceptStatus says what became of a batch.
type AcceptStatus uint8

// What became of a batch.
const (
	// AcceptedOK: durably committed; each change has a result.
	AcceptedOK AcceptStatus = iota
	// AcceptedNot: not now, for want of space or time; RetryAfter says when.
	AcceptedNot
	// AcceptedHole: it does not follow what is here.
	AcceptedHole
	// AcceptedFork: it contradicts what is here; somebody else writes this log.
	AcceptedFork
	// AcceptedBad: not a batch of this device: signature, certificate or bytes.
	AcceptedBad
)

// Accepted answers Accept and AcceptGap.
type Accepted struct {
	Status AcceptStatus
	Log    syncproto.LogID
	// Received and Head are how the log stands now; with AcceptedFork too.
	Received uint64
	Head     syncproto.Hash
	// Results are those of the batch's changes, by sequence.
	Results    []LogResult
	RetryAfter int64
	Full       bool // AcceptedNot: the disk is full
	Detail     string
}

// ReadScopes asks what is new, from one snapshot in which grants are checked
// again. Scopes are read in their order until MaxBytes of states have been
// found (at least one record, if there is one). Answer: ScopesRead.
type ReadScopes struct {
	Scopes   []Start
	MaxBytes int
	// Results of Log from ResultsFrom on are wanted, at most wire.MaxResults.
	Log         syncproto.LogID
	ResultsFrom uint64
	// Pushed is the first sequence of Log that this session pushed, 0 for none:
	// the device still has what it says from there on.
	Pushed uint64
}

// ScopesRead answers ReadScopes.
type ScopesRead struct {
	// GrantSerial is that of the snapshot. If it is not the session's, pages are
	// dropped and the grants loaded first.
	GrantSerial uint64
	Era         syncproto.EraID
	// Pages have Scope, From, To, Records, Own and Marks; a scope whose head is at
	// its position has none. If there are more results than fit, there are no
	// pages at all and Complete is false.
	Pages []wire.Page
	// Complete says that every scope was read to its head; Heads are then those
	// of all scopes asked for.
	Complete bool
	Heads    []wire.Head
	// Received is how far the snapshot holds the log, Results what was asked for.
	Received uint64
	Results  []LogResult
}

// CompareScope asks for the records of buckets whose sums differ from the
// device's, see PickBuckets, at most MaxEntries. Answer: EntriesRead; its
// Buckets are empty if none differs or the scope is not granted.
type CompareScope struct {
	Scope      syncproto.ScopeID
	Sums       BucketSums
	MaxEntries int
}

// ReadRecords asks for whole records of a scope, of at most MaxBytes (but at
// least one). Answer: RecordsRead.
type ReadRecords struct {
	Scope    syncproto.ScopeID
	Records  []syncproto.RecordID
	MaxBytes int
}

// RecordsRead answers ReadRecords. Done counts how many of the first of
// ReadRecords.Records are in Records or Gone; the others are asked for again.
type RecordsRead struct {
	Scope    syncproto.ScopeID
	Position uint64
	Records  [][]byte
	Gone     []syncproto.RecordID
	Done     int
}

// LoadGrants asks for the grants as they are. Answer: GrantsLoaded.
type LoadGrants struct{}

// GrantsLoaded answers LoadGrants.
type GrantsLoaded struct {
	Standing Standing
	// Serial is that of the grants in the snapshot.
	Serial uint64
	Grants wire.GrantsNote
}

// MakeReceipt asks for a signed receipt of what a log's session brought.
// Answer: ReceiptMade.
type MakeReceipt struct{ Log syncproto.LogID }

// ReceiptMade answers MakeReceipt; nil means none is made now.
type ReceiptMade struct{ Receipt []byte }

// Subscribe replaces what the session is woken for. No answer; before the
// first, nothing is sent, and wake-ups may come at any time after.
type Subscribe struct{ Scopes []syncproto.ScopeID }

// Touch keeps what the device says of itself. No answer.
type Touch struct {
	Log          syncproto.LogID
	Queue        uint64
	OldestQueued int64
	// ClockAhead is the device's clock minus the server's, milliseconds.
	ClockAhead int64
	App        string
}

// NotePurged keeps that the device destroyed its copy of a scope. No answer.
type NotePurged struct{ Scope syncproto.ScopeID }

func (ServerConnected) serverEvent() {}
func (Moved) serverEvent()           {}
func (GrantsChanged) serverEvent()   {}
func (ResultsChanged) serverEvent()  {}
func (BackupVerified) serverEvent()  {}
func (ActsRead) serverEvent()        {}
func (Shed) serverEvent()            {}
func (Authenticated) serverEvent()   {}
func (Redeemed) serverEvent()        {}
func (SessionLoaded) serverEvent()   {}
func (Accepted) serverEvent()        {}
func (ScopesRead) serverEvent()      {}
func (EntriesRead) serverEvent()     {}
func (RecordsRead) serverEvent()     {}
func (GrantsLoaded) serverEvent()    {}
func (ReceiptMade) serverEvent()     {}

func (Authenticate) serverEffect() {}
func (Redeem) serverEffect()       {}
func (LoadSession) serverEffect()  {}
func (Accept) serverEffect()       {}
func (AcceptGap) serverEffect()    {}
func (ReadScopes) serverEffect()   {}
func (CompareScope) serverEffect() {}
func (ReadRecords) serverEffect()  {}
func (LoadGrants) serverEffect()   {}
func (MakeReceipt) serverEffect()  {}
func (Subscribe) serverEffect()    {}
func (Touch) serverEffect()        {}
func (NotePurged) serverEffect()   {}
