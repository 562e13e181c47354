package readme

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// block is a fenced block of a page.
type block struct {
	lang string // sh, text, toml
	line int    // of its first line, from 1
	text string
}

var fence = regexp.MustCompile("^```([a-z]*)$")

// blocks are the fenced blocks of a page in order.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	var all []block
	open := false
	for i, line := range strings.Split(page, "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case m != nil && !open:
			if m[1] == "" {
				t.Errorf("line %d: the block does not say what it holds (sh, text or toml)", i+1)
			}
			all = append(all, block{lang: m[1], line: i + 2})
			open = true
		case m != nil:
			open = false
		case open:
			all[len(all)-1].text += line + "\n"
		}
	}
	if open {
		t.Error("the last block does not end")
	}
	return all
}

// prose is a page without its fenced blocks.
func prose(page string) string {
	var out strings.Builder
	open := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			open = !open
		} else if !open {
			out.WriteString(line)
		}
	}
	return out.String()
}

var inline = regexp.MustCompile("`([^`\n]+)`")

// spans are the pieces of code within a page's prose.
func spans(page string) []string {
	var all []string
	for _, m := range inline.FindAllStringSubmatch(prose(page), -1) {
		all = append(all, m[1])
	}
	return all
}

// rows are the rows of a page's tables whose first column is code, by that
// name: the figures.
func rows(page string) (names []string, cells map[string]string) {
	cells = map[string]string{}
	for line := range strings.Lines(prose(page)) {
		if m := regexp.MustCompile("^\\| `([a-z0-9.-]+)` \\|(.*)").FindStringSubmatch(line); m != nil {
			names = append(names, m[1])
			cells[m[1]] = m[2]
		}
	}
	return names, cells
}

var number = regexp.MustCompile(`[0-9]+`)

// numbers are the groups of digits in a text, digits of any kind folded,
// separators of thousands and decimal points in either language told alike.
func numbers(s string) []string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case r >= '۰' && r <= '۹':
			return r - '۰' + '0'
		case r == '٬':
			return ','
		case r == '٫':
			return '.'
		}
		return r
	}, s)
	return number.FindAllString(folded, -1)
}

// anchors are the names by which the headings of a page can be linked to.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(prose(page)) {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		title := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
		all[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
				return r
			}
			return -1
		}, title)] = true
	}
	return all
}
