package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

// The same seeds give the same trace, however many are played at a time.
func TestSameSeedsSameTrace(t *testing.T) {
	traces := map[string]string{}
	for _, workers := range []string{"1", "2"} {
		var out, problems bytes.Buffer
		args := []string{"sim", "--seeds", "3", "--from", "5", "--workers", workers, "--dir", t.TempDir(), "--json"}
		if code := program().Main(t.Context(), args, nil, &out, &problems, nil); code != 0 {
			t.Fatalf("exit code %d: %s%s", code, &out, &problems)
		}
		var got summary
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Seeds != 3 || got.From != 5 || got.Steps == 0 || len(got.Events) == 0 {
			t.Errorf("%s workers: got %+v, want three histories from seed 5 with their steps", workers, got)
		}
		traces[workers] = got.Trace
	}
	if traces["1"] != traces["2"] {
		t.Errorf("the trace is %s with one worker and %s with two", traces["1"], traces["2"])
	}
}
