package syncproto

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// EnrolSheet is what a QR code says: the code, and all that a typed code has
// to ask the server for.
type EnrolSheet struct {
	Code EnrolCode
	// Addresses are where the server listens, host:port or a URL, in the order
	// in which to try them.
	Addresses []string
	// Keys is the server's key document, see wire.ServerKeys; whoever uses it
	// checks first that its fingerprint Fits the code.
	Keys []byte
	// Person and PersonName are for whom the code was made.
	Person     PersonID
	PersonName string
	// PlaceName is the place's name; its id is Code.Place().
	PlaceName string
	// Compartments name the scopes of that place which the person may use.
	Compartments []string
}

// Bounds of a sheet's lists; a QR code holds no more anyway.
const (
	maxSheetAddresses    = 8
	maxSheetCompartments = 32
)

const (
	sheetPrefix = "mahalleh:enrol?"
	sheetFormat = "1"
)

// Scopes returns the ids of the sheet's scopes.
func (s *EnrolSheet) Scopes() []ScopeID {
	ids := make([]ScopeID, len(s.Compartments))
	for i, c := range s.Compartments {
		ids[i] = ScopeOf(s.Code.Place(), c)
	}
	return ids
}

// Text returns the text of the QR code: "mahalleh:enrol?" and a query with f
// the format, c the code, k the keys in unpadded base64url, p and n the person
// and name, l the place's name, each a an address, each s a compartment, in
// this order. The error says that it is longer than MaxQRText.
func (s *EnrolSheet) Text() (string, error) {
	var b strings.Builder
	b.WriteString(sheetPrefix + "f=" + sheetFormat + "&c=" + s.Code.letters())
	put := func(key, value string) {
		if value != "" {
			b.WriteString("&" + key + "=" + url.QueryEscape(value))
		}
	}
	put("k", base64.RawURLEncoding.EncodeToString(s.Keys))
	if !s.Person.IsZero() {
		put("p", s.Person.String())
	}
	put("n", s.PersonName)
	put("l", s.PlaceName)
	for _, a := range s.Addresses {
		put("a", a)
	}
	for _, c := range s.Compartments {
		put("s", c)
	}
	text := b.String()
	if len(text) > MaxQRText {
		return "", fmt.Errorf("%d bytes do not fit into a QR code: %w", len(text), ErrCodeMalformed)
	}
	return text, nil
}

// IsEnrolSheet reports whether a text is a QR code's rather than typed.
func IsEnrolSheet(text string) bool {
	text = strings.TrimSpace(text)
	return len(text) >= len(sheetPrefix) && strings.EqualFold(text[:len(sheetPrefix)], sheetPrefix)
}

// ParseEnrolSheet reads the text of a QR code. Keys that it does not know are
// passed over. The error wraps ErrCodeMalformed, ErrCodeTooNew, or is the
// *CodeError of the code inside.
func ParseEnrolSheet(text string) (*EnrolSheet, error) {
	text = strings.TrimSpace(text)
	if !IsEnrolSheet(text) || len(text) > MaxQRText {
		return nil, ErrCodeMalformed
	}
	q, err := url.ParseQuery(text[len(sheetPrefix):])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCodeMalformed, err)
	}
	if q.Get("f") != sheetFormat {
		return nil, ErrCodeTooNew
	}
	for key, values := range q {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, fmt.Errorf("%w: %q is not UTF-8", ErrCodeMalformed, key)
			}
		}
	}
	code, err := ParseEnrolCode(q.Get("c"))
	if err != nil {
		return nil, fmt.Errorf("code in the QR text: %w", err)
	}
	s := &EnrolSheet{Code: *code, PersonName: q.Get("n"), PlaceName: q.Get("l"), Addresses: q["a"], Compartments: q["s"]}
	if len(s.Addresses) > maxSheetAddresses || len(s.Compartments) > maxSheetCompartments {
		return nil, fmt.Errorf("%w: too many addresses or compartments", ErrCodeMalformed)
	}
	if s.Keys, err = base64.RawURLEncoding.Strict().DecodeString(q.Get("k")); err != nil || len(s.Keys) == 0 {
		return nil, fmt.Errorf("%w: server keys", ErrCodeMalformed)
	}
	if p := q.Get("p"); p != "" {
		id, err := ParseID(p)
		if err != nil {
			return nil, fmt.Errorf("%w: person: %w", ErrCodeMalformed, err)
		}
		s.Person = id
	}
	return s, nil
}
