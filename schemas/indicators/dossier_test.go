package indicators

import (
	"math/rand/v2"
	"testing"
)

func whole() []Fill {
	var fills []Fill
	for _, s := range Sections {
		fills = append(fills, Fill{Section: s, Done: 4, Target: 4, Gate: true})
	}
	return fills
}

func TestCompleteness(t *testing.T) {
	if c := CompletenessOf(whole(), UsualWeights()); c.Percent != 100*One || !c.Complete {
		t.Errorf("a whole dossier is %+v", c)
	}
	if c := CompletenessOf(nil, UsualWeights()); c.Percent != 0 || c.Complete || len(c.Open) != len(Sections) {
		t.Errorf("an empty one is %+v", c)
	}
	fills := whole()
	fills[0].Gate = false
	fills[5].Done = 1
	c := CompletenessOf(fills, UsualWeights())
	if c.Percent != 100*One-15*3*One/4 || c.Complete || len(c.Open) != 1 || c.Open[0] != SectionProfile {
		t.Errorf("C alone does not make it complete: %+v", c)
	}
	sum := int64(0)
	for _, w := range UsualWeights() {
		sum += w
	}
	if sum != 100 {
		t.Errorf("the weights add up to %d", sum)
	}
}

// Completeness never rises when something is taken away, nor beyond 100.
func TestCompletenessNeverRisesByDeletion(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		var fills []Fill
		for _, s := range Sections {
			fills = append(fills, Fill{Section: s, Done: r.Int64N(60), Target: r.Int64N(50), Gate: r.IntN(2) == 0})
		}
		before := CompletenessOf(fills, UsualWeights())
		i := r.IntN(len(fills))
		fills[i].Done = r.Int64N(fills[i].Done + 1)
		after := CompletenessOf(fills, UsualWeights())
		if after.Percent > before.Percent || before.Percent > 100*One || after.Percent < 0 {
			t.Fatalf("from %s to %s", before.Percent, after.Percent)
		}
	}
}
