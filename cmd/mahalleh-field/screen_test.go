package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
)

// officeProgram is a server that comes up and goes down, as lines in the field do.
type officeProgram struct {
	testing.TB
	program, dir, address string
	running               *exec.Cmd
}

func newOffice(t testing.TB, programs string) *officeProgram {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // its number is used again and again
	o := &officeProgram{TB: t, program: filepath.Join(programs, serverName()), dir: filepath.Join(t.TempDir(), "server"), address: l.Addr().String()}
	t.Cleanup(o.stop)
	return o
}

func (o *officeProgram) command(args ...string) *exec.Cmd {
	c := exec.Command(o.program, args...)
	c.Env = append(os.Environ(), "MAHALLEH_DATA_DIR="+o.dir, "MAHALLEH_LANG=en")
	return c
}

func (o *officeProgram) run(args ...string) []byte {
	o.Helper()
	c := o.command(args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		o.Fatalf("mahalleh %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

func (o *officeProgram) start() {
	o.Helper()
	o.running = o.command("serve", "--listen", o.address)
	if err := o.running.Start(); err != nil {
		o.Fatal(err)
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for range look.C {
		// It leaves word for the office's own commands when it listens.
		if _, err := os.Stat(filepath.Join(o.dir, "admin.json")); err == nil {
			if c, err := net.Dial("tcp", o.address); err == nil {
				c.Close()
				return
			}
		}
		if o.Context().Err() != nil {
			o.Fatal("the server does not come up")
		}
	}
}

func (o *officeProgram) stop() {
	if o.running == nil {
		return
	}
	_ = o.running.Process.Signal(os.Interrupt) // if it is gone already, well
	_ = o.running.Wait()
	o.running = nil
}

// code is what a person's enrolment sheet says.
func (o *officeProgram) code(name string) string {
	o.Helper()
	var paper struct{ QR json.RawMessage }
	raw := o.run("enrol", name, "--place", "101", "--json")
	if err := json.Unmarshal(raw, &paper); err != nil {
		o.Fatal(err)
	}
	var one string
	if json.Unmarshal(paper.QR, &one) == nil {
		return one
	}
	var several []string
	if err := json.Unmarshal(paper.QR, &several); err != nil || len(several) == 0 {
		o.Fatalf("no code in %s", raw)
	}
	return several[0]
}

// phone is a person's device with the screen open in a browser.
type phone struct {
	*viewtest.Tab
	words *texts.Catalogue
	forms *schemas.Package
	lang  texts.Lang
	base  string
}

// newPhone opens the screen of a device. With a code it is enrolled without a line
// and begins with what commands, as they are typed, record; without one it is as
// good as new.
func newPhone(t testing.TB, code string, size viewtest.Size, lang texts.Lang, commands ...[]string) *phone {
	t.Helper()
	dir := t.TempDir()
	env := []string{"MAHALLEH_FIELD_DATA_DIR=" + filepath.Join(dir, "phone"), "MAHALLEH_FIELD_LANG=" + string(lang)}
	if code != "" {
		key := filepath.Join(dir, "key")
		if err := os.WriteFile(key, bytes.Repeat([]byte("key "), 8), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, "MAHALLEH_FIELD_KEY_FILE="+key)
		for _, args := range append([][]string{{"enrol", code}}, commands...) {
			var said bytes.Buffer
			if got := program().Main(t.Context(), append(args, "-q"), strings.NewReader(""), &said, &said, env); got != 0 {
				t.Fatalf("%s: %d\n%s", strings.Join(args, " "), got, said.String())
			}
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	out, stdout := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer stdout.Close()
		program().Main(ctx, []string{"serve", "--json"}, strings.NewReader(""), stdout, io.Discard, env)
	}()
	t.Cleanup(func() { stop(); <-ended })
	var s served
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		t.Fatal(err)
	}
	first := texts.Key("screen.start.code")
	if code != "" {
		first = "screen.nav.records"
	}
	return openPhone(viewtest.Open(t, size), s, lang, first)
}

// openPhone follows the link of a screen, up to a page that shows a text.
func openPhone(tab *viewtest.Tab, s served, lang texts.Lang, first texts.Key) *phone {
	tab.Helper()
	p := &phone{Tab: tab, lang: lang}
	var err error
	if p.words, err = texts.OpenCatalogue(lang); err != nil {
		tab.Fatal(err)
	}
	if p.forms, err = forms.Load(); err != nil {
		tab.Fatal(err)
	}
	p.Go(s.Link)
	p.See(p.say(first))
	p.base = "http://" + s.Address + strings.Join(strings.SplitN(p.String("location.pathname"), "/", 3)[:2], "/")
	return p
}

func (p *phone) say(key texts.Key) string { return p.words.Text(key, nil) }

// with is a text with what stands in it.
func (p *phone) with(key texts.Key, args texts.Args) string { return p.words.Text(key, args) }

// code is the label of a code.
func (p *phone) code(list, code string) string {
	p.Helper()
	if l, ok := p.forms.List(list); ok {
		if item, ok := l.Item(code); ok {
			return item.Label.In(string(p.lang))
		}
	}
	p.Fatalf("there is no %s in %s", code, list)
	return ""
}

func (p *phone) open(to string) {
	p.Helper()
	p.Go(p.base + to)
}

// sync sends and receives until a page shows what it shall.
func (p *phone) sync(to string, want ...string) {
	p.Helper()
	p.open("/sync")
	p.See(p.say("screen.sync.now"))
	// As the button does, but that the page stays.
	p.Eval(`fetch(document.querySelector("form[action$='/sync/now']").action, {method: "POST"}).then(() => 0)`, nil)
	shown := ""
	for range 300 {
		p.open(to)
		shown = p.Words()
		all := true
		for _, text := range want {
			all = all && strings.Contains(shown, text)
		}
		if all {
			return
		}
	}
	p.Fatalf("%q does not come:\n%s", want, shown)
}

// change writes other values into fields, by the record's own page: labels and
// texts in turn.
func (p *phone) change(record string, fields ...string) {
	p.Helper()
	p.open(record)
	p.Click(p.say("screen_records.edit"))
	for i := 0; i+1 < len(fields); i += 2 {
		p.Fill("", fields[i], fields[i+1])
	}
	p.Click(p.say("screen_form.save"))
	p.See(p.say("screen_records.history"))
}

// disagree: two people change the same asset differently while there is no line;
// when the server comes up both hear of it, one settles it in the page, with the
// reason, and both see what was settled.
func disagree(o *officeProgram, maryam, ali *phone, record string) {
	o.Helper()
	// Both count anew, and ask for the address.
	maryam.change(record, "ظرفیت", "۸۰", "نشانی", "خیابان بهار")
	ali.change(record, "Capacity", "60", "Address", "کوچهٔ یاس")

	// The server comes up: all values are kept, and both people are told.
	o.start()
	maryam.sync("/records?only=unsent", maryam.say("screen_records.none"))
	ali.sync("/conflicts", "Capacity", "Address")
	maryam.sync("/conflicts", "ظرفیت", "نشانی")
	o.stop()
	maryam.Check("conflicts")
	maryam.Shot("conflicts")
	maryam.Click("ظرفیت")
	maryam.See(maryam.say("screen_records.before"), "۵۰", "۶۰", "۸۰", "علی پورمحمد")
	maryam.Check("conflict")
	maryam.Shot("conflict")

	// Ali knows that Maryam counted with the caretaker, and decides without a line.
	ali.Click("Capacity")
	ali.See("Before both", "50", "Your value", "60", "Somebody else's", "80", "مریم رضایی")
	ali.Check("conflict")
	ali.Shot("conflict")
	ali.Click("Somebody else's")
	ali.Type("Reason", "Maryam counted the chairs with the caretaker.")
	ali.Click("This is right")
	// The other one is next; both addresses are right together.
	ali.See("The conflict about “Capacity” is settled.", "Conflict: Address", "(empty)")
	ali.Click("Neither; another value")
	ali.Type("Another value", "خیابان بهار، کوچهٔ یاس")
	ali.Click("This is right")
	ali.See("The conflict about “Address” is settled.", "80", "خیابان بهار، کوچهٔ یاس")

	// The server comes up, and Maryam sees what was settled.
	o.start()
	ali.sync("/records?only=unsent", "No record was found.")
	maryam.sync("/conflicts", maryam.say("screen_records.conflicts_none"))
	maryam.open(record)
	maryam.See("۸۰", "خیابان بهار، کوچهٔ یاس")
	ali.open(record)
	ali.Click("History")
	ali.See("Maryam counted the chairs")
	for _, p := range []*phone{maryam, ali} {
		p.open(record)
		p.Eval(`document.querySelectorAll("details").forEach((d) => d.open = true)`, nil)
		p.See(p.words.Member("field_sdk.verb", "settle", nil))
		p.Check("record")
		p.Shot("record-settled")
	}

	// One deletes what the other works on: it stays until a person decides.
	o.stop()
	maryam.open(record)
	maryam.Click("حذف رکورد")
	maryam.Type("دلیل", "تعطیل شده است")
	maryam.Click("حذف شود")
	maryam.See("حذف شد")
	ali.change(record, "Capacity", "90")
	o.start()
	maryam.sync("/records?only=unsent", maryam.say("screen_records.none"))
	ali.sync("/conflicts", "Whether the record is there")
	ali.Click("Whether the record is there")
	ali.See("Shall it stay or go?")
	ali.Check("presence")
	ali.Click("deleted")
	ali.Click("This is right")
	ali.See("This record is deleted.")
	ali.sync("/records?only=unsent", "No record was found.")
	maryam.sync("/conflicts", maryam.say("screen_records.conflicts_none"))
	maryam.open("/trash")
	maryam.See("سالن", maryam.say("screen_records.restore"))
}
