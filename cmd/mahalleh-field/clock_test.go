package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"mahalleh/cmd/internal/cli"
)

// TestWrongClock proves that a wrong clock is named, and not fought: the device
// records and synchronises all the same.
func TestWrongClock(t *testing.T) {
	program := filepath.Join(serverProgram(t), serverName())
	data := filepath.Join(t.TempDir(), "server")
	server := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append(args, "--data-dir", data, "--json")...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	server("place", "add", "پیرسرا", "--in", "11", "-q")
	server("person", "add", "مریم رضایی")
	server("grant", "add", "مریم رضایی", "facilitator", "--place", "101")
	serve := exec.CommandContext(t.Context(), program, "serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--json", "-q")
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })
	if _, err := bufio.NewReader(out).ReadBytes('\n'); err != nil {
		t.Fatalf("the server did not come up: %v", err)
	}
	var paper struct{ QR string }
	if err := json.Unmarshal(server("enrol", "مریم رضایی", "--place", "101", "-q"), &paper); err != nil {
		t.Fatal(err)
	}

	p := newPerson(t)
	p.now = time.Now().Add(72 * time.Hour)
	for _, args := range [][]string{
		{"enrol", paper.QR},
		{"new", "asset", "--set", "category=physical", "--set", "subtype=hall", "--set", "title_fa=سالن"},
		{"sync"},
	} {
		if code, stdout, stderr := p.run("", args...); code != cli.OK {
			t.Fatalf("%v: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
	_, status, _ := p.run("", "status")
	contains(t, status, "Recorded 1 = received 1.", "clock is ", " ahead of the server's: set it right")
	_, status, _ = p.run("", "status", "--lang", "fa")
	contains(t, status, "از ساعت سرور جلو است: درستش کنید")
}
