package persian

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDigits(t *testing.T) {
	for _, tt := range []struct{ name, in, ascii, persian string }{
		{"three families", "۱٢3", "123", "۱۲۳"},
		{"all digits", "0123456789", "0123456789", "۰۱۲۳۴۵۶۷۸۹"},
		{"text around", "بلوک ۷-B٤", "بلوک 7-B4", "بلوک ۷-B۴"},
		{"other digits stay", "१२", "१२", "१२"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ToASCIIDigits(tt.in); got != tt.ascii {
				t.Errorf("ToASCIIDigits(%q) = %q, want %q", tt.in, got, tt.ascii)
			}
			if got := ToPersianDigits(tt.in); got != tt.persian {
				t.Errorf("ToPersianDigits(%q) = %q, want %q", tt.in, got, tt.persian)
			}
		})
	}
}

func TestParseNumber(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		percent        bool
	}{
		{"ASCII", "1234", "1234", false},
		{"Persian", "۱۲۳۴", "1234", false},
		{"Arabic", "١٢٣٤", "1234", false},
		{"Persian thousands", "۱٬۲۳۴٬۵۶۷", "1234567", false},
		{"comma thousands", "1,234,567", "1234567", false},
		{"Persian comma thousands", "۱،۲۳۴", "1234", false},
		{"Persian decimal", "۳٫۵", "3.5", false},
		{"slash decimal", "۳/۵", "3.5", false},
		{"dot decimal", "3.5", "3.5", false},
		{"thousands and decimal", "۱٬۲۳۴٫۵۰", "1234.50", false},
		{"no whole part", "٫۵", "0.5", false},
		{"small", "0.005", "0.005", false},
		{"minus", "-۱۲", "-12", false},
		{"real minus", "−۱۲٫۵", "-12.5", false},
		{"minus behind a direction mark", "\u200E−۱۲", "-12", false},
		{"plus", "+۱۲", "12", false},
		{"small negative", "-0.05", "-0.05", false},
		{"Persian percent", "۲۵٪", "25", true},
		{"ASCII percent", "25 %", "25", true},
		{"percent in front", "٪۲۵", "25", true},
		{"blanks", " 12 ", "12", false},
		{"leading zeros", "007", "7", false},
		{"largest", "9223372036854775807", "9223372036854775807", false},
		{"smallest", "-9223372036854775808", "-9223372036854775808", false},
		{"finest", "0.000000000000000001", "0.000000000000000001", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseNumber(tt.in); err != nil || got.String() != tt.want || got.Percent != tt.percent {
				t.Errorf("ParseNumber(%q) = %s, %v (%v), want %s, %v", tt.in, got, got.Percent, err, tt.want, tt.percent)
			}
		})
	}
}

func TestParseNumberRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		kind     error
	}{
		{"empty", "", ErrEmpty},
		{"blank", " \u200C ", ErrEmpty},
		{"letters", "دو", ErrSyntax},
		{"letters behind", "12a", ErrSyntax},
		{"two slashes", "۱/۲/۳", ErrSyntax},
		{"two dots", "1.234.567", ErrSyntax},
		{"short group", "12,34", ErrSyntax},
		{"long group", "1,2345", ErrSyntax},
		{"long first group", "1234,567", ErrSyntax},
		{"mixed thousands", "1,234٬567", ErrSyntax},
		{"group missing", "1,,234", ErrSyntax},
		{"ends with a mark", "1,", ErrSyntax},
		{"ends with a decimal mark", "1.", ErrSyntax},
		{"thousands in the fraction", "1.234,5", ErrSyntax},
		{"two signs", "--1", ErrSyntax},
		{"sign alone", "-", ErrSyntax},
		{"percent alone", "٪", ErrSyntax},
		{"percent twice", "٪25٪", ErrSyntax},
		{"exponent", "1e5", ErrSyntax},
		{"hexadecimal", "0x10", ErrSyntax},
		{"not a number", "NaN", ErrSyntax},
		{"blank inside", "1 234", ErrSyntax},
		{"one too large", "9223372036854775808", ErrOutOfRange},
		{"one too small", "-9223372036854775809", ErrOutOfRange},
		{"many digits", strings.Repeat("9", 40), ErrOutOfRange},
		{"too fine", "0.0000000000000000001", ErrOutOfRange},
		{"too long", strings.Repeat("0", MaxNumberBytes+1), ErrTooLong},
		{"broken bytes", "12\xff", ErrInvalidUTF8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseNumber(tt.in); !errors.Is(err, tt.kind) {
				t.Errorf("ParseNumber(%q) = %s (%v), want %v", tt.in, got, err, tt.kind)
			}
		})
	}
}

func TestParseInt(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64
		kind error
	}{
		{"۱٬۲۳۴", 1234, nil}, {"-5", -5, nil}, {"3/5", 0, ErrNotWhole}, {"1.000", 0, ErrNotWhole},
		{"25%", 0, ErrNotWhole}, {"", 0, ErrEmpty},
	} {
		if got, err := ParseInt(tt.in); got != tt.want || !errors.Is(err, tt.kind) {
			t.Errorf("ParseInt(%q) = %d (%v), want %d (%v)", tt.in, got, err, tt.want, tt.kind)
		}
	}
}

func TestFormatNumber(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"thousands", FormatInt(1234567), "۱٬۲۳۴٬۵۶۷"},
		{"three digits", FormatInt(999), "۹۹۹"},
		{"zero", FormatInt(0), "۰"},
		{"negative", FormatInt(-1234), "\u200E−۱٬۲۳۴"},
		{"smallest", FormatInt(math.MinInt64), "\u200E−۹٬۲۲۳٬۳۷۲٬۰۳۶٬۸۵۴٬۷۷۵٬۸۰۸"},
		{"decimal", FormatNumber(Number{Coefficient: 123450, Scale: 2}), "۱٬۲۳۴٫۵۰"},
		{"percent", FormatNumber(Number{Coefficient: 755, Scale: 1, Percent: true}), "۷۵٫۵٪"},
		{"small negative", FormatNumber(Number{Coefficient: -5, Scale: 2}), "\u200E−۰٫۰۵"},
		{"English", FormatIntASCII(-1234567), "-1,234,567"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	f.Add("۱٬۲۳۴٫۵")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNumber(s)
		if err != nil {
			if !isNamed(err) {
				t.Fatalf("ParseNumber(%+q): unnamed error %v", s, err)
			}
			return
		}
		if n.Scale < 0 || n.Scale > maxScale || !utf8.ValidString(s) {
			t.Fatalf("ParseNumber(%+q) = %+v", s, n)
		}
		for _, text := range []string{FormatNumber(n), n.String()} {
			back, err := ParseNumber(text)
			back.Percent = n.Percent
			if err != nil || back != n {
				t.Fatalf("ParseNumber(%+q) = %+v, written %+q, read back %+v (%v)", s, n, text, back, err)
			}
		}
	})
}

// isNamed reports whether an error of a parser wraps one of the package's.
func isNamed(err error) bool {
	return slices.ContainsFunc([]error{ErrInvalidUTF8, ErrSurrogate, ErrEmpty, ErrTooLong, ErrSyntax, ErrOutOfRange,
		ErrNotWhole, ErrAmbiguous, ErrLength, ErrCheckDigit, ErrRepeated, ErrTestNumber},
		func(named error) bool { return errors.Is(err, named) })
}
