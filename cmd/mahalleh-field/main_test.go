package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/cmd/internal/recount"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func TestMain(m *testing.M) {
	testscript.Main(inBrowser{m}, map[string]func(){"mahalleh-field": main})
}

// inBrowser runs tests of which some start a browser.
type inBrowser struct{ *testing.M }

// Run implements testscript.TestingM.
func (m inBrowser) Run() int {
	defer viewtest.End()
	return m.M.Run()
}

// serverProgram builds the server's program, since a main package cannot be
// imported, and returns the folder in which it lies.
func serverProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, serverName()), "mahalleh/cmd/mahalleh").CombinedOutput()
	if err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	return dir
}

// serverName is the file name of the server's program.
func serverName() string {
	if runtime.GOOS == "windows" {
		return "mahalleh.exe"
	}
	return "mahalleh"
}

func TestScripts(t *testing.T) {
	programs := serverProgram(t)
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		e.Setenv("HOME", e.WorkDir)
		e.Setenv("PATH", programs+string(filepath.ListSeparator)+e.Getenv("PATH"))
		e.Setenv("MAHALLEH_DATA_DIR", "server")
		e.Setenv("MAHALLEH_FIELD_DATA_DIR", "phone")
		// A key file opens at once; scripts that are about passphrases unset it.
		e.Setenv("MAHALLEH_FIELD_KEY_FILE", "key")
		return os.WriteFile(filepath.Join(e.WorkDir, "key"), bytes.Repeat([]byte("key "), 8), 0o600)
	}, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"capture":    capture,
		"code":       code,
		"flip":       flip,
		"each":       each,
		"eventually": eventually,
		"hold":       hold,
		"newer":      newer,
		"synced":     synced,
		"recount":    func(ts *testscript.TestScript, neg bool, args []string) { recount.Script(ts, neg, args) },
		"waitfor":    waitFor,
	}})
}

// capture sets a variable to the value of a JSON field of an object in a file
// of one object a line: capture NAME FILE FIELD [LINE].
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 && len(args) != 4 {
		ts.Fatalf("usage: capture NAME FILE FIELD [LINE]")
	}
	lines := slices.Collect(strings.Lines(ts.ReadFile(args[1])))
	n := 1
	if len(args) == 4 {
		var err error
		n, err = strconv.Atoi(args[3])
		ts.Check(err)
	}
	if n < 1 || n > len(lines) {
		ts.Fatalf("%s has %d lines", args[1], len(lines))
	}
	var fields map[string]any
	ts.Check(json.Unmarshal([]byte(lines[n-1]), &fields))
	value, ok := fields[args[2]]
	if !ok {
		ts.Fatalf("there is no field %s in %s", args[2], args[1])
	}
	if list, ok := value.([]any); ok && len(list) > 0 {
		value = list[0]
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

// code sets variables to an enrolment code of a server that is never reached:
// code TYPED QR names the variables for the typed form and the text of the QR.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: code TYPED QR")
	}
	keys := wire.ServerKeys{Noise: [32]byte{1}, Receipt: [32]byte{2}, Recovery: [32]byte{3}}
	c := syncproto.EnrolCode{Number: 101}
	fingerprint := keys.Fingerprint()
	copy(c.Fingerprint[:], fingerprint[:])
	copy(c.Secret[:], ts.Name())
	sheet := syncproto.EnrolSheet{Code: c, Addresses: []string{"127.0.0.1:1"}, Keys: wire.AppendServerKeys(nil, &keys), Person: c.Author(),
		PersonName: "مریم رضایی", PlaceName: "پیرسرا", Compartments: []string{"plain", "persons", "reference"}}
	qr, err := sheet.Text()
	ts.Check(err)
	ts.Setenv(args[0], c.String())
	ts.Setenv(args[1], qr)
}

// hold keeps a device open, as another program would, until the script ends: hold DIR.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold DIR")
	}
	c, err := clientsdk.Open(context.Background(), ts.MkAbs(args[0]), clientsdk.Options{Clock: systemClock{now: time.Now}, Rand: rand.Reader})
	ts.Check(err)
	ts.Defer(func() { ts.Check(c.Close()) })
}

// newer marks a database as written by a newer release: newer FILE. The mark
// is SQLite's user_version, a number in the file's header.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer FILE")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	_, err = f.WriteAt([]byte{0, 0, 0x70, 0}, 60)
	ts.Check(err)
	ts.Check(f.Close())
}

// flip flips one bit in the bookkeeping of a device that is closed: in the row
// of its first log, whose reason is followed by a document of version one.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	name := ts.MkAbs(args[0])
	raw, err := os.ReadFile(name)
	ts.Check(err)
	at := bytes.Index(raw, []byte("first\x01"))
	if at < 0 {
		ts.Fatalf("%s has no row of a first log", args[0])
	}
	raw[at] ^= 1
	ts.Check(os.WriteFile(name, raw, 0o600))
}

// waitFor waits until a file is there: waitfor FILE.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	until(ts, func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
}

// synced synchronises a device; that something on it is in conflict is no failure:
// synced DIR.
func synced(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: synced DIR")
	}
	err := ts.Exec("mahalleh-field", "sync", "-q", "--data-dir", args[0])
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == int(cli.Conflicts) {
		return
	}
	ts.Check(err)
}

// each runs a command for each line of a file, which stands in the place of {}:
// each FILE exec COMMAND ARGS...
func each(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || args[1] != "exec" {
		ts.Fatalf("usage: each FILE exec COMMAND ARGS...")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		some := slices.Clone(args[3:])
		for i := range some {
			some[i] = strings.ReplaceAll(some[i], "{}", strings.TrimSuffix(line, "\n"))
		}
		ts.Check(ts.Exec(args[2], some...))
	}
}

// eventually runs a command again and again until its output matches, whether
// it succeeds or not: eventually PATTERN COMMAND ARGS...
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN COMMAND ARGS...")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	until(ts, func() bool {
		// How the command ends is not what is waited for.
		_ = ts.Exec(args[1], args[2:]...)
		return pattern.MatchString(ts.ReadFile("stdout"))
	})
}

// until asks until the answer is yes, for a minute at most.
func until(ts *testscript.TestScript, ready func() bool) {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	giveUp := time.NewTimer(time.Minute)
	defer giveUp.Stop()
	for !ready() {
		select {
		case <-look.C:
		case <-giveUp.C:
			ts.Fatalf("it did not come")
		}
	}
}

func TestProgram(t *testing.T) {
	for _, problem := range cli.Check(program()) {
		t.Error(problem)
	}
}

// TestTexts holds the catalogues against everything that the SDK can say.
func TestTexts(t *testing.T) {
	for _, lang := range []cli.Lang{cli.English, cli.Persian} {
		c, err := texts.OpenCatalogue(lang)
		if err != nil {
			t.Fatal(err)
		}
		want := func(key cli.Key) {
			if !c.Has(key) {
				t.Errorf("%s is not in %s", key, lang)
			}
		}
		for _, key := range clientsdk.Keys() {
			family, name := "field_"+key[:strings.LastIndexByte(key, '.')], lastPart(key)
			want(cli.Key(family + "." + name))
			if cli.Family(family) == errorFamily {
				want(sdkKey(hintFamily, key))
			}
		}
	}
}

// TestArguments holds the arguments of the SDK's refusals against their texts:
// none may show a gap.
func TestArguments(t *testing.T) {
	given := map[string][]string{
		"mistyped_code": {"part", "parts", "text"}, "bad_address": {"address"}, "weak_passphrase": {"least"}, "wait": {"wait"},
		"unknown_form": {"form"}, "invalid": {"field"}, "unknown_field": {"field"}, "by_transition": {"field"}, "step_refused": {"rule"}, "no_grant": {"form"},
	}
	c, err := texts.OpenCatalogue(cli.English)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range clientsdk.Keys() {
		if !strings.HasPrefix(key, "sdk.error.") {
			continue
		}
		have := append([]string{"dir"}, given[lastPart(key)]...)
		for _, k := range []cli.Key{sdkKey(errorFamily, key), sdkKey(hintFamily, key)} {
			for _, arg := range c.Arguments(k) {
				if !strings.Contains(" "+strings.Join(have, " ")+" ", " "+arg+" ") {
					t.Errorf("%s shows {%s}, which the SDK does not give", k, arg)
				}
			}
		}
	}
}
