package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
)

// Code is the exit code of a command. The numbers are part of the commands'
// documented interface and never change their meaning.
type Code int

// The exit codes of all three commands.
const (
	OK           Code = 0 // the command did what was asked
	Failure      Code = 1 // something broke that is none of the others
	Usage        Code = 2 // the command line or a setting is wrong
	Conflicts    Code = 3 // done, but conflicts wait for a person
	NotReachable Code = 4 // the server does not answer
	Refused      Code = 5 // the other side, or a guard, said no
	DataInvalid  Code = 6 // what was given or found breaks its rules
	Incompatible Code = 7 // the other side or the database speaks another version
)

// codeMeanings are the codes in ascending order with the text that explains
// each on the help page.
func codeMeanings() []struct {
	code Code
	key  Key
} {
	return []struct {
		code Code
		key  Key
	}{
		{OK, "cli.exit.ok"},
		{Failure, "cli.exit.failure"},
		{Usage, "cli.exit.usage"},
		{Conflicts, "cli.exit.conflicts"},
		{NotReachable, "cli.exit.not_reachable"},
		{Refused, "cli.exit.refused"},
		{DataInvalid, "cli.exit.data_invalid"},
		{Incompatible, "cli.exit.incompatible"},
	}
}

// Error is a failure that is told to a person: what happened, to what, and
// what to do next, in the language the person chose.
type Error struct {
	Code  Code  // how the command exits
	Key   Key   // what happened, and to what
	Args  Args  // the arguments of Key and Hint
	Hint  Key   // what to do next
	Cause error // the technical reason, shown with --verbose; may be nil
}

// Error is the error for logs and tests, in no human language.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Key))
	if len(e.Args) > 0 {
		names := make([]string, 0, len(e.Args))
		for name := range e.Args {
			names = append(names, name)
		}
		slices.Sort(names)
		for i, name := range names {
			sep := " "
			if i == 0 {
				sep = " ("
			}
			fmt.Fprintf(&b, "%s%s=%v", sep, name, e.Args[name])
		}
		b.WriteByte(')')
	}
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause, so that errors.Is sees through the error.
func (e *Error) Unwrap() error { return e.Cause }

// ExitCode says how a command that ended with err exits: OK for nil, the code
// of the first [Error] in the chain, Failure for everything else.
func ExitCode(err error) Code {
	if err == nil {
		return OK
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Failure
}

// explain turns any error into one that can be told: the Error in its chain,
// what the program's own Explain makes of it, or a general failure.
func (a *App) explain(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if a.program.Explain != nil {
		if e := a.program.Explain(err); e != nil {
			return e
		}
	}
	if e := Unusable(err); e != nil {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return &Error{Code: Failure, Key: "cli.error.interrupted", Hint: "cli.error.interrupted_hint", Cause: err}
	}
	return &Error{Code: Failure, Key: "cli.error.failed", Args: Args{"problem": err.Error()}, Hint: "cli.error.failed_hint", Cause: err}
}

// Unusable tells of a file that this user may not use, that is none, or that lies
// on a disk that cannot be written or has no room; nil for other errors.
func Unusable(err error) *Error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return nil
	}
	is := func(all ...error) bool {
		return slices.ContainsFunc(all, func(e error) bool { return errors.Is(path.Err, e) })
	}
	e := &Error{Code: Failure, Args: Args{"file": path.Path}, Cause: err}
	switch {
	case is(fs.ErrPermission, syscall.EROFS):
		e.Key, e.Hint = "cli.error.unusable", "cli.error.unusable_hint"
	case is(syscall.EISDIR, syscall.ENOTDIR, syscall.ELOOP):
		e.Key, e.Hint = "cli.error.no_file", "cli.error.no_file_hint"
	case is(syscall.ENOSPC):
		e.Key, e.Hint = "cli.error.no_room", "cli.error.no_room_hint"
	default:
		return nil
	}
	return e
}

// errorPrefix starts every line that reports an error, whichever the command
// and the language, so that a script or a supervisor can find it.
const errorPrefix = "mahalleh: "

// report writes the error to the error stream and returns the exit code.
func (a *App) report(err error) Code {
	e := a.explain(err)
	lines := []string{a.T(e.Key, e.Args)}
	if e.Hint != "" {
		lines = append(lines, a.T(e.Hint, e.Args))
	}
	if e.Cause != nil && a.Verbose() {
		lines = append(lines, a.T("cli.error.because", Args{"cause": e.Cause.Error()}))
	}
	var b strings.Builder
	for _, text := range lines {
		for line := range strings.SplitSeq(text, "\n") {
			b.WriteString(errorPrefix)
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	// There is nobody left to tell if the error stream is closed.
	_, _ = a.screen.Write([]byte(b.String()))
	return e.Code
}
