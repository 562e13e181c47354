package schemas

import (
	"slices"
	"strings"
	"unicode/utf8"

	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// The box around Iran in units of 1e-7 degree; a place outside it is a slip, but
// a neighbourhood at the border may still have one, so it only warns.
const (
	iranSouthE7, iranNorthE7 = 248_000_000, 400_000_000
	iranWestE7, iranEastE7   = 440_000_000, 636_000_000
)

// CheckValue judges one value by the rules of its field alone: type, range,
// length, pattern, code list, number of entries, place. Of a list it judges the
// number of rows; each row's values are judged with the row's fields. An empty
// value breaks none of these rules. Problems have their Field set.
func CheckValue(field *Field, lists Lists, value Value, today int32) []Problem {
	if value.IsEmpty() {
		return nil
	}
	problems := checkValue(field, lists, value, today, field.Required)
	for i := range problems {
		problems[i].Field = field.ID
	}
	return problems
}

func checkValue(field *Field, lists Lists, value Value, today int32, need Required) []Problem {
	kind, known := field.Type.ValueKind()
	if !known || value.kind != kind {
		return []Problem{problem(RuleType, LevelError, field, msgWrongKind, wordArg("value", value.kind.String()))}
	}
	switch kind {
	case KindInt, KindDecimal, KindDate:
		return checkRange(field, value)
	case KindText:
		return checkText(field, value.text)
	case KindCode:
		return checkCode(field, lists, value.text, today)
	case KindCodes:
		problems := checkEntries(field, value, need)
		for _, code := range value.Codes() {
			problems = append(problems, checkCode(field, lists, code, today)...)
		}
		return problems
	case KindRefs, KindItems, KindAttachments:
		return checkEntries(field, value, need)
	case KindPoint:
		return checkPlaces(field, value.Point())
	case KindPolygon:
		ring := value.Polygon()
		corners := len(ring)
		if corners > 1 && ring[0].LatE7 == ring[corners-1].LatE7 && ring[0].LonE7 == ring[corners-1].LonE7 {
			corners--
		}
		switch {
		case corners < 3:
			return []Problem{problem(RulePlace, LevelError, field, msgRingTooShort, countArg("count", corners))}
		case len(ring) > MaxCorners:
			return []Problem{problem(RuleEntries, LevelError, field, msgTooManyItems, countArg("count", len(ring)), countArg("max", MaxCorners))}
		}
		return checkPlaces(field, ring...)
	}
	return nil
}

// problem builds a problem of a field whose label the message names.
func problem(rule Rule, level Level, field *Field, key messageKey, args ...arg) Problem {
	return Problem{Rule: rule, Level: level, Message: say(key, append(args, labelArg(field.Label))...)}
}

func checkRange(field *Field, value Value) []Problem {
	switch {
	case !field.Min.IsEmpty() && value.Compare(field.Min) < 0:
		return []Problem{problem(RuleRange, LevelError, field, msgBelowMin, valueArg("value", value), valueArg("min", field.Min))}
	case !field.Max.IsEmpty() && value.Compare(field.Max) > 0:
		return []Problem{problem(RuleRange, LevelError, field, msgAboveMax, valueArg("value", value), valueArg("max", field.Max))}
	case field.Type == TypeJalaliYear && (value.Int() < minJalaliYear || value.Int() > maxJalaliYear):
		return []Problem{problem(RuleRange, LevelError, field, msgWantYear, valueArg("value", value))}
	}
	return nil
}

// valueArg shows a number or a date: dates in Jalali to Persian readers, in ISO to English ones.
func valueArg(name string, v Value) arg {
	if v.kind != KindDate {
		return numberArg(name, v.Decimal().String())
	}
	day := jalali.Day(v.Date())
	shown := arg{name, day.ISO(), day.ISO()}
	if date, err := day.Date(); err == nil {
		shown.fa = date.Fa()
	}
	return shown
}

// checkText counts the characters a reader sees, and matches the pattern after folding digits to ASCII.
func checkText(field *Field, text string) []Problem {
	var problems []Problem
	// What a reader sees is never more than there are code points, and those are
	// counted quickly.
	if utf8.RuneCountInString(text) > field.MaxLength {
		if n := persian.Length(text); n > field.MaxLength {
			problems = append(problems, problem(RuleLength, LevelError, field, msgTooLong, countArg("count", n), countArg("max", field.MaxLength)))
		}
	}
	if field.pattern != nil && !field.pattern.MatchString(persian.ToASCIIDigits(text)) {
		hint := arg{name: "hint"}
		if field.Hint.Fa != "" {
			hint.fa, hint.en = " ("+field.Hint.Fa+")", " ("+field.Hint.In("en")+")"
		}
		problems = append(problems, problem(RulePattern, LevelError, field, msgPattern, hint))
	}
	return problems
}

func checkCode(field *Field, lists Lists, code string, today int32) []Problem {
	list, ok := lists.List(field.List)
	if !ok {
		return []Problem{problem(RuleList, LevelError, field, msgNotInList, wordArg("value", clip(code)), wordArg("list", field.List))}
	}
	item, ok := list.Item(code)
	if !ok {
		if key, args, ok := list.withoutScheme(code); ok {
			return []Problem{problem(RuleList, LevelError, field, key, args...)}
		}
		args := []arg{wordArg("value", clip(code)), textArg("list", list.Label)}
		codes := make([]string, len(list.Items))
		for i, item := range list.Items {
			codes[i] = item.Code
		}
		if near, ok := nearest(code, codes); ok {
			return []Problem{problem(RuleList, LevelError, field, msgNotInListNear, append(args, wordArg("near", near))...)}
		}
		return []Problem{problem(RuleList, LevelError, field, msgNotInList, args...)}
	}
	label := textArg("value", item.Label)
	switch {
	case !item.ValidFrom.IsEmpty() && today < item.ValidFrom.Date():
		return []Problem{problem(RuleList, LevelWarning, field, msgCodeNotYet, label)}
	case item.ReplacedBy != "" && (item.ValidTo.IsEmpty() || today > item.ValidTo.Date()):
		return []Problem{problem(RuleList, LevelWarning, field, msgCodeReplaced, label, textArg("near", list.Current(code).Label))}
	case !item.ValidTo.IsEmpty() && today > item.ValidTo.Date():
		return []Problem{problem(RuleList, LevelWarning, field, msgCodeEnded, label)}
	}
	return nil
}

// isoOld is the attribute of a province: the code that ISO 3166-2 gave it until
// November 2020, and that maps and imports still carry.
const isoOld = "iso_old"

// withoutScheme recognises an ISO code in a list whose entries have one in an older
// edition too: the two editions call different provinces by one code.
func (l *CodeList) withoutScheme(code string) (messageKey, []arg, bool) {
	iso := strings.ToUpper(persian.ToASCIIDigits(code))
	digits, ok := strings.CutPrefix(iso, "IR-")
	if !ok {
		return 0, nil, false
	}
	now, known := l.Item(digits)
	i := slices.IndexFunc(l.Items, func(item CodeItem) bool { return item.Attrs[isoOld] == iso })
	if i < 0 && (!known || now.Attrs[isoOld] == "") {
		return 0, nil, false
	}
	args := []arg{wordArg("value", clip(code))}
	if i < 0 || !known || l.Items[i].Code == now.Code {
		return msgNoScheme, args, true
	}
	return msgTwoSchemes, append(args, textArg("new", now.Label), textArg("old", l.Items[i].Label)), true
}

// Current returns the entry that stands for a code today: the code's own, or the
// last of those that replaced one another. An unknown code returns the zero entry.
func (l *CodeList) Current(code string) CodeItem {
	item, ok := l.Item(code)
	for ok && item.ReplacedBy != "" { // loading refused circles
		item, ok = l.Item(item.ReplacedBy)
	}
	return item
}

// checkEntries counts rows, codes, references or files. Too few of a needed
// field count as the field missing; too few of an optional one are a mistake.
func checkEntries(field *Field, value Value, need Required) []Problem {
	n := value.entries()
	if n > field.MaxItems {
		return []Problem{problem(RuleEntries, LevelError, field, msgTooManyItems, countArg("count", n), countArg("max", field.MaxItems))}
	}
	if n >= field.MinItems {
		return nil
	}
	level := LevelError
	switch need {
	case RequiredAlways:
		level = LevelIncomplete
	case RequiredSubmit:
		level = LevelMissing
	}
	return []Problem{problem(RuleEntries, level, field, msgTooFewItems, countArg("count", n), countArg("min", field.MinItems))}
}

func checkPlaces(field *Field, places ...Point) []Problem {
	if slices.ContainsFunc(places, func(p Point) bool { return !p.Valid() }) {
		return []Problem{problem(RulePlace, LevelError, field, msgNoPlace)}
	}
	if slices.ContainsFunc(places, func(p Point) bool {
		return p.LatE7 < iranSouthE7 || p.LatE7 > iranNorthE7 || p.LonE7 < iranWestE7 || p.LonE7 > iranEastE7
	}) {
		return []Problem{problem(RulePlace, LevelWarning, field, msgOutsideIran)}
	}
	return nil
}
