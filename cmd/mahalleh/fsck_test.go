package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas/texts"
	"mahalleh/server/sqlitestore"
)

// TestFaultsHaveWords: whatever a check may find is told in both languages.
func TestFaultsHaveWords(t *testing.T) {
	for _, lang := range []cli.Lang{cli.English, cli.Persian} {
		c, err := texts.OpenCatalogue(lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range sqlitestore.Parts() {
			if !c.Has(cli.Key("mahalleh_data.fsck_part." + string(p))) {
				t.Errorf("%s: no words for the part %s", lang, p)
			}
			if !c.Has(cli.Key("mahalleh_data.fsck_do." + string(p))) {
				t.Errorf("%s: nothing is said of what to do about the part %s", lang, p)
			}
		}
		for _, f := range sqlitestore.Faults() {
			if !c.Has(cli.Key("mahalleh_data.fsck_fault." + string(f))) {
				t.Errorf("%s: no words for the fault %s", lang, f)
			}
		}
	}
}

// spoil changes bytes of a file in place: spoil FILE OLD NEW, both of one length.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || len(args[1]) != len(args[2]) {
		ts.Fatalf("usage: spoil FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	whole, err := os.ReadFile(path)
	ts.Check(err)
	if !bytes.Contains(whole, []byte(args[1])) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, bytes.ReplaceAll(whole, []byte(args[1]), []byte(args[2])), 0o600))
}
