package sqlitestore

import (
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Invitation implements store.SigninReader.
func (r *reader) Invitation(secret syncproto.Hash) (i store.Invitation, err error) {
	err = r.c.one("SELECT person, created, expires, used_at FROM invitations WHERE secret_hash = ?", func(row *row) error {
		i = store.Invitation{SecretHash: secret, Person: row.id(), Created: row.int(), Expires: row.int(), Used: row.int()}
		return nil
	}, secret[:])
	if err != nil {
		return store.Invitation{}, fmt.Errorf("invitation: %w", err)
	}
	return i, nil
}

// PutInvitation implements store.SigninWriter.
func (t *tx) PutInvitation(i store.Invitation) error {
	err := t.put(`INSERT INTO invitations (secret_hash, person, created, expires, used_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (secret_hash) DO UPDATE SET person = excluded.person, created = excluded.created, expires = excluded.expires, used_at = excluded.used_at`,
		i.SecretHash[:], i.Person[:], i.Created, i.Expires, i.Used)
	if err != nil {
		return fmt.Errorf("put invitation of %s: %w", i.Person, err)
	}
	return nil
}

// DropInvitations implements store.SigninWriter.
func (t *tx) DropInvitations(person syncproto.PersonID) error {
	if err := t.put("DELETE FROM invitations WHERE person = ?", person[:]); err != nil {
		return fmt.Errorf("drop invitations of %s: %w", person, err)
	}
	return nil
}

// Factor implements store.SigninReader.
func (r *reader) Factor(person syncproto.PersonID) (f store.Factor, err error) {
	err = r.c.one("SELECT secret, step FROM factors WHERE person = ?", func(row *row) error {
		f = store.Factor{Person: person, Secret: row.blob(), Step: row.int()}
		return nil
	}, person[:])
	if err != nil {
		return store.Factor{}, fmt.Errorf("second factor of %s: %w", person, err)
	}
	return f, nil
}

// PutFactor implements store.SigninWriter.
func (t *tx) PutFactor(f store.Factor) error {
	err := t.put("INSERT INTO factors (person, secret, step) VALUES (?, ?, ?) ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, step = excluded.step",
		f.Person[:], f.Secret, f.Step)
	if err != nil {
		return fmt.Errorf("put second factor of %s: %w", f.Person, err)
	}
	return nil
}

// DropFactor implements store.SigninWriter.
func (t *tx) DropFactor(person syncproto.PersonID) error {
	if err := t.put("DELETE FROM factors WHERE person = ?", person[:]); err != nil {
		return fmt.Errorf("drop second factor of %s: %w", person, err)
	}
	return nil
}

const sessionColumns = "SELECT token_hash, person, made, seen, second, address, agent FROM sessions "

func scanSession(row *row) store.Session {
	return store.Session{Token: row.hash(), Person: row.id(), Made: row.int(), Seen: row.int(), Second: row.int() != 0, Address: row.text(), Agent: row.text()}
}

// Session implements store.SigninReader.
func (r *reader) Session(token syncproto.Hash) (s store.Session, err error) {
	err = r.c.one(sessionColumns+"WHERE token_hash = ?", func(row *row) error { s = scanSession(row); return nil }, token[:])
	if err != nil {
		return store.Session{}, fmt.Errorf("session: %w", err)
	}
	return s, nil
}

// Sessions implements store.SigninReader.
func (r *reader) Sessions(person syncproto.PersonID) (list []store.Session, err error) {
	add := func(row *row) error { list = append(list, scanSession(row)); return nil }
	if person.IsZero() {
		err = r.each(sessionColumns+"ORDER BY made DESC, token_hash", add)
	} else {
		err = r.each(sessionColumns+"WHERE person = ? ORDER BY made DESC, token_hash", add, person[:])
	}
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return list, nil
}

// PutSession implements store.SigninWriter.
func (t *tx) PutSession(s store.Session) error {
	err := t.put(`INSERT INTO sessions (token_hash, person, made, seen, second, address, agent) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (token_hash) DO UPDATE SET person = excluded.person, made = excluded.made, seen = excluded.seen,
			second = excluded.second, address = excluded.address, agent = excluded.agent`,
		s.Token[:], s.Person[:], s.Made, s.Seen, yes(s.Second), s.Address, s.Agent)
	if err != nil {
		return fmt.Errorf("put session of %s: %w", s.Person, err)
	}
	return nil
}

// DropSession implements store.SigninWriter.
func (t *tx) DropSession(token syncproto.Hash) error {
	if err := t.put("DELETE FROM sessions WHERE token_hash = ?", token[:]); err != nil {
		return fmt.Errorf("drop session: %w", err)
	}
	return nil
}
