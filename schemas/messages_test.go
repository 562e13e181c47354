package schemas

import (
	"regexp"
	"slices"
	"testing"
)

func TestMessagesInBothLanguages(t *testing.T) {
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	for key := range messageCount {
		fa, en := messagesFa[key], messagesEn[key]
		if fa == "" || en == "" {
			t.Errorf("message %d: got %q and %q, want a text in both", key, fa, en)
			continue
		}
		inFa, inEn := placeholder.FindAllString(fa, -1), placeholder.FindAllString(en, -1)
		slices.Sort(inFa)
		slices.Sort(inEn)
		if !slices.Equal(inFa, inEn) {
			t.Errorf("message %d: Persian has %v, English %v", key, inFa, inEn)
		}
	}
}
