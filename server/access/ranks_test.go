package access

import (
	"slices"
	"testing"

	"mahalleh/schemas/workflow"
)

// TestRanksAreThoseOfTheProgrammes: a rank that a grant gives stands for the same
// role when a programme's guard asks who takes a step.
func TestRanksAreThoseOfTheProgrammes(t *testing.T) {
	known := map[uint8][]workflow.Role{}
	for _, r := range rules {
		known[r.rank] = append(known[r.rank], workflow.Role(r.role))
	}
	for rank := range 256 {
		want := known[uint8(rank)]
		slices.Sort(want)
		if got := workflow.RolesOf(uint8(rank)); !slices.Equal(got, want) {
			t.Errorf("rank %d is %v for the guards, %v for access", rank, got, want)
		}
	}
}
