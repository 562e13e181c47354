package localstore

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/argon2"

	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// Credential is one way to unlock: a passphrase or a key file's content.
type Credential struct {
	// Person is whose it is; zero tries everybody's.
	Person syncproto.PersonID
	// Passphrase, or else KeyFile: at least MinKeyFile random bytes.
	Passphrase string
	KeyFile    []byte
}

// MinKeyFile is the least a key file may hold, in bytes: as much as the key
// that is made of it.
const MinKeyFile = 32

// The kinds of wrap, as stored.
const (
	wrapPassphrase = 1
	wrapKeyFile    = 2
	wrapRecovery   = 3
)

// The cost of a passphrase: argon2id at 19 MiB in two passes (OWASP's least
// memory for it), because a cheap phone must bear it beside everything else.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	// maxArgonMemory and maxArgonPasses bound what a damaged or planted file
	// can make an unlock cost.
	maxArgonMemory = 256 << 10
	maxArgonPasses = 16
	saltSize       = 16
)

func passphraseKey(passphrase string, salt []byte, memory, passes uint32) (key, error) {
	if memory > maxArgonMemory || passes > maxArgonPasses || memory == 0 || passes == 0 {
		return key{}, fmt.Errorf("cost of the passphrase: %w", ErrCorrupt)
	}
	return key(argon2.IDKey(persian.Secret(passphrase), salt, passes, memory, 1, uint32(len(key{})))), nil
}

func keyFileKey(content, salt []byte) (k key, err error) {
	if len(content) < MinKeyFile {
		return k, fmt.Errorf("key file of %d bytes, at least %d are needed: %w", len(content), MinKeyFile, ErrWrongSecret)
	}
	b, err := hkdf.Key(sha256.New, content, salt, "mahalleh key file 1\n", len(k))
	if err != nil {
		return k, fmt.Errorf("derive key: %w", err)
	}
	return key(b), nil
}

// wrap is one row of the table wrap.
type wrap struct {
	kind           uint8
	person         syncproto.PersonID
	salt           []byte
	memory, passes uint32
	sealed         []byte
}

func (w *wrap) where() []byte { return bound("wrap", []byte{w.kind}, w.person[:]) }

// unwrapKey derives the key that seals the device key in this wrap.
func (w *wrap) unwrapKey(c Credential) (key, error) {
	if w.kind == wrapPassphrase {
		return passphraseKey(c.Passphrase, w.salt, w.memory, w.passes)
	}
	return keyFileKey(c.KeyFile, w.salt)
}

// putWrap seals the device key for a credential, in place of what that person
// had of the kind.
func (t *tx) putWrap(device *key, c Credential) error {
	w := wrap{kind: wrapPassphrase, person: c.Person, salt: make([]byte, saltSize), memory: argonMemory, passes: argonPasses}
	if len(c.KeyFile) > 0 {
		w.kind, w.memory, w.passes = wrapKeyFile, 0, 0
	} else if len(persian.Secret(c.Passphrase)) == 0 {
		return fmt.Errorf("empty passphrase: %w", ErrWrongSecret)
	}
	if err := t.s.random(w.salt); err != nil {
		return err
	}
	k, err := w.unwrapKey(c)
	if err != nil {
		return err
	}
	if w.sealed, err = k.seal(t.s.opt.Rand, w.where(), device[:]); err != nil {
		return err
	}
	return t.insertWrap(&w)
}

// putRecovery seals the device key for the holder of the recovery key.
func (t *tx) putRecovery(device *key, public []byte) error {
	w := wrap{kind: wrapRecovery, salt: public}
	var err error
	if w.sealed, err = sealTo(t.s.opt.Rand, public, w.where(), device[:]); err != nil {
		return err
	}
	return t.insertWrap(&w)
}

func (t *tx) insertWrap(w *wrap) error {
	if _, err := t.exec("DELETE FROM wrap WHERE kind = ? AND person = ?", w.kind, w.person[:]); err != nil {
		return err
	}
	_, err := t.exec("INSERT INTO wrap (kind, person, salt, memory, passes, sealed) VALUES (?, ?, ?, ?, ?, ?)",
		w.kind, w.person[:], w.salt, w.memory, w.passes, w.sealed)
	return err
}
