package syncer

import (
	"context"
	"errors"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// Errors of a Store that the session answers in a way of their own.
var (
	// ErrFull: the disk is full; the connection ends and comes back later.
	ErrFull = errors.New("the device's disk is full")
	// ErrFatal: trying again cannot help, such as stored bytes that are damaged,
	// or a store that is locked.
	ErrFatal = errors.New("the device's store cannot go on")
)

// Store is what a session needs of the device's store: one method per effect,
// each one transaction, each with the meaning that the effect documents in
// package session. Errors may wrap ErrFull or ErrFatal. One goroutine calls it.
type Store interface {
	// Identity says who this device is to its server. It is read for each connection.
	Identity(ctx context.Context) (Identity, error)
	// Queue says how the current log stands now: its last sequence, and the
	// device time of the oldest change that the server is not known to hold.
	Queue(ctx context.Context) (session.Queued, error)

	ReadEnrol(ctx context.Context, e session.ReadEnrol) (session.EnrolRead, error)
	SaveEnrolment(ctx context.Context, e session.SaveEnrolment) error
	ReadHello(ctx context.Context) (session.HelloRead, error)
	SaveWelcome(ctx context.Context, e session.SaveWelcome) (session.WelcomeSaved, error)
	ForkLog(ctx context.Context, e session.ForkLog) error
	ReadBatch(ctx context.Context, e session.ReadBatch) (session.BatchRead, error)
	CommitResults(ctx context.Context, e session.CommitResults) error
	CommitPage(ctx context.Context, e session.CommitPage) error
	CommitCaught(ctx context.Context, e session.CommitCaught) (session.CaughtCommitted, error)
	ReadBuckets(ctx context.Context, e session.ReadBuckets) (session.BucketsRead, error)
	ReadEntries(ctx context.Context, e session.ReadEntries) (session.EntriesRead, error)
	MendRecords(ctx context.Context, e session.MendRecords) (session.RecordsMended, error)
	ResetCursor(ctx context.Context, e session.ResetCursor) error
	SaveGrants(ctx context.Context, e session.SaveGrants) error
	DropScope(ctx context.Context, e session.DropScope) (session.ScopeDropped, error)
	MarkBackupSafe(ctx context.Context, e session.MarkBackupSafe) error
	SaveReceipt(ctx context.Context, e session.SaveReceipt) error
	KeepCheckpoints(ctx context.Context, e session.KeepCheckpoints) (session.CheckpointsKept, error)
}

// Forgetful is a Store that can enrol again with the code it began with: a
// server put back from a backup may not know a device that enrolled since.
type Forgetful interface {
	// Forgotten makes the next connection enrol.
	Forgotten(ctx context.Context) error
}

// Identity is who a device is to its server.
type Identity struct {
	// Noise is the device's static key of the secure channel.
	Noise session.KeyPair
	// ServerKeys is the server's key document, nil while only its fingerprint is
	// known, from a typed code. Then Fits says whether a fingerprint is that one.
	ServerKeys []byte
	Fits       func(syncproto.Hash) bool
	// Enrol says that the device has a code and the server has not confirmed it yet.
	Enrol bool
}

// carry carries one effect out and returns the event that answers it.
func carry(ctx context.Context, st Store, effect session.DeviceEffect) session.DeviceEvent {
	ev, err := ask(ctx, st, effect)
	if err != nil {
		return session.Failed{Effect: effect, Err: err, Full: errors.Is(err, ErrFull), Fatal: errors.Is(err, ErrFatal)}
	}
	return ev
}

func ask(ctx context.Context, st Store, effect session.DeviceEffect) (session.DeviceEvent, error) {
	switch e := effect.(type) {
	case session.ReadEnrol:
		return st.ReadEnrol(ctx, e)
	case session.SaveEnrolment:
		return session.EnrolmentSaved{}, st.SaveEnrolment(ctx, e)
	case session.ReadHello:
		return st.ReadHello(ctx)
	case session.SaveWelcome:
		return st.SaveWelcome(ctx, e)
	case session.ForkLog:
		return session.LogForked{}, st.ForkLog(ctx, e)
	case session.ReadBatch:
		return st.ReadBatch(ctx, e)
	case session.CommitResults:
		return session.ResultsCommitted{}, st.CommitResults(ctx, e)
	case session.CommitPage:
		return session.PageCommitted{}, st.CommitPage(ctx, e)
	case session.CommitCaught:
		return st.CommitCaught(ctx, e)
	case session.ReadBuckets:
		return st.ReadBuckets(ctx, e)
	case session.ReadEntries:
		return st.ReadEntries(ctx, e)
	case session.MendRecords:
		return st.MendRecords(ctx, e)
	case session.ResetCursor:
		return session.CursorReset(e), st.ResetCursor(ctx, e)
	case session.SaveGrants:
		return session.GrantsSaved{}, st.SaveGrants(ctx, e)
	case session.DropScope:
		return st.DropScope(ctx, e)
	case session.MarkBackupSafe:
		return session.BackupSafeMarked{}, st.MarkBackupSafe(ctx, e)
	case session.SaveReceipt:
		return session.ReceiptSaved{}, st.SaveReceipt(ctx, e)
	case session.KeepCheckpoints:
		return st.KeepCheckpoints(ctx, e)
	}
	return nil, fmt.Errorf("effect %T is unknown here: %w", effect, ErrFatal)
}
