package syncproto

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The ways in which an enrolment code can be wrong. ParseEnrolCode wraps them
// in a *CodeError that says where.
var (
	// ErrCodeLetter: a sign that no code contains.
	ErrCodeLetter = errors.New("a sign that no code contains")
	// ErrCodeLength: too few or too many signs.
	ErrCodeLength = errors.New("a code has 40 letters and digits")
	// ErrCodeMistyped: the part's check letter does not fit its other letters.
	ErrCodeMistyped = errors.New("mistyped: the check letter does not fit")
	// ErrCodeTooNew: made by a newer release.
	ErrCodeTooNew = errors.New("the code was made by a newer release")
	// ErrCodeMalformed: the text of a QR code that no server makes.
	ErrCodeMalformed = errors.New("not the text of an enrolment code")
)

// CodeError says which part of a typed code is wrong.
type CodeError struct {
	// Part counts from 1 to CodeParts, 0 if no single part is to blame.
	Part int
	// Text is the part as it was typed, or the wrong sign.
	Text string
	Err  error
}

func (e *CodeError) Error() string {
	if e.Part == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("part %d of %d (%q): %v", e.Part, CodeParts, e.Text, e.Err)
}

func (e *CodeError) Unwrap() error { return e.Err }

// The form of a typed code: 180 bits (version 4, secret 80, number 32,
// fingerprint 64) in four parts of nine letters and a check letter each, which
// people see as two groups of five. A check letter per part, instead of one
// stronger check at the end, is what lets the error say where to look.
const (
	// CodeParts is how many parts with a check letter of its own a code has.
	CodeParts = 4
	// CodeSecretSize is the length of the secret in bytes. It is good once, for
	// some days, and can only be tried at the server, which counts attempts.
	CodeSecretSize = 10
	// CodeFingerprintSize is how many bytes of the fingerprint of the server's
	// keys a code holds: enough that nobody makes other keys that fit it.
	CodeFingerprintSize = 8

	codeVersion = 1
	partLetters = 10
	codeLetters = CodeParts * partLetters
	groupSize   = 5
	// maxCodeText bounds what is read as a typed code, separators included.
	maxCodeText = 512
	// MaxQRText bounds the text of a QR code: 2953 bytes is the most that the
	// largest symbol holds.
	MaxQRText = 2900
)

// codeAlphabet is Crockford's: no I, L, O (read as digits) and no U.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// EnrolCode is what a one-time enrolment code says. It is all that a device
// needs to begin recording before it has ever reached the server.
type EnrolCode struct {
	// Secret is fresh randomness; the server keeps only its hash.
	Secret [CodeSecretSize]byte
	// Number is the short number of the place, usually a neighbourhood.
	Number uint32
	// Fingerprint is how wire.ServerKeys.Fingerprint begins, against which the
	// server's keys are checked at first contact.
	Fingerprint [CodeFingerprintSize]byte
}

// Place is the id of the place for which the code was made.
func (c *EnrolCode) Place() PlaceID { return PlaceOf(c.Fingerprint, c.Number) }

// Author is the provisional identity of the person who enrols by this code:
// the first 16 bytes of SHA-256 over a label and the secret. The device writes
// it into changes until it knows the person; the server, which made the code,
// knows it as another name of that person for ever.
func (c *EnrolCode) Author() PersonID {
	h := sha256.Sum256(append([]byte("mahalleh provisional author 1\n"), c.Secret[:]...))
	return PersonID(h[:16])
}

// SecretHash is what the server keeps of the code.
func (c *EnrolCode) SecretHash() Hash { return sha256.Sum256(c.Secret[:]) }

// Fits reports whether a fingerprint of server keys is the one in the code.
func (c *EnrolCode) Fits(fingerprint Hash) bool {
	return bytes.Equal(c.Fingerprint[:], fingerprint[:CodeFingerprintSize])
}

// PlaceOf is the id of the place with this short number under the server whose
// keys have this fingerprint: the first 16 bytes of SHA-256 over a label, the
// fingerprint and the number, big endian. Two servers' places never meet.
func PlaceOf(fingerprint [CodeFingerprintSize]byte, number uint32) PlaceID {
	b := append([]byte("mahalleh place 1\n"), fingerprint[:]...)
	h := sha256.Sum256(binary.BigEndian.AppendUint32(b, number))
	return PlaceID(h[:16])
}

// String returns the typed form: eight groups of five, joined by hyphens.
func (c *EnrolCode) String() string {
	letters := c.letters()
	groups := make([]string, 0, codeLetters/groupSize)
	for i := 0; i < codeLetters; i += groupSize {
		groups = append(groups, letters[i:i+groupSize])
	}
	return strings.Join(groups, "-")
}

// Parts returns the typed form part by part, as errors count them; a paper
// prints each on its own line.
func (c *EnrolCode) Parts() [CodeParts]string {
	var parts [CodeParts]string
	letters := c.letters()
	for i := range parts {
		p := letters[i*partLetters:]
		parts[i] = p[:groupSize] + "-" + p[groupSize:partLetters]
	}
	return parts
}

func (c *EnrolCode) letters() string {
	// The 180 bits stand at the end of 23 bytes, after four zero bits.
	bits := make([]byte, 0, 23)
	bits = append(bits, codeVersion)
	bits = append(bits, c.Secret[:]...)
	bits = binary.BigEndian.AppendUint32(bits, c.Number)
	bits = append(bits, c.Fingerprint[:]...)
	out := make([]byte, 0, codeLetters)
	var part [partLetters - 1]byte
	for i := range CodeParts {
		for j := range part {
			at := 4 + (i*len(part)+j)*5
			window := uint16(bits[at/8]) << 8
			if at/8+1 < len(bits) {
				window |= uint16(bits[at/8+1])
			}
			part[j] = byte(window>>(11-at%8)) & 31
			out = append(out, codeAlphabet[part[j]])
		}
		out = append(out, codeAlphabet[checkLetter(i, part)])
	}
	return string(out)
}

// checkLetter is the sum of the letters, each times another power of a
// generator of GF(32), plus the part's number: every single wrong letter,
// every exchange of two letters and every exchange of two parts shows.
func checkLetter(part int, letters [partLetters - 1]byte) byte {
	sum := byte(part + 1)
	for i, l := range letters {
		for range i + 1 {
			l <<= 1
			if l&32 != 0 {
				l ^= 0x25 // x^5 + x^2 + 1
			}
		}
		sum ^= l
	}
	return sum
}

// ParseEnrolCode reads a typed code. Letters may be small, hyphens and blanks
// anywhere or nowhere, O is read as 0, I and L as 1, and digits may be Persian
// or Arabic. The error is a *CodeError.
func ParseEnrolCode(text string) (*EnrolCode, error) {
	if len(text) > maxCodeText {
		return nil, &CodeError{Err: ErrCodeLength}
	}
	letters, groups, err := readLetters(text)
	if err != nil {
		return nil, err
	}
	if len(letters) != codeLetters {
		return nil, wrongLength(groups)
	}
	var bits [23]byte
	for i := range CodeParts {
		part := letters[i*partLetters : (i+1)*partLetters]
		if checkLetter(i, [partLetters - 1]byte(part[:partLetters-1])) != part[partLetters-1] {
			return nil, &CodeError{Part: i + 1, Text: spell(part), Err: ErrCodeMistyped}
		}
		for j, l := range part[:partLetters-1] {
			at := 4 + (i*(partLetters-1)+j)*5
			window := uint16(l) << (11 - at%8)
			bits[at/8] |= byte(window >> 8)
			if at/8+1 < len(bits) {
				bits[at/8+1] |= byte(window)
			}
		}
	}
	if bits[0] != codeVersion {
		return nil, &CodeError{Err: ErrCodeTooNew}
	}
	c := &EnrolCode{Number: binary.BigEndian.Uint32(bits[11:15])}
	copy(c.Secret[:], bits[1:11])
	copy(c.Fingerprint[:], bits[15:])
	return c, nil
}

// readLetters turns what was typed into letters' values, and into the groups
// that separators made of them.
func readLetters(text string) (letters []byte, groups [][]byte, err error) {
	start := 0
	cut := func() {
		if len(letters) > start {
			groups = append(groups, letters[start:len(letters):len(letters)])
			start = len(letters)
		}
	}
	for _, r := range text {
		if isSeparator(r) {
			cut()
			continue
		}
		v := letterValue(r)
		if v < 0 {
			return nil, nil, &CodeError{Part: min(len(letters)/partLetters+1, CodeParts), Text: string(r), Err: ErrCodeLetter}
		}
		letters = append(letters, byte(v))
	}
	cut()
	return letters, groups, nil
}

// wrongLength blames the first group that does not have its five letters, if
// the groups are there to tell.
func wrongLength(groups [][]byte) error {
	if len(groups) == codeLetters/groupSize {
		for i, g := range groups {
			if len(g) != groupSize {
				return &CodeError{Part: i*groupSize/partLetters + 1, Text: spell(g), Err: ErrCodeLength}
			}
		}
	}
	if len(groups) == CodeParts {
		for i, g := range groups {
			if len(g) != partLetters {
				return &CodeError{Part: i + 1, Text: spell(g), Err: ErrCodeLength}
			}
		}
	}
	return &CodeError{Err: ErrCodeLength}
}

func spell(values []byte) string {
	b := make([]byte, 0, len(values)+1)
	for i, v := range values {
		if i == groupSize {
			b = append(b, '-')
		}
		b = append(b, codeAlphabet[v])
	}
	return string(b)
}

// isSeparator knows hyphens, dashes, blanks, dots, and the joiners and marks
// that Persian keyboards and copied texts bring.
func isSeparator(r rune) bool {
	switch r {
	case '-', '.', '_', ' ', '\t', '\r', '\n', '\u00a0', '\u00ad', '\u0640', '\u061c', '\ufeff':
		return true
	}
	return r >= '\u2000' && r <= '\u2015' || r >= '\u2028' && r <= '\u202f' || r >= '\u2066' && r <= '\u2069'
}

func letterValue(r rune) int {
	switch {
	case r >= '۰' && r <= '۹':
		return int(r - '۰')
	case r >= '٠' && r <= '٩':
		return int(r - '٠')
	case r >= 'a' && r <= 'z':
		r -= 'a' - 'A'
	}
	switch r {
	case 'O':
		return 0
	case 'I', 'L':
		return 1
	}
	if r >= utf8.RuneSelf {
		return -1
	}
	return strings.IndexByte(codeAlphabet, byte(r))
}
