package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// newer makes a backup's manifest one of a release to come: newer FILE.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer FILE")
	}
	var m map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &m))
	m["schema"] = 1000
	b, err := json.Marshal(m)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// count says how many folders are in one: count DIR NUMBER.
func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count DIR NUMBER")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	n := 0
	for _, e := range entries {
		if e.IsDir() {
			n++
		}
	}
	if fmt.Sprint(n) != args[1] {
		ts.Fatalf("%s holds %d folders, want %s", args[0], n, args[1])
	}
}

// waitForAny waits until a file that fits a pattern is there: waitforany
// PATTERN.
func waitForAny(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitforany PATTERN")
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	giveUp := time.NewTimer(time.Minute)
	defer giveUp.Stop()
	for {
		if found, err := filepath.Glob(ts.MkAbs(args[0])); err == nil && len(found) > 0 {
			return
		}
		select {
		case <-look.C:
		case <-giveUp.C:
			ts.Fatalf("nothing that fits %s came", args[0])
		}
	}
}

// serverAt sets a variable to the address at which a server in the background
// serves, as its door knows it: server FILE NAME.
func serverAt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: server FILE NAME")
	}
	address, err := jsonField(ts.ReadFile(args[0]), "serves")
	ts.Check(err)
	ts.Setenv(args[1], address)
}

// get fetches a page into a file and looks at the status: get FILE URL STATUS.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: get FILE URL STATUS")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	client := http.Client{Timeout: time.Minute}
	res, err := client.Get(args[1])
	ts.Check(err)
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(res.Body.Close())
	if res.StatusCode != want {
		ts.Fatalf("%s: %s, want %d: %s", args[1], res.Status, want, strings.TrimSpace(string(body)))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), body, 0o600))
}
