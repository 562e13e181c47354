package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"mahalleh/syncproto"
)

// ErrSignature says that a signature does not fit what it should cover.
var ErrSignature = errors.New("signature does not fit")

// documentVersion leads every signed document; another number is another format.
const documentVersion = 1

// The labels that lead what is signed or hashed, so that no signature or hash
// made for one purpose serves another.
const (
	labelDevice     = "mahalleh device 1\n"
	labelServer     = "mahalleh server 1\n"
	labelServerKeys = "mahalleh server keys 1\n"
	labelLogID      = "mahalleh log id 1\n"
	labelLogCert    = "mahalleh log certificate 1\n"
	labelReceipt    = "mahalleh receipt 1\n"
	labelBatch      = "mahalleh batch 1\n"
)

// DeviceOf names the device that holds an Ed25519 enrolment key: the first 16
// bytes of SHA-256 over a label and the public key.
func DeviceOf(key [32]byte) syncproto.DeviceID {
	h := labelled(labelDevice, key[:])
	return syncproto.DeviceID(h[:16])
}

// ServerOf names the server that holds an Ed25519 receipt key, as DeviceOf
// does for devices.
func ServerOf(receiptKey [32]byte) syncproto.DeviceID {
	h := labelled(labelServer, receiptKey[:])
	return syncproto.DeviceID(h[:16])
}

// logNonce is how many bytes of a log's id are its own.
const logNonce = 6

// LogOf names the log of a device that has the first six bytes of an id: the
// others are of a hash over a label, the device's Ed25519 enrolment key and those
// six. So only who holds the key can certify a log of this id.
func LogOf(deviceKey [32]byte, id syncproto.LogID) syncproto.LogID {
	h := labelled(labelLogID, append(deviceKey[:], id[:logNonce]...))
	copy(id[logNonce:], h[:])
	return id
}

func labelled(label string, b []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(label))
	h.Write(b)
	return [32]byte(h.Sum(nil))
}

// ServerKeys is what a device must know of its server. It travels in the
// enrolment code, or unprotected with its fingerprint in the code.
type ServerKeys struct {
	// Noise is the static X25519 key of the handshake, Receipt the Ed25519 key
	// that signs receipts, Recovery the X25519 key to which a device seals its
	// own key, zero if the province has none. All public.
	Noise, Receipt, Recovery [32]byte
	// Extra are fields of a newer release, kept.
	Extra []syncproto.ExtraField
}

// Fingerprint is SHA-256 over a label and the encoded document.
func (k *ServerKeys) Fingerprint() syncproto.Hash {
	return labelled(labelServerKeys, AppendServerKeys(nil, k))
}

// AppendServerKeys appends the document: a version byte, then fields.
func AppendServerKeys(b []byte, k *ServerKeys) []byte {
	return writeFields(append(b, documentVersion), k.describe)
}

// DecodeServerKeys reads the document; handshake and receipt key must be there.
func DecodeServerKeys(buf []byte) (*ServerKeys, error) {
	k := new(ServerKeys)
	if err := readDocument(buf, k.describe); err != nil {
		return nil, fmt.Errorf("server keys: %w", err)
	}
	if k.Noise == ([32]byte{}) || k.Receipt == ([32]byte{}) {
		return nil, fmt.Errorf("server keys: a required key is missing: %w", ErrMalformed)
	}
	return k, nil
}

func (k *ServerKeys) describe(f *fields) {
	f.keep(&k.Extra)
	fieldHash(f, 1, &k.Noise)
	fieldHash(f, 2, &k.Receipt)
	fieldHash(f, 3, &k.Recovery)
	f.keepEnd(k.Extra)
}

// readDocument reads a version byte and fields, all of buf.
func readDocument(buf []byte, describe func(*fields)) error {
	if len(buf) == 0 {
		return fmt.Errorf("version: %w", ErrTruncated)
	}
	if buf[0] != documentVersion {
		return fmt.Errorf("version %d: %w", buf[0], ErrTooNew)
	}
	_, err := readFields(buf[1:], describe)
	return err
}

// sign appends an Ed25519 signature over label and body, where body is the
// part of b from start on.
func sign(b []byte, start int, label string, key ed25519.PrivateKey) []byte {
	return append(b, ed25519.Sign(key, append([]byte(label), b[start:]...))...)
}

// splitSigned parts a signed document into body and signature.
func splitSigned(buf []byte) (body, signature []byte, err error) {
	if len(buf) < ed25519.SignatureSize+1 {
		return nil, nil, fmt.Errorf("signed document: %w", ErrTruncated)
	}
	n := len(buf) - ed25519.SignatureSize
	return buf[:n:n], buf[n:], nil
}

func verify(key [32]byte, label string, body, signature []byte) error {
	if !ed25519.Verify(key[:], append([]byte(label), body...), signature) {
		return ErrSignature
	}
	return nil
}
