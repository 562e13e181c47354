package persian

import "golang.org/x/text/unicode/norm"

// Secret spells a password or passphrase in one way, whichever keyboard it was
// typed on: digits of all three families are one, as are the Arabic and Persian
// yeh and kaf, and blanks at the ends do not count. What is no text stays as it
// is. Keys derive from it, so it may not change.
func Secret(s string) []byte {
	s = ToASCIIDigits(norm.NFKC.String(s))
	if c, err := Clean(s); err == nil {
		s = c
	}
	return []byte(s)
}
