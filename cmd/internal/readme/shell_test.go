package readme

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// commands splits a line for a shell into its simple commands, each a list of
// words without quotes. Targets of redirections and assignments are left out.
// It knows as much of a shell as the READMEs use.
func commands(line string) ([][]string, error) {
	var (
		all    [][]string
		cmd    []string
		word   strings.Builder
		inWord bool
		quote  rune
		target bool // the next word is where a redirection leads
	)
	endWord := func() {
		switch w := word.String(); {
		case !inWord:
			return
		case target:
			target = false
		case len(cmd) == 0 && assignment.MatchString(w):
		default:
			cmd = append(cmd, w)
		}
		word.Reset()
		inWord = false
	}
	endCommand := func() {
		endWord()
		if len(cmd) > 0 {
			all = append(all, cmd)
		}
		cmd = nil
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ':
			endWord()
		case strings.ContainsRune("|;&()", r):
			endCommand()
		case r == '>' || r == '<':
			endWord()
			target = true
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	endCommand()
	return all, nil
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		want       [][]string
	}{
		{"plain", `make test`, [][]string{{"make", "test"}}},
		{"quotes", `bin/x add "مریم رضایی" --set a="ب ج"`, [][]string{{"bin/x", "add", "مریم رضایی", "--set", "a=ب ج"}}},
		{"pipe and file", `bin/x enrol | grep ^x: > out.txt`, [][]string{{"bin/x", "enrol"}, {"grep", "^x:"}}},
		{"substitution", `ID=$(bin/x list | cut -d '"' -f 4)`, [][]string{{"bin/x", "list"}, {"cut", "-d", `"`, "-f", "4"}}},
		{"nothing", ``, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := commands(tt.line)
			if err != nil || !slices.EqualFunc(got, tt.want, slices.Equal) {
				t.Errorf("commands = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if got, err := commands(`echo "half`); err == nil {
		t.Errorf("an open quote gives %q, want an error", got)
	}
}
