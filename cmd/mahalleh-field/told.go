package main

import (
	"context"
	"errors"
	"maps"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
)

// The texts of what the SDK says, by the ends of its keys.
const (
	errorFamily   cli.Family = "field_sdk.error"
	hintFamily    cli.Family = "field_sdk.hint"
	noticeFamily  cli.Family = "field_sdk.notice"
	outcomeFamily cli.Family = "field_sdk.outcome"
	reasonFamily  cli.Family = "field_sdk.reason"
	stateFamily   cli.Family = "field_sdk.sync"
	verbFamily    cli.Family = "field_sdk.verb"
)

// sdkKey is the catalogue's key for a key of the SDK: "sdk.error.locked" stands
// in the family of errors as "locked".
func sdkKey(family cli.Family, key string) cli.Key {
	return cli.Key(string(family) + "." + lastPart(key))
}

// told turns an error of the SDK into one that a person can act on, in the
// chosen language. Errors that are none of the SDK's stay as they are.
func told(a *cli.App, err error) error {
	var have *cli.Error
	if err == nil || errors.As(err, &have) || errors.Is(err, context.Canceled) {
		return err
	}
	if e := cli.Unusable(err); e != nil {
		return e
	}
	key, args := clientsdk.Explain(err)
	if key == "" || errors.Is(err, clientsdk.ErrFailed) {
		return err
	}
	all := cli.Args{}
	if dir, err := a.DataDir(); err == nil {
		all["dir"] = dir
	}
	maps.Copy(all, args)
	e := &cli.Error{Code: codeOf(err), Key: sdkKey(errorFamily, key), Args: all, Hint: sdkKey(hintFamily, key), Cause: err}
	var field *schemas.FieldError
	if errors.As(err, &field) {
		// The message names the field and says what to do.
		e.Key, e.Hint = "field.error.value", "field.error.value_hint"
		e.Args = cli.Args{"message": field.Message.In(string(a.Lang()))}
	}
	var step *clientsdk.StepError
	if errors.As(err, &step) {
		// So does a rule that forbids a step; the hint names it and its source.
		e.Key, e.Hint = "field.error.step", "field.error.step_hint"
		e.Args = cli.Args{"message": step.Message.In(string(a.Lang())), "rule": step.Rule, "source": string(step.Source)}
	}
	if !a.Catalogue().Has(e.Key) || !a.Catalogue().Has(e.Hint) {
		return err
	}
	return e
}

// codeOf says how a command ends with an error of the SDK.
func codeOf(err error) cli.Code {
	var field *schemas.FieldError
	if errors.As(err, &field) {
		return cli.DataInvalid
	}
	for _, c := range []struct {
		code  cli.Code
		kinds []error
	}{
		{cli.NotReachable, []error{clientsdk.ErrNoNetwork, clientsdk.ErrNotReachable, clientsdk.ErrBusy}},
		{cli.Incompatible, []error{clientsdk.ErrNewer, clientsdk.ErrIncompatible}},
		{cli.Refused, []error{
			clientsdk.ErrUsedCode, clientsdk.ErrOtherCode, clientsdk.ErrWrongSecret, clientsdk.ErrWait, clientsdk.ErrNoPIN, clientsdk.ErrNotAllHere, clientsdk.ErrLocked,
			clientsdk.ErrEnrolled, clientsdk.ErrInUse, clientsdk.ErrDeleted, clientsdk.ErrErased, clientsdk.ErrByTransition, clientsdk.ErrStepRefused,
			clientsdk.ErrLeaseOver, clientsdk.ErrNoGrant, clientsdk.ErrNoSettle, clientsdk.ErrScopeGone, clientsdk.ErrWrongServer, clientsdk.ErrRefused,
		}},
		{cli.Usage, []error{clientsdk.ErrNoAddress, clientsdk.ErrBadAddress, clientsdk.ErrBadCursor}},
		{cli.Failure, []error{clientsdk.ErrDiskFull, clientsdk.ErrDiskFailed, clientsdk.ErrClosed, clientsdk.ErrNotUnderstood}},
		{cli.DataInvalid, []error{
			clientsdk.ErrMistypedCode, clientsdk.ErrBadCode, clientsdk.ErrWeakPassphrase, clientsdk.ErrNotEnrolled, clientsdk.ErrForeign,
			clientsdk.ErrDamaged, clientsdk.ErrNotFound, clientsdk.ErrUnknownForm, clientsdk.ErrInvalid, clientsdk.ErrUnknownField,
			clientsdk.ErrDraftOver, clientsdk.ErrTooLarge, clientsdk.ErrNotSettled,
		}},
	} {
		for _, kind := range c.kinds {
			if errors.Is(err, kind) {
				return c.code
			}
		}
	}
	return cli.Failure
}
