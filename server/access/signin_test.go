package access_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

const password = "باران روی بام"

var browser = access.Browser{Address: "192.0.2.7", Agent: "Firefox"}

type desk struct {
	*office
	*access.Signer
	alarm bool
}

func newDesk(t *testing.T) *desk {
	d := &desk{office: newOffice(t)}
	d.Signer = access.NewSigner(d.Admin, func() (int64, bool) { return d.now, d.alarm })
	return d
}

func (d *desk) pass(by time.Duration) { d.now += by.Milliseconds() }

// join invites a person, who chooses the password.
func (d *desk) join(name string) (store.Person, string) {
	d.t.Helper()
	who := d.person(name)
	link, _, err := d.Invite(d.t.Context(), name)
	if err != nil {
		d.t.Fatal(err)
	}
	token, err := d.Accept(d.t.Context(), link, password, browser)
	if err != nil {
		d.t.Fatal(err)
	}
	return who, token
}

// whose is whose session a token is, an error if it is nobody's.
func (d *desk) whose(token string) (x store.Session, who store.Person, err error) {
	d.read(func(r store.Reader) error {
		x, who, err = d.Session(r, token)
		return nil
	})
	return x, who, err
}

func (d *desk) signIn(name, password, code string) (string, error) {
	return d.SignIn(d.t.Context(), name, password, code, browser)
}

func TestInvitation(t *testing.T) {
	d := newDesk(t)
	who := d.person("زهرا کریمی")
	first, _, err := d.Invite(t.Context(), "زهرا کریمی")
	if err != nil {
		t.Fatal(err)
	}
	second, invited, err := d.Invite(t.Context(), who.ID.String())
	if err != nil || invited.ID != who.ID {
		t.Fatalf("invited %v (%v)", invited, err)
	}
	for what, link := range map[string]string{"replaced": first, "none": "xyz", "empty": ""} {
		if _, err := d.Accept(t.Context(), link, password, browser); !errors.Is(err, access.ErrNoInvitation) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, weak := range []string{"", "کوتاه۱۲۳", "  123456789  ", strings.Repeat("ب", access.MaxPassword)} {
		if _, err := d.Accept(t.Context(), second, weak, browser); !errors.Is(err, access.ErrWeakPassword) {
			t.Errorf("password %.20q: %v", weak, err)
		}
	}
	token, err := d.Accept(t.Context(), second, password, browser)
	if err != nil {
		t.Fatal(err)
	}
	if x, p, err := d.whose(token); err != nil || p.ID != who.ID || x.Address != browser.Address || x.Second {
		t.Errorf("the session is %+v of %v (%v)", x, p.ID, err)
	}
	if _, err := d.Accept(t.Context(), second, password, browser); !errors.Is(err, access.ErrNoInvitation) {
		t.Errorf("used twice: %v", err)
	}
	// One that is too old; and a password that was forgotten ends all sessions.
	third, _, err := d.Invite(t.Context(), "زهرا کریمی")
	if err != nil {
		t.Fatal(err)
	}
	d.pass(access.InvitationValid)
	if _, err := d.Accept(t.Context(), third, password, browser); !errors.Is(err, access.ErrNoInvitation) {
		t.Errorf("too old: %v", err)
	}
	d.alarm = true // nothing ends while the clock is not believed
	if _, err := d.Accept(t.Context(), third, "گذرواژهٔ دیگر", browser); err != nil {
		t.Errorf("while the clock jumps: %v", err)
	}
	if _, _, err := d.whose(token); !errors.Is(err, access.ErrNoSession) {
		t.Errorf("the session of the former password: %v", err)
	}
	if _, err := d.signIn("زهرا کریمی", password, ""); !errors.Is(err, access.ErrWrongPassword) {
		t.Errorf("the former password: %v", err)
	}
}

func TestSignIn(t *testing.T) {
	d := newDesk(t)
	who, _ := d.join("زهرا کریمی")
	d.person("بی‌گذرواژه")
	for _, name := range []string{"زهرا کریمی", " زهرا كريمي ", who.ID.String()} {
		token, err := d.signIn(name, "باران روی بام ", "")
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if _, p, err := d.whose(token); err != nil || p.ID != who.ID {
			t.Errorf("%q is %v (%v)", name, p, err)
		}
	}
	d.pass(time.Hour)
	for name, pass := range map[string]string{"زهرا کریمی": "باران روی بان", "بی‌گذرواژه": password, "کسی": password, "": "", strings.Repeat("ب", 9000): password} {
		if _, err := d.signIn(name, pass, ""); !errors.Is(err, access.ErrWrongPassword) {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	if _, err := d.SetDisabled(t.Context(), "زهرا کریمی", true, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.signIn("زهرا کریمی", password, ""); !errors.Is(err, access.ErrWrongPassword) {
		t.Errorf("somebody disabled: %v", err)
	}
}

// Two people of one name are told apart by their passwords.
func TestSignInOfNamesakes(t *testing.T) {
	d := newDesk(t)
	d.join("علی احمدی")
	other := d.person("علی احمدی")
	link, _, err := d.Invite(t.Context(), other.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Accept(t.Context(), link, "گذرواژهٔ دیگر", browser); err != nil {
		t.Fatal(err)
	}
	token, err := d.signIn("علی احمدی", "گذرواژهٔ دیگر", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, p, err := d.whose(token); err != nil || p.ID != other.ID {
		t.Errorf("signed in is %v (%v)", p.ID, err)
	}
}

// The wait grows with wrong tries, for one name at one address, and ends.
func TestWrongTriesWait(t *testing.T) {
	d := newDesk(t)
	d.join("زهرا کریمی")
	var waited *access.WaitError
	for n := range 3 {
		if _, err := d.signIn("زهرا کریمی", "نادرست", ""); !errors.Is(err, access.ErrWrongPassword) {
			t.Fatalf("try %d: %v", n, err)
		}
	}
	last := time.Duration(0)
	for n := range 8 {
		if _, err := d.signIn("زهرا کریمی", "نادرست", ""); !errors.Is(err, access.ErrWrongPassword) {
			t.Fatalf("after %v, try %d: %v", last, n, err)
		}
		_, err := d.signIn("زهرا کریمی", password, "")
		if !errors.As(err, &waited) || waited.Wait < last || waited.Wait > time.Minute {
			t.Fatalf("try %d: %v after a wait of %v", n, err, last)
		}
		// Nobody else waits, and she does not elsewhere.
		if _, err := d.SignIn(t.Context(), "زهرا کریمی", password, "", access.Browser{Address: "192.0.2.8"}); err != nil {
			t.Fatalf("from elsewhere: %v", err)
		}
		last = waited.Wait
		d.pass(last)
	}
	if last != time.Minute {
		t.Errorf("the longest wait is %v", last)
	}
	if _, err := d.signIn("زهرا کریمی", password, ""); err != nil {
		t.Errorf("the right password after the wait: %v", err)
	}
	if _, err := d.signIn("زهرا کریمی", password, ""); err != nil {
		t.Errorf("and again: %v", err)
	}
}

// Many names from one address wait, too.
func TestOneAddressWaits(t *testing.T) {
	d := newDesk(t)
	d.join("زهرا کریمی")
	var waited *access.WaitError
	for n := range 40 {
		_, err := d.signIn(fmt.Sprintf("کسی %d", n), password, "")
		if errors.As(err, &waited) {
			return
		}
	}
	t.Error("forty names were tried without a wait")
}

func TestSecondFactor(t *testing.T) {
	d := newDesk(t)
	who, token := d.join("زهرا کریمی")
	letters, err := access.NewFactor(d.Rand)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetFactor(t.Context(), token, letters, "123456"); !errors.Is(err, access.ErrWrongCode) {
		t.Errorf("a wrong code: %v", err)
	}
	code := func() string { return access.CodeForTest(letters, d.now) }
	if err := d.SetFactor(t.Context(), token, strings.ToLower(letters[:4]+" "+letters[4:]), code()); err != nil {
		t.Fatal(err)
	}
	if x, _, err := d.whose(token); err != nil || !x.Second {
		t.Errorf("the session is %+v (%v)", x, err)
	}
	if err := d.SetFactor(t.Context(), token, letters, code()); err == nil {
		t.Error("a second factor was replaced by a session")
	}
	if _, err := d.signIn("زهرا کریمی", password, code()); !errors.Is(err, access.ErrWrongPassword) {
		t.Errorf("a used code: %v", err)
	}
	d.pass(time.Minute)
	if _, err := d.signIn("زهرا کریمی", password, ""); !errors.Is(err, access.ErrWrongPassword) {
		t.Errorf("no code: %v", err)
	}
	again, err := d.signIn("زهرا کریمی", password, " "+code()[:3]+" "+code()[3:])
	if err != nil {
		t.Fatal(err)
	}
	if x, p, err := d.whose(again); err != nil || !x.Second || p.ID != who.ID {
		t.Errorf("the session is %+v (%v)", x, err)
	}
	// A lost second factor is replaced by an invitation.
	link, _, err := d.Invite(t.Context(), "زهرا کریمی")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Accept(t.Context(), link, password, browser); err != nil {
		t.Fatal(err)
	}
	if _, err := d.signIn("زهرا کریمی", password, ""); err != nil {
		t.Errorf("after the invitation: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	d := newDesk(t)
	who, token := d.join("زهرا کریمی")
	_, theirs := d.join("مریم رضایی")
	use := func() error {
		x, _, err := d.whose(token)
		if err == nil {
			err = d.Seen(t.Context(), x)
		}
		return err
	}
	for range 6 {
		d.pass(access.SessionIdle - time.Minute)
		if err := use(); err != nil {
			if d.now < 1_800_000_000_000+access.SessionLong.Milliseconds() {
				t.Fatalf("a session in use: %v", err)
			}
			break
		}
	}
	d.pass(10 * time.Minute)
	if err := use(); !errors.Is(err, access.ErrNoSession) {
		t.Errorf("after twelve hours: %v", err)
	}
	if _, _, err := d.whose(theirs); !errors.Is(err, access.ErrNoSession) {
		t.Errorf("two hours without a click: %v", err)
	}
	var names []string
	for range 2 {
		token, err := d.signIn("زهرا کریمی", password, "")
		if err != nil {
			t.Fatal(err)
		}
		x, _, _ := d.whose(token)
		names = append(names, access.SessionName(&x))
	}
	d.read(func(r store.Reader) error {
		if all, err := d.Sessions(r, who.ID); err != nil || len(all) != 2 {
			t.Errorf("%d sessions (%v), want those of today", len(all), err)
		}
		return nil
	})
	stranger, _ := d.join("کسی")
	if _, err := d.End(t.Context(), names[0], stranger.ID, stranger.ID); !errors.Is(err, access.ErrNoSession) {
		t.Errorf("somebody else's session: %v", err)
	}
	if x, err := d.End(t.Context(), names[0], syncproto.PersonID{}, syncproto.PersonID{}); err != nil || x.Person != who.ID {
		t.Errorf("by the operator: %+v, %v", x, err)
	}
	if _, err := d.End(t.Context(), names[0], who.ID, who.ID); !errors.Is(err, access.ErrNoSession) {
		t.Errorf("twice: %v", err)
	}
	if _, err := d.SetDisabled(t.Context(), "کسی", true, ""); err != nil {
		t.Fatal(err)
	}
}
