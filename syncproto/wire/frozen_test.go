package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// The bytes of changes and receipts are frozen: logs and proofs that were written
// once are read for ever. So these vectors stay as they are, down to the byte; a case
// that is added goes into a file of its own, and so does a later version of a format.
func TestFrozenVectorsAreAsTheyWere(t *testing.T) {
	for name, want := range map[string]string{
		"chain.json":    "9529c22724bf6538503c31c8414651f5b4d7583707cf67315a6e9c529d552d6e",
		"changes.json":  "83b574a4abb2f3d88d482cbd3f1d390148993d4f39b8bf386a0afb5a8c61a787",
		"headers.json":  "6a19e39cdbc3f381ed7bc626c2cec761ad641591ade1f54de0741dda7452069b",
		"ids.json":      "b6eb4172f354a618f42643c3304e3eec48dc2f7d6be28987a47316f390c7eacc",
		"ops.json":      "ba10f98470cde0852f2b517540cfaf3ec9be44c67204f2fec94c38e77d181b0e",
		"receipts.json": "64f199b920f33332e63a2e9dd004943ab7fc914efadcc88ef0b7e9c4edbb3ae4",
		"values.json":   "7f6d4321ddddad2a7b2c7d130134c76257da178c13c31c1a9bc266bba10e905f",
	} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(raw); hex.EncodeToString(got[:]) != want {
			t.Errorf("the vectors of %s are others now (%x): what was written before could not be read any more", name, got)
		}
	}
}
