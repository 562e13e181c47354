package localstore

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// key is a key of XChaCha20-Poly1305.
type key [chacha20poly1305.KeySize]byte

// sealedOver is by how much sealed bytes are longer than what they hold: a
// random nonce of 24 bytes in front, 16 bytes of authentication behind. At 24
// bytes a nonce may be drawn at random for ever.
const sealedOver = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// bound says where sealed bytes belong: what stands here must be said again to
// open them, so that no row can be passed for another.
func bound(what string, parts ...[]byte) []byte {
	b := append([]byte("mahalleh store 1\n"), what...)
	for _, p := range parts {
		b = binary.AppendUvarint(append(b, 0), uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func newKey(rand io.Reader) (k key, err error) {
	if _, err := io.ReadFull(rand, k[:]); err != nil {
		return k, fmt.Errorf("read random bytes: %w", err)
	}
	return k, nil
}

func (k *key) seal(rand io.Reader, where, plain []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	b := make([]byte, chacha20poly1305.NonceSizeX, len(plain)+sealedOver)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return a.Seal(b, b, plain, where), nil
}

// open returns what was sealed; its error wraps ErrCorrupt.
func (k *key) open(where, sealed []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, fmt.Errorf("open sealed bytes: %w", err)
	}
	if len(sealed) < sealedOver {
		return nil, fmt.Errorf("sealed bytes cut short: %w", ErrCorrupt)
	}
	plain, err := a.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], where)
	if err != nil {
		return nil, fmt.Errorf("sealed bytes do not open: %w", ErrCorrupt)
	}
	return plain, nil
}

// sealTo seals to the holder of an X25519 key: a fresh key pair, whose public
// half leads; HKDF-SHA256 over the shared secret, salted with both public
// keys; XChaCha20-Poly1305. The standard library's HPKE does the same kind of
// thing but takes no source of randomness, which this package is given.
func sealTo(rand io.Reader, public, where, plain []byte) ([]byte, error) {
	to, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("recovery key: %w", err)
	}
	seed, err := newKey(rand)
	if err != nil {
		return nil, err
	}
	fresh, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	shared, err := fresh.ECDH(to)
	if err != nil {
		return nil, fmt.Errorf("recovery key: %w", err)
	}
	k, err := boxKey(shared, fresh.PublicKey().Bytes(), public)
	if err != nil {
		return nil, err
	}
	box, err := k.seal(rand, where, plain)
	if err != nil {
		return nil, err
	}
	return append(fresh.PublicKey().Bytes(), box...), nil
}

// openBox is the reverse of sealTo; bytes that do not open wrap ErrWrongSecret.
func openBox(private *ecdh.PrivateKey, where, box []byte) ([]byte, error) {
	const n = 32
	if len(box) < n+sealedOver {
		return nil, fmt.Errorf("sealed box cut short: %w", ErrCorrupt)
	}
	from, err := ecdh.X25519().NewPublicKey(box[:n])
	if err != nil {
		return nil, fmt.Errorf("sealed box: %w", ErrCorrupt)
	}
	shared, err := private.ECDH(from)
	if err != nil {
		return nil, fmt.Errorf("sealed box: %w", ErrCorrupt)
	}
	k, err := boxKey(shared, box[:n], private.PublicKey().Bytes())
	if err != nil {
		return nil, err
	}
	plain, err := k.open(where, box[n:])
	if err != nil {
		return nil, fmt.Errorf("recovery key: %w", ErrWrongSecret)
	}
	return plain, nil
}

func boxKey(shared, from, to []byte) (k key, err error) {
	salt := append(append([]byte(nil), from...), to...)
	b, err := hkdf.Key(sha256.New, shared, salt, "mahalleh sealed box 1\n", len(k))
	if err != nil {
		return k, fmt.Errorf("derive key: %w", err)
	}
	return key(b), nil
}
