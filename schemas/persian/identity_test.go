package persian

import (
	"errors"
	"strings"
	"testing"
)

func TestParseNationalID(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		testMode bool
		want     string
		kind     error
	}{
		{"valid", "0183382390", false, "0183382390", nil},
		{"test range in test mode", "0001000012", true, "0001000012", nil},
		{"test range, check digit 7", "0001000047", true, "0001000047", nil},
		{"test range outside test mode", "0001000012", false, "", ErrTestNumber},
		{"wrong check digit", "0001000048", true, "", ErrCheckDigit},
		{"wrong check digit outside test mode", "0001000048", false, "", ErrCheckDigit},
		{"equal digits pass the sum", "1111111111", false, "", ErrRepeated},
		{"equal digits in test mode", "1111111111", true, "", ErrRepeated},
		{"zeros", "0000000000", true, "", ErrRepeated},
		{"nine digits are padded", "183382390", false, "0183382390", nil},
		{"eight digits are padded", "01000012", true, "0001000012", nil},
		{"seven digits", "1000012", true, "", ErrLength},
		{"eleven digits", "01833823900", false, "", ErrLength},
		{"Persian digits", "۰۱۸۳۳۸۲۳۹۰", false, "0183382390", nil},
		{"Arabic digits", "٠١٨٣٣٨٢٣٩٠", false, "0183382390", nil},
		{"hyphens", "018-338239-0", false, "0183382390", nil},
		{"isolated", "\u20680183382390\u2069", false, "0183382390", nil},
		{"letters", "01833823a0", false, "", ErrSyntax},
		{"empty", "", false, "", ErrEmpty},
		{"too long", strings.Repeat("1", 100), false, "", ErrTooLong},
		{"broken bytes", "018338239\xff", false, "", ErrSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseNationalID(tt.in, tt.testMode)
			if got != tt.want || !errors.Is(err, tt.kind) {
				t.Errorf("ParseNationalID(%q) = %q (%v), want %q (%v)", tt.in, got, err, tt.want, tt.kind)
			}
			if err != nil && tt.in != "" && strings.Contains(err.Error(), tt.in) {
				t.Errorf("the error repeats the number: %v", err)
			}
		})
	}
}

// TestNationalIDCheckDigit puts each other digit in each place of a valid
// number. Every weight is prime to 11, so each slip changes the remainder, and
// with it the check digit (only remainders 1 and 10 share one, and this
// number's is 0).
func TestNationalIDCheckDigit(t *testing.T) {
	const valid = "0183382390"
	for i := range valid {
		for d := '0'; d <= '9'; d++ {
			slip := valid[:i] + string(d) + valid[i+1:]
			if _, err := ParseNationalID(slip, true); slip != valid && !errors.Is(err, ErrCheckDigit) {
				t.Errorf("%s: %v, want %v", slip, err, ErrCheckDigit)
			}
		}
	}
}

func TestParseMobile(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		kind           error
	}{
		{"plain", "09121234567", "09121234567", nil},
		{"Persian digits", "۰۹۱۲۱۲۳۴۵۶۷", "09121234567", nil},
		{"plus 98", "+989121234567", "09121234567", nil},
		{"plus 98 in Persian digits", "+۹۸ ۹۱۲ ۱۲۳ ۴۵۶۷", "09121234567", nil},
		{"plus behind", "989121234567+", "09121234567", nil},
		{"0098", "00989121234567", "09121234567", nil},
		{"98", "989121234567", "09121234567", nil},
		{"zero kept", "+98 (0)912 123 4567", "09121234567", nil},
		{"no zero", "9121234567", "09121234567", nil},
		{"hyphens", "0912-123-4567", "09121234567", nil},
		{"isolated", "\u206809121234567\u2069", "09121234567", nil},
		{"land line", "02112345678", "", ErrSyntax},
		{"short", "0912123456", "", ErrLength},
		{"long", "091212345678", "", ErrLength},
		{"another country", "+905321234567", "", ErrSyntax},
		{"letters", "0912x234567", "", ErrSyntax},
		{"empty", "", "", ErrEmpty},
		{"too long", strings.Repeat("0", 100), "", ErrTooLong},
		{"broken bytes", "0912\xff", "", ErrInvalidUTF8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseMobile(tt.in); got != tt.want || !errors.Is(err, tt.kind) {
				t.Errorf("ParseMobile(%q) = %q (%v), want %q (%v)", tt.in, got, err, tt.want, tt.kind)
			}
		})
	}
}

func TestParsePostalCode(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		kind           error
	}{
		{"plain", "1234567891", "1234567891", nil},
		{"hyphen", "12345-67891", "1234567891", nil},
		{"Persian digits", "۱۲۳۴۵ ۶۷۸۹۱", "1234567891", nil},
		{"short", "123456789", "", ErrLength},
		{"long", "12345678912", "", ErrLength},
		{"filler", "1111111111", "", ErrRepeated},
		{"letters", "12345O7891", "", ErrSyntax},
		{"empty", " ", "", ErrEmpty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParsePostalCode(tt.in); got != tt.want || !errors.Is(err, tt.kind) {
				t.Errorf("ParsePostalCode(%q) = %q (%v), want %q (%v)", tt.in, got, err, tt.want, tt.kind)
			}
		})
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add("۰۱۸۳۳۸۲۳۹۰")
	f.Fuzz(func(t *testing.T, s string) {
		for name, parse := range map[string]func(string) (string, error){
			"national id":          func(s string) (string, error) { return ParseNationalID(s, false) },
			"national id, testing": func(s string) (string, error) { return ParseNationalID(s, true) },
			"mobile":               ParseMobile,
			"postal code":          ParsePostalCode,
		} {
			got, err := parse(s)
			if err != nil {
				if got != "" || !isNamed(err) {
					t.Fatalf("%s %+q = %q with error %v", name, s, got, err)
				}
				continue
			}
			if back, err := parse(ToPersianDigits(got)); err != nil || back != got {
				t.Fatalf("%s %+q = %q, read again %q (%v)", name, s, got, back, err)
			}
		}
	})
}
