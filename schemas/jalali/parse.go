package jalali

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mahalleh/schemas/persian"
)

// InputMinYear and InputMaxYear bound the years accepted from people: nobody
// recorded was born earlier and no plan reaches further, and no Gregorian year
// of a living memory falls between them.
const (
	InputMinYear = 1300
	InputMaxYear = 1450
)

// gregorianFrom and gregorianTo bound the years taken for Gregorian ones.
const (
	gregorianFrom = 1900
	gregorianTo   = 2100
)

// maxInput bounds a typed date: the longest, in words with direction marks,
// takes under 60 bytes.
const maxInput = 128

// Errors of [Parse] and [ParseYear], next to ErrRange and ErrNoSuchDay.
var (
	// ErrSyntax marks an input that does not read as a date.
	ErrSyntax = errors.New("input is not a date")
	// ErrShortYear marks a year without its century («۰۴»): ask which.
	ErrShortYear = errors.New("the year has fewer than four digits")
	// ErrLooksGregorian marks a year from 1900 to 2100: ask whether the date
	// was meant in the Gregorian calendar.
	ErrLooksGregorian = errors.New("the year looks Gregorian")
	// ErrYearLast marks numbers in the order day, month, year: ask.
	ErrYearLast = errors.New("the year stands last")
)

// InputError says why a typed date was not taken, and which dates it may mean,
// so that a screen can ask instead of refuse. Nothing is guessed: a suggestion
// counts only once a person picked it.
type InputError struct {
	Kind        error  // one of the package's errors
	Suggestions []Date // existing dates within the input range, may be empty
}

// Error names the kind and the suggestions.
func (e *InputError) Error() string {
	if len(e.Suggestions) == 0 {
		return fmt.Sprintf("jalali: %v", e.Kind)
	}
	return fmt.Sprintf("jalali: %v, perhaps %v", e.Kind, e.Suggestions)
}

// Unwrap returns the kind.
func (e *InputError) Unwrap() error { return e.Kind }

// Parse reads a Jalali date as people type it: year, month and day in any of
// the three digit families, apart by / - . or blanks, or eight digits without
// any, or with the month's name («۲۶ دی ۱۴۰۴», "26 Dey 1404"). The year is
// from InputMinYear to InputMaxYear. Every error is an [*InputError].
func Parse(s string) (Date, error) {
	if len(s) > maxInput {
		return Date{}, &InputError{Kind: ErrSyntax}
	}
	c, err := persian.Clean(s)
	if err != nil {
		return Date{}, &InputError{Kind: ErrSyntax}
	}
	c = persian.ToASCIIDigits(c)
	if fields, ok := numericFields(c); ok {
		return fromFields(fields)
	}
	return parseWords(c)
}

// ParseYear reads a Jalali year alone, with the errors of [Parse] (the
// suggestions are first days of years).
func ParseYear(s string) (int, error) {
	if len(s) > maxInput {
		return 0, &InputError{Kind: ErrSyntax}
	}
	c, err := persian.Clean(s)
	if err != nil {
		return 0, &InputError{Kind: ErrSyntax}
	}
	c = persian.ToASCIIDigits(c)
	year, ok := atoi(c)
	if !ok {
		return 0, &InputError{Kind: ErrSyntax}
	}
	if len(c) == 4 && year >= gregorianFrom && year <= gregorianTo {
		// A Gregorian year begins in one Jalali year and ends in the next.
		return 0, &InputError{Kind: ErrLooksGregorian, Suggestions: suggest(nil, ymd{year - 622, 1, 1}, ymd{year - 621, 1, 1})}
	}
	d, err := fromFields([3]string{c, "1", "1"})
	return d.Year(), err
}

// numericFields splits digits apart by one kind of separator into three.
func numericFields(c string) (fields [3]string, ok bool) {
	if len(c) == 8 {
		if _, digits := atoi(c); digits {
			return [3]string{c[:4], c[4:6], c[6:]}, true
		}
	}
	for _, sep := range []string{"/", "-", ".", " "} {
		parts := strings.Split(c, sep)
		if len(parts) != 3 {
			continue
		}
		for i, p := range parts {
			p = strings.TrimSpace(p)
			if _, digits := atoi(p); !digits {
				return fields, false
			}
			fields[i] = p
		}
		return fields, true
	}
	return fields, false
}

// fromFields judges year, month and day in ASCII digits.
func fromFields(f [3]string) (Date, error) {
	year, _ := atoi(f[0])
	month, _ := atoi(f[1])
	day, _ := atoi(f[2])
	switch {
	case len(f[0]) <= 2 && len(f[2]) == 4:
		return Date{}, &InputError{Kind: ErrYearLast, Suggestions: suggest(nil, ymd{day, month, year})}
	case len(f[0]) <= 3:
		// «۰۴» may be 1304 or 1404, «۴۰۴» only 1404.
		if len(f[0]) == 3 {
			return Date{}, &InputError{Kind: ErrShortYear, Suggestions: suggest(nil, ymd{1000 + year, month, day})}
		}
		return Date{}, &InputError{Kind: ErrShortYear, Suggestions: suggest(nil, ymd{1400 + year, month, day}, ymd{1300 + year, month, day})}
	case len(f[0]) > 4 || len(f[1]) > 2 || len(f[2]) > 2:
		return Date{}, &InputError{Kind: ErrSyntax}
	case year >= gregorianFrom && year <= gregorianTo:
		var dates []Date
		if n, err := FromGregorian(year, time.Month(month), day); err == nil {
			if d, err := n.Date(); err == nil {
				dates = suggest(nil, ymd{d.Year(), d.Month(), d.DayOfMonth()})
			}
		}
		return Date{}, &InputError{Kind: ErrLooksGregorian, Suggestions: dates}
	case year < InputMinYear || year > InputMaxYear:
		return Date{}, &InputError{Kind: ErrRange}
	}
	d, err := New(year, month, day)
	if err != nil {
		return Date{}, &InputError{Kind: err}
	}
	return d, nil
}

type ymd [3]int

// suggest adds those that exist and could have been typed.
func suggest(dates []Date, candidates ...ymd) []Date {
	for _, c := range candidates {
		d, err := New(c[0], c[1], c[2])
		if err == nil && c[0] >= InputMinYear && c[0] <= InputMaxYear {
			dates = append(dates, d)
		}
	}
	return dates
}

// parseWords reads day, month name and year; «ماه» may follow the name.
func parseWords(c string) (Date, error) {
	_, spaced := persian.FoldVariants(c)
	words := strings.Fields(spaced)
	if len(words) < 3 {
		return Date{}, &InputError{Kind: ErrSyntax}
	}
	name := strings.Join(words[1:len(words)-1], "")
	month := monthNamed(name)
	if month == 0 {
		month = monthNamed(strings.TrimSuffix(name, "ماه"))
	}
	day, year := words[0], words[len(words)-1]
	_, dayOK := atoi(day)
	_, yearOK := atoi(year)
	if month == 0 || !dayOK || !yearOK || len(day) > 2 {
		return Date{}, &InputError{Kind: ErrSyntax}
	}
	return fromFields([3]string{year, fmt.Sprint(month), day})
}

// monthNamed returns the month with this folded name, or 0.
func monthNamed(name string) int {
	if name == "امرداد" { // the older spelling
		return 5
	}
	for i := range monthsFa {
		if name == persian.Fold(monthsFa[i]) || name == persian.Fold(monthsEn[i]) {
			return i + 1
		}
	}
	return 0
}
