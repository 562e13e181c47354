package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// TestKilledProgram: the program is killed the moment that the page says that a form
// is saved, and again once a form was typed into. The record is there, and so is the
// draft.
func TestKilledProgram(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "mahalleh-field") // by this name it is the program
	if err := os.Symlink(self, program); err != nil {
		t.Skipf("no second name for a program: %v", err)
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, bytes.Repeat([]byte("key "), 8), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(args ...string) *exec.Cmd {
		c := exec.Command(program, args...)
		c.Env = append(os.Environ(), "MAHALLEH_FIELD_DATA_DIR="+filepath.Join(dir, "phone"), "MAHALLEH_FIELD_KEY_FILE="+key, "MAHALLEH_FIELD_LANG=fa")
		return c
	}
	code := &syncproto.EnrolCode{Number: 101}
	copy(code.Secret[:], t.Name())
	if out, err := start("enrol", code.String(), "--address", "127.0.0.1:1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tab := viewtest.Open(t, viewtest.Phone)
	serve := func() (p *phone, kill func()) {
		c := start("serve", "--json")
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		kill = func() {
			tab.Forgive() // a page without its program complains
			_ = c.Process.Kill()
			_ = c.Wait() // it says that it was killed
		}
		t.Cleanup(kill)
		var s served
		if err := json.NewDecoder(out).Decode(&s); err != nil {
			t.Fatal(err)
		}
		return openPhone(tab, s, texts.Persian, "screen.nav.records"), kill
	}

	p, kill := serve()
	p.section("assets", "asset").put("category", "physical").put("subtype", "hall").put("title_fa", "سالن").save()
	kill()

	p, kill = serve()
	record := p.find("سالن")
	s := p.section("assets", "asset").put("category", "association").put("title_fa", "صندوق زنان")
	s.Kept()
	kill()

	p, _ = serve()
	p.open(record)
	p.See("سالن")
	p.open("/drafts")
	p.ClickAt(`a[href*="/draft/"]`)
	p.formed("asset")
	if title := p.String(`document.getElementById("f-title_fa-c").value`); strings.TrimSpace(title) != "صندوق زنان" {
		t.Errorf("%q is left of the draft", title)
	}
	tab.Forgive()
}
