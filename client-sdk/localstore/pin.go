package localstore

import (
	"context"
	"fmt"
)

// pinTries is how many wrong PINs drop what the PIN protects; the passphrase
// still unlocks. A PIN of four digits must not be guessed in the time a phone
// is lent.
const pinTries = 5

// pinned is the device key, sealed in memory under a PIN.
type pinned struct {
	salt, box []byte
	tries     int
}

// SetPIN prepares that a PIN unlocks the store for as long as this process
// lives. Nothing of it is ever written.
func (s *Store) SetPIN(pin string) error {
	s.mu.RLock()
	locked := s.keys == nil
	device := key{}
	if !locked {
		device = s.keys.device
	}
	s.mu.RUnlock()
	if locked {
		return fmt.Errorf("set PIN: %w", ErrLocked)
	}
	s.unlocking.Lock()
	defer s.unlocking.Unlock()
	s.write.Lock()
	defer s.write.Unlock()
	salt := make([]byte, saltSize)
	if err := s.random(salt); err != nil {
		return fmt.Errorf("set PIN: %w", err)
	}
	k, err := passphraseKey(pin, salt, argonMemory, argonPasses)
	if err != nil {
		return fmt.Errorf("set PIN: %w", err)
	}
	box, err := k.seal(s.opt.Rand, bound("pin"), device[:])
	clear(device[:])
	if err != nil {
		return fmt.Errorf("set PIN: %w", err)
	}
	s.pin = pinned{salt: salt, box: box}
	return nil
}

// UnlockPIN unlocks with the PIN of SetPIN. After a few wrong ones the PIN is
// forgotten and says ErrNotFound: only the passphrase helps then.
func (s *Store) UnlockPIN(ctx context.Context, pin string) error {
	s.unlocking.Lock()
	defer s.unlocking.Unlock()
	if s.pin.box == nil {
		return fmt.Errorf("unlock with PIN: %w", ErrNotFound)
	}
	k, err := passphraseKey(pin, s.pin.salt, argonMemory, argonPasses)
	if err != nil {
		return fmt.Errorf("unlock with PIN: %w", err)
	}
	plain, err := k.open(bound("pin"), s.pin.box)
	if err != nil {
		if s.pin.tries++; s.pin.tries >= pinTries {
			s.pin = pinned{}
		}
		return fmt.Errorf("unlock with PIN: %w", ErrWrongSecret)
	}
	s.pin.tries = 0
	if err := s.admit(ctx, key(plain)); err != nil {
		return fmt.Errorf("unlock with PIN: %w", err)
	}
	return nil
}
