package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// fuzzKinds says from which vectors each target's corpus is made.
func fuzzKinds() map[string]string {
	return map[string]string{"FuzzValue": "values", "FuzzHeader": "headers", "FuzzOps": "ops", "FuzzChange": "changes",
		"FuzzRecord": "records", "FuzzStoredRecord": "records", "FuzzLogCert": "certificates", "FuzzReceipt": "receipts",
		"FuzzServerKeys": "server_keys", "FuzzBatch": "batches", "FuzzPacked": "batches", "FuzzPrefixCodes": "folds",
		"FuzzMessage": "messages", "FuzzPackedRecords": "frames", "FuzzSentRecords": "records", "FuzzFrame": "frames", "FuzzFold": "folds"}
}

// maxCorpus is how many vectors a corpus takes; the targets seed themselves
// with all of them.
const maxCorpus = 12

// With -update it writes the corpora anew, beside what fuzzing once found.
func TestFuzzCorpora(t *testing.T) {
	for target, kind := range fuzzKinds() {
		dir := filepath.Join("testdata", "fuzz", target)
		if *update {
			writeCorpus(t, dir, kind)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) == 0 {
			t.Errorf("%s: the corpus is empty (%v)", target, err)
		}
	}
}

func writeCorpus(t *testing.T, dir, kind string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", kind+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	step := max(1, len(vectors)/maxCorpus)
	for i := 0; i < len(vectors); i += step {
		in := raw(t, vectors[i].Hex)
		text := "go test fuzz v1\n[]byte(" + strconv.Quote(string(in)) + ")\n"
		sum := sha256.Sum256([]byte(text))
		if err := os.WriteFile(filepath.Join(dir, hex.EncodeToString(sum[:8])), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
