package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"mahalleh/schemas/texts"
)

// Program is one of the commands.
type Program struct {
	Name      string // the file name of the program, such as "mahalleh-field"
	EnvPrefix string // the environment variables' prefix with its underscore, such as "MAHALLEH_FIELD_"
	Help      Help   // the help texts of the program itself
	Protocol  string // the protocol it speaks, for version; "" when it speaks none

	// Commands builds the commands. It may run more than once and must do
	// nothing but build: App's settings are resolved when a command runs.
	Commands func(*App) []*cobra.Command

	// Explain turns an error of the packages below into one that can be told,
	// or returns nil. It sees only errors without an [Error] in their chain.
	Explain func(error) *Error

	// Now, Terminal and BuildInfo are the outside world; nil means the real one.
	Now       func() time.Time
	Terminal  Terminal
	BuildInfo func() (*debug.BuildInfo, bool)
}

// Exec runs the program in the real world: arguments, streams, environment and
// signals of this process. The first interrupt cancels the command's context,
// the second ends the process at once.
func (p Program) Exec() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return p.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
}

// Main runs the program and returns its exit code. args are without the
// program's name; env is in the form of os.Environ.
func (p Program) Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	a := newApp(p, stdin, stdout, stderr, env)
	args = withoutDirectionControls(args)
	guess := a.guessSettings(args)
	if err := a.setLang(a.guessLang(guess)); err != nil {
		// Not translated: the catalogue itself cannot be read.
		_, _ = io.WriteString(stderr, errorPrefix+err.Error()+"\n")
		return int(Failure)
	}
	root := a.root()
	root.SetArgs(longFlags(root, args))
	err := root.ExecuteContext(ctx)
	a.screen.clear()
	if err == nil {
		return int(OK)
	}
	if !a.ran {
		err = usageError(root, err)
	}
	a.log.Debug("command failed", slog.Any("error", err))
	return int(a.report(err))
}

// withoutDirectionControls drops direction controls from what was typed: an id
// copied from a table brings them along, and nobody sees them.
func withoutDirectionControls(args []string) []string {
	cleaned := make([]string, len(args))
	for i, arg := range args {
		cleaned[i] = texts.DropDirectionControls(arg)
	}
	return cleaned
}

// Check returns what is wrong with the program's commands as they are built:
// a missing help text, a flag without explanation, a setting that no flag has.
// A program's tests call it and expect nothing.
func Check(p Program) []string {
	var problems []string
	for _, lang := range []Lang{English, Persian} {
		a := newApp(p, nil, io.Discard, io.Discard, nil)
		if err := a.setLang(lang); err != nil {
			return append(problems, err.Error())
		}
		root := a.root()
		checkCommand(a, root, &problems)
		problems = append(problems, a.problems...)
	}
	return problems
}
