package recount

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// Runner is a running test script.
type Runner interface {
	Check(err error)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Getenv(key string) string
	MkAbs(file string) string
}

// Script is the command `recount` of test scripts:
//
//	recount DAY [--from MONTH] [--to MONTH] [SCOPE...]
//
// It asks `mahalleh report` for all figures as of a Jalali day (or "now"), reckons
// all of them again from `mahalleh export`, and fails where they differ. A scope is a
// place's number; "everywhere", which is asked when there is none; or "each" for each
// neighbourhood by itself. The program finds its data as other commands of the
// script do.
func Script(ts Runner, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: recount DAY [--from MONTH] [--to MONTH] [SCOPE...]")
	}
	run := func(args ...string) *bytes.Reader { return printedBy(ts, args...) }
	w := Exported(ts)
	ask, q, scopes := []string{"report", "--json", "-q"}, Query{}, []int64(nil)
	if args[0] != "now" {
		d, err := jalali.Parse(args[0])
		ts.Check(err)
		q.Today = int64(d.EpochDay())
		ask = append(ask, "--on", args[0])
	}
	for rest := args[1:]; len(rest) > 0; rest = rest[1:] {
		switch rest[0] {
		case "--from", "--to":
			var year, month int64
			if len(rest) < 2 {
				ts.Fatalf("%s of which month?", rest[0])
			}
			_, err := fmt.Sscanf(persian.ToASCIIDigits(rest[1]), "%d/%d", &year, &month)
			ts.Check(err)
			if rest[0] == "--from" {
				q.From = year*100 + month
			} else {
				q.To = year*100 + month
			}
			ask = append(ask, rest[0], rest[1])
			rest = rest[1:]
		case "everywhere":
			scopes = append(scopes, 0)
		case "each":
			scopes = append(scopes, w.Neighbourhoods()...)
		default:
			var number int64
			_, err := fmt.Sscan(rest[0], &number)
			ts.Check(err)
			scopes = append(scopes, number)
		}
	}
	if scopes == nil {
		scopes = []int64{0}
	}
	for _, scope := range scopes {
		w.hold(ts, run, ask, q, scope)
	}
}

// Exported is all that the program of a script takes out of its data.
func Exported(ts Runner) *World {
	run := func(args ...string) *bytes.Reader { return printedBy(ts, args...) }
	w, err := Read(Sources{Export: run("export", "--jsonl", "--history", "-q"), Places: run("place", "list", "--json", "-q"),
		People: run("person", "list", "--json", "-q"), Devices: run("device", "list", "--json", "-q")})
	ts.Check(err)
	return w
}

// printedBy is what the program prints. Its output is long and would fill the log of
// the script.
func printedBy(ts Runner, args ...string) *bytes.Reader {
	program := "mahalleh"
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		found, err := exec.LookPath(filepath.Join(dir, program))
		if err == nil {
			program = found
			break
		}
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "MAHALLEH_DATA_DIR="+ts.Getenv("MAHALLEH_DATA_DIR"))
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		ts.Fatalf("mahalleh %s: %v\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	ts.Check(err)
	return bytes.NewReader(out)
}

// hold holds one report against the recount.
func (w *World) hold(ts Runner, run func(...string) *bytes.Reader, ask []string, q Query, scope int64) {
	if scope != 0 {
		ask = append(slices.Clone(ask), "--scope", fmt.Sprint(scope))
	}
	report, err := ReadReport(run(ask...))
	ts.Check(err)
	q.Scope, q.Now = scope, report.AsOf
	if q.Today == 0 {
		q.Today = tehranDay(time.UnixMilli(q.Now).Unix())
	}
	if wrong := Compare(report, w.Figures(q)); len(wrong) > 0 {
		ts.Fatalf("%s: %d of %d numbers differ:\n%s", strings.Join(ask, " "), len(wrong), len(report.numbers), strings.Join(wrong[:min(len(wrong), 40)], "\n"))
	}
	ts.Logf("%s: %d numbers, all the same", strings.Join(ask, " "), len(report.numbers))
}

// Neighbourhoods are the numbers of those that have records.
func (w *World) Neighbourhoods() (all []int64) {
	for _, n := range sortedKeys(w.places) {
		if w.places[n].Kind == "neighbourhood" && slices.ContainsFunc(w.records, func(r *record) bool { return r.Place == n }) {
			all = append(all, n)
		}
	}
	return all
}
