// Package sheet writes tables for spreadsheet programs, row by row: as CSV, or as a
// workbook. What a table holds never stays in memory.
//
// A cell says what it is. A text stays a text wherever it is opened: it is never
// taken for a formula. A number stays a number, a day a day.
package sheet

import (
	"errors"
	"strings"
	"unicode"

	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
)

// Writer takes tables one after the other, each from its head to its last row, and
// then Close. Nothing may be used after an error but Close.
type Writer interface {
	// Begin begins a table.
	Begin(title string, heads []string) error
	// Row writes a row under the heads.
	Row(cells []Cell) error
	// Close ends the last table and the file; it lets go of what was needed for it,
	// also after an error.
	Close() error
}

// ErrOneTable says that a file of this kind holds one table only.
var ErrOneTable = errors.New("a CSV file holds one table")

type kind uint8

const (
	kindText kind = iota
	kindNumber
	kindDay
)

// Cell is one value of a table. The zero cell is empty.
type Cell struct {
	kind kind
	text string
	day  jalali.Day
}

// Text is a cell that is a text, whatever it looks like. Controls of direction are
// left out of it: they would let one cell pose as another.
func Text(s string) Cell { return Cell{text: texts.DropDirectionControls(s)} }

// Number is a cell that is a number, written in ASCII digits: "-12.5". What is not
// such a number becomes a text.
func Number(s string) Cell {
	if !isNumber(s) {
		return Text(s)
	}
	return Cell{kind: kindNumber, text: s}
}

// Day is a cell that is a civil day; it is written in the calendar of spreadsheets,
// the Gregorian.
func Day(d jalali.Day) Cell { return Cell{kind: kindDay, day: d} }

func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, fraction, broken := strings.Cut(s, ".")
	return digits(whole) && (!broken || digits(fraction))
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// dangerous are the letters at which a spreadsheet program begins a formula, also
// in their wide forms.
const dangerous = "=+-@\t\r\n＝＋－＠"

// disarmed is a text that no spreadsheet program takes for a formula: one that would
// be gets an apostrophe before it, as people do by hand.
func disarmed(s string) string {
	first := strings.TrimLeftFunc(s, func(r rune) bool {
		return !strings.ContainsRune("\t\r\n", r) && (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r))
	})
	if r := []rune(first); len(r) > 0 && strings.ContainsRune(dangerous, r[0]) {
		return "'" + s
	}
	return s
}
