package schemas

import (
	"strings"
	"unicode/utf8"

	"mahalleh/schemas/persian"
)

// cleanInput applies the safe cleanup to a text that a person typed; long text
// keeps its line ends. It is false for a text with bytes that are no text, or
// with U+FFFD, which some reader before us put where it lost a letter.
func cleanInput(s string, long bool) (string, bool) {
	if strings.ContainsRune(s, utf8.RuneError) {
		return "", false
	}
	clean := persian.Clean
	if long {
		clean = persian.CleanMultiline
	}
	cleaned, err := clean(s)
	return cleaned, err == nil
}

// cleanWord applies the safe cleanup to a word that is only compared; what is no text stays as it is.
func cleanWord(s string) string {
	if cleaned, ok := cleanInput(s, false); ok {
		return cleaned
	}
	return s
}
