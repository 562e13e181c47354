package fieldapp

import (
	"net/http"
	"strings"
	"testing"
	"time"

	clientsdk "mahalleh/client-sdk"
)

func (s *screen) locked() bool {
	s.Helper()
	return strings.Contains(s.get("/"), `action="`+s.prefix()+`/lock"`)
}

func TestLocksAfterIdleMinutes(t *testing.T) {
	s := newOpen(t)
	for range 3 {
		s.clock.pass(DefaultIdle - time.Second)
		if s.locked() {
			t.Fatal("locked though somebody was there")
		}
	}
	// Events and what sync asks for are nobody.
	s.clock.pass(DefaultIdle - time.Second)
	s.ask(http.MethodGet, "/sync/state", nil)
	s.clock.pass(time.Second)
	if !s.locked() {
		t.Fatal("not locked after five minutes without a person")
	}
	if s.device().Locked() {
		t.Error("the keys left the memory: a sync would end")
	}
	s.shows(s.post("/lock", "passphrase", passphrase), "Today")
}

func TestPINOpensAfterIdleAndNotAfterRestart(t *testing.T) {
	s := newOpen(t)
	s.post("/lock/now")
	s.shows(s.post("/lock", "passphrase", passphrase, "new_pin", "۴۸۱۵"), "Today")
	s.clock.pass(DefaultIdle)
	s.shows(s.get("/"), `name="pin"`)
	s.shows(s.post("/lock", "pin", "0000"), "Nothing was changed", `name="pin"`)
	s.shows(s.post("/lock", "pin", "4815"), "Today")
	s.restart()
	page := s.get("/")
	s.shows(page, `name="passphrase"`)
	if strings.Contains(page, `name="pin"`) {
		t.Error("a PIN is asked for after a restart")
	}
}

// TestWrongPINsNeedThePassphrase: after a few wrong ones the keys leave the
// memory, and the wait for the passphrase grows.
func TestWrongPINsNeedThePassphrase(t *testing.T) {
	s := newOpen(t)
	s.post("/lock/now")
	s.post("/lock", "passphrase", passphrase, "new_pin", "4815")
	s.post("/lock/now")
	page := ""
	for range 6 {
		page = s.post("/lock", "pin", "0000")
	}
	s.shows(page, `name="passphrase"`)
	if !s.device().Locked() {
		t.Error("the keys are still in memory")
	}
	for range 6 {
		page = s.post("/lock", "passphrase", "wrong wrong")
	}
	s.shows(page, "The next one is possible in")
	s.clock.pass(15 * time.Minute)
	s.shows(s.post("/lock", "passphrase", passphrase), "Today")
}

// TestLockSaysWhatWaits: a phone that was found should not be wiped.
func TestLockSaysWhatWaits(t *testing.T) {
	s := newOpen(t)
	d, err := s.device().New(ctx, "asset")
	if err == nil {
		err = d.SetJSON([]byte(`{"category": "physical", "subtype": "hall", "title_fa": "سالن", "availability": "by_permission"}`))
	}
	var r clientsdk.SaveResult
	if err == nil {
		r, err = d.Save(ctx)
	}
	if err != nil || !r.Saved {
		t.Fatalf("not saved: %v %v", err, r.Problems)
	}
	s.post("/lock/now")
	page := s.get("/lock")
	s.shows(page, "1 change on this device is not sent yet")
	if strings.Contains(page, "سالن") {
		t.Error("the lock shows what is sealed")
	}
}

// TestOpenPagesHearOfTheLock: once, when the time is over, whoever notices first.
func TestOpenPagesHearOfTheLock(t *testing.T) {
	s := newOpen(t)
	if s.gate.fell() {
		t.Error("an open gate fell")
	}
	s.clock.pass(DefaultIdle)
	if !s.gate.fell() || s.gate.fell() {
		t.Error("that the gate shut is not told once")
	}
	if err := s.Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	s.gate.close()
	if !s.gate.fell() {
		t.Error("that it shut again is not told")
	}
}
