package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mahalleh/schemas/persian"
)

// maxAnswerBytes bounds one typed line. The longest answer is a pasted
// paragraph of a few kilobytes.
const maxAnswerBytes = 64 << 10

// maxTries bounds how often a question is repeated, so that an input that
// never fits (a file on a terminal-like stream) comes to an end.
const maxTries = 5

// errLongLine is the error for a line above maxAnswerBytes.
var errLongLine = fmt.Errorf("a line is longer than %d bytes", maxAnswerBytes)

// lineReader is the input stream, read line by line.
type lineReader struct {
	*bufio.Reader
}

func newLineReader(r io.Reader) *lineReader {
	if r == nil {
		r = strings.NewReader("")
	}
	return &lineReader{bufio.NewReader(r)}
}

// line reads one line without its end. The last line may lack its end; after
// it comes io.EOF.
func (r *lineReader) line() (string, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		if len(line)+len(piece) > maxAnswerBytes {
			return "", errLongLine
		}
		line = append(line, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			return strings.TrimRight(string(line), "\r\n"), nil
		default:
			return "", err
		}
	}
}

// Stdin is the input stream, for a command that reads data from it.
func (a *App) Stdin() io.Reader { return a.in }

// Interactive says whether a person can be asked.
func (a *App) Interactive() bool { return a.terminal.Interactive() }

// needTerminal refuses to ask where nobody can answer; hint says how to give
// the answer without a prompt.
func (a *App) needTerminal(question string, hint Key) error {
	if a.Interactive() {
		return nil
	}
	if hint == "" {
		hint = "cli.prompt.no_terminal_hint"
	}
	return &Error{Code: Usage, Key: "cli.prompt.no_terminal", Args: Args{"question": question}, Hint: hint}
}

// ended tells that the answer never came.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{Code: Failure, Key: "cli.prompt.ended", Hint: "cli.prompt.ended_hint", Cause: err}
}

func (a *App) read(ctx context.Context, prompt string) (string, error) {
	if _, err := io.WriteString(a.screen, prompt); err != nil {
		return "", fmt.Errorf("write question: %w", err)
	}
	line, err := await(ctx, a.in.line)
	if err != nil {
		return "", ended(err)
	}
	return strings.TrimSpace(line), nil
}

// Ask asks for a line of text. An empty answer gives the preset. hint tells
// how to do without the prompt when there is no terminal.
func (a *App) Ask(ctx context.Context, question, preset string, hint Key) (string, error) {
	if err := a.needTerminal(question, hint); err != nil {
		return "", err
	}
	prompt := question + ": "
	if preset != "" {
		prompt = question + " [" + a.catalogue.Embed(preset) + "]: "
	}
	answer, err := a.read(ctx, prompt)
	if err != nil || answer != "" {
		return answer, err
	}
	return preset, nil
}

// Confirm asks a question that is answered with yes or no; an empty answer
// gives the preset.
func (a *App) Confirm(ctx context.Context, question string, preset bool, hint Key) (bool, error) {
	if err := a.needTerminal(question, hint); err != nil {
		return false, err
	}
	choice := Key("cli.prompt.no_default")
	if preset {
		choice = "cli.prompt.yes_default"
	}
	for range maxTries {
		answer, err := a.read(ctx, question+" "+a.T(choice)+" ")
		if err != nil {
			return false, err
		}
		// Both languages' answers count in both: people mix them.
		switch strings.ToLower(answer) {
		case "":
			return preset, nil
		case "y", "yes", "ب", "بله", "آری":
			return true, nil
		case "n", "no", "ن", "نه", "خیر":
			return false, nil
		}
		a.tell("cli.prompt.yes_or_no")
	}
	return false, tooManyTries(question)
}

// Choose lets a person pick one of the options by its number, in Persian or
// ASCII digits, and returns its index. An empty answer picks the preset; a
// preset of -1 means that there is none.
func (a *App) Choose(ctx context.Context, question string, options []string, preset int, hint Key) (int, error) {
	if err := a.needTerminal(question, hint); err != nil {
		return 0, err
	}
	var b strings.Builder
	b.WriteString(question + "\n")
	for i, option := range options {
		fmt.Fprintf(&b, "  %s) %s\n", a.catalogue.Number(int64(i+1)), a.catalogue.Embed(option))
	}
	if _, err := io.WriteString(a.screen, b.String()); err != nil {
		return 0, fmt.Errorf("write question: %w", err)
	}
	prompt := a.T("cli.prompt.number")
	if preset >= 0 {
		prompt += " [" + a.catalogue.Number(int64(preset+1)) + "]"
	}
	for range maxTries {
		answer, err := a.read(ctx, prompt+": ")
		if err != nil {
			return 0, err
		}
		if answer == "" && preset >= 0 {
			return preset, nil
		}
		if n, err := strconv.Atoi(persian.ToASCIIDigits(answer)); err == nil && n >= 1 && n <= len(options) {
			return n - 1, nil
		}
		a.tell("cli.prompt.number_range", Args{"n": len(options)})
	}
	return 0, tooManyTries(question)
}

// Passphrase asks for a secret that is not shown while it is typed.
func (a *App) Passphrase(ctx context.Context, question string, hint Key) ([]byte, error) {
	if err := a.needTerminal(question, hint); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(a.screen, question+": "); err != nil {
		return nil, fmt.Errorf("write question: %w", err)
	}
	secret, err := a.terminal.ReadPassword(ctx)
	// The line break that was typed was not shown.
	_, _ = io.WriteString(a.screen, "\n")
	if err != nil {
		return nil, ended(err)
	}
	return secret, nil
}

// NewPassphrase asks for a new secret twice, until both agree and it is not
// empty.
func (a *App) NewPassphrase(ctx context.Context, question string, hint Key) ([]byte, error) {
	for range maxTries {
		first, err := a.Passphrase(ctx, question, hint)
		if err != nil {
			return nil, err
		}
		if len(first) == 0 {
			a.tell("cli.prompt.empty_passphrase")
			continue
		}
		second, err := a.Passphrase(ctx, a.T("cli.prompt.again"), hint)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(first, second) {
			return first, nil
		}
		a.tell("cli.prompt.passphrases_differ")
	}
	return nil, tooManyTries(question)
}

// tell answers a person at a prompt, even with --quiet.
func (a *App) tell(key Key, args ...Args) {
	_, _ = io.WriteString(a.screen, a.T(key, args...)+"\n")
}

func tooManyTries(question string) error {
	return &Error{Code: Usage, Key: "cli.prompt.too_many", Args: Args{"question": question}, Hint: "cli.prompt.too_many_hint"}
}
