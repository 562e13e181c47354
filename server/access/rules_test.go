package access

import "testing"

// Whoever may write in a compartment may read there: sessions tell results by it.
func TestWhoWritesReads(t *testing.T) {
	for _, r := range rules {
		for c, rights := range r.below {
			if rights&Write != 0 && rights&Read == 0 {
				t.Errorf("%s writes in %s and does not read there", r.role, c)
			}
		}
	}
}
