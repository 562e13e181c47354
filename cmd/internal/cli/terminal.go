package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Terminal is what prompts, tables and progress know of the streams.
type Terminal interface {
	// Interactive says whether a person can be asked: the input and the error
	// stream, where questions are written, are both terminals.
	Interactive() bool
	// Rewritable says whether a line on the error stream can be written over.
	Rewritable() bool
	// OutputIsTerminal says whether a person reads the data stream directly.
	OutputIsTerminal() bool
	// ReadPassword reads a line without showing it.
	ReadPassword(ctx context.Context) ([]byte, error)
}

// osTerminal is the terminal behind the streams of the process; a stream that
// is not a terminal is nil.
type osTerminal struct {
	in, out, err *os.File
	dumb         bool
}

func realTerminal(in io.Reader, out, err io.Writer, kind string) osTerminal {
	return osTerminal{in: asTerminal(in), out: asTerminal(out), err: asTerminal(err), dumb: kind == "dumb"}
}

func asTerminal(stream any) *os.File {
	if f, ok := stream.(*os.File); ok && f != nil && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

func (t osTerminal) Interactive() bool      { return t.in != nil && t.err != nil }
func (t osTerminal) Rewritable() bool       { return t.err != nil && !t.dumb }
func (t osTerminal) OutputIsTerminal() bool { return t.out != nil }

func (t osTerminal) ReadPassword(ctx context.Context) ([]byte, error) {
	if t.in == nil {
		return nil, errors.New("read passphrase: the input is not a terminal")
	}
	fd := int(t.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	secret, err := await(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	if ctx.Err() != nil {
		// The read still waits with echo off; the shell must get it back on.
		_ = term.Restore(fd, before)
	}
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return secret, nil
}

// await runs a read that cannot be interrupted and stops waiting for it when
// ctx ends. The read is then abandoned: the process is about to exit.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case r := <-done:
		return r.value, r.err
	}
}
