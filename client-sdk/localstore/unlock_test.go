package localstore

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"mahalleh/syncproto"
)

func TestWrongPassphraseOnlyLengthensTheWait(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	check(t, b.SetCredential(ctx, Credential{Person: author, Passphrase: "گذرواژهٔ ۱۲۳"}))
	check(t, b.Lock(ctx))
	wrong := func() error {
		err := b.Unlock(ctx, Credential{Person: author, KeyFile: bytes.Repeat([]byte{1}, 32)})
		if b.Unlocked() {
			t.Fatal("unlocked by a wrong key file")
		}
		return err
	}
	for i := range freeTries {
		if err := wrong(); !errors.Is(err, ErrWrongSecret) {
			t.Fatalf("attempt %d: got %v, want ErrWrongSecret", i, err)
		}
	}
	want := firstWait
	for i := range 12 {
		var wait *WaitError
		if err := wrong(); !errors.As(err, &wait) || wait.For != want {
			t.Fatalf("attempt after %d waits: got %v, want a wait of %v", i, err, want)
		}
		// Closing the program does not shorten it.
		if i == 2 {
			check(t, b.Close())
			s, err := Open(ctx, b.opt)
			check(t, err)
			b.Store = s
			if err := wrong(); !errors.Is(err, ErrWait) {
				t.Errorf("after opening again: got %v, want ErrWait", err)
			}
		}
		b.clock.pass(want)
		if err := wrong(); !errors.Is(err, ErrWrongSecret) {
			t.Fatalf("attempt after waiting: got %v, want ErrWrongSecret", err)
		}
		want = min(2*want, longestWait)
	}
	// The right one waits too, and then opens: nothing was destroyed.
	if err := b.Unlock(ctx, Credential{KeyFile: keyFile}); !errors.Is(err, ErrWait) {
		t.Errorf("right key file at once: got %v, want ErrWait", err)
	}
	// A clock that is put back begins the wait anew and does not stretch it.
	b.clock.now = b.clock.now.AddDate(-10, 0, 0)
	if err := b.Unlock(ctx, Credential{KeyFile: keyFile}); !errors.Is(err, ErrWait) {
		t.Errorf("with a clock put back: got %v, want ErrWait", err)
	}
	b.clock.pass(longestWait)
	check(t, b.Unlock(ctx, Credential{KeyFile: keyFile}))
	if got := b.text(id, 10); got != "الف" {
		t.Errorf("shows %q, want «الف»", got)
	}
	check(t, b.Lock(ctx))
	if err := wrong(); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("after a success: got %v, want the count begun anew", err)
	}
}

func TestWaitSchedule(t *testing.T) {
	for _, c := range []struct {
		failures int
		want     time.Duration
	}{{0, 0}, {4, 0}, {5, 5 * time.Second}, {6, 10 * time.Second}, {11, 320 * time.Second}, {13, 15 * time.Minute}, {1 << 30, 15 * time.Minute}} {
		if got := waitAfter(c.failures); got != c.want {
			t.Errorf("after %d failures: got %v, want %v", c.failures, got, c.want)
		}
	}
}

func TestPassphraseOnAnyKeyboard(t *testing.T) {
	for _, c := range []struct {
		name, set, typed string
		opens            bool
	}{
		{"as set", "گذرواژهٔ من ۱۲۳", "گذرواژهٔ من ۱۲۳", true},
		{"latin digits", "گذرواژهٔ من ۱۲۳", "گذرواژهٔ من 123", true},
		{"arabic keyboard", "کلید یک", "كليد يك", true},
		{"blanks around", "کلید", " کلید ", true},
		{"another case", "Kelid", "kelid", false},
		{"empty", "کلید", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			check(t, b.SetCredential(ctx, Credential{Person: author, Passphrase: c.set}))
			check(t, b.Lock(ctx))
			err := b.Unlock(ctx, Credential{Passphrase: c.typed})
			if c.opens && err != nil || !c.opens && !errors.Is(err, ErrWrongSecret) {
				t.Errorf("got %v, want it to open: %v", err, c.opens)
			}
		})
	}
}

func TestSharedDevice(t *testing.T) {
	b := newBox(t)
	second := syncproto.PersonID{8}
	other := bytes.Repeat([]byte("k"), MinKeyFile)
	check(t, b.SetCredential(ctx, Credential{Person: second, KeyFile: other}))
	people, err := b.People(ctx)
	check(t, err)
	if len(people) != 2 {
		t.Errorf("%d people, want 2", len(people))
	}
	check(t, b.Lock(ctx))
	if err := b.Unlock(ctx, Credential{Person: second, KeyFile: keyFile}); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("another's key file: got %v, want ErrWrongSecret", err)
	}
	check(t, b.Unlock(ctx, Credential{Person: second, KeyFile: other}))
	check(t, b.RemoveCredentials(ctx, author))
	if err := b.RemoveCredentials(ctx, second); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("removing the last person: got %v, want a refusal", err)
	}
	check(t, b.Lock(ctx))
	if err := b.Unlock(ctx, Credential{KeyFile: keyFile}); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("a removed key file: got %v, want ErrWrongSecret", err)
	}
	check(t, b.Unlock(ctx, Credential{KeyFile: other}))
	for _, c := range []Credential{{Person: second}, {Person: second, KeyFile: []byte("short")}} {
		if err := b.SetCredential(ctx, c); !errors.Is(err, ErrWrongSecret) {
			t.Errorf("setting %+v: got %v, want ErrWrongSecret", c, err)
		}
	}
}

// A forgotten passphrase loses no month of work.
func TestRecovery(t *testing.T) {
	b := newBox(t)
	private, public := recoveryPair(t)
	if _, err := b.RecoveryBox(ctx); !errors.Is(err, ErrNoRecovery) {
		t.Errorf("box without a recovery key: got %v, want ErrNoRecovery", err)
	}
	if _, err := b.ExportPending(ctx, &bytes.Buffer{}, nil); !errors.Is(err, ErrNoRecovery) {
		t.Errorf("export without a recovery key: got %v, want ErrNoRecovery", err)
	}
	check(t, b.SetRecovery(ctx, public))
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("یک ماه کار")})
	check(t, b.Lock(ctx))

	check(t, b.UnlockRecovery(ctx, private))
	if got := b.text(id, 10); got != "یک ماه کار" {
		t.Errorf("shows %q", got)
	}
	check(t, b.Lock(ctx))
	// Or the box goes to the office and the key comes back.
	sealed, err := b.RecoveryBox(ctx)
	check(t, err)
	device, err := OpenRecoveryBox(private, sealed)
	check(t, err)
	if err := b.UnlockKey(ctx, bytes.Repeat([]byte{1}, 32)); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("wrong device key: got %v, want ErrWrongSecret", err)
	}
	check(t, b.UnlockKey(ctx, device))
	check(t, b.SetCredential(ctx, Credential{Person: author, Passphrase: "تازه"}))
	check(t, b.Lock(ctx))
	check(t, b.Unlock(ctx, Credential{Person: author, Passphrase: "تازه"}))

	sealed[40] ^= 1
	if _, err := OpenRecoveryBox(private, sealed); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("damaged box: got %v, want ErrWrongSecret", err)
	}
	if _, err := OpenRecoveryBox(private, sealed[:20]); !errors.Is(err, ErrCorrupt) {
		t.Errorf("box cut short: got %v, want ErrCorrupt", err)
	}
}

func TestPIN(t *testing.T) {
	b := newBox(t)
	if err := b.UnlockPIN(ctx, "1234"); !errors.Is(err, ErrNotFound) {
		t.Errorf("without a PIN: got %v, want ErrNotFound", err)
	}
	check(t, b.SetPIN("۱۲۳۴"))
	check(t, b.Lock(ctx))
	if err := b.SetPIN("1234"); !errors.Is(err, ErrLocked) {
		t.Errorf("setting one while locked: got %v, want ErrLocked", err)
	}
	if err := b.UnlockPIN(ctx, "9999"); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("wrong PIN: got %v, want ErrWrongSecret", err)
	}
	check(t, b.UnlockPIN(ctx, "1234"))
	check(t, b.Lock(ctx))
	for range pinTries {
		if err := b.UnlockPIN(ctx, "0000"); !errors.Is(err, ErrWrongSecret) {
			t.Errorf("wrong PIN: got %v, want ErrWrongSecret", err)
		}
	}
	if err := b.UnlockPIN(ctx, "1234"); !errors.Is(err, ErrNotFound) {
		t.Errorf("right PIN after too many wrong ones: got %v, want ErrNotFound", err)
	}
	check(t, b.Unlock(ctx, Credential{KeyFile: keyFile}))
}

// TestSealedAtRest looks into every file the store leaves, in use and closed.
func TestSealedAtRest(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id, other := b.newRecord(), b.newRecord()
	const name, note, begun, setting, secret = "فاطمهٔ گلستانی‌پور", "یادداشت محرمانه", "نیمه‌کارهٔ پنهان", "تنظیم پنهان", "secret-of-the-code"
	person := syncproto.PersonID{0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe, 1, 2, 3, 4, 5, 6, 7, 8}
	h, err := b.State(ctx, id)
	check(t, err)
	_, err = b.Append(ctx, func(At) (Saving, error) {
		return Saving{Changes: []NewChange{edit(h.State, id, formPlace, plain, person, map[uint32]syncproto.Value{10: text(name)})}}, nil
	})
	check(t, err)
	f.other(other, formPlace, plain, map[uint32]syncproto.Value{11: text(note)})
	f.sync(b, plain)
	check(t, b.PutDraft(ctx, Draft{ID: DraftID{1}, Record: other, Form: formPlace, Scope: plain, Body: []byte(begun)}))
	check(t, b.SetSetting(ctx, "x", []byte(setting)))
	who, err := b.Identity(ctx)
	check(t, err)
	who.Secret = []byte(secret)
	check(t, b.SetIdentity(ctx, who))
	check(t, b.SaveIndex(ctx))
	keys, err := b.Keys()
	check(t, err)
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text(note + " دوم")})

	look := func(when string) {
		t.Helper()
		seen := 0
		for _, end := range []string{"", "-wal", "-shm", headSuffix} {
			raw, err := os.ReadFile(b.opt.Path + end)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			check(t, err)
			seen += len(raw)
			for what, plain := range map[string][]byte{"name": []byte(name), "part of a name": []byte("گلستانی"), "note": []byte(note),
				"draft": []byte(begun), "setting": []byte(setting), "enrolment secret": []byte(secret), "author": person[:],
				"device's signing key": keys.Enrolment.Seed(), "log's signing key": keys.Log.Seed(), "noise key": keys.Noise[:],
				"key file": keyFile, "folded name": []byte("فاطمه")} {
				if bytes.Contains(raw, plain) {
					t.Errorf("%s: %s stands in clear in device.db%s", when, what, end)
				}
			}
			// The search must be able to find something.
			if end == "" && when == "closed" && !bytes.Contains(raw, id[:]) {
				t.Error("not even the record's id was found: the search finds nothing")
			}
		}
		if seen < 10_000 {
			t.Errorf("%s: only %d bytes looked at", when, seen)
		}
	}
	look("in use")
	check(t, b.Close())
	look("closed")
	for _, end := range []string{"", headSuffix} {
		st, err := os.Stat(b.opt.Path + end)
		check(t, err)
		if st.Mode().Perm()&0o077 != 0 {
			t.Errorf("device.db%s can be read by others: %v", end, st.Mode())
		}
	}
	b.openAt(b.opt.Path)
}

// Sealed bytes open only where they were put.
func TestRowsCannotBeSwapped(t *testing.T) {
	b, f := newBox(t), newServer(t)
	one, two := b.newRecord(), b.newRecord()
	f.other(one, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.other(two, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")})
	f.sync(b, plain)
	if _, err := b.db.write.Exec("UPDATE shadow SET state = (SELECT state FROM shadow WHERE record = ?) WHERE record = ?", one[:], two[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := b.State(ctx, two); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record with another's bytes: got %v, want ErrCorrupt", err)
	}
	if got := b.text(one, 10); got != "الف" {
		t.Errorf("the other one shows %q, want «الف»", got)
	}
	problems, err := b.Check(ctx)
	check(t, err)
	if len(problems) == 0 {
		t.Error("check found nothing")
	}
}
