package localstore

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"mahalleh/syncproto"
)

// The wait between unlocks: freeTries may follow one another at once, then the
// wait doubles from firstWait to longestWait. It only slows down guessing at
// the screen of a found phone; what protects a copied file is the cost of the
// passphrase. Nothing is ever destroyed.
const (
	freeTries   = 5
	firstWait   = 5 * time.Second
	longestWait = 15 * time.Minute
)

func waitAfter(failures int) time.Duration {
	if failures < freeTries {
		return 0
	}
	w := firstWait
	for range failures - freeTries {
		if w *= 2; w >= longestWait {
			return longestWait
		}
	}
	return w
}

// Unlock brings the keys into memory, fills the index and, if the file turned
// out to be an older copy, opens a new log. It says ErrWrongSecret, or a
// WaitError when too many attempts failed. Unlocking an unlocked store checks
// the credential all the same.
func (s *Store) Unlock(ctx context.Context, c Credential) error {
	return s.try(ctx, func() (key, error) { return s.unwrap(ctx, c) })
}

// UnlockRecovery unlocks with the province's recovery key. Set a new
// passphrase afterwards (SetCredential).
func (s *Store) UnlockRecovery(ctx context.Context, private *ecdh.PrivateKey) error {
	return s.try(ctx, func() (key, error) {
		box, err := s.RecoveryBox(ctx)
		if err != nil {
			return key{}, err
		}
		plain, err := OpenRecoveryBox(private, box)
		if err != nil {
			return key{}, err
		}
		return key(plain), nil
	})
}

// UnlockKey unlocks with the device key itself, as OpenRecoveryBox returned it
// where the recovery key is kept.
func (s *Store) UnlockKey(ctx context.Context, device []byte) error {
	return s.try(ctx, func() (key, error) {
		if len(device) != len(key{}) {
			return key{}, ErrWrongSecret
		}
		return key(device), nil
	})
}

// RecoveryBox is the device key as it is sealed for the recovery key, to be
// carried to where that is kept. ErrNoRecovery if none was known.
func (s *Store) RecoveryBox(ctx context.Context) ([]byte, error) {
	var box []byte
	err := s.view(ctx, func(q querier) error {
		err := q.QueryRowContext(ctx, "SELECT sealed FROM wrap WHERE kind = ?", wrapRecovery).Scan(&box)
		return missing(err, ErrNoRecovery)
	})
	if err != nil {
		return nil, fmt.Errorf("read recovery box: %w", err)
	}
	return box, nil
}

// OpenRecoveryBox returns the device key in a recovery box, for UnlockKey.
func OpenRecoveryBox(private *ecdh.PrivateKey, box []byte) ([]byte, error) {
	w := wrap{kind: wrapRecovery}
	plain, err := openBox(private, w.where(), box)
	if err != nil {
		return nil, fmt.Errorf("open recovery box: %w", err)
	}
	if len(plain) != len(key{}) {
		return nil, fmt.Errorf("open recovery box: %w", ErrCorrupt)
	}
	return plain, nil
}

// try counts the attempt before it is made, so that pulling the battery does
// not give another one, and forgets the failures once it succeeded.
func (s *Store) try(ctx context.Context, attempt func() (key, error)) error {
	s.unlocking.Lock()
	defer s.unlocking.Unlock()
	var failures int
	var wait *WaitError
	err := s.update(ctx, "count attempt", func(t *tx) error {
		var at int64
		if err := t.row("SELECT failures, failed_at FROM device").Scan(&failures, &at); err != nil {
			return missing(err, ErrCorrupt)
		}
		now := s.now()
		left := waitAfter(failures)
		if now >= at {
			left -= time.Duration(now-at) * time.Millisecond
		} else if left > 0 {
			// The clock went back: begin the wait anew, or it might never end.
			if _, err := t.exec("UPDATE device SET failed_at = ?", now); err != nil {
				return err
			}
		}
		if left > 0 {
			wait = &WaitError{For: left}
			return nil
		}
		_, err := t.exec("UPDATE device SET failures = failures + 1, failed_at = ?", now)
		return err
	})
	if err != nil && !errors.Is(err, ErrFull) {
		return fmt.Errorf("unlock: %w", err)
	}
	if wait != nil {
		return fmt.Errorf("unlock: %w", wait)
	}
	device, err := attempt()
	// What the passphrase's cost took stays as garbage otherwise, beside the index
	// that is filled next: a third of what a small phone gives an app.
	debug.FreeOSMemory()
	if err == nil {
		err = s.admit(ctx, device)
	}
	clear(device[:])
	if err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	if err := s.update(ctx, "forget failures", func(t *tx) error {
		_, err := t.exec("UPDATE device SET failures = 0 WHERE failures > 0")
		return err
	}); err != nil && !errors.Is(err, ErrFull) {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}

// unwrap finds the wrap that the credential opens.
func (s *Store) unwrap(ctx context.Context, c Credential) (device key, err error) {
	wraps, err := s.wraps(ctx)
	if err != nil {
		return device, err
	}
	kind := uint8(wrapPassphrase)
	if len(c.KeyFile) > 0 {
		kind = wrapKeyFile
	}
	for _, w := range wraps {
		if w.kind != kind || c.Person != (syncproto.PersonID{}) && c.Person != w.person {
			continue
		}
		k, err := w.unwrapKey(c)
		if err != nil {
			return device, err
		}
		if plain, err := k.open(w.where(), w.sealed); err == nil && len(plain) == len(device) {
			return key(plain), nil
		}
	}
	return device, ErrWrongSecret
}

func (s *Store) wraps(ctx context.Context) (wraps []wrap, err error) {
	err = s.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, "SELECT kind, person, salt, memory, passes, sealed FROM wrap ORDER BY n")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var w wrap
			var person []byte
			if err := rows.Scan(&w.kind, &person, &w.salt, &w.memory, &w.passes, &w.sealed); err != nil {
				return err
			}
			copy(w.person[:], person)
			wraps = append(wraps, w)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	return wraps, nil
}

// People returns who can unlock the device with a passphrase or a key file.
func (s *Store) People(ctx context.Context) ([]syncproto.PersonID, error) {
	wraps, err := s.wraps(ctx)
	if err != nil {
		return nil, err
	}
	var people []syncproto.PersonID
	seen := map[syncproto.PersonID]bool{}
	for _, w := range wraps {
		if w.kind != wrapRecovery && !seen[w.person] {
			seen[w.person] = true
			people = append(people, w.person)
		}
	}
	return people, nil
}

// SetCredential lets a person unlock the device in this way, in place of what
// that person had of the same kind.
func (s *Store) SetCredential(ctx context.Context, c Credential) error {
	return s.change(ctx, "set credential", func(t *tx, k *keyring) error { return t.putWrap(&k.device, c) })
}

// RemoveCredentials takes a person's ways to unlock away; the last person's stay.
func (s *Store) RemoveCredentials(ctx context.Context, person syncproto.PersonID) error {
	return s.change(ctx, "remove credentials", func(t *tx, _ *keyring) error {
		var others int
		err := t.row("SELECT count(*) FROM wrap WHERE kind <> ? AND person <> ?", wrapRecovery, person[:]).Scan(&others)
		if err != nil {
			return err
		}
		if others == 0 {
			return fmt.Errorf("nobody else could unlock the device: %w", ErrWrongSecret)
		}
		_, err = t.exec("DELETE FROM wrap WHERE kind <> ? AND person = ?", wrapRecovery, person[:])
		return err
	})
}

// SetRecovery seals the device key for the province's recovery key, in place
// of the one it was sealed for.
func (s *Store) SetRecovery(ctx context.Context, public []byte) error {
	return s.change(ctx, "set recovery key", func(t *tx, k *keyring) error { return t.putRecovery(&k.device, public) })
}

// Lock takes the keys and the index out of memory, after the snapshot of the
// index has been brought up to date if that is worth writing.
func (s *Store) Lock(ctx context.Context) error {
	err := s.saveSnapshot(ctx, snapshotWorth)
	s.write.Lock()
	defer s.write.Unlock()
	if s.keys == nil {
		return nil
	}
	s.dropKeys()
	if err != nil && !errors.Is(err, ErrFull) {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

func (s *Store) dropKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != nil {
		s.index.close()
		s.index = nil
	}
	if s.keys != nil {
		s.keys.wipe()
		s.keys = nil
	}
}
