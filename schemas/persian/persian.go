// Package persian cleans, folds, sorts, counts, reads and writes Persian text, numbers, money and identifiers.
//
// Everything here is a pure function of its arguments. Text that will be
// stored goes through [Clean] or [CleanMultiline]; what people search or
// compare goes through [Fold] and its relatives; a folded text is never
// stored in place of what somebody typed.
package persian

import "errors"

// Errors of the parsers. Each returned error wraps exactly one of them, so
// that a screen can choose its own words with errors.Is.
var (
	// ErrInvalidUTF8 marks bytes that are no UTF-8.
	ErrInvalidUTF8 = errors.New("text is not valid UTF-8")
	// ErrSurrogate marks an unpaired UTF-16 surrogate written as three bytes.
	ErrSurrogate = errors.New("text holds an unpaired surrogate")
	// ErrEmpty marks an input with nothing in it.
	ErrEmpty = errors.New("nothing was entered")
	// ErrTooLong marks an input longer than any that could be meant.
	ErrTooLong = errors.New("input is too long")
	// ErrSyntax marks an input that does not read as what was asked for.
	ErrSyntax = errors.New("input is not understood")
	// ErrOutOfRange marks a number that does not fit.
	ErrOutOfRange = errors.New("number is out of range")
	// ErrNotWhole marks a fraction where a whole number is needed.
	ErrNotWhole = errors.New("a whole number is needed")
	// ErrAmbiguous marks an amount such as 1.000 that means one to some
	// people and a thousand to others.
	ErrAmbiguous = errors.New("the mark may mean thousands or decimals")
	// ErrLength marks an identifier with the wrong number of digits.
	ErrLength = errors.New("wrong number of digits")
	// ErrCheckDigit marks a national id whose last digit does not fit.
	ErrCheckDigit = errors.New("check digit does not fit")
	// ErrRepeated marks an identifier made of one digit only.
	ErrRepeated = errors.New("all digits are the same")
	// ErrTestNumber marks a number from a range kept for tests.
	ErrTestNumber = errors.New("number belongs to a test range")
)

const (
	zwnj      = '\u200C' // zero width non-joiner, the half space inside words
	zwj       = '\u200D'
	tatweel   = '\u0640'
	bom       = '\uFEFF'
	fsi       = '\u2068' // first strong isolate
	pdi       = '\u2069' // pop directional isolate
	lrm       = '\u200E' // left-to-right mark
	minusSign = '\u2212'
	thousands = '\u066C' // ٬
	decimal   = '\u066B' // ٫
	percent   = '\u066A' // ٪
)
