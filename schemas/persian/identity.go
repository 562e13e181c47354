package persian

import (
	"fmt"
	"strings"
)

// maxIDBytes bounds a typed identifier or telephone number: the longest has
// 14 digits of two bytes, with room for separators and direction marks.
const maxIDBytes = 96

// ParseNationalID returns the ten ASCII digits of an Iranian national id typed
// in any digits, with blanks or hyphens. Eight or nine digits are a number
// whose leading zeros a spreadsheet ate, and are padded. The check digit is
// that of the civil registry: with s the sum of digit i times 11-i over the
// first nine and r = s mod 11, it is r below two and 11-r otherwise. Numbers
// of one digit pass that sum and are refused; prefix 000 is issued to nobody
// and passes only with testMode. Errors wrap ErrEmpty, ErrSyntax, ErrTooLong,
// ErrLength, ErrRepeated, ErrTestNumber or ErrCheckDigit and never repeat the
// number, which identifies a person.
func ParseNationalID(s string, testMode bool) (string, error) {
	id, err := parseDigits(s, "national id")
	if err != nil {
		return "", err
	}
	if n := len(id); n < 8 || n > 10 {
		return "", fmt.Errorf("persian: national id of %d digits: %w", n, ErrLength)
	}
	id = strings.Repeat("0", 10-len(id)) + id
	if allEqual(id) {
		return "", fmt.Errorf("persian: national id: %w", ErrRepeated)
	}
	sum := 0
	for i, d := range []byte(id[:9]) {
		sum += int(d-'0') * (10 - i)
	}
	check := sum % 11
	if check >= 2 {
		check = 11 - check
	}
	if int(id[9]-'0') != check {
		return "", fmt.Errorf("persian: national id: %w", ErrCheckDigit)
	}
	if strings.HasPrefix(id, "000") && !testMode {
		return "", fmt.Errorf("persian: national id: %w", ErrTestNumber)
	}
	return id, nil
}

// ParseMobile returns an Iranian mobile number as 09xxxxxxxxx from what people
// type: any digits, +98, 0098 or 98 in front, the leading zero left out or
// kept behind the country code, blanks, hyphens and brackets. Errors wrap
// ErrEmpty, ErrTooLong, ErrSyntax or ErrLength.
func ParseMobile(s string) (string, error) {
	if len(s) > maxIDBytes {
		return "", fmt.Errorf("persian: mobile number: %w", ErrTooLong)
	}
	c, err := Clean(s)
	if err != nil {
		return "", err
	}
	c, plus := strings.CutPrefix(c, "+")
	if !plus {
		c, plus = strings.CutSuffix(c, "+") // as right-to-left fields leave it
	}
	digits, err := parseDigits(strings.NewReplacer("(", "", ")", "").Replace(c), "mobile number")
	if err != nil {
		return "", err
	}
	national, foreign := strings.CutPrefix(digits, "0098")
	if !foreign && (plus || len(digits) >= 12) {
		national, foreign = strings.CutPrefix(digits, "98")
	}
	if plus && !foreign {
		return "", fmt.Errorf("persian: mobile number of another country: %w", ErrSyntax)
	}
	national = strings.TrimPrefix(national, "0")
	if len(national) != 10 {
		return "", fmt.Errorf("persian: mobile number of %d digits: %w", len(digits), ErrLength)
	}
	if national[0] != '9' {
		return "", fmt.Errorf("persian: mobile number must begin with 09: %w", ErrSyntax)
	}
	return "0" + national, nil
}

// ParsePostalCode returns the ten ASCII digits of a postal code typed in any
// digits, with blanks or a hyphen. One digit ten times is what people type to
// get past the field, and is refused. Errors wrap ErrEmpty, ErrTooLong,
// ErrSyntax, ErrLength or ErrRepeated.
func ParsePostalCode(s string) (string, error) {
	code, err := parseDigits(s, "postal code")
	switch {
	case err != nil:
		return "", err
	case len(code) != 10:
		return "", fmt.Errorf("persian: postal code of %d digits: %w", len(code), ErrLength)
	case allEqual(code):
		return "", fmt.Errorf("persian: postal code: %w", ErrRepeated)
	}
	return code, nil
}

func parseDigits(s, what string) (string, error) {
	if len(s) > maxIDBytes {
		return "", fmt.Errorf("persian: %s: %w", what, ErrTooLong)
	}
	digits, ok := onlyDigits(s)
	if !ok {
		return "", fmt.Errorf("persian: %s: %w", what, ErrSyntax)
	}
	if digits == "" {
		return "", fmt.Errorf("persian: %s: %w", what, ErrEmpty)
	}
	return digits, nil
}
