package access

import (
	"crypto/hmac"
	"crypto/sha1" // what RFC 6238 and every authenticator agree on; as an HMAC it is sound
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"mahalleh/schemas/persian"
)

const (
	// factorBytes is the length of a second factor's secret, as RFC 4226 advises.
	factorBytes = 20
	// factorStep is how long a code holds, in milliseconds.
	factorStep = 30_000
	// factorSlack is how many steps a person's clock may be off either way.
	factorSlack = 1
	codeDigits  = 6
	codeModulus = 1_000_000
)

// ErrWrongCode says that a code is not that of now, or was used already.
var ErrWrongCode = errors.New("the code is wrong or was used already")

var factorLetters = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewFactor draws the secret of a second factor, in the letters that people type
// into an authenticator.
func NewFactor(random io.Reader) (string, error) {
	b := make([]byte, factorBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("draw a secret: %w", err)
	}
	return factorLetters.EncodeToString(b), nil
}

// FactorLink is what an authenticator on the same device opens to take up a
// secret.
func FactorLink(secret, person string) string {
	const product = "Mahalleh"
	q := url.Values{"secret": {secret}, "issuer": {product}}
	return "otpauth://totp/" + url.PathEscape(product+":"+person) + "?" + q.Encode()
}

// readFactor reads the letters of a secret; blanks and case do not count.
func readFactor(letters string) ([]byte, error) {
	b, err := factorLetters.DecodeString(strings.ToUpper(strings.Join(strings.Fields(letters), "")))
	if err != nil || len(b) != factorBytes {
		return nil, ErrWrongCode
	}
	return b, nil
}

// codeAt is the code of a step: RFC 4226's truncation of HMAC-SHA-1.
func codeAt(secret []byte, step int64) uint32 {
	m := hmac.New(sha1.New, secret)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 15
	return binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
}

// CodeNow is the code that an authenticator shows for the letters of a secret at a
// moment. Errors: ErrWrongCode for letters that are no secret.
func CodeNow(letters string, ms int64) (string, error) {
	secret, err := readFactor(letters)
	if err != nil {
		return "", err
	}
	return codeText(secret, ms/factorStep), nil
}

func codeText(secret []byte, step int64) string {
	return fmt.Sprintf("%0*d", codeDigits, codeAt(secret, step)%codeModulus)
}

// stepOf finds the step whose code was typed, later than the last that was taken.
func stepOf(secret []byte, typed string, now, last int64) (int64, error) {
	typed = strings.Join(strings.Fields(persian.ToASCIIDigits(typed)), "")
	found := int64(-1)
	for step := now/factorStep - factorSlack; step <= now/factorStep+factorSlack; step++ {
		code := codeText(secret, step)
		if subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1 && step > last {
			found = step
		}
	}
	if found < 0 {
		return 0, ErrWrongCode
	}
	return found, nil
}
