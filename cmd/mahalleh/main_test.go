package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mahalleh/cmd/internal/cli"
	"mahalleh/cmd/internal/recount"
)

func TestMain(m *testing.M) {
	testscript.Main(inBrowser{m}, map[string]func(){"mahalleh": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		e.Setenv("HOME", e.WorkDir)
		e.Setenv("MAHALLEH_DATA_DIR", "data")
		e.Setenv("NEIGHBOURHOODS", cmp.Or(os.Getenv("MAHALLEH_RECOUNT"), "8"))
		return nil
	}, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"capture":    capture,
		"pick":       pick,
		"waitfor":    waitFor,
		"seed":       seed,
		"people":     people,
		"leap":       leap,
		"spoil":      spoil,
		"newer":      newer,
		"count":      count,
		"get":        get,
		"server":     serverAt,
		"waitforany": waitForAny,
		"pages":      pages,
		"recount":    func(ts *testscript.TestScript, neg bool, args []string) { recount.Script(ts, neg, args) },
	}})
}

// capture sets a variable to the value of a JSON field in a file of one
// object: capture NAME FILE FIELD.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture NAME FILE FIELD")
	}
	value, err := jsonField(ts.ReadFile(args[1]), args[2])
	ts.Check(err)
	ts.Setenv(args[0], value)
}

// pick sets a variable to a field of the one object, among those in a file of
// one a line, whose other field has a value: pick NAME FILE FIELD VALUE WANTED.
func pick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: pick NAME FILE FIELD VALUE WANTED")
	}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if value, err := jsonField(line, args[2]); err == nil && value == args[3] {
			wanted, err := jsonField(line, args[4])
			ts.Check(err)
			ts.Setenv(args[0], wanted)
			return
		}
	}
	ts.Fatalf("no line of %s has %s %s", args[1], args[2], args[3])
}

// waitFor waits until a file is there: waitfor FILE. A process that was begun
// in the background says in this way that it is ready.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	giveUp := time.NewTimer(time.Minute)
	defer giveUp.Stop()
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		select {
		case <-look.C:
		case <-giveUp.C:
			ts.Fatalf("%s did not come", args[0])
		}
	}
}

// jsonField returns a field of a JSON object as text.
func jsonField(object, field string) (string, error) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		return "", err
	}
	value, ok := fields[field]
	if !ok {
		return "", fmt.Errorf("there is no field %s in %s", field, object)
	}
	return fmt.Sprint(value), nil
}

func TestProgram(t *testing.T) {
	for _, problem := range cli.Check(program()) {
		t.Error(problem)
	}
}
