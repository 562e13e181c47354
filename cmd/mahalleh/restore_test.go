package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Two restores in one second keep what stood there before each of them.
func TestSetAsideTwiceInOneSecond(t *testing.T) {
	f := folder{dir: t.TempDir()}
	now := time.Date(2026, 11, 22, 6, 27, 42, 0, time.UTC)
	seen := map[string]bool{}
	for _, text := range []string{"first", "second", "third"} {
		if err := os.WriteFile(f.database(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		kept, err := setAside(f, now)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(kept); err != nil || string(b) != text || seen[kept] {
			t.Errorf("%s is kept as %s with %q, %v", text, filepath.Base(kept), b, err)
		}
		seen[kept] = true
	}
}
