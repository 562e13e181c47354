package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"mahalleh/schemas/texts"
)

// App is what a command works with: the resolved settings, the languages and
// the streams of one run of a program.
type App struct {
	program  Program
	env      map[string]string
	in       *lineReader
	out      io.Writer
	screen   *screen
	terminal Terminal
	now      func() time.Time

	catalogue *Catalogue
	log       *slog.Logger
	logLevel  *slog.LevelVar

	common   commonFlags
	settings map[string]bool // names of the flags that are settings
	ran      bool            // a command's own code was reached
	problems []string        // mistakes in the construction, for Check
}

func newApp(p Program, stdin io.Reader, stdout, stderr io.Writer, env []string) *App {
	a := &App{
		program:  p,
		env:      make(map[string]string, len(env)),
		in:       newLineReader(stdin),
		out:      stdout,
		terminal: p.Terminal,
		now:      p.Now,
		settings: map[string]bool{},
	}
	for _, pair := range env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			a.env[name] = value
		}
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.terminal == nil {
		a.terminal = realTerminal(stdin, stdout, stderr, a.env["TERM"])
	}
	a.screen = &screen{out: stderr, rewritable: a.terminal.Rewritable()}
	a.log, a.logLevel = newLogger(a.screen, a.now)
	return a
}

func (a *App) setLang(lang Lang) error {
	if a.catalogue != nil && a.catalogue.Lang() == lang {
		return nil
	}
	c, err := texts.OpenCatalogue(lang)
	if err != nil {
		return err
	}
	a.catalogue = c
	return nil
}

// T writes out a text of the catalogue. Of several Args, later ones win.
func (a *App) T(key Key, args ...Args) string {
	return a.catalogue.Text(key, join(args))
}

// Member writes out the text of a family that is called name.
func (a *App) Member(family Family, name string, args ...Args) string {
	return a.catalogue.Member(family, name, join(args))
}

func join(args []Args) Args {
	if len(args) == 1 {
		return args[0]
	}
	all := Args{}
	for _, some := range args {
		for name, value := range some {
			all[name] = value
		}
	}
	return all
}

// Catalogue is the catalogue of the chosen language.
func (a *App) Catalogue() *Catalogue { return a.catalogue }

// Lang is the chosen language.
func (a *App) Lang() Lang { return a.catalogue.Lang() }

// Now is the program's clock.
func (a *App) Now() time.Time { return a.now() }

// Env is a variable of the environment, "" when it is not set.
func (a *App) Env(name string) string { return a.env[name] }

// Log is the log for operators and developers. It goes to the error stream:
// warnings and errors, everything with --verbose, only errors with --quiet.
func (a *App) Log() *slog.Logger { return a.log }

// LogFrom lowers or raises what the log shows, unless the person chose with
// --verbose or --quiet. A long-running command asks for slog.LevelInfo.
func (a *App) LogFrom(level slog.Level) {
	if !a.Verbose() && !a.Quiet() {
		a.logLevel.Set(level)
	}
}

// Stdout is the data stream; what is written there is the command's result.
func (a *App) Stdout() io.Writer { return a.out }

// Stderr is the stream of notices. A write removes a progress line first.
func (a *App) Stderr() io.Writer { return a.screen }

// JSON says whether the results are asked for as JSON.
func (a *App) JSON() bool { return a.common.json }

// Quiet says whether only results and errors are wanted.
func (a *App) Quiet() bool { return a.common.quiet }

// Verbose says whether technical details are wanted.
func (a *App) Verbose() bool { return a.common.verbose }

// Say writes a text and a line break to the data stream.
func (a *App) Say(key Key, args ...Args) error {
	if _, err := fmt.Fprintln(a.out, a.T(key, args...)); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// Note writes a text and a line break to the error stream, unless --quiet.
func (a *App) Note(key Key, args ...Args) {
	if a.Quiet() {
		return
	}
	// A closed error stream must not stop the work that the note is about.
	_, _ = fmt.Fprintln(a.screen, a.T(key, args...))
}

// PrintJSON writes v as one object on one line of the data stream, with
// Persian letters as they are.
func (a *App) PrintJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
