package figures

import (
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mahalleh/server/sqlitestore"
)

func TestSizesUpTo(t *testing.T) {
	tests := map[int][]int{5: {5}, 10_000: {10_000}, 100_000: {10_000, 100_000}, 1_000_000: {10_000, 1_000_000},
		10_000_000: {10_000, 1_000_000, 10_000_000}}
	for most, want := range tests {
		if got := sizesUpTo(most); !slices.Equal(got, want) {
			t.Errorf("up to %d: got %v, want %v", most, got, want)
		}
	}
}

// A store that was filled beforehand is one that a server could have written: its
// check finds nothing, and a device is served all of its place and what comes then.
func TestPreBuiltStoreIsSoundAndServes(t *testing.T) {
	const records = 1010
	r := &run{Env: Env{Dir: t.TempDir(), Progress: func(string, int, int) {}}, figure: growth()}
	g, err := r.newGrown(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(g.dir, serverName)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rep, err := st.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Records != records || rep.Changes != records || rep.Entries != records || len(rep.Problems) > 0 {
		t.Fatalf("the check reads %+v, want %d records, as many changes and no problem", rep, records)
	}

	s, err := openServer(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	g.server = &serving{address: strings.TrimPrefix(web.URL, "http://")}
	defer func() { g.server = nil }()
	if got, err := g.reader().discard(t.Context()); err != nil || got.records != records/grownScopes+1 {
		t.Errorf("a device that holds nothing is sent %d records, want those of its place: %v", got.records, err)
	}
	if err := st.View(t.Context(), g.note); err != nil {
		t.Fatal(err)
	}
	if err := g.connect(); err != nil {
		t.Fatal(err)
	}
	if err := g.turn(); err != nil {
		t.Fatal(err)
	}
	if n := g.devices[0].received; n != g.devices[0].seq {
		t.Errorf("the server has %d of %d changes of a device that goes on", n, g.devices[0].seq)
	}
}
