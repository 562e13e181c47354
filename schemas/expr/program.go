// Package expr is the expression language of the forms: a typed, pure, cost-bounded subset of XLSForm, parsed, checked and evaluated in Go only.
package expr

import (
	"fmt"
	"regexp"
)

// MaxCorners bounds the corners of a polygon: testing a ring for crossings takes
// corners²/2 steps, and 1,024 corners draw a neighbourhood to the metre.
const MaxCorners = 1_024

// maxPattern bounds the source of a regular expression; RE2 runs in time linear
// in the text, with a factor that grows with the pattern.
const maxPattern = 200

// Program is a checked expression, ready to evaluate. It never changes and may be
// shared by any number of goroutines.
type Program struct {
	source string
}

// CompilePattern compiles an RE2 expression of bounded length.
func CompilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("regular expression of %d bytes, at most %d", len(pattern), maxPattern)
	}
	return regexp.Compile(pattern)
}
