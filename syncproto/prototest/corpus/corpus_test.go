package corpus

import (
	"slices"
	"strings"
	"testing"
)

func TestWordsOfTrainingAndMeasureAreApart(t *testing.T) {
	trained := strings.Fields(training)
	for _, w := range strings.Fields(measured) {
		if slices.Contains(trained, w) {
			t.Errorf("%q is both trained on and measured", w)
		}
	}
	if got := len(trained); got < 150 {
		t.Errorf("got %d words, want 150", got)
	}
}
