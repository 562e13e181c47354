package cli

import "testing"

func TestDisplayWidth(t *testing.T) {
	tests := []struct {
		name, in string
		want     int
	}{
		{"latin", "abc", 3},
		{"persian", "محله", 4},
		{"joiner", "می‌رود", 5},
		{"marks", "مُحَمَّد", 4},
		{"isolates", "\u2068ab\u2069", 2},
		{"wide", "漢字", 4},
		{"empty", "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := displayWidth(test.in); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
