package wire

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math/rand"
	"testing"
)

// A certificate is of a log of the device that signs it: nobody else's key can
// sign one that is read, whatever a program of their own writes.
func TestNobodyCertifiesAnothersLog(t *testing.T) {
	const seed = 33
	r := rand.New(rand.NewSource(seed))
	for range 50 {
		cert, _ := randomCert(r)
		if again := LogOf(cert.DeviceKey, cert.Log); again != cert.Log {
			t.Fatalf("seed %d: log %v is not of its device: %v", seed, cert.Log, again)
		}
		thief := randomKey(r)
		if own := SignLogCert(*cert, thief); own.Log == cert.Log {
			t.Fatalf("seed %d: two devices sign for log %v", seed, cert.Log)
		}
		forged := *cert
		forged.DeviceKey = [32]byte(thief.Public().(ed25519.PublicKey))
		body := writeFields([]byte{documentVersion}, forged.describe)
		if _, err := DecodeLogCert(sign(bytes.Clone(body), 0, labelLogCert, thief)); !errors.Is(err, ErrMalformed) {
			t.Fatalf("seed %d: another's log under one's own key: %v", seed, err)
		}
	}
}
