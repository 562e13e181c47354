package syncproto

import (
	"crypto/sha256"
	"encoding/binary"
)

// Checkpoint is how the chain of administrative acts in one scope stood: after
// Count acts its hash was Head. Devices hold those of their scopes, so that
// whoever runs the server cannot rewrite what was done there unnoticed.
type Checkpoint struct {
	Scope ScopeID
	Count uint64
	Head  Hash
}

// Act is one administrative act as its digest covers it: At in Unix
// milliseconds, By whom (zero for somebody at the server's own machine).
type Act struct {
	Scope              ScopeID
	At                 int64
	By                 PersonID
	What, About, Notes string
}

// SaltSize is how many bytes of salt go into an act's digest.
const SaltSize = 16

// Digest is SHA-256 over a salt and the act, every text with its length before
// it. The salt keeps whoever holds the digest from guessing what was done.
func (a *Act) Digest(salt [SaltSize]byte) Hash {
	b := append([]byte("mahalleh act 1\n"), salt[:]...)
	b = append(b, a.Scope[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(a.At))
	b = append(b, a.By[:]...)
	for _, s := range []string{a.What, a.About, a.Notes} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// ActsNext is the chain after one more act, given its digest. A scope's chain
// begins with a hash of zeros.
func ActsNext(prev, digest Hash) Hash {
	b := append([]byte("mahalleh acts 1\n"), prev[:]...)
	return sha256.Sum256(append(b, digest[:]...))
}

// ActsKnown is half a hash over several checkpoints, in their order; zero for
// none. By it both ends find out in 16 bytes whether they hold the same.
func ActsKnown(known []Checkpoint) (half [16]byte) {
	if len(known) == 0 {
		return half
	}
	b := []byte("mahalleh acts known 1\n")
	for _, c := range known {
		b = append(b, c.Scope[:]...)
		b = binary.BigEndian.AppendUint64(b, c.Count)
		b = append(b, c.Head[:]...)
	}
	sum := sha256.Sum256(b)
	return [16]byte(sum[:])
}
