package clientsdk

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testSheet is a QR code's text of a server with or without a recovery key.
func testSheet(t testing.TB, recovery bool) string {
	t.Helper()
	keys := wire.ServerKeys{Noise: [32]byte{1}, Receipt: [32]byte{2}}
	if recovery {
		// Any point of the curve will do: 9 is its base.
		keys.Recovery = [32]byte{9}
	}
	sheet := syncproto.EnrolSheet{Code: *testCode(t), Addresses: []string{"office.example"}, Keys: wire.AppendServerKeys(nil, &keys),
		Person: personOf("zahra"), PersonName: "زهرا", PlaceName: "گلستان", Compartments: []string{"plain", "persons"}}
	fingerprint := keys.Fingerprint()
	copy(sheet.Code.Fingerprint[:], fingerprint[:])
	text, err := sheet.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEnrolRefusals(t *testing.T) {
	code := testCode(t).String()
	for _, test := range []struct {
		name   string
		code   string
		secret Credentials
		change func(*Options)
		want   error
	}{
		{"one letter wrong", strings.Replace(code, code[:1], "Z", 1), keyFile, nil, ErrMistypedCode},
		{"too short", code[:10], keyFile, nil, ErrBadCode},
		{"no code at all", "سلام", keyFile, nil, ErrMistypedCode},
		{"a QR text cut short", testSheet(t, true)[:80], keyFile, nil, ErrBadCode},
		{"keys of another server", strings.Replace(testSheet(t, true), "k=AQ", "k=BQ", 1), keyFile, nil, ErrBadCode},
		{"no address", code, keyFile, func(o *Options) { o.Addresses = nil }, ErrNoAddress},
		{"not an address", code, keyFile, func(o *Options) { o.Addresses = []string{"ftp://x"} }, ErrBadAddress},
		{"short passphrase", code, Credentials{Passphrase: "۱۲۳۴۵"}, nil, ErrWeakPassphrase},
		{"short key file", code, Credentials{KeyFile: []byte("x")}, nil, ErrWeakPassphrase},
		{"no clock", code, keyFile, func(o *Options) { o.Clock = nil }, ErrFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "device")
			opt := Options{Clock: &testClock{now: time.Unix(1e9, 0)}, Rand: seeded(t.Name()), Addresses: []string{"office.example"}}
			if test.change != nil {
				test.change(&opt)
			}
			_, err := Enrol(ctx, dir, test.code, test.secret, opt)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if Enrolled(dir) {
				t.Error("the folder holds a device all the same")
			}
		})
	}
}

func TestMistypedCodeSaysWhere(t *testing.T) {
	code := testCode(t)
	parts := code.Parts()
	typed := strings.Join([]string{parts[0], parts[1], "2" + parts[2][1:], parts[3]}, " ")
	_, err := ReadInvitation(typed)
	key, args := Explain(err)
	if key != "sdk.error.mistyped_code" || args["part"] != 3 || args["parts"] != 4 {
		t.Errorf("got %s %v for %q, want part 3 of 4", key, args, typed)
	}
}

func TestNoticeBeforePassphrase(t *testing.T) {
	for _, test := range []struct {
		name, code, want string
	}{
		{"typed", testCode(t).String(), "sdk.notice.forgotten_until_contact"},
		{"QR, with a recovery key", testSheet(t, true), "sdk.notice.forgotten_recoverable"},
		{"QR, without", testSheet(t, false), "sdk.notice.forgotten_lost"},
	} {
		i, err := ReadInvitation(test.code)
		if err != nil {
			t.Fatal(err)
		}
		if got := i.BeforePassphrase().Key; got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestEnrolWithSheet(t *testing.T) {
	dir := t.TempDir()
	clock := &testClock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	opt := Options{Clock: clock, Rand: seeded(t.Name())}
	c, err := Enrol(ctx, dir, testSheet(t, true), Credentials{Passphrase: "گذرواژهٔ ۱۲۳۴"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	who := c.Person()
	if who.Name != "زهرا" || who.ID != personOf("zahra") || who.Confirmed || len(who.Addresses) != 1 {
		t.Errorf("person is %+v", who)
	}
	s, err := c.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Scopes) != 2 {
		t.Errorf("got %d scopes, want the two of the code", len(s.Scopes))
	}
	if _, err := Enrol(ctx, dir, testSheet(t, true), keyFile, opt); !errors.Is(err, ErrEnrolled) {
		t.Errorf("second enrolment: got %v, want %v", err, ErrEnrolled)
	}
	if _, err := Open(ctx, dir, opt); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: got %v, want %v", err, ErrInUse)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(ctx, dir, opt); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.New(ctx, "asset"); !errors.Is(err, ErrLocked) {
		t.Errorf("recorded while locked: %v", err)
	}
	if _, err := c.Status(ctx); err != nil {
		t.Errorf("status while locked: %v", err)
	}
	if err := c.Unlock(ctx, Credentials{Passphrase: "گذرواژهٔ ۱۲۳۵"}); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("wrong passphrase: %v", err)
	}
	// The sheet's name of the place is kept until the server tells one.
	if err := c.Unlock(ctx, Credentials{Passphrase: "گذرواژهٔ ۱۲۳۴"}); err != nil {
		t.Fatal(err)
	}
	all, err := c.Neighbourhoods(ctx)
	if err != nil || len(all) != 1 || all[0].Name.Fa != "گلستان" || c.Person().PlaceName.Fa != "گلستان" {
		t.Errorf("the neighbourhood is %+v, the person's %+v: %v", all, c.Person().PlaceName, err)
	}
	// The same on another keyboard: Arabic digits.
	if err := c.Unlock(ctx, Credentials{Passphrase: "گذرواژهٔ ١٢٣٤"}); err != nil {
		t.Errorf("right passphrase: %v", err)
	}
}

func TestWrongSecretsMakeWait(t *testing.T) {
	d := newDevice(t)
	if err := d.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	wrong := Credentials{KeyFile: []byte(strings.Repeat("x", 32))}
	for range 5 {
		if err := d.Unlock(ctx, wrong); !errors.Is(err, ErrWrongSecret) {
			t.Fatalf("got %v, want %v", err, ErrWrongSecret)
		}
	}
	err := d.Unlock(ctx, keyFile)
	key, args := Explain(err)
	wait, _ := args["wait"].(time.Duration)
	if key != "sdk.error.wait" || wait <= 0 {
		t.Fatalf("got %s %v, want a wait", key, args)
	}
	d.clock.pass(wait)
	if err := d.Unlock(ctx, keyFile); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestPIN(t *testing.T) {
	d := newDevice(t)
	if err := d.SetPIN("12"); !errors.Is(err, ErrWeakPassphrase) {
		t.Errorf("short PIN: %v", err)
	}
	if err := d.SetPIN("1234"); err != nil {
		t.Fatal(err)
	}
	if err := d.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.UnlockPIN(ctx, "9999"); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("wrong PIN: %v", err)
	}
	if err := d.UnlockPIN(ctx, "۱۲۳۴"); err != nil {
		t.Errorf("right PIN in Persian digits: %v", err)
	}
	d.restart()
	if err := d.UnlockPIN(ctx, "1234"); !errors.Is(err, ErrNoPIN) {
		t.Errorf("PIN after a restart: %v", err)
	}
}

func TestSetCredentials(t *testing.T) {
	d := newDevice(t)
	if err := d.SetCredentials(ctx, Credentials{Passphrase: "کوتاه"}); !errors.Is(err, ErrWeakPassphrase) {
		t.Errorf("short passphrase: %v", err)
	}
	fresh := Credentials{KeyFile: []byte(strings.Repeat("y", 32))}
	if err := d.SetCredentials(ctx, fresh); err != nil {
		t.Fatal(err)
	}
	if err := d.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.Unlock(ctx, keyFile); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("the old key file: %v", err)
	}
	if err := d.Unlock(ctx, fresh); err != nil {
		t.Errorf("the new key file: %v", err)
	}
}

func TestKeysAreStable(t *testing.T) {
	seen := map[string]bool{}
	for _, err := range allKinds() {
		key, _ := Explain(told("x", refuse(err, nil)))
		if !strings.HasPrefix(key, "sdk.error.") || seen[key] {
			t.Errorf("key %q of %v is not one of its own", key, err)
		}
		seen[key] = true
	}
	all := Keys()
	for key := range seen {
		if !slices.Contains(all, key) {
			t.Errorf("Keys lacks %s", key)
		}
	}
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("Keys names %d keys, %d of them twice", len(all), len(all)-n)
	}
	for r := syncproto.ReasonNone + 1; r < 60; r++ {
		if key := ReasonKey(r); !slices.Contains(all, key) {
			t.Errorf("Keys lacks %s", key)
		}
	}
	if key, _ := Explain(errors.New("something")); key != "sdk.error.failed" {
		t.Errorf("foreign error: %s", key)
	}
	if key, _ := Explain(nil); key != "" {
		t.Errorf("no error: %s", key)
	}
}

// TestTakeCode holds that an unconfirmed device takes another code of the same
// server and place, and keeps author, records and scopes.
func TestTakeCode(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	before := d.Person()
	other := func(change func(*syncproto.EnrolCode)) string {
		c := testCode(t)
		copy(c.Secret[:], "new secret")
		change(c)
		return c.String()
	}
	for _, test := range []struct {
		name, code string
		want       error
	}{
		{"the same code", testCode(t).String(), ErrEnrolled},
		{"another place", other(func(c *syncproto.EnrolCode) { c.Number++ }), ErrOtherCode},
		{"another server", other(func(c *syncproto.EnrolCode) { c.Fingerprint[0]++ }), ErrOtherCode},
		{"no code", "سلام", ErrMistypedCode},
	} {
		if err := d.TakeCode(ctx, test.code); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if err := d.TakeCode(ctx, other(func(*syncproto.EnrolCode) {})); err != nil {
		t.Fatal(err)
	}
	d.restart()
	if after := d.Person(); after.ID != before.ID || after.Device != before.Device || after.Confirmed {
		t.Errorf("person is %+v, want %+v", after, before)
	}
	identity, err := d.store.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if string(identity.Secret) != "new secret" || string(identity.First) != "ten secret" {
		t.Errorf("secrets are %q and %q, want the new one and the first", identity.Secret, identity.First)
	}
	third := other(func(c *syncproto.EnrolCode) { copy(c.Secret[:], "one more..") })
	if err := d.TakeCode(ctx, third); err != nil {
		t.Fatal(err)
	}
	if identity, err = d.store.Identity(ctx); err != nil || string(identity.First) != "ten secret" {
		t.Errorf("the first secret is %q, %v, want that under which the person records", identity.First, err)
	}
	if r := d.edit(id, "condition", "1"); !r.Saved {
		t.Error("not saved")
	}
	identity.Confirmed = true
	if err := d.store.SetIdentity(ctx, identity); err != nil {
		t.Fatal(err)
	}
	if err := d.TakeCode(ctx, other(func(*syncproto.EnrolCode) {})); !errors.Is(err, ErrEnrolled) {
		t.Errorf("confirmed: got %v, want %v", err, ErrEnrolled)
	}
}
