package localstore

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Identity is who this device is, as enrolment made it.
type Identity struct {
	// Device is made of the enrolment key; the store fills it in.
	Device syncproto.DeviceID
	// Person is the author enrolled first; until the server confirmed it, it
	// may be Provisional, an id made on the device.
	Person      syncproto.PersonID
	Provisional bool
	Name        string
	// Place is the neighbourhood, Scopes those that may be recorded in at once.
	Place  syncproto.PlaceID
	Scopes []syncproto.ScopeID
	// Server is the server's key document (wire.AppendServerKeys), empty while
	// only its Fingerprint is known.
	Server      []byte
	Fingerprint []byte
	Addresses   []string
	// Secret is the secret of the enrolment code; First that of the code under
	// whose author the device records, if that one was refused.
	Secret    []byte
	First     []byte `json:",omitempty"`
	Confirmed bool
}

// Keys are the device's secret keys.
type Keys struct {
	// Enrolment signs log certificates and proves the device.
	Enrolment ed25519.PrivateKey
	// Noise is the static X25519 key of the session, private.
	Noise [32]byte
	// Log signs the batches of the current log.
	Log ed25519.PrivateKey
}

const (
	settingKeys     = "keys"
	settingIdentity = "identity"
	// settingPrefix keeps the caller's names apart from these.
	settingPrefix = "app."
)

func (k *keyring) deviceID() syncproto.DeviceID {
	return wire.DeviceOf([32]byte(k.enrolment.Public().(ed25519.PublicKey)))
}

// Keys returns copies of the device's keys; the caller drops them when the
// store is locked.
func (s *Store) Keys() (Keys, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.keys == nil {
		return Keys{}, ErrLocked
	}
	return Keys{
		Enrolment: append(ed25519.PrivateKey(nil), s.keys.enrolment...),
		Noise:     s.keys.noise,
		Log:       append(ed25519.PrivateKey(nil), s.keys.log...),
	}, nil
}

// Identity returns who this device is.
func (s *Store) Identity(ctx context.Context) (id Identity, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		b, err := readSetting(ctx, q, &k.device, settingIdentity)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &id); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return nil
	})
	if err != nil {
		return Identity{}, fmt.Errorf("read identity: %w", err)
	}
	return id, nil
}

// SetIdentity replaces who this device is, but for Device, and opens the scopes.
func (s *Store) SetIdentity(ctx context.Context, id Identity) error {
	return s.change(ctx, "store identity", func(t *tx, k *keyring) error {
		id.Device = k.deviceID()
		for _, scope := range id.Scopes {
			if _, err := t.scope(scope); err != nil {
				return err
			}
		}
		return t.putIdentity(id)
	})
}

func (t *tx) putIdentity(id Identity) error {
	b, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("encode identity: %w", err)
	}
	return t.putSetting(settingIdentity, b)
}

// Setting returns a value that SetSetting stored, ErrNotFound if there is none.
func (s *Store) Setting(ctx context.Context, name string) (value []byte, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		value, err = readSetting(ctx, q, &k.device, settingPrefix+name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, nil
}

// SetSetting stores a value of the application, sealed by the device key; nil
// removes it.
func (s *Store) SetSetting(ctx context.Context, name string, value []byte) error {
	return s.change(ctx, "store setting "+name, func(t *tx, _ *keyring) error {
		if value == nil {
			_, err := t.exec("DELETE FROM setting WHERE name = ?", settingPrefix+name)
			return err
		}
		return t.putSetting(settingPrefix+name, value)
	})
}

func (t *tx) putSetting(name string, value []byte) error {
	sealed, err := t.s.keys.device.seal(t.s.opt.Rand, bound("setting", []byte(name)), value)
	if err != nil {
		return err
	}
	_, err = t.exec("INSERT INTO setting (name, sealed) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed", name, sealed)
	return err
}

func readSetting(ctx context.Context, q querier, device *key, name string) ([]byte, error) {
	var sealed []byte
	if err := q.QueryRowContext(ctx, "SELECT sealed FROM setting WHERE name = ?", name).Scan(&sealed); err != nil {
		return nil, missing(err, ErrNotFound)
	}
	return device.open(bound("setting", []byte(name)), sealed)
}

// NoteServerTime stores the server's clock as it was told just now. From then
// on changes carry by how much the device's clock differs.
func (s *Store) NoteServerTime(ctx context.Context, server time.Time) error {
	return s.update(ctx, "store server time", func(t *tx) error {
		correction := server.UnixMilli() - s.now()
		if _, err := t.exec("UPDATE device SET server_time = ?, correction = ?", server.UnixMilli(), correction); err != nil {
			return err
		}
		t.done(func() { s.life.correction = &correction })
		return t.tick()
	})
}

// ServerTime returns the server's clock at the last contact, and by how much
// the device's was behind it then; ok is false before the first contact.
func (s *Store) ServerTime(ctx context.Context) (last time.Time, ahead time.Duration, ok bool, err error) {
	err = s.view(ctx, func(q querier) error {
		var at int64
		var correction *int64
		if err := q.QueryRowContext(ctx, "SELECT server_time, correction FROM device").Scan(&at, &correction); err != nil {
			return missing(err, ErrCorrupt)
		}
		if correction != nil {
			last, ahead, ok = time.UnixMilli(at), time.Duration(*correction)*time.Millisecond, true
		}
		return nil
	})
	if err != nil {
		return last, 0, false, fmt.Errorf("read server time: %w", err)
	}
	return last, ahead, ok, nil
}
