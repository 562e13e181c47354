package localstore

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"mahalleh/syncproto"
)

// keyring is what is in memory while the store is unlocked.
type keyring struct {
	device key
	// scopes by their number in the file; a scope whose key was destroyed is absent.
	scopes map[int64]*scopeKey
	byID   map[syncproto.ScopeID]*scopeKey
	// enrolment signs certificates, noise is the static X25519 key of the
	// session, log signs batches of the current log.
	enrolment ed25519.PrivateKey
	noise     [32]byte
	log       ed25519.PrivateKey
}

type scopeKey struct {
	n     int64
	id    syncproto.ScopeID
	key   key
	purge bool
}

const keyCheck = "mahalleh device key 1\n"

func (s *Store) random(b []byte) error {
	if _, err := io.ReadFull(s.opt.Rand, b); err != nil {
		return fmt.Errorf("read random bytes: %w", err)
	}
	return nil
}

// begin fills a new file.
func (s *Store) begin(ctx context.Context, setup Setup) error {
	k := &keyring{scopes: map[int64]*scopeKey{}, byID: map[syncproto.ScopeID]*scopeKey{}}
	device, err := newKey(s.opt.Rand)
	if err != nil {
		return err
	}
	k.device = device
	seed, err := newKey(s.opt.Rand)
	if err != nil {
		return err
	}
	k.enrolment = ed25519.NewKeyFromSeed(seed[:])
	if err := s.random(k.noise[:]); err != nil {
		return err
	}
	s.life = life{boot: 1, uptime: s.opt.Clock.Uptime()}
	s.keys = k
	err = s.update(ctx, "begin store", func(t *tx) error {
		check, err := k.device.seal(s.opt.Rand, bound("check"), []byte(keyCheck))
		if err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO device (one, boot, uptime, lived, key_check) VALUES (1, ?, ?, 0, ?)",
			s.life.boot, s.life.uptime.Milliseconds(), check)
		if err != nil {
			return err
		}
		for _, c := range setup.Credentials {
			if err := t.putWrap(&k.device, c); err != nil {
				return err
			}
		}
		if len(setup.Recovery) > 0 {
			if err := t.putRecovery(&k.device, setup.Recovery); err != nil {
				return err
			}
		}
		if err := t.putSetting(settingKeys, append(k.enrolment.Seed(), k.noise[:]...)); err != nil {
			return err
		}
		id := setup.Identity
		id.Device = k.deviceID()
		if err := t.putIdentity(id); err != nil {
			return err
		}
		for _, scope := range id.Scopes {
			if _, err := t.scope(scope); err != nil {
				return err
			}
		}
		return t.openLog("first")
	})
	if err != nil {
		return err
	}
	s.writeSide()
	return s.openIndex(ctx)
}

// admit takes the device key as right, once it opened the check, and reads all
// other keys with it.
func (s *Store) admit(ctx context.Context, device key) error {
	k := &keyring{device: device, scopes: map[int64]*scopeKey{}, byID: map[syncproto.ScopeID]*scopeKey{}}
	err := s.view(ctx, func(q querier) error { return k.read(ctx, q) })
	if err != nil {
		return err
	}
	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	s.keys = k
	s.mu.Unlock()
	if err := s.forkIfWanted(ctx); err != nil && !errors.Is(err, ErrFull) {
		return err // a full disk can still be read and exported
	}
	return s.openIndex(ctx)
}

func (k *keyring) read(ctx context.Context, q querier) error {
	var check []byte
	if err := q.QueryRowContext(ctx, "SELECT key_check FROM device").Scan(&check); err != nil {
		return missing(err, ErrCorrupt)
	}
	if _, err := k.device.open(bound("check"), check); err != nil {
		return ErrWrongSecret
	}
	own, err := readSetting(ctx, q, &k.device, settingKeys)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	if len(own) != ed25519.SeedSize+len(k.noise) {
		return fmt.Errorf("keys of %d bytes: %w", len(own), ErrCorrupt)
	}
	k.enrolment = ed25519.NewKeyFromSeed(own[:ed25519.SeedSize])
	copy(k.noise[:], own[ed25519.SeedSize:])
	rows, err := q.QueryContext(ctx, "SELECT n, id, key, purge FROM scope")
	if err != nil {
		return fmt.Errorf("read scopes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var id, sealed []byte
		var purge bool
		if err := rows.Scan(&n, &id, &sealed, &purge); err != nil {
			return fmt.Errorf("read scopes: %w", err)
		}
		if len(sealed) == 0 {
			continue
		}
		plain, err := k.device.open(bound("scope", id), sealed)
		if err != nil || len(plain) != len(key{}) {
			return fmt.Errorf("key of scope %x: %w", id, ErrCorrupt)
		}
		k.add(&scopeKey{n: n, id: syncproto.ScopeID(id), key: key(plain), purge: purge})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read scopes: %w", err)
	}
	return k.readLogKey(ctx, q)
}

func (k *keyring) readLogKey(ctx context.Context, q querier) error {
	var id, sealed []byte
	if err := q.QueryRowContext(ctx, "SELECT id, key FROM log ORDER BY n DESC LIMIT 1").Scan(&id, &sealed); err != nil {
		return fmt.Errorf("read log key: %w", missing(err, ErrCorrupt))
	}
	seed, err := k.device.open(bound("log key", id), sealed)
	if err != nil || len(seed) != ed25519.SeedSize {
		return fmt.Errorf("log key: %w", ErrCorrupt)
	}
	k.log = ed25519.NewKeyFromSeed(seed)
	return nil
}

func (k *keyring) add(sk *scopeKey) {
	k.scopes[sk.n] = sk
	k.byID[sk.id] = sk
}

// of returns the key of a scope by its number; ErrCorrupt if it was destroyed,
// for then no row may point there any more.
func (k *keyring) of(n int64) (*scopeKey, error) {
	if sk := k.scopes[n]; sk != nil {
		return sk, nil
	}
	return nil, fmt.Errorf("no key for scope %d: %w", n, ErrCorrupt)
}

// wipe overwrites the keys. Copies that the runtime made stay until collected.
func (k *keyring) wipe() {
	clear(k.device[:])
	for _, sk := range k.scopes {
		clear(sk.key[:])
	}
	clear(k.enrolment)
	clear(k.noise[:])
	clear(k.log)
}

// Unlocked reports whether the keys are in memory.
func (s *Store) Unlocked() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.keys != nil
}

// open runs f over one snapshot with the keys, or says ErrLocked.
func (s *Store) open(ctx context.Context, f func(q querier, k *keyring) error) error {
	return s.view(ctx, func(q querier) error {
		if s.keys == nil { // view holds mu
			return ErrLocked
		}
		return f(q, s.keys)
	})
}

// change is update for what needs the keys.
func (s *Store) change(ctx context.Context, what string, f func(t *tx, k *keyring) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.changeLocked(ctx, what, f)
}

func (s *Store) changeLocked(ctx context.Context, what string, f func(t *tx, k *keyring) error) error {
	if err := s.ready(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if s.keys == nil {
		return fmt.Errorf("%s: %w", what, ErrLocked)
	}
	return s.updateLocked(ctx, what, func(t *tx) error { return f(t, s.keys) })
}

// scope returns the key of a scope, and makes row and key for one that is new
// or was purged before.
func (t *tx) scope(id syncproto.ScopeID) (*scopeKey, error) {
	s := t.s
	if sk := s.keys.byID[id]; sk != nil {
		return sk, nil
	}
	if id.IsZero() {
		return nil, fmt.Errorf("no scope: %w", ErrBadPage)
	}
	fresh, err := newKey(s.opt.Rand)
	if err != nil {
		return nil, err
	}
	sealed, err := s.keys.device.seal(s.opt.Rand, bound("scope", id[:]), fresh[:])
	if err != nil {
		return nil, err
	}
	sk := &scopeKey{id: id, key: fresh}
	err = t.row(`INSERT INTO scope (id, key, era, sum) VALUES (?, ?, x'', zeroblob(16))
		ON CONFLICT (id) DO UPDATE SET key = excluded.key, purge = 0 RETURNING n`, id[:], sealed).Scan(&sk.n)
	if err != nil {
		return nil, fmt.Errorf("open scope: %w", translate(err))
	}
	// The transaction itself may need the key at once; if it fails, the key
	// has sealed nothing, and the next one makes another.
	t.opened = append(t.opened, sk)
	s.mu.Lock()
	s.keys.add(sk)
	s.mu.Unlock()
	return sk, nil
}
