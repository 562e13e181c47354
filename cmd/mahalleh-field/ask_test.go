package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mahalleh/cmd/internal/cli"
	"mahalleh/syncproto"
)

// person is somebody at a terminal who types lines.
type person struct {
	testing.TB
	dir    string
	now    time.Time
	secret []string // what is typed where it is not shown
}

func newPerson(t testing.TB) *person {
	t.Helper()
	p := &person{TB: t, dir: t.TempDir(), now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	if err := os.WriteFile(p.key(), bytes.Repeat([]byte("key "), 8), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *person) key() string { return filepath.Join(p.dir, "key") }

// enrol makes the person's device.
func (p *person) enrol() {
	p.Helper()
	c := syncproto.EnrolCode{Number: 101, Fingerprint: [8]byte{1}}
	if code, _, stderr := p.run("", "enrol", c.String(), "--address", "sync.example:8833"); code != cli.OK {
		p.Fatal(stderr)
	}
}

// run runs the program at a terminal on which typed is typed, and returns what
// it wrote, without direction controls.
func (p *person) run(typed string, args ...string) (code cli.Code, stdout, stderr string) {
	p.Helper()
	var out, err bytes.Buffer
	program := program()
	program.Now = func() time.Time { return p.now }
	program.Terminal = p
	args = append(args, "--data-dir", filepath.Join(p.dir, "phone"))
	if len(p.secret) == 0 {
		args = append(args, "--key-file", p.key())
	}
	code = cli.Code(program.Main(context.Background(), args, strings.NewReader(typed), &out, &err, nil))
	plain := strings.NewReplacer("\u2068", "", "\u2069", "", "\u200f", "")
	return code, plain.Replace(out.String()), plain.Replace(err.String())
}

// Interactive implements cli.Terminal.
func (p *person) Interactive() bool { return true }

// Rewritable implements cli.Terminal.
func (p *person) Rewritable() bool { return false }

// OutputIsTerminal implements cli.Terminal.
func (p *person) OutputIsTerminal() bool { return false }

// ReadPassword implements cli.Terminal.
func (p *person) ReadPassword(context.Context) ([]byte, error) {
	if len(p.secret) == 0 {
		return nil, errors.New("nothing more is typed")
	}
	first := p.secret[0]
	if p.secret = p.secret[1:]; len(p.secret) == 0 {
		p.secret = []string{first}
	}
	return []byte(first), nil
}

// only is the one record, as show --json prints it.
func (p *person) only() (item recordItem, values map[string]any) {
	p.Helper()
	_, list, _ := p.run("", "list", "--json")
	var row rowItem
	if err := json.Unmarshal([]byte(list), &row); err != nil {
		p.Fatalf("%v: %s", err, list)
	}
	_, shown, stderr := p.run("", "show", row.ID, "--json")
	if err := json.Unmarshal([]byte(shown), &item); err != nil {
		p.Fatalf("%v: %s%s", err, shown, stderr)
	}
	if err := json.Unmarshal(item.Values, &values); err != nil {
		p.Fatal(err)
	}
	return item, values
}

// lines are what is typed, line by line.
func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("missing %q in\n%s", w, text)
		}
	}
}

func TestAskInPersian(t *testing.T) {
	p := newPerson(t)
	p.enrol()
	code, stdout, stderr := p.run(lines("?", "physical", "سالن", "سالن ورزشي كوثر", "", "۳۷٫۲۵ ۴۹٫۶۱", "", "کوچهٔ بهار", "", "شصت", "۶۰", "۱", "۳", "۹", "۳", "."),
		"new", "asset", "--lang", "fa")
	if code != cli.OK {
		t.Fatalf("code %d:\n%s%s", code, stdout, stderr)
	}
	contains(t, stderr,
		"— محل —",               // section
		"● دسته: ", "◐ نشانی: ", // what is needed
		"  ۴) دارایی کالبدی",        // codes by number
		"= پیشنهاد را می‌پذیرد",     // help for "?"
		"  ۲) سالن\n  ۳) بوستان",    // subtypes of the chosen category only
		"«ظرفیت» عدد صحیح می‌خواهد", // beside the question
		"○ ظرفیت [شصت]: ",           // what was typed is kept until it is mended
		"بیشترین مقدار مجاز ۵",
		"(کنار دارایی بایستید تا مکان درست ثبت شود.)")
	if strings.Contains(stderr, "کتابخانه") {
		t.Errorf("a subtype of another category is offered:\n%s", stderr)
	}
	contains(t, stdout, "ثبت شد: دارایی «سالن ورزشی کوثر · سالن»")
	_, values := p.only()
	want := `{"address":"کوچهٔ بهار","availability":"by_permission","capacity_unit":"person","capacity_value":60,"category":"physical","condition":3,` +
		`"location":{"lat":37.25,"lon":49.61},"subtype":"hall","title_fa":"سالن ورزشی کوثر"}`
	got, err := json.Marshal(values)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestAskMoneyDateAndReference(t *testing.T) {
	p := newPerson(t)
	p.enrol()
	if code, _, stderr := p.run("", "new", "asset", "--set", "category=physical", "--set", "subtype=hall", "--set", "title_fa=سالن"); code != cli.OK {
		t.Fatal(stderr)
	}
	typed := lines("1", "=", "90", "جلسه", "", "", "", "12", "7", "5", "", "", "", "خلاصه", "", "", "", "زیاد", "۲۲ میلیون", ".")
	code, stdout, stderr := p.run(typed, "new", "activity")
	if code != cli.DataInvalid {
		t.Fatalf("code %d: %s%s", code, stdout, stderr)
	}
	contains(t, stderr, "Offered: 2026-11-21 (= takes it)", "○ Cost (toman): ", "“زیاد” is no amount of money for “Cost”", "22,000,000 toman: ", "Kept as a draft")
	_, drafts, _ := p.run("", "drafts", "--json")
	var draft draftItem
	if err := json.Unmarshal([]byte(drafts), &draft); err != nil {
		t.Fatal(err)
	}
	_, shown, _ := p.run("", "show", draft.Record, "--json")
	contains(t, shown, `"cost_rial":220000000`, `"held_on":"2026-11-21"`)

	// A record is chosen by its number, or found by a part of its title; rows are
	// added, changed and taken out.
	typed = lines("روشنایی", "security", "", "women 4", "", "", "019bc6a0-0005-7000-8000-000000000005",
		"+", "تیر خاموش", "+", "زمین خالی", "+", "x", "-3", "1", "تیر برق خاموش", "9", "", "استخر", "سال", "1", ".")
	code, stdout, stderr = p.run(typed, "new", "need")
	if code != cli.OK {
		t.Fatalf("code %d: %s%s", code, stdout, stderr)
	}
	contains(t, stderr, "— row 2 —", "  1) تیر برق خاموش\n  2) زمین خالی\n", "a number from 1 to 2", "Nothing was found for “استخر”")
	_, rows, _ := p.run("", "list", "need", "--json")
	var need rowItem
	if err := json.Unmarshal([]byte(rows), &need); err != nil {
		t.Fatal(err)
	}
	_, shown, _ = p.run("", "show", need.ID)
	contains(t, shown, "Root causes: 2 rows", "Cause: تیر برق خاموش", "Existing assets: سالن", "Affected groups: Children, Women")
}

func TestAskInterrupted(t *testing.T) {
	p := newPerson(t)
	p.enrol()
	// The input ends in the middle, as when the terminal is closed.
	code, _, stderr := p.run(lines("physical", "hall"), "new", "asset")
	if code == cli.OK {
		t.Error("an input that ended is no success")
	}
	contains(t, stderr, "What was typed is kept as a draft: mahalleh-field edit ", "The input ended")
	_, drafts, _ := p.run("", "drafts", "--json")
	var draft draftItem
	if err := json.Unmarshal([]byte(drafts), &draft); err != nil {
		t.Fatal(err)
	}

	// It goes on where it was; Enter leaves what stands there.
	code, stdout, stderr := p.run(lines("", "", "سالن", "."), "edit", draft.Record)
	if code != cli.OK {
		t.Fatalf("code %d: %s%s", code, stdout, stderr)
	}
	contains(t, stderr, "goes on with the draft", "● Category [Physical assets]: ", "● Subtype [Hall]: ")

	// An edit changes only what is answered; "-" empties.
	code, stdout, stderr = p.run(lines("", "", "سالن کوثر", "", "", "", "خیابان بهار", "."), "edit", draft.Record)
	contains(t, stdout, "Changed: Asset “سالن کوثر · Hall”")
	if code != cli.OK {
		t.Fatal(stderr)
	}
	p.run(lines("", "", "", "", "", "", "-", "."), "edit", draft.Record)
	if _, values := p.only(); values["address"] != nil || values["title_fa"] != "سالن کوثر" {
		t.Errorf("got %v", values)
	}
	_, history, _ := p.run("", "history", draft.Record, "--json")
	contains(t, history, `"fields":[{"field":"address","do":"clear"}]`)
	if n := strings.Count(history, "\n"); n != 3 {
		t.Errorf("%d changes, want 3:\n%s", n, history)
	}
}

func TestAskPassphrase(t *testing.T) {
	p := newPerson(t)
	p.secret = []string{"آسمان آبی", "آسمان ابری", "", "آسمان آبی", "آسمان آبی"}
	c := syncproto.EnrolCode{Number: 101, Fingerprint: [8]byte{1}}
	code, _, stderr := p.run("sync.example:8833\n", "enrol", c.String())
	if code != cli.OK {
		t.Fatal(stderr)
	}
	contains(t, stderr, "Address of the server, as on the paper: ", "If it is forgotten before the first sync", "New passphrase (at least 8 characters): ",
		"The two are not the same.", "It may not be empty.")
	p.secret = []string{"آسمان ابری"}
	if code, _, stderr := p.run("", "status"); code != cli.Refused {
		t.Errorf("a wrong passphrase: code %d, %s", code, stderr)
	}
	p.secret = []string{"آسمان آبی"}
	if code, _, stderr := p.run("", "status"); code != cli.OK {
		t.Error(stderr)
	}
	// Some wrong ones after another: the next has to wait, and nothing is lost.
	p.secret = []string{"آسمان ابری"}
	for range 10 {
		if _, _, stderr = p.run("", "status"); strings.Contains(stderr, "too many") {
			break
		}
	}
	contains(t, stderr, "There were too many wrong attempts. The next one is possible in ", "Nothing is ever deleted")
}
