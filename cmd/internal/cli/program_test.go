package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// testTerminal is a terminal of which a test decides what it is.
type testTerminal struct {
	interactive, rewritable, output bool
	passwords                       []string
}

func (t *testTerminal) Interactive() bool      { return t.interactive }
func (t *testTerminal) Rewritable() bool       { return t.rewritable }
func (t *testTerminal) OutputIsTerminal() bool { return t.output }

func (t *testTerminal) ReadPassword(ctx context.Context) ([]byte, error) {
	if len(t.passwords) == 0 {
		return nil, io.EOF
	}
	next := t.passwords[0]
	t.passwords = t.passwords[1:]
	return []byte(next), ctx.Err()
}

// testClock moves only when told.
type testClock struct{ now time.Time }

func (c *testClock) Now() time.Time { return c.now }

// harness runs a small program in memory.
type harness struct {
	program  Program
	terminal *testTerminal
	clock    *testClock
	stdin    string
	env      []string
}

// newHarness has a program with the commands that test wants to try. Its data
// directory is empty.
func newHarness(t *testing.T, commands func(*App) []*cobra.Command) *harness {
	t.Helper()
	h := &harness{
		terminal: &testTerminal{},
		clock:    &testClock{now: time.Date(2026, 3, 21, 8, 0, 0, 0, time.UTC)},
		env:      []string{"MAHALLEH_DATA_DIR=" + t.TempDir()},
	}
	h.program = Program{
		Name: "mahalleh", EnvPrefix: "MAHALLEH_", Help: "cli.version", Protocol: "mahalleh-sync.v1",
		Commands: commands, Now: h.clock.Now, Terminal: h.terminal,
		BuildInfo: func() (*debug.BuildInfo, bool) {
			return &debug.BuildInfo{
				Main:     debug.Module{Version: "v1.2.3"},
				Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
			}, true
		},
	}
	return h
}

func (h *harness) run(args ...string) (code int, stdout, stderr string) {
	return h.runContext(context.Background(), args...)
}

func (h *harness) runContext(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = h.program.Main(ctx, args, strings.NewReader(h.stdin), &out, &errs, h.env)
	return code, out.String(), errs.String()
}

// one is a program's command list of a single command.
func one(use string, run func(a *App, ctx context.Context, args []string) error, flags ...func(*App, *cobra.Command)) func(*App) []*cobra.Command {
	return func(a *App) []*cobra.Command {
		c := a.Command(use, "cli.version", func(ctx context.Context, args []string) error { return run(a, ctx, args) })
		for _, add := range flags {
			add(a, c)
		}
		return []*cobra.Command{c}
	}
}

func TestExitCodesAndErrors(t *testing.T) {
	refused := &Error{Code: Refused, Key: "cli.settings.no_config", Args: Args{"file": "x"}, Hint: "cli.settings.no_config_hint", Cause: errors.New("deep reason")}
	sentinel := errors.New("sentinel")
	tests := []struct {
		name       string
		err        error
		args       []string
		wantCode   Code
		wantStderr string
	}{
		{"none", nil, nil, OK, ""},
		{"told", refused, nil, Refused, "mahalleh: There is no settings file x.\nmahalleh: Check the path given with --config, or leave it out.\n"},
		{"wrapped", fmt.Errorf("outer: %w", refused), []string{"--quiet"}, Refused, "mahalleh: There is no settings file x.\nmahalleh: Check the path given with --config, or leave it out.\n"},
		{"verbose", refused, []string{"--verbose"}, Refused, "mahalleh: Cause: deep reason\n"},
		{"persian", refused, []string{"--lang", "fa"}, Refused, "mahalleh: پروندهٔ تنظیم \u2068x\u2069 وجود ندارد.\n"},
		{"explained by the program", fmt.Errorf("open: %w", sentinel), nil, DataInvalid, "mahalleh: The language “s” is not known.\n"},
		{"anything else", errors.New("disk on fire"), nil, Failure, "mahalleh: This did not work: disk on fire\n"},
		{"no rights", fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: "x.db", Err: fs.ErrPermission}), nil, Failure, "mahalleh: x.db cannot be used: the rights"},
		{"a disk that can only be read", &fs.PathError{Op: "open", Path: "x.db", Err: syscall.EROFS}, nil, Failure, "mahalleh: x.db cannot be used: the rights"},
		{"a folder in its place", fmt.Errorf("lock: %w", &fs.PathError{Op: "open", Path: "x.lock", Err: syscall.EISDIR}), nil, Failure, "mahalleh: x.lock is a folder or a link"},
		{"a link in its place", &fs.PathError{Op: "open", Path: "x-wal", Err: syscall.ELOOP}, nil, Failure, "mahalleh: x-wal is a folder or a link"},
		{"output to a full disk", fmt.Errorf("write output: %w", &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}), nil, Failure, "mahalleh: There is no room left on the disk for /dev/stdout.\n"},
		{"interrupted", fmt.Errorf("read: %w", context.Canceled), nil, Failure, "mahalleh: Interrupted.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, one("work", func(*App, context.Context, []string) error { return test.err }))
			h.program.Explain = func(err error) *Error {
				if errors.Is(err, sentinel) {
					return &Error{Code: DataInvalid, Key: "cli.settings.bad_lang", Args: Args{"value": "s"}, Hint: "cli.settings.bad_lang_hint", Cause: err}
				}
				return nil
			}
			code, stdout, stderr := h.run(append([]string{"work"}, test.args...)...)
			if Code(code) != test.wantCode {
				t.Errorf("got exit code %d, want %d", code, test.wantCode)
			}
			if !strings.Contains(stderr, test.wantStderr) || test.wantStderr == "" && stderr != "" {
				t.Errorf("got stderr %+q, want %+q in it", stderr, test.wantStderr)
			}
			if stdout != "" {
				t.Errorf("got stdout %q, want none", stdout)
			}
		})
	}
	if got := ExitCode(errors.New("x")); got != Failure {
		t.Errorf("ExitCode of any error: got %d, want %d", got, Failure)
	}
	if got := ExitCode(fmt.Errorf("x: %w", refused)); got != Refused {
		t.Errorf("ExitCode of a wrapped Error: got %d, want %d", got, Refused)
	}
	if got, want := refused.Error(), "cli.settings.no_config (file=x): deep reason"; got != want {
		t.Errorf("Error: got %q, want %q", got, want)
	}
}

func TestUsageErrors(t *testing.T) {
	commands := func(a *App) []*cobra.Command {
		nothing := func(context.Context, []string) error { return nil }
		show := a.Command("show ID", "cli.version", nothing)
		find := a.Command("find TEXT...", "cli.version", nothing)
		list := a.Command("list [FORM]", "cli.version", nothing)
		list.Flags().Int("limit", 5, a.T("cli.flag.json"))
		grant := a.Command("grant", "cli.version", nothing)
		grant.Flags().String("role", "", a.T("cli.flag.json"))
		if err := grant.MarkFlagRequired("role"); err != nil {
			t.Error(err)
		}
		device := a.Group("device", "cli.version", a.Command("revoke ID", "cli.version", nothing))
		return []*cobra.Command{show, find, list, grant, device}
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"unknown command", []string{"frob"}, "mahalleh: mahalleh has no command “frob”.\nmahalleh: See mahalleh --help.\n"},
		{"similar command", []string{"shwo"}, "mahalleh: mahalleh has no command “shwo”.\nmahalleh: Did you mean show? See mahalleh --help.\n"},
		{"unknown subcommand", []string{"device", "frob"}, "mahalleh: mahalleh device has no command “frob”.\n"},
		{"unknown flag", []string{"show", "--frob", "x"}, "mahalleh: mahalleh show has no flag --frob.\nmahalleh: See mahalleh show --help.\n"},
		{"unknown short flag", []string{"show", "-z", "x"}, "mahalleh: mahalleh show has no flag -z.\n"},
		{"missing argument", []string{"show"}, "mahalleh: mahalleh show needs ID.\n"},
		{"missing list", []string{"find"}, "mahalleh: mahalleh find needs TEXT.\n"},
		{"extra argument", []string{"list", "a", "b"}, "mahalleh: mahalleh list does not take “b”.\n"},
		{"flag without value", []string{"list", "--limit"}, "mahalleh: mahalleh list: --limit needs a value.\n"},
		{"bad flag value", []string{"list", "--limit", "x"}, "mahalleh: mahalleh list: “x” is not a value for --limit.\n"},
		{"bad flag", []string{"list", "--=x"}, "mahalleh: mahalleh list: “--=x” is not written as a flag.\n"},
		{"required flag", []string{"grant"}, "mahalleh: mahalleh grant needs --role.\n"},
		{"quiet and verbose", []string{"list", "-q", "-v"}, "mahalleh: mahalleh list: --quiet and --verbose exclude each other.\n"},
		{"language", []string{"list", "--lang", "de"}, "mahalleh: The language “de” is not known.\n"},
		{"shell", []string{"completion", "tcsh"}, "mahalleh: mahalleh completion knows no shell “tcsh”"},
		{"help of nothing", []string{"help", "frob"}, "mahalleh: mahalleh has no command “frob”.\n"},
		{"in persian", []string{"--lang=fa", "show", "--frob"}, "mahalleh: فرمان \u2068mahalleh show\u2069 گزینهٔ \u2068--frob\u2069 را ندارد.\nmahalleh: راهنما: \u2068\u2068mahalleh show\u2069 --help\u2069\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := newHarness(t, commands).run(test.args...)
			if Code(code) != Usage {
				t.Errorf("got exit code %d, want %d", code, Usage)
			}
			if !strings.Contains(stderr, test.want) {
				t.Errorf("got stderr\n%+q, want in it\n%+q", stderr, test.want)
			}
			if stdout != "" {
				t.Errorf("got stdout %q, want none", stdout)
			}
		})
	}
	for _, args := range [][]string{{"show", "1"}, {"find", "a", "b"}, {"list"}, {"list", "-limit", "3"}, {"list", "-limit=3"}, {"grant", "--role", "x"}, {"device", "revoke", "\u20681\u2069"}} {
		if code, _, stderr := newHarness(t, commands).run(args...); Code(code) != OK {
			t.Errorf("%q: got exit code %d and %q, want %d", args, code, stderr, OK)
		}
	}
}

func TestHelp(t *testing.T) {
	commands := one("list [FORM]", func(*App, context.Context, []string) error { return nil }, func(a *App, c *cobra.Command) {
		c.Flags().String("listen", "127.0.0.1:0", a.T("cli.flag.config"))
		a.Setting(c.Flags(), "listen")
	})
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"root", []string{"--help"}, []string{"Usage:\n  mahalleh COMMAND", "  list [FORM]   ", "Flags of every command:\n", "MAHALLEH_DATA_DIR", "  3  done, but conflicts wait for a decision\n", "  7  "}},
		{"no command", nil, []string{"Usage:\n  mahalleh COMMAND"}},
		{"command", []string{"list", "-h"}, []string{"  mahalleh list [FORM] [--flag ...]\n", "--listen FILE", "(MAHALLEH_LISTEN; default 127.0.0.1:0)", "-q, --quiet"}},
		{"help command", []string{"help", "list"}, []string{"  mahalleh list [FORM] [--flag ...]\n"}},
		{"persian", []string{"list", "-h", "--lang", "fa"}, []string{"شیوهٔ کاربرد:\n  mahalleh list [FORM] [--flag ...]\n", "گزینه‌های همهٔ فرمان‌ها:", "--data-dir DIR"}},
		{"persian by locale", []string{"help"}, []string{"کدهای خروج:"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, commands)
			if test.name == "persian by locale" {
				h.env = append(h.env, "LANG=fa_IR.UTF-8")
			}
			code, stdout, stderr := h.run(test.args...)
			if code != 0 || stderr != "" {
				t.Errorf("got exit code %d and stderr %q", code, stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is not in\n%s", want, stdout)
				}
			}
		})
	}
}

func TestVersion(t *testing.T) {
	h := newHarness(t, nil)
	code, stdout, _ := h.run("version")
	if want := "mahalleh v1.2.3 abc +modified (go"; code != 0 || !strings.HasPrefix(stdout, want) || !strings.HasSuffix(stdout, ") mahalleh-sync.v1\n") {
		t.Errorf("got %d %q, want %q...", code, stdout, want)
	}
	_, stdout, _ = h.run("version", "--json")
	var v Version
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || v.Version != "v1.2.3" || v.Revision != "abc" || !v.Modified || v.Protocol != "mahalleh-sync.v1" {
		t.Errorf("got %q, %v", stdout, err)
	}
	h.program.BuildInfo = func() (*debug.BuildInfo, bool) { return nil, false }
	if _, stdout, _ = h.run("version"); !strings.HasPrefix(stdout, "mahalleh devel (go") {
		t.Errorf("without build information: got %q", stdout)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		t.Run(shell, func(t *testing.T) {
			if code, stdout, stderr := newHarness(t, nil).run("completion", shell); code != 0 || !strings.Contains(stdout, "mahalleh") {
				t.Errorf("got exit code %d, %d bytes of script and %q", code, len(stdout), stderr)
			}
		})
	}
	if _, stdout, _ := newHarness(t, nil).run("__complete", "vers"); !strings.Contains(stdout, "version\t") {
		t.Errorf("completing vers: got %q", stdout)
	}
}

func TestLog(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"default", nil, []string{"level=WARN", "level=ERROR"}},
		{"quiet", []string{"-q"}, []string{"level=ERROR"}},
		{"verbose", []string{"-v"}, []string{"level=DEBUG", "level=INFO", "level=WARN", "level=ERROR"}},
		{"service", []string{"--json"}, []string{"level=INFO", "level=WARN", "level=ERROR"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, stderr := newHarness(t, one("work", func(a *App, _ context.Context, _ []string) error {
				if a.JSON() {
					a.LogFrom(slog.LevelInfo)
				}
				a.Log().Debug("m")
				a.Log().Info("m")
				a.Log().Warn("m")
				a.Log().Error("m")
				return nil
			})).run(append([]string{"work"}, test.args...)...)
			var want strings.Builder
			for _, level := range test.want {
				want.WriteString("time=2026-03-21T08:00:00.000Z " + level + " msg=m\n")
			}
			if stderr != want.String() {
				t.Errorf("got\n%swant\n%s", stderr, want.String())
			}
		})
	}
}

func TestCheck(t *testing.T) {
	good := newHarness(t, one("list", nil)).program
	if problems := Check(good); len(problems) != 0 {
		t.Errorf("a good program: got %q", problems)
	}
	bad := newHarness(t, func(a *App) []*cobra.Command {
		c := a.Command("list", "cli.version", nil)
		c.Flags().Bool("plain", false, "")
		c.Flags().Bool("english", false, "not from the catalogue")
		c.PersistentPreRun = func(*cobra.Command, []string) {}
		a.Setting(c.Flags(), "nowhere")
		return []*cobra.Command{c, {Use: "raw", Short: "raw"}}
	}).program
	problems := strings.Join(Check(bad), "\n")
	for _, want := range []string{
		"flag --plain has no explanation", "flag --english: the explanation", "hides the one that resolves",
		`setting "nowhere"`, "raw: is not made by", `the help text "raw" is not from the catalogue`,
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("%q is not in\n%s", want, problems)
		}
	}
}

func TestStreams(t *testing.T) {
	h := newHarness(t, one("work", func(a *App, _ context.Context, _ []string) error {
		a.Note("cli.exit.ok")
		if err := a.PrintJSON(map[string]string{"name": "محله <رشت>"}); err != nil {
			return err
		}
		line, err := io.ReadAll(a.Stdin())
		if err != nil {
			return err
		}
		return a.Say("cli.error.failed", Args{"problem": string(line)})
	}))
	h.stdin = "typed"
	code, stdout, stderr := h.run("work")
	if want := "{\"name\":\"محله <رشت>\"}\nThis did not work: typed\n"; code != 0 || stdout != want {
		t.Errorf("got %d %q, want %q", code, stdout, want)
	}
	if stderr != "done\n" {
		t.Errorf("got stderr %q", stderr)
	}
	if _, _, stderr := h.run("work", "-q"); stderr != "" {
		t.Errorf("quiet: got stderr %q", stderr)
	}
}

func TestInterruptedPrompt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	defer w.Close()
	h := newHarness(t, one("work", func(a *App, ctx context.Context, _ []string) error {
		cancel()
		_, err := a.Ask(ctx, "q", "", "")
		return err
	}))
	h.terminal.interactive = true
	var out, errs bytes.Buffer
	code := h.program.Main(ctx, []string{"work"}, r, &out, &errs, h.env)
	if Code(code) != Failure || !strings.Contains(errs.String(), "mahalleh: Interrupted.") {
		t.Errorf("got %d %q", code, errs.String())
	}
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A release says its own version, whatever the Go tool made of the commit.
func TestReleaseSaysItsVersion(t *testing.T) {
	release = "1.2.3"
	t.Cleanup(func() { release = "" })
	a := newApp(Program{Name: "x", BuildInfo: func() (*debug.BuildInfo, bool) {
		return &debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-2026"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}, true
	}}, nil, io.Discard, io.Discard, nil)
	if v := a.Version(); v.Version != "1.2.3" || v.Revision != "abc" {
		t.Errorf("got %+v", v)
	}
}
