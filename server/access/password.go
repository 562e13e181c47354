package access

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"

	"mahalleh/schemas/persian"
)

// MinPassword is the least number of letters of a password, MaxPassword the most
// bytes that are looked at.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// The cost of a password: argon2id at 19 MiB in two passes.
const (
	passwordMemory = 19 << 10 // KiB
	passwordPasses = 2
	passwordSalt   = 16
	passwordKey    = 32
	// The most that a stored password may cost: a damaged row must not cost more.
	maxPasswordMemory = 256 << 10
	maxPasswordPasses = 16
)

// ErrWeakPassword says that a password is shorter than MinPassword or longer than
// MaxPassword.
var ErrWeakPassword = errors.New("the password is too short or too long")

var errNoHash = errors.New("not an encoded argon2id hash")

// hashing bounds how many passwords are hashed at a time, so that strangers who
// try some cannot take the server's memory.
var hashing = make(chan struct{}, 2)

func derive(password string, salt []byte, memory, passes uint32) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey(persian.Secret(password), salt, passes, memory, 1, passwordKey)
}

// hashPassword encodes a new password as it is stored.
func hashPassword(random io.Reader, password string) (string, error) {
	if len(password) > MaxPassword || persian.Length(string(persian.Secret(password))) < MinPassword {
		return "", ErrWeakPassword
	}
	salt := make([]byte, passwordSalt)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	key := derive(password, salt, passwordMemory, passwordPasses)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, passwordMemory, passwordPasses, b64(salt), b64(key)), nil
}

// passwordFits reports whether a password is the one that was encoded.
func passwordFits(encoded, password string) (bool, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false, errNoHash
	}
	var version int
	var memory, passes, lanes uint32
	_, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes)
	if err != nil || version != argon2.Version || lanes != 1 || memory == 0 || memory > maxPasswordMemory || passes == 0 || passes > maxPasswordPasses {
		return false, errNoHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, errNoHash
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(key) != passwordKey {
		return false, errNoHash
	}
	if len(password) > MaxPassword {
		return false, nil
	}
	return subtle.ConstantTimeCompare(derive(password, salt, memory, passes), key) == 1, nil
}

// nobody is the password of nobody: what is tried for a name that is not there
// costs as much as for one that is.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
