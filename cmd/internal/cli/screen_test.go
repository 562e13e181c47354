package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	steps := func(h *harness) func(a *App, _ context.Context, _ []string) error {
		return func(a *App, _ context.Context, _ []string) error {
			p := a.Progress()
			defer p.Done()
			for i := range 4 {
				p.Update("cli.unit.byte", Args{"n": 10000 >> (10 * i)})
				p.Update("cli.unit.byte", Args{"n": 0}) // too soon to be shown
				h.clock.now = h.clock.now.Add(2500 * time.Millisecond)
			}
			a.Log().Error("m")
			p.Update("cli.unit.byte", Args{"n": 5})
			return nil
		}
	}
	tests := []struct {
		name     string
		terminal bool
		args     []string
		want     string
	}{
		{"terminal", true, nil, "\r10,000 B\r9 B     \r0 B\r0 B\r   \rtime=2026-03-21T08:00:10.000Z level=ERROR msg=m\n\r5 B\r   \r"},
		{"file", false, nil, "0 B\ntime=2026-03-21T08:00:10.000Z level=ERROR msg=m\n5 B\n"},
		{"quiet", true, []string{"-q"}, "time=2026-03-21T08:00:10.000Z level=ERROR msg=m\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, nil)
			h.program.Commands = one("work", steps(h))
			h.terminal.rewritable = test.terminal
			_, _, stderr := h.run(append([]string{"work"}, test.args...)...)
			if stderr != test.want {
				t.Errorf("got\n%q\nwant\n%q", stderr, test.want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	run := func(a *App, _ context.Context, _ []string) error {
		table := a.Table("cli.exit.ok", "cli.exit.failure", "cli.exit.refused")
		table.Row("پل نو", 12345, "B04")
		table.Row("می‌رود", 7, "x\x1b[2J\ny")
		table.Row("")
		return table.Write()
	}
	marks := strings.NewReplacer("<", "\u2068", ">", "\u2069", "^", "\u200f")
	tests := []struct {
		name     string
		terminal bool
		lang     string
		want     string
	}{
		{"english pipe", false, "en", "done   failed  refused\nپل نو  12,345  B04\nمی‌رود  7       x[2J y\n\n"},
		{"persian pipe", false, "fa", "انجام شد  ناموفق  پذیرفته نشد\nپل نو     ۱۲٬۳۴۵  B04\nمی‌رود     ۷       x[2J y\n\n"},
		{"english terminal", true, "en", "<done>   <failed>  <refused>\n<پل نو>  <12,345>  <B04>\n<می‌رود>  <7>       <x[2J y>\n\n"},
		{"persian terminal", true, "fa", "^<انجام شد>  <ناموفق>  <پذیرفته نشد>\n^<پل نو>     <۱۲٬۳۴۵>  <B04>\n^<می‌رود>     <۷>       <x[2J y>\n^\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, one("work", run))
			h.terminal.output = test.terminal
			_, stdout, stderr := h.run("work", "--lang", test.lang)
			if got, want := stdout, marks.Replace(test.want); got != want {
				t.Errorf("got\n%+q\nwant\n%+q\nstderr %q", got, want, stderr)
			}
		})
	}
}

func TestPrompts(t *testing.T) {
	ask := func(preset string) func(*App, context.Context) (any, error) {
		return func(a *App, ctx context.Context) (any, error) { return a.Ask(ctx, "Name", preset, "cli.usage.hint") }
	}
	confirm := func(preset bool) func(*App, context.Context) (any, error) {
		return func(a *App, ctx context.Context) (any, error) { return a.Confirm(ctx, "Sure?", preset, "") }
	}
	choose := func(preset int) func(*App, context.Context) (any, error) {
		return func(a *App, ctx context.Context) (any, error) {
			return a.Choose(ctx, "Which?", []string{"one", "دو", "three"}, preset, "")
		}
	}
	secret := func(a *App, ctx context.Context) (any, error) {
		s, err := a.Passphrase(ctx, "Secret", "")
		return string(s), err
	}
	newSecret := func(a *App, ctx context.Context) (any, error) {
		s, err := a.NewPassphrase(ctx, "Secret", "")
		return string(s), err
	}
	tests := []struct {
		name      string
		ask       func(*App, context.Context) (any, error)
		stdin     string
		passwords []string
		lang      string
		want      any
		wantErr   Key
		wantShown string
	}{
		{"ask", ask(""), " رشت \n", nil, "en", "رشت", "", "Name: "},
		{"ask without line end", ask(""), "x", nil, "en", "x", "", "Name: "},
		{"ask with preset", ask("old"), "\n", nil, "en", "old", "", "Name [old]: "},
		{"ask at the end", ask("old"), "", nil, "en", nil, "cli.prompt.ended", "Name [old]: "},
		{"ask too long", ask(""), strings.Repeat("x", maxAnswerBytes+1), nil, "en", nil, "cli.prompt.ended", ""},
		{"yes", confirm(false), "YES\n", nil, "en", true, "", "Sure? [y/N] "},
		{"yes in persian", confirm(false), "بله\n", nil, "fa", true, "", "Sure? [ب/نه] "},
		{"no by preset", confirm(false), "\n", nil, "en", false, "", ""},
		{"yes by preset", confirm(true), "\n", nil, "en", true, "", "Sure? [Y/n] "},
		{"asked again", confirm(true), "hm\nn\n", nil, "en", false, "", "Type y or n.\n"},
		{"never answered", confirm(true), strings.Repeat("hm\n", 9), nil, "en", nil, "cli.prompt.too_many", ""},
		{"choose", choose(-1), "2\n", nil, "en", 1, "", "Which?\n  1) one\n  2) \u2068دو\u2069\n  3) three\nNumber: "},
		{"choose in persian digits", choose(-1), "۳\n", nil, "fa", 2, "", "  ۱) \u2068one\u2069\n  ۲) دو\n"},
		{"choose the preset", choose(2), "\n", nil, "en", 2, "", "Number [3]: "},
		{"choose out of range", choose(-1), "4\n0\n\n1\n", nil, "en", 0, "", "Type a number from 1 to 3.\n"},
		{"choose never", choose(-1), strings.Repeat("9\n", 9), nil, "en", nil, "cli.prompt.too_many", ""},
		{"secret", secret, "", []string{"pass"}, "en", "pass", "", "Secret: \n"},
		{"secret at the end", secret, "", nil, "en", nil, "cli.prompt.ended", ""},
		{"new secret", newSecret, "", []string{"", "a", "b", "c", "c"}, "en", "c", "", "It may not be empty.\nSecret: \nOnce more: \nThe two are not the same.\n"},
		{"new secret never", newSecret, "", strings.Split("abababababababab", ""), "en", nil, "cli.prompt.too_many", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got any
			var failed error
			h := newHarness(t, one("work", func(a *App, ctx context.Context, _ []string) error {
				got, failed = test.ask(a, ctx)
				return failed
			}))
			h.stdin, h.terminal.interactive, h.terminal.passwords = test.stdin, true, test.passwords
			_, _, stderr := h.run("work", "--lang", test.lang)
			var told *Error
			if errors.As(failed, &told) != (test.wantErr != "") || told != nil && told.Key != test.wantErr {
				t.Fatalf("got error %v, want %q", failed, test.wantErr)
			}
			if test.wantErr == "" && got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if !strings.Contains(stderr, test.wantShown) {
				t.Errorf("got stderr %+q, want %+q in it", stderr, test.wantShown)
			}
			if strings.Contains(stderr, "pass\n") {
				t.Error("the secret was shown")
			}
		})
	}
}

func TestPromptsNeedTerminal(t *testing.T) {
	for i, ask := range []func(*App, context.Context) error{
		func(a *App, ctx context.Context) error { _, err := a.Ask(ctx, "Q", "preset", ""); return err },
		func(a *App, ctx context.Context) error { _, err := a.Confirm(ctx, "Q", true, ""); return err },
		func(a *App, ctx context.Context) error {
			_, err := a.Choose(ctx, "Q", []string{"a"}, 0, "")
			return err
		},
		func(a *App, ctx context.Context) error { _, err := a.Passphrase(ctx, "Q", ""); return err },
		func(a *App, ctx context.Context) error { _, err := a.NewPassphrase(ctx, "Q", ""); return err },
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			h := newHarness(t, one("work", func(a *App, ctx context.Context, _ []string) error { return ask(a, ctx) }))
			h.stdin = "answer\n"
			code, _, stderr := h.run("work")
			if want := "mahalleh: “Q” cannot be asked: there is no terminal.\nmahalleh: Give the answer with a flag"; Code(code) != Usage || !strings.HasPrefix(stderr, want) {
				t.Errorf("got %d %q, want %q", code, stderr, want)
			}
		})
	}
}
