package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckpointsAreReadToTheEnd: a line that is too long does not hide those
// behind it from whoever has them verified.
func TestCheckpointsAreReadToTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held.jsonl")
	line := `{"scope":"` + strings.Repeat("0", 32) + `","count":1,"head":"` + strings.Repeat("a", 64) + `"}` + "\n"
	long := strings.Repeat(" ", 100_000) + line
	for text, want := range map[string]int{line + line: 2, line + long + line: -1} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		held, err := readHeld(path)
		if want < 0 && err == nil || want >= 0 && (err != nil || len(held) != want) {
			t.Errorf("of %d bytes: got %d checkpoints, %v, want %d", len(text), len(held), err, want)
		}
	}
}
