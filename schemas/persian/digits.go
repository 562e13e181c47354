package persian

import "strings"

// ToASCIIDigits returns s with Persian and Arabic digits written as 0-9 and
// everything else as it was.
func ToASCIIDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if d := digitValue(r); d >= 0 {
			return '0' + rune(d)
		}
		return r
	}, s)
}

// ToPersianDigits returns s with ASCII and Arabic digits written as ۰-۹ and
// everything else as it was.
func ToPersianDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if d := digitValue(r); d >= 0 {
			return '۰' + rune(d)
		}
		return r
	}, s)
}

// digitValue returns the value of a digit of the three families in use in
// Iran, or -1.
func digitValue(r rune) int {
	switch {
	case '0' <= r && r <= '9':
		return int(r - '0')
	case '۰' <= r && r <= '۹':
		return int(r - '۰')
	case '٠' <= r && r <= '٩':
		return int(r - '٠')
	}
	return -1
}

// onlyDigits returns the ASCII digits of an identifier as people write it,
// with blanks, hyphens and dots between groups, or false when anything else
// stands in it.
func onlyDigits(s string) (string, bool) {
	c, err := Clean(s)
	if err != nil {
		return "", false
	}
	b := make([]byte, 0, len(c))
	for _, r := range c {
		switch d := digitValue(r); {
		case d >= 0:
			b = append(b, '0'+byte(d))
		case r == ' ' || r == '-' || r == '.' || r == '_' || r == zwnj || '\u2010' <= r && r <= '\u2015':
		default:
			return "", false
		}
	}
	return string(b), true
}

func allEqual(digits string) bool {
	return digits != "" && strings.Count(digits, digits[:1]) == len(digits)
}
