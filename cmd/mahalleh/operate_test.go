package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/api"
)

// TestOperatorsPages: the pages for operators explain every alarm there is, and
// name no metric that there is not.
func TestOperatorsPages(t *testing.T) {
	var log, told bytes.Buffer
	d := newDesk(t, &log)
	if err := api.Metrics(&told, d.facts(t.Context(), "x", time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"operate.md", "operate.fa.md"} {
		page, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, alarm := range allAlarms {
			if !strings.Contains(string(page), "\n| `"+alarm+"` |") {
				t.Errorf("%s does not explain the alarm %s", name, alarm)
			}
		}
		for _, metric := range regexp.MustCompile(`mahalleh_[a-z_]+`).FindAllString(string(page), -1) {
			if metric != "mahalleh_" && !strings.Contains(told.String(), "# TYPE "+metric+" ") {
				t.Errorf("%s speaks of %s, which is not told", name, metric)
			}
		}
	}
}

// TestShippedSettings: the settings file of the package is one that every
// command takes.
func TestShippedSettings(t *testing.T) {
	config := filepath.Join("dist", "mahalleh.toml")
	for _, command := range [][]string{{"place", "list"}, {"serve", "--listen", "192.0.2.1:1"}} {
		var stdout, stderr bytes.Buffer
		args := append(command, "--config", config, "--data-dir", t.TempDir())
		code := cli.Code(program().Main(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil))
		if code == cli.Usage {
			t.Errorf("%s: %s", strings.Join(command, " "), stderr.String())
		}
	}
}
