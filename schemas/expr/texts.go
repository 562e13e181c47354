package expr

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// evalLength counts code points; the length of nothing is 0.
func evalLength(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	return NumberValue(Int(int64(utf8.RuneCountInString(v.Str)))), err
}

func checkRegex(c *checker, n *node) (Type, error) {
	if err := c.is(n, 0, KindText, KindCode); err != nil {
		return Type{}, err
	}
	pattern, err := c.literal(n, 1)
	if err != nil {
		return Type{}, err
	}
	compiled, err := CompilePattern(pattern)
	if err != nil {
		return Type{}, c.fail(n.kids[1], "%v", err)
	}
	n.state = compiled
	return Type{Kind: KindBool}, nil
}

// evalRegex says whether the whole text matches; an empty text has no answer.
func evalRegex(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() {
		return Value{}, err
	}
	pattern, ok := n.state.(*regexp.Regexp)
	return BoolValue(ok && pattern.MatchString(v.Str)), nil
}

// evalContains has no answer when one of the texts is empty.
func evalContains(m *machine, n *node) (Value, error) { return search(m, n, strings.Contains) }

// evalStartsWith has no answer when one of the texts is empty.
func evalStartsWith(m *machine, n *node) (Value, error) { return search(m, n, strings.HasPrefix) }

func search(m *machine, n *node, found func(text, part string) bool) (Value, error) {
	args, err := m.args(n)
	if err != nil || args[0].IsEmpty() || args[1].IsEmpty() {
		return Value{}, err
	}
	return BoolValue(found(args[0].Str, args[1].Str)), nil
}

// evalConcat joins what is not empty: texts and codes as they are, numbers with
// ASCII digits, dates in ISO form.
func evalConcat(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil {
		return Value{}, err
	}
	var b strings.Builder
	for _, v := range args {
		switch v.Kind {
		case KindText, KindCode:
			b.WriteString(v.Str)
		case KindNumber:
			b.WriteString(v.Num.String())
		case KindDate:
			b.WriteString(jalali.Day(v.Num.Mantissa).ISO())
		}
	}
	return TextValue(b.String()), m.spend(b.Len())
}

// evalNationalID says whether a text is a valid Iranian national id; an empty text has no answer.
func evalNationalID(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() {
		return Value{}, err
	}
	_, err = persian.ParseNationalID(v.Str, m.env.TestMode)
	return BoolValue(err == nil), nil
}

func checkDate(c *checker, n *node) (Type, error) {
	text, err := c.literal(n, 0)
	if err != nil {
		return Type{}, err
	}
	day, err := jalali.ParseISO(text)
	if err != nil {
		return Type{}, c.fail(n.kids[0], "%q is no date such as '2026-01-16'", text)
	}
	n.state = DateValue(int32(day))
	return Type{Kind: KindDate}, nil
}

func evalToday(m *machine, _ *node) (Value, error) { return DateValue(m.env.Today), nil }

func checkDateAddDays(c *checker, n *node) (Type, error) {
	if err := c.is(n, 0, KindDate); err != nil {
		return Type{}, err
	}
	return Type{Kind: KindDate}, c.is(n, 1, KindNumber)
}

// evalDateAddDays gives empty for a day outside the calendar.
func evalDateAddDays(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil || args[0].IsEmpty() || args[1].IsEmpty() {
		return Value{}, err
	}
	sum, err := args[0].Num.Add(args[1].Num.Round(0))
	if errors.Is(err, ErrOverflow) || sum.Mantissa < int64(jalali.FirstDay) || sum.Mantissa > int64(jalali.LastDay) {
		return Value{}, nil
	}
	return DateValue(int32(sum.Mantissa)), nil
}

// evalDaysBetween counts the days from the first date to the second.
func evalDaysBetween(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil || args[0].IsEmpty() || args[1].IsEmpty() {
		return Value{}, err
	}
	return NumberValue(Int(args[1].Num.Mantissa - args[0].Num.Mantissa)), nil
}

// evalJalaliYear gives empty for a day outside the calendar.
func evalJalaliYear(m *machine, n *node) (Value, error) {
	return m.ofDate(n, func(d jalali.Date) Value { return NumberValue(Int(int64(d.Year()))) })
}

// ofDate gives what f says of the date that is the only argument; empty stays
// empty, and a day outside the calendar is.
func (m *machine) ofDate(n *node, f func(jalali.Date) Value) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() {
		return Value{}, err
	}
	date, err := jalali.Day(v.Num.Mantissa).Date()
	if err != nil {
		return Value{}, nil
	}
	return f(date), nil
}

// evalJalaliYearEnd gives the last day of the date's Jalali year, empty for a
// day outside the calendar.
func evalJalaliYearEnd(m *machine, n *node) (Value, error) {
	return m.ofDate(n, func(d jalali.Date) Value { return DateValue(int32(d.YearEnd().EpochDay())) })
}
