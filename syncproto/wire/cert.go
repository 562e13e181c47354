package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"mahalleh/syncproto"
)

// LogCert binds a log and the key that signs its batches to a device.
type LogCert struct {
	// Log is LogOf DeviceKey: six random bytes, the others follow.
	Log syncproto.LogID
	// LogKey is the Ed25519 key that signs batches of the log, public.
	LogKey [32]byte
	// DeviceKey is the device's Ed25519 enrolment key, public; it signs the
	// certificate, and DeviceOf of it is the device.
	DeviceKey [32]byte
	// Serial counts the device's logs, from 1.
	Serial uint64
	// Created is when the log was opened, Unix milliseconds by the device's clock.
	Created int64
	// Extra are fields of a newer release, kept.
	Extra []syncproto.ExtraField
	// Signature is by DeviceKey over "mahalleh log certificate 1\n" and all
	// bytes before it.
	Signature [64]byte
}

// Device names the device that the certificate is of.
func (c *LogCert) Device() syncproto.DeviceID { return DeviceOf(c.DeviceKey) }

// Ref is how a batch names a certificate or its tables without repeating
// them: the first 8 bytes of SHA-256 over their encoded form.
type Ref [8]byte

func refOf(b []byte) Ref {
	h := sha256.Sum256(b)
	return Ref(h[:8])
}

// SignLogCert makes a certificate; DeviceKey is taken from key, the device's
// enrolment key, and all but six bytes of Log follow from it.
func SignLogCert(c LogCert, key ed25519.PrivateKey) *LogCert {
	c.DeviceKey = [32]byte(key.Public().(ed25519.PublicKey))
	c.Log = LogOf(c.DeviceKey, c.Log)
	body := writeFields([]byte{documentVersion}, c.describe)
	c.Signature = [64]byte(sign(body, 0, labelLogCert, key)[len(body):])
	return &c
}

// AppendLogCert appends the document: a version byte, fields, the signature.
func AppendLogCert(b []byte, c *LogCert) []byte {
	b = writeFields(append(b, documentVersion), c.describe)
	return append(b, c.Signature[:]...)
}

// DecodeLogCert reads a certificate and verifies its signature. Whether the
// device may write is for the caller to ask.
func DecodeLogCert(buf []byte) (*LogCert, error) {
	if len(buf) > maxCert {
		return nil, fmt.Errorf("log certificate of %d bytes: %w", len(buf), ErrTooLarge)
	}
	body, signature, err := splitSigned(buf)
	if err != nil {
		return nil, fmt.Errorf("log certificate: %w", err)
	}
	c := new(LogCert)
	if err := readDocument(body, c.describe); err != nil {
		return nil, fmt.Errorf("log certificate: %w", err)
	}
	if c.Log.IsZero() || c.LogKey == ([32]byte{}) || c.DeviceKey == ([32]byte{}) || c.Serial == 0 {
		return nil, fmt.Errorf("log certificate lacks a required field: %w", ErrMalformed)
	}
	if c.Log != LogOf(c.DeviceKey, c.Log) {
		return nil, fmt.Errorf("log certificate of another device's log: %w", ErrMalformed)
	}
	c.Signature = [64]byte(signature)
	if err := verify(c.DeviceKey, labelLogCert, body, signature); err != nil {
		return nil, fmt.Errorf("log certificate: %w", err)
	}
	return c, nil
}

func (c *LogCert) describe(f *fields) {
	f.keep(&c.Extra)
	fieldID(f, 1, &c.Log)
	fieldHash(f, 2, &c.LogKey)
	fieldHash(f, 3, &c.DeviceKey)
	fieldNum(f, 4, &c.Serial)
	fieldInt(f, 5, &c.Created)
	f.keepEnd(c.Extra)
}
