package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"mahalleh/schemas/persian"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

const (
	// invitationBytes is the length of an invitation's secret, tokenBytes that of a
	// session's token.
	invitationBytes, tokenBytes = 16, 16
	// InvitationValid is how long an invitation is good.
	InvitationValid = 3 * 24 * time.Hour
	// SessionIdle and SessionLong are after how long without a click, and after
	// how long at all, a session ends.
	SessionIdle = 2 * time.Hour
	SessionLong = 12 * time.Hour
	// seenEvery is how often a session's last click is written down.
	seenEvery = time.Minute
	// maxNamed bounds how many people of one name a password is tried for.
	maxNamed = 4
	// maxAgent and maxAsked bound what is kept of a browser's name, and what is
	// looked at of a person's.
	maxAgent, maxAsked = 200, 400
)

// The acts of signing in, as they stand in the audit.
const (
	actInvited      = "invited"
	actPasswordSet  = "password set"
	actFactorSet    = "second factor set"
	actSessionEnded = "session ended"
)

var (
	// ErrWrongPassword says that name, password or code is wrong: never which.
	ErrWrongPassword = errors.New("name, password or code is wrong")
	// ErrNoInvitation says that an invitation is not there, too old or used.
	ErrNoInvitation = errors.New("the invitation is used up or too old")
	// ErrNoSession says that a session is not there or over.
	ErrNoSession = errors.New("there is no such session")
)

// WaitError says that there were wrong tries, and after how long the next one is
// looked at.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string { return fmt.Sprintf("wrong tries: wait %v", e.Wait) }

// Signer lets people sign in. It is safe for concurrent use.
type Signer struct {
	admin *Admin
	// now gives the server's time, and whether the clock's alarm is raised: then
	// nothing ends.
	now      func() (ms int64, alarm bool)
	by, from tries
}

// NewSigner makes the one signer of a server.
func NewSigner(a *Admin, now func() (ms int64, alarm bool)) *Signer {
	return &Signer{admin: a, now: now, by: tries{free: freeTries}, from: tries{free: freeFrom}}
}

func (s *Signer) time() int64 {
	ms, _ := s.now()
	return ms
}

func secret(random io.Reader, n int) (string, syncproto.Hash, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", syncproto.Hash{}, fmt.Errorf("draw a secret: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	return text, hashOf(text), nil
}

func hashOf(secret string) syncproto.Hash { return sha256.Sum256([]byte(secret)) }

// Invite makes the secret of a link by which a person chooses a password, in
// place of any before it. Errors: *UnknownPersonError, *AmbiguousPersonError,
// ErrDisabled.
func (s *Signer) Invite(ctx context.Context, person string) (text string, who store.Person, err error) {
	return s.InviteAs(ctx, person, syncproto.PersonID{})
}

// InviteAs is Invite by somebody who signed in, of whom they look after.
func (s *Signer) InviteAs(ctx context.Context, person string, by syncproto.PersonID) (text string, who store.Person, err error) {
	admin := s.admin.As(by)
	text, hash, err := secret(s.admin.Rand, invitationBytes)
	if err != nil {
		return "", who, err
	}
	err = s.admin.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if who, err = FindPerson(tx, person); err != nil {
			return err
		}
		if err := admin.mayManage(tx, who.ID); err != nil {
			return err
		}
		if who.Disabled {
			return ErrDisabled
		}
		now := s.time()
		if err := tx.DropInvitations(who.ID); err != nil {
			return err
		}
		if err := tx.PutInvitation(store.Invitation{SecretHash: hash, Person: who.ID, Created: now, Expires: now + InvitationValid.Milliseconds()}); err != nil {
			return err
		}
		return admin.note(tx, actInvited, who.ID.String(), "")
	})
	if err != nil {
		return "", store.Person{}, fmt.Errorf("invite: %w", err)
	}
	return text, who, nil
}

// Invited returns whose invitation a secret is. Errors: ErrNoInvitation.
func (s *Signer) Invited(r store.Reader, text string) (store.Person, error) {
	i, err := r.Invitation(hashOf(text))
	now, alarm := s.now()
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && (i.Used != 0 || now >= i.Expires && !alarm):
		return store.Person{}, ErrNoInvitation
	case err != nil:
		return store.Person{}, err
	}
	who, err := r.Person(i.Person)
	if err == nil && who.Disabled {
		err = ErrNoInvitation
	}
	return who, err
}

// Accept uses an invitation up: the person has the password, signs in with it in
// this browser alone, and no second factor of before counts. Errors:
// ErrNoInvitation, ErrWeakPassword.
func (s *Signer) Accept(ctx context.Context, text, password string, b Browser) (token string, err error) {
	// A secret that is none does not cost a hash.
	err = s.admin.Store.View(ctx, func(r store.Reader) error {
		_, err := s.Invited(r, text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("accept the invitation: %w", err)
	}
	encoded, err := hashPassword(s.admin.Rand, password)
	if err != nil {
		return "", err
	}
	token, hash, err := secret(s.admin.Rand, tokenBytes)
	if err != nil {
		return "", err
	}
	err = s.admin.Store.Update(ctx, func(tx store.Tx) error {
		who, err := s.Invited(tx, text)
		if err != nil {
			return err
		}
		now := s.time()
		i, err := tx.Invitation(hashOf(text))
		if err != nil {
			return err
		}
		i.Used, who.Password = now, encoded
		if err := errors.Join(tx.PutInvitation(i), tx.PutPerson(who), tx.DropFactor(who.ID)); err != nil {
			return err
		}
		all, err := tx.Sessions(who.ID)
		if err != nil {
			return err
		}
		for _, x := range all {
			if err := tx.DropSession(x.Token); err != nil {
				return err
			}
		}
		if err := tx.PutSession(b.session(hash, who.ID, now)); err != nil {
			return err
		}
		return s.admin.noteBy(tx, who.ID, actPasswordSet, who.ID.String(), "")
	})
	if err != nil {
		return "", fmt.Errorf("accept the invitation: %w", err)
	}
	return token, nil
}

// Browser is what is known of the browser that asks.
type Browser struct{ Address, Agent string }

func (b Browser) session(token syncproto.Hash, person syncproto.PersonID, now int64) store.Session {
	agent := []rune(b.Agent)
	return store.Session{Token: token, Person: person, Made: now, Seen: now, Address: b.Address, Agent: string(agent[:min(len(agent), maxAgent)])}
}

// SignIn signs a person in, who says their name or id, password and, if they have
// a second factor, its code. Errors: *WaitError, ErrWrongPassword.
func (s *Signer) SignIn(ctx context.Context, name, password, code string, b Browser) (token string, err error) {
	name = persian.Fold(name[:min(len(name), maxAsked)])
	here := name + "\x00" + b.Address
	now := s.time()
	if wait := max(s.by.wait(now, here), s.from.wait(now, b.Address)); wait > 0 {
		return "", &WaitError{Wait: wait}
	}
	// Counted before it is looked at: who asks many times at once gains nothing.
	s.by.wrong(now, here)
	s.from.wrong(now, b.Address)
	who, err := s.named(ctx, name, password)
	if err != nil {
		return "", err
	}
	token, hash, err := secret(s.admin.Rand, tokenBytes)
	if err != nil {
		return "", err
	}
	err = s.admin.Store.Update(ctx, func(tx store.Tx) error {
		session := b.session(hash, who.ID, now)
		f, err := tx.Factor(who.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		default:
			if f.Step, err = stepOf(f.Secret, code, now, f.Step); err != nil {
				return ErrWrongPassword
			}
			if err := tx.PutFactor(f); err != nil {
				return err
			}
			session.Second = true
		}
		if err := s.dropOver(tx, who.ID); err != nil {
			return err
		}
		return tx.PutSession(session)
	})
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	s.by.right(here)
	s.from.right(b.Address)
	return token, nil
}

// named finds the person of that name whose password it is.
func (s *Signer) named(ctx context.Context, folded, password string) (store.Person, error) {
	var found []store.Person
	err := s.admin.Store.View(ctx, func(r store.Reader) error {
		found = nil
		people, err := People(r)
		if err != nil {
			return err
		}
		for _, p := range people {
			if folded != "" && (persian.Fold(p.Name) == folded || persian.Fold(p.ID.String()) == folded) && p.Password != "" && !p.Disabled {
				found = append(found, p)
			}
		}
		return nil
	})
	if err != nil {
		return store.Person{}, fmt.Errorf("sign in: %w", err)
	}
	if len(found) == 0 {
		found = []store.Person{{Password: nobody}}
	}
	for _, p := range found[:min(len(found), maxNamed)] {
		fits, err := passwordFits(p.Password, password)
		if err != nil {
			return store.Person{}, fmt.Errorf("password of %s: %w: %w", p.ID, err, store.ErrCorrupt)
		}
		if fits && !p.ID.IsZero() {
			return p, nil
		}
	}
	return store.Person{}, ErrWrongPassword
}

// over reports whether a session has ended by time.
func (s *Signer) over(x *store.Session) bool {
	now, alarm := s.now()
	return !alarm && (now-x.Seen >= SessionIdle.Milliseconds() || now-x.Made >= SessionLong.Milliseconds())
}

func (s *Signer) dropOver(tx store.Tx, person syncproto.PersonID) error {
	all, err := tx.Sessions(person)
	if err != nil {
		return err
	}
	for i := range all {
		if s.over(&all[i]) {
			if err := tx.DropSession(all[i].Token); err != nil {
				return err
			}
		}
	}
	return nil
}

// Session returns the session of a token and whose it is. Errors: ErrNoSession.
func (s *Signer) Session(r store.Reader, token string) (store.Session, store.Person, error) {
	x, err := r.Session(hashOf(token))
	if errors.Is(err, store.ErrNotFound) || err == nil && s.over(&x) {
		return store.Session{}, store.Person{}, ErrNoSession
	}
	if err != nil {
		return store.Session{}, store.Person{}, err
	}
	who, err := r.Person(x.Person)
	if err == nil && who.Disabled {
		err = ErrNoSession
	}
	return x, who, err
}

// Seen writes down that a session was used, if it was not just now.
func (s *Signer) Seen(ctx context.Context, x store.Session) error {
	now := s.time()
	if now-x.Seen < seenEvery.Milliseconds() {
		return nil
	}
	return s.admin.Store.Update(ctx, func(tx store.Tx) error {
		y, err := tx.Session(x.Token)
		if errors.Is(err, store.ErrNotFound) {
			return nil // ended meanwhile
		}
		if err != nil {
			return err
		}
		y.Seen = now
		return tx.PutSession(y)
	})
}

// SetFactor takes a second factor whose code was typed, for a session of a person
// who has none. Errors: ErrWrongCode, ErrNoSession, *WaitError.
func (s *Signer) SetFactor(ctx context.Context, token, letters, code string) error {
	key, err := readFactor(letters)
	if err != nil {
		return err
	}
	now := s.time()
	step, err := stepOf(key, code, now, 0)
	if err != nil {
		return err
	}
	err = s.admin.Store.Update(ctx, func(tx store.Tx) error {
		x, who, err := s.Session(tx, token)
		if err != nil {
			return err
		}
		if _, err := tx.Factor(who.ID); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(err, ErrNoSession)
		}
		x.Second = true
		if err := errors.Join(tx.PutFactor(store.Factor{Person: who.ID, Secret: key, Step: step}), tx.PutSession(x)); err != nil {
			return err
		}
		return s.admin.noteBy(tx, who.ID, actFactorSet, who.ID.String(), "")
	})
	if err != nil {
		return fmt.Errorf("set the second factor: %w", err)
	}
	return nil
}

// SignOut ends the session of a token.
func (s *Signer) SignOut(ctx context.Context, token string) error {
	return s.admin.Store.Update(ctx, func(tx store.Tx) error { return tx.DropSession(hashOf(token)) })
}

// SessionName is how a session is named to people: the beginning of its hash.
func SessionName(x *store.Session) string { return hex.EncodeToString(x.Token[:6]) }

// Sessions returns the sessions that are not over, of one person, or of everybody
// if it is zero.
func (s *Signer) Sessions(r store.Reader, person syncproto.PersonID) ([]store.Session, error) {
	all, err := r.Sessions(person)
	return slices.DeleteFunc(all, func(x store.Session) bool { return s.over(&x) }), err
}

// End ends the session of that name, of one person or, if it is zero, of anybody;
// it returns whose it was. Who ends another's looks after them, or is the operator.
// Errors: ErrNoSession.
func (s *Signer) End(ctx context.Context, name string, person, by syncproto.PersonID) (store.Session, error) {
	var ended store.Session
	err := s.admin.Store.Update(ctx, func(tx store.Tx) error {
		all, err := tx.Sessions(person)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(x store.Session) bool { return SessionName(&x) == name })
		if i < 0 {
			return ErrNoSession
		}
		ended = all[i]
		if by != ended.Person && s.admin.As(by).mayManage(tx, ended.Person) != nil {
			return ErrNoSession
		}
		if err := tx.DropSession(ended.Token); err != nil {
			return err
		}
		return s.admin.noteBy(tx, by, actSessionEnded, ended.Person.String(), name)
	})
	if err != nil {
		return store.Session{}, fmt.Errorf("end session %s: %w", name, err)
	}
	return ended, nil
}
