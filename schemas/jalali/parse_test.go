package jalali

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"ASCII", "1404/10/26", "1404/10/26"},
		{"Persian digits", "۱۴۰۴/۱۰/۲۶", "1404/10/26"},
		{"Arabic digits", "١٤٠٤/١٠/٢٦", "1404/10/26"},
		{"mixed digits", "۱۴04/١٠/26", "1404/10/26"},
		{"hyphens", "1404-10-26", "1404/10/26"},
		{"dots", "1404.10.26", "1404/10/26"},
		{"blanks", " 1404 10 26 ", "1404/10/26"},
		{"blanks around slashes", "1404 / 10 / 26", "1404/10/26"},
		{"no leading zeros", "1404/1/2", "1404/01/02"},
		{"eight digits", "۱۴۰۴۱۰۲۶", "1404/10/26"},
		{"isolated by a screen", "\u2068۱۴۰۴/۱۰/۲۶\u2069", "1404/10/26"},
		{"in words", "۲۶ دی ۱۴۰۴", "1404/10/26"},
		{"in words with maah", "۲۶ دی ماه ۱۴۰۴", "1404/10/26"},
		{"with half space", "۲۶ دی\u200cماه ۱۴۰۴", "1404/10/26"},
		{"Arabic yeh", "۲۶ دي ۱۴۰۴", "1404/10/26"},
		{"month in two words", "۱ اردی بهشت ۱۴۰۴", "1404/02/01"},
		{"older Mordad", "۵ امرداد ۱۴۰۴", "1404/05/05"},
		{"English", "26 dey 1404", "1404/10/26"},
		{"leap day", "1403/12/30", "1403/12/30"},
		{"first accepted", "1300/1/1", "1300/01/01"},
		{"last accepted", "1450/12/29", "1450/12/29"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := Parse(tt.in); err != nil || got.String() != tt.want {
				t.Errorf("Parse(%q) = %v (%v), want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		kind     error
		suggest  string
	}{
		{"two-digit year", "۰۴/۱۰/۲۶", ErrShortYear, "[1404/10/26 1304/10/26]"},
		{"two-digit year beyond the range", "60/01/01", ErrShortYear, "[1360/01/01]"},
		{"three-digit year", "۴۰۴/۱۰/۲۶", ErrShortYear, "[1404/10/26]"},
		{"two-digit year in words", "۲۶ دی ۰۴", ErrShortYear, "[1404/10/26 1304/10/26]"},
		{"Gregorian", "2025-03-20", ErrLooksGregorian, "[1403/12/30]"},
		{"Gregorian 1900", "1900/01/01", ErrLooksGregorian, "[]"},
		{"Gregorian 2100", "2100/1/1", ErrLooksGregorian, "[]"},
		{"no such Gregorian day", "2025/02/30", ErrLooksGregorian, "[]"},
		{"year last", "26/10/1404", ErrYearLast, "[1404/10/26]"},
		{"year before the range", "1299/12/29", ErrRange, "[]"},
		{"year after the range", "1451/01/01", ErrRange, "[]"},
		{"year between the calendars", "1899/01/01", ErrRange, "[]"},
		{"year after all", "2101/01/01", ErrRange, "[]"},
		{"month 13", "1404/13/01", ErrNoSuchDay, "[]"},
		{"day 31 of Mehr", "1404/07/31", ErrNoSuchDay, "[]"},
		{"30 Esfand of a common year", "1404/12/30", ErrNoSuchDay, "[]"},
		{"zero day", "1404/01/00", ErrNoSuchDay, "[]"},
		{"empty", "", ErrSyntax, "[]"},
		{"blank", " \t ", ErrSyntax, "[]"},
		{"letters", "فردا", ErrSyntax, "[]"},
		{"two parts", "1404/10", ErrSyntax, "[]"},
		{"four parts", "1404/10/26/1", ErrSyntax, "[]"},
		{"mixed separators", "1404/10-26", ErrSyntax, "[]"},
		{"negative", "-1404/10/26", ErrSyntax, "[]"},
		{"five-digit year", "14040/10/26", ErrSyntax, "[]"},
		{"three-digit day", "1404/10/026", ErrSyntax, "[]"},
		{"unknown month", "۲۶ ژانویه ۱۴۰۴", ErrSyntax, "[]"},
		{"broken bytes", "1404/10/2\xff", ErrSyntax, "[]"},
		{"too long", "1404/10/26" + strings.Repeat(" ", maxInput), ErrSyntax, "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.in)
			var input *InputError
			if !errors.As(err, &input) || !errors.Is(err, tt.kind) || !got.IsZero() {
				t.Fatalf("Parse(%q) = %v (%v), want %v", tt.in, got, err, tt.kind)
			}
			if got := fmt.Sprint(input.Suggestions); got != tt.suggest {
				t.Errorf("suggestions %s, want %s", got, tt.suggest)
			}
		})
	}
}

func TestParseYear(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int
		kind error
	}{
		{"۱۴۰۴", 1404, nil}, {" 1300 ", 1300, nil}, {"1450", 1450, nil},
		{"1299", 0, ErrRange}, {"1451", 0, ErrRange}, {"04", 0, ErrShortYear},
		{"2025", 0, ErrLooksGregorian}, {"", 0, ErrSyntax}, {"14o4", 0, ErrSyntax}, {"01404", 0, ErrSyntax},
	} {
		got, err := ParseYear(tt.in)
		if got != tt.want || !errors.Is(err, tt.kind) {
			t.Errorf("ParseYear(%q) = %d (%v), want %d (%v)", tt.in, got, err, tt.want, tt.kind)
		}
	}
	_, err := ParseYear("2025")
	var input *InputError
	if !errors.As(err, &input) || fmt.Sprint(input.Suggestions) != "[1403/01/01 1404/01/01]" {
		t.Errorf("ParseYear(2025): %v", err)
	}
}

func TestEveryWrittenFormReadsBack(t *testing.T) {
	last := Date{InputMaxYear, 12, 29}.EpochDay()
	for n := FirstDay; n <= last; n += 17 {
		d, err := n.Date()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{d.String(), d.Fa(), d.LongFa(), d.LongEn()} {
			if back, err := Parse(text); err != nil || back != d {
				t.Fatalf("Parse(%q) = %v (%v), want %v", text, back, err, d)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("۱۴۰۴/۱۰/۲۶")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err != nil {
			var input *InputError
			if !errors.As(err, &input) || !d.IsZero() {
				t.Fatalf("Parse(%q) = %v with error %T", s, d, err)
			}
			if !slices.ContainsFunc([]error{ErrSyntax, ErrRange, ErrNoSuchDay, ErrShortYear, ErrLooksGregorian, ErrYearLast},
				func(kind error) bool { return input.Kind == kind }) {
				t.Fatalf("Parse(%q): unknown kind %v", s, input.Kind)
			}
			for _, c := range input.Suggestions {
				if back, err := Parse(c.String()); err != nil || back != c {
					t.Fatalf("Parse(%q) suggests %v, which reads as %v (%v)", s, c, back, err)
				}
			}
			return
		}
		if !utf8.ValidString(s) {
			t.Fatalf("Parse took broken bytes %q", s)
		}
		if d.Year() < InputMinYear || d.Year() > InputMaxYear {
			t.Fatalf("Parse(%q) = %v, outside the input range", s, d)
		}
		for _, text := range []string{d.String(), d.Fa(), d.LongFa(), d.LongEn()} {
			if back, err := Parse(text); err != nil || back != d {
				t.Fatalf("%q reads as %v, written %q reads as %v (%v)", s, d, text, back, err)
			}
		}
	})
}

func TestFuzzCorpusIsThere(t *testing.T) {
	files, err := os.ReadDir("testdata/fuzz/FuzzParse")
	if err != nil || len(files) == 0 {
		t.Fatalf("corpus of FuzzParse: %d files (%v)", len(files), err)
	}
}
