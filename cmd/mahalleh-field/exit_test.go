package main

import (
	"testing"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// TestExitCodes runs the program into each end that needs neither server nor
// conflict; two_programs, newer_database and conflict play the others.
func TestExitCodes(t *testing.T) {
	p := newPerson(t)
	enrolment := syncproto.EnrolCode{Number: 101, Fingerprint: [8]byte{1}}
	code := enrolment.String()
	for _, test := range []struct {
		name string
		args []string
		want cli.Code
	}{
		{"not enrolled", []string{"list"}, cli.DataInvalid},
		{"a mistyped code", []string{"enrol", "0000" + code[4:len(code)-1] + "X", "--address", "127.0.0.1:1"}, cli.DataInvalid},
		{"enrolled", []string{"enrol", code, "--address", "127.0.0.1:1"}, cli.OK},
		{"enrolled twice", []string{"enrol", code, "--address", "127.0.0.1:1"}, cli.Refused},
		{"unknown command", []string{"stauts"}, cli.Usage},
		{"unknown flag", []string{"list", "--frm", "asset"}, cli.Usage},
		{"a flag without a value", []string{"new", "asset", "--set", "title_fa"}, cli.Usage},
		{"unknown form", []string{"new", "aset", "--set", "x=1"}, cli.DataInvalid},
		{"unknown field", []string{"new", "asset", "--set", "titel=x"}, cli.DataInvalid},
		{"a broken rule", []string{"new", "asset", "--set", "condition=9"}, cli.DataInvalid},
		{"an amount that is none", []string{"new", "activity", "--set", "cost_rial=زیاد"}, cli.DataInvalid},
		{"no such record", []string{"show", "ffffffff"}, cli.DataInvalid},
		{"no server", []string{"sync"}, cli.NotReachable},
		{"offline", []string{"status"}, cli.OK},
	} {
		if got, _, stderr := p.run("", test.args...); got != test.want {
			t.Errorf("%s: got %d, want %d; %s", test.name, got, test.want, stderr)
		}
	}
}

// TestCodeOfABadValue: a value that cannot be read is a matter of the data,
// wherever it was given.
func TestCodeOfABadValue(t *testing.T) {
	if got := codeOf(&schemas.FieldError{Path: "condition"}); got != cli.DataInvalid {
		t.Errorf("got %d, want %d", got, cli.DataInvalid)
	}
}
