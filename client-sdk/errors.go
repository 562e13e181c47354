package clientsdk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// kind is one of the ways in which the SDK refuses.
type kind struct{ key, text string }

// Error returns the English text, for logs.
func (k *kind) Error() string { return k.text }

// The ways in which the SDK refuses: every error of this package wraps one of
// them, or comes from the caller's context. Explain names each by a key of the
// catalogues.
var (
	// ErrMistypedCode: one part of the enrolment code is mistyped. Arguments
	// part, counted from 1, parts, and text, what was typed there.
	ErrMistypedCode error = &kind{"sdk.error.mistyped_code", "a part of the enrolment code is mistyped"}
	// ErrBadCode: the text is no enrolment code, or the code is none of the
	// server's, or has expired.
	ErrBadCode error = &kind{"sdk.error.bad_code", "the enrolment code is wrong"}
	// ErrUsedCode: another device enrolled with the code.
	ErrUsedCode error = &kind{"sdk.error.used_code", "the enrolment code was used by another device"}
	// ErrOtherCode: the code is for another server, neighbourhood or person than
	// the one that the device has.
	ErrOtherCode error = &kind{"sdk.error.other_code", "the enrolment code is for another device"}
	// ErrNoAddress: a typed code needs the server's address beside it.
	ErrNoAddress error = &kind{"sdk.error.no_address", "the server's address is missing"}
	// ErrBadAddress: the text is no address of a server. Argument address.
	ErrBadAddress error = &kind{"sdk.error.bad_address", "not an address of a server"}
	// ErrWeakPassphrase: it is too short. Argument least.
	ErrWeakPassphrase error = &kind{"sdk.error.weak_passphrase", "the passphrase is too short"}
	// ErrWrongSecret: the passphrase, key file or PIN does not fit.
	ErrWrongSecret error = &kind{"sdk.error.wrong_secret", "wrong passphrase, key file or PIN"}
	// ErrWait: too many attempts failed. Argument wait, how long the next must wait.
	ErrWait error = &kind{"sdk.error.wait", "too many failed attempts"}
	// ErrNoPIN: no PIN is set, or it was dropped after too many wrong ones.
	ErrNoPIN error = &kind{"sdk.error.no_pin", "no PIN is set"}
	// ErrNotAllHere: not all records of the place have come to this device, or none:
	// figures of a part would look like figures of the whole.
	ErrNotAllHere error = &kind{"sdk.error.not_all_here", "the place has not come whole to this device yet"}
	// ErrLocked: unlock first.
	ErrLocked error = &kind{"sdk.error.locked", "the device is locked"}

	// ErrEnrolled: the folder holds a device already.
	ErrEnrolled error = &kind{"sdk.error.enrolled", "this device is enrolled already"}
	// ErrNotEnrolled: the folder holds no device.
	ErrNotEnrolled error = &kind{"sdk.error.not_enrolled", "this device is not enrolled"}
	// ErrNewer: the database was written by a newer release.
	ErrNewer error = &kind{"sdk.error.newer_database", "the database was written by a newer release"}
	// ErrForeign: the file is another program's.
	ErrForeign error = &kind{"sdk.error.foreign_database", "not a database of this program"}
	// ErrInUse: another process holds the database.
	ErrInUse error = &kind{"sdk.error.in_use", "the database is in use by another process"}
	// ErrDiskFull: nothing more can be saved until space is made; what is there
	// can be read and exported.
	ErrDiskFull error = &kind{"sdk.error.disk_full", "the disk is full"}
	// ErrDiskFailed: the disk did not do what it was asked.
	ErrDiskFailed error = &kind{"sdk.error.disk_failed", "the disk failed"}
	// ErrDamaged: stored bytes cannot be read.
	ErrDamaged error = &kind{"sdk.error.damaged", "stored bytes are damaged"}
	// ErrClosed: the client was closed.
	ErrClosed error = &kind{"sdk.error.closed", "the client is closed"}

	// ErrNotFound: there is no such record, draft or conflict here.
	ErrNotFound error = &kind{"sdk.error.not_found", "not found"}
	// ErrDeleted: the record stands as deleted; restore it first.
	ErrDeleted error = &kind{"sdk.error.deleted", "the record is deleted"}
	// ErrErased: the record was erased for ever.
	ErrErased error = &kind{"sdk.error.erased", "the record was erased"}
	// ErrUnknownForm: the package of forms does not hold the form. Argument form.
	ErrUnknownForm error = &kind{"sdk.error.unknown_form", "unknown form"}
	// ErrInvalid: a value cannot be read. The chain holds a *schemas.FieldError
	// with the field and what to do. Argument field.
	ErrInvalid error = &kind{"sdk.error.invalid", "the value cannot be read"}
	// ErrUnknownField: the form has no such field. Argument field.
	ErrUnknownField error = &kind{"sdk.error.unknown_field", "unknown field"}
	// ErrByTransition: a state changes by Transition only. Argument field.
	ErrByTransition error = &kind{"sdk.error.by_transition", "a state changes by a transition only"}
	// ErrStepRefused: a rule of the programme forbids the step. The chain holds a
	// *StepError with the rule, its source and what to do. Argument rule.
	ErrStepRefused error = &kind{"sdk.error.step_refused", "a rule forbids the step"}
	// ErrDraftOver: the draft was saved or discarded.
	ErrDraftOver error = &kind{"sdk.error.draft_over", "the draft was saved or discarded"}
	// ErrTooLarge: the change or draft is larger than may travel, or the record
	// would be with it.
	ErrTooLarge error = &kind{"sdk.error.too_large", "too much for one change"}
	// ErrLeaseOver: the server was not reached for so long that reading is
	// locked until it is; recording, saving and sending go on.
	ErrLeaseOver error = &kind{"sdk.error.lease_over", "reading is locked until the server was reached"}
	// ErrNoGrant: the person may not write there. Argument form.
	ErrNoGrant error = &kind{"sdk.error.no_grant", "no right to record there"}
	// ErrNoSettle: the person may not decide between conflicting values there.
	ErrNoSettle error = &kind{"sdk.error.no_settle", "no right to settle there"}
	// ErrScopeGone: the neighbourhood was taken from this device.
	ErrScopeGone error = &kind{"sdk.error.scope_gone", "the scope was taken away from this device"}
	// ErrNotSettled: the choice fits no candidate of the conflict.
	ErrNotSettled error = &kind{"sdk.error.not_settled", "the choice fits no value of the conflict"}
	// ErrBadCursor: Query.After is none that a list gave.
	ErrBadCursor error = &kind{"sdk.error.bad_cursor", "not a place in a list"}

	// ErrNoNetwork: this device has no way to the network now.
	ErrNoNetwork error = &kind{"sdk.error.no_network", "no network"}
	// ErrNotReachable: the server does not answer, or the line broke.
	ErrNotReachable error = &kind{"sdk.error.not_reachable", "the server cannot be reached"}
	// ErrWrongServer: what answers is not the server this device was enrolled at.
	ErrWrongServer error = &kind{"sdk.error.wrong_server", "not the server of this device"}
	// ErrRefused: the server does not know the device any more, or its right was
	// taken away.
	ErrRefused error = &kind{"sdk.error.refused", "the server refused this device"}
	// ErrBusy: the server asks to come back later. Argument after.
	ErrBusy error = &kind{"sdk.error.busy", "the server is busy"}
	// ErrIncompatible: this release and the server's speak no common version.
	ErrIncompatible error = &kind{"sdk.error.incompatible", "the versions do not fit together"}
	// ErrNotUnderstood: the server sent what this release cannot read, or could
	// not read what it was sent.
	ErrNotUnderstood error = &kind{"sdk.error.not_understood", "a message could not be read"}
	// ErrFailed: something else broke; the chain says what.
	ErrFailed error = &kind{"sdk.error.failed", "it did not work"}
)

// Error is a refusal with what its text needs.
type Error struct {
	// Kind is one of the Err values of this package.
	Kind error
	// Args fill the text: strings, numbers, time.Durations.
	Args map[string]any
	// Cause is what lies below, nil if nothing does.
	Cause error
}

// Error returns the English text with its arguments, for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	names := make([]string, 0, len(e.Args))
	for name := range e.Args {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %s=%v", name, e.Args[name])
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns kind and cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Explain returns the key under which the catalogues say what happened and
// what to do, and the arguments of the text: "sdk.error.failed" for an error
// that is none of this package's, "" for nil.
func Explain(err error) (key string, args map[string]any) {
	if err == nil {
		return "", nil
	}
	var e *Error
	if errors.As(err, &e) {
		args = e.Args
	}
	var k *kind
	if errors.As(err, &k) {
		return k.key, args
	}
	return ErrFailed.(*kind).key, nil
}

// Keys returns every key of the catalogues that this package can name, sorted:
// of errors, notices, outcomes, reasons, states and verbs.
func Keys() []string {
	keys := []string{noticeRecoverable, noticeUntilContact, noticeLost}
	for _, err := range allKinds() {
		keys = append(keys, err.(*kind).key)
	}
	for o := syncproto.Applied; o <= syncproto.Rejected; o++ {
		keys = append(keys, OutcomeKey(o))
	}
	for _, name := range reasonNames() {
		keys = append(keys, "sdk.reason."+name)
	}
	keys = append(keys, "sdk.reason."+unknownReason, "sdk.reason."+ruleReason)
	for s := localstore.SyncNone; s <= localstore.SyncQuarantined; s++ {
		keys = append(keys, SyncKey(s))
	}
	for v := syncproto.VerbCreate; v <= syncproto.VerbSettle; v++ {
		keys = append(keys, VerbKey(v))
	}
	slices.Sort(keys)
	return keys
}

func allKinds() []error {
	return []error{
		ErrMistypedCode, ErrBadCode, ErrUsedCode, ErrOtherCode, ErrNoAddress, ErrBadAddress, ErrWeakPassphrase, ErrWrongSecret, ErrWait, ErrNoPIN, ErrNotAllHere, ErrLocked,
		ErrEnrolled, ErrNotEnrolled, ErrNewer, ErrForeign, ErrInUse, ErrDiskFull, ErrDiskFailed, ErrDamaged, ErrClosed,
		ErrNotFound, ErrDeleted, ErrErased, ErrUnknownForm, ErrInvalid, ErrUnknownField, ErrByTransition, ErrStepRefused, ErrDraftOver, ErrTooLarge,
		ErrLeaseOver, ErrNoGrant, ErrNoSettle, ErrScopeGone, ErrNotSettled, ErrBadCursor,
		ErrNoNetwork, ErrNotReachable, ErrWrongServer, ErrRefused, ErrBusy, ErrIncompatible, ErrNotUnderstood, ErrFailed,
	}
}

func refuse(kind error, cause error, args ...any) *Error {
	e := &Error{Kind: kind, Cause: cause}
	for i := 0; i+1 < len(args); i += 2 {
		if e.Args == nil {
			e.Args = map[string]any{}
		}
		e.Args[args[i].(string)] = args[i+1]
	}
	return e
}

// below are the errors of the packages underneath and what they are here.
func below() []struct{ err, kind error } {
	return []struct{ err, kind error }{
		{localstore.ErrNewer, ErrNewer}, {localstore.ErrForeign, ErrForeign}, {localstore.ErrInUse, ErrInUse},
		{localstore.ErrFull, ErrDiskFull}, {localstore.ErrIO, ErrDiskFailed}, {localstore.ErrCorrupt, ErrDamaged},
		{localstore.ErrLocked, ErrLocked}, {localstore.ErrWrongSecret, ErrWrongSecret}, {localstore.ErrClosed, ErrClosed},
		{localstore.ErrExists, ErrEnrolled}, {localstore.ErrScopeGone, ErrScopeGone}, {localstore.ErrBadCursor, ErrBadCursor},
		{localstore.ErrNotFound, ErrNotFound},
		{wsdial.ErrNoNetwork, ErrNoNetwork}, {wsdial.ErrAddress, ErrBadAddress},
		{wsdial.ErrNotMahalleh, ErrWrongServer}, {wsdial.ErrCertificate, ErrWrongServer},
		{wsdial.ErrNameNotFound, ErrNotReachable}, {wsdial.ErrRefused, ErrNotReachable}, {wsdial.ErrTimeout, ErrNotReachable},
		{wsdial.ErrLost, ErrNotReachable},
		{syncproto.ErrCodeTooNew, ErrIncompatible}, {syncproto.ErrCodeLength, ErrBadCode}, {syncproto.ErrCodeMalformed, ErrBadCode},
		{syncproto.ErrCodeLetter, ErrBadCode}, {syncproto.ErrCodeMistyped, ErrBadCode},
	}
}

// told gives an error of the packages underneath its place among those of this
// package. nil stays nil, and what is one already stays as it is.
func told(doing string, err error) error {
	if err == nil {
		return nil
	}
	var have *Error
	var wait *localstore.WaitError
	var busy interface{ RetryAfter() time.Duration }
	var code *syncproto.CodeError
	var field *schemas.FieldError
	switch {
	case errors.As(err, &have):
	case errors.As(err, &wait):
		err = refuse(ErrWait, err, "wait", wait.For)
	case errors.As(err, &busy):
		err = refuse(ErrBusy, err, "after", busy.RetryAfter())
	case errors.As(err, &field):
		err = refuse(ErrInvalid, err, "field", field.Path)
	case errors.As(err, &code) && code.Part > 0:
		err = refuse(ErrMistypedCode, err, "part", code.Part, "parts", syncproto.CodeParts, "text", code.Text)
	default:
		for _, b := range below() {
			if errors.Is(err, b.err) {
				err = refuse(b.kind, err)
				break
			}
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isNotFound(err error) bool { return errors.Is(err, localstore.ErrNotFound) }
