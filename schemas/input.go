package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"mahalleh/schemas/expr"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// readNumber reads the number of a whole or decimal field.
func readNumber(n node, text string, field *Field, fail func(messageKey, ...arg) (Value, error)) (Value, error) {
	want := msgWantInteger
	switch field.Type {
	case TypeDecimal:
		want = msgWantNumber
	case TypeJalaliYear:
		want = msgWantYear
	}
	number, err := typedNumber(n, text)
	if errors.Is(err, expr.ErrOverflow) {
		return fail(msgNumberTooLarge)
	}
	if err != nil {
		return fail(want)
	}
	if field.Type == TypeDecimal {
		return DecimalValue(number), nil
	}
	whole, ok := number.Int64()
	if field.Type == TypeJalaliYear && ok && (whole < minJalaliYear || whole > maxJalaliYear) {
		return fail(askYear(n.show()))
	}
	if !ok {
		return fail(want)
	}
	return IntValue(whole), nil
}

// Years outside this range are two-digit years or Gregorian ones typed by mistake.
const (
	minJalaliYear = 1300
	maxJalaliYear = 1450
)

// typedNumber reads a JSON number, or a text with a number as people type it. A
// percent sign says nothing that the field's unit does not say, and is dropped.
func typedNumber(n node, text string) (Decimal, error) {
	if number, ok := n.token.(json.Number); ok {
		return expr.ParseDecimal(number.String())
	}
	number, err := persian.ParseNumber(text)
	if errors.Is(err, persian.ErrOutOfRange) || errors.Is(err, persian.ErrTooLong) {
		return Decimal{}, fmt.Errorf("%w: %w", expr.ErrOverflow, err)
	}
	if err != nil {
		return Decimal{}, fmt.Errorf("%w: %w", expr.ErrNotANumber, err)
	}
	return Decimal{Mantissa: number.Coefficient, Scale: uint8(number.Scale)}, nil
}

func readBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "بله", "بلی", "آری", "1", "۱":
		return true, true
	case "false", "no", "خیر", "نه", "0", "۰":
		return false, true
	}
	return false, false
}

// readDate reads an ISO date, or a Jalali one as people write it.
func readDate(s string) (int32, error) {
	if day, err := jalali.ParseISO(persian.ToASCIIDigits(s)); err == nil {
		return int32(day), nil
	}
	date, err := jalali.Parse(s)
	if err != nil {
		return 0, err
	}
	return int32(date.EpochDay()), nil
}

// askDate says what is wrong with a date, and asks whether one of those is meant that
// the person may have thought of: nothing is guessed.
func askDate(err error) (messageKey, arg) {
	var bad *jalali.InputError
	if !errors.As(err, &bad) {
		return msgWantDate, arg{}
	}
	gregorian := errors.Is(err, jalali.ErrLooksGregorian)
	near := arg{name: "near"}
	for i, date := range bad.Suggestions {
		if i > 0 {
			near.fa, near.en = near.fa+" یا ", near.en+" or "
		}
		near.fa, near.en = near.fa+date.Fa(), near.en+date.String()
	}
	switch {
	case gregorian && len(bad.Suggestions) > 0:
		return msgAskGregorian, near
	case gregorian:
		return msgWantJalali, near
	case len(bad.Suggestions) > 0:
		return msgAskDate, near
	}
	return msgWantDate, near
}

// askYear is askDate for a year alone: a Gregorian one begins in one Jalali year and
// ends in the next.
func askYear(year string) (messageKey, arg) {
	_, err := jalali.ParseYear(year)
	var bad *jalali.InputError
	if !errors.As(err, &bad) || len(bad.Suggestions) == 0 {
		return msgWantYear, arg{}
	}
	near := arg{name: "near"}
	for i, date := range bad.Suggestions {
		word := strconv.Itoa(date.Year())
		if i > 0 {
			near.fa, near.en = near.fa+" یا ", near.en+" or "
		}
		near.fa, near.en = near.fa+persianDigits(word), near.en+word
	}
	if errors.Is(err, jalali.ErrLooksGregorian) {
		return msgAskGregorianYear, near
	}
	return msgAskYear, near
}

// readID reads a UUID in its usual text form of 36 characters.
func readID(s string) (ID, bool) {
	if len(s) != 36 {
		return ID{}, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil && id != uuid.Nil
}

// readPoint reads {"lat","lon","accuracy_m"}, a GeoJSON point or "lat, lon".
func readPoint(n node, text string) (Point, error) {
	if text != "" {
		parts := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '،' || c == ';' })
		if len(parts) != 2 && len(parts) != 3 {
			return Point{}, errors.New("two numbers are needed")
		}
		var numbers [3]Decimal
		for i, part := range parts {
			number, err := typedNumber(node{}, part)
			if err != nil {
				return Point{}, err
			}
			numbers[i] = number
		}
		return expr.NewPoint(numbers[0], numbers[1], numbers[2])
	}
	if !n.isObject() {
		return Point{}, errors.New("not an object")
	}
	if n.member("type").token == "Point" {
		return readPosition(n.member("coordinates"))
	}
	var numbers [3]Decimal
	given := [3]bool{2: true}
	for _, m := range n.members {
		i := slices.Index([]string{"lat", "lon", "accuracy_m"}, m.name)
		if i < 0 {
			return Point{}, fmt.Errorf("%q is unknown", clip(m.name))
		}
		number, err := readCoordinate(m.value)
		if err != nil {
			return Point{}, fmt.Errorf("%s: %w", m.name, err)
		}
		numbers[i], given[i] = number, true
	}
	if !given[0] || !given[1] {
		return Point{}, errors.New("lat and lon are needed")
	}
	return expr.NewPoint(numbers[0], numbers[1], numbers[2])
}

// readCoordinate drops digits beyond what a Decimal holds: receivers write 15
// digits and more after the point, of which seven mean anything.
func readCoordinate(n node) (Decimal, error) {
	const digits = 12
	if number, ok := n.token.(json.Number); ok {
		s := number.String()
		if i := strings.IndexByte(s, '.'); i >= 0 && len(s) > i+1+digits && !strings.ContainsAny(s, "eE") {
			s = s[:i+1+digits]
		}
		return expr.ParseDecimal(s)
	}
	text, _ := n.token.(string)
	return typedNumber(n, text)
}

// readPosition reads a GeoJSON position: longitude first, a height is ignored.
func readPosition(n node) (Point, error) {
	if !n.isArray() || len(n.items) < 2 || len(n.items) > 3 {
		return Point{}, errors.New("a position needs longitude and latitude")
	}
	lon, err := readCoordinate(n.items[0])
	if err != nil {
		return Point{}, err
	}
	lat, err := readCoordinate(n.items[1])
	if err != nil {
		return Point{}, err
	}
	return expr.NewPoint(lat, lon, Decimal{})
}

// readRing reads a list of points, or a GeoJSON polygon with one ring.
func readRing(n node) ([]Point, error) {
	corners, read := n, func(n node) (Point, error) { return readPoint(n, "") }
	if n.isObject() && n.member("type").token == "Polygon" {
		rings := n.member("coordinates")
		if !rings.isArray() || len(rings.items) != 1 {
			return nil, errors.New("exactly one ring is needed")
		}
		corners, read = rings.items[0], readPosition
	}
	if !corners.isArray() {
		return nil, errors.New("not a list")
	}
	if len(corners.items) > MaxCorners {
		return nil, fmt.Errorf("more than %d corners", MaxCorners)
	}
	ring := make([]Point, 0, len(corners.items))
	for i, corner := range corners.items {
		point, err := read(corner)
		if err != nil {
			return nil, fmt.Errorf("corner %d: %w", i+1, err)
		}
		ring = append(ring, point)
	}
	return ring, nil
}

// clip shortens a word from outside for a message.
func clip(s string) string {
	return node{token: s}.show()
}
