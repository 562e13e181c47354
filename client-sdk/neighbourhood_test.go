package clientsdk

import (
	"testing"

	"mahalleh/schemas/indicators"
)

// TestNeighbourhoods: before the first contact the dossier is counted over what
// was recorded here, and what is missing is not taken for received.
func TestNeighbourhoods(t *testing.T) {
	d := newDevice(t)
	d.record("asset", assetJSON)
	d.record("dossier", dossierJSON)
	all, err := d.Neighbourhoods(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d neighbourhoods: %v", len(all), err)
	}
	n := all[0]
	if n.Place != d.Person().Place || !n.Mine || n.Whole {
		t.Errorf("place %v, mine %t, whole %t; want the enrolment's, mine, and not whole", n.Place, n.Mine, n.Whole)
	}
	if len(n.Summary.Fills) != len(indicators.Sections) || n.Summary.Dossier == nil || n.Summary.Dossier.Status != "assigned" {
		t.Fatalf("sections %v, dossier %v", n.Summary.Fills, n.Summary.Dossier)
	}
	for _, f := range n.Summary.Fills {
		if want := map[indicators.Section]int64{indicators.SectionAssets: 1}[f.Section]; f.Done != want {
			t.Errorf("%s: %d done, want %d", f.Section, f.Done, want)
		}
	}
	if err := d.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Neighbourhoods(ctx); err == nil {
		t.Error("a locked device was counted")
	}
}
