package persian

import (
	"math"
	"strings"
	"testing"
)

func TestSimilarity(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       float64
	}{
		// Winkler's own examples.
		{"transposition", "MARTHA", "MARHTA", 0.961},
		{"letters missing", "DWAYNE", "DUANE", 0.840},
		{"letters added", "DIXON", "DICKSONX", 0.813},
		{"nothing in common", "محله", "بنیاد", 0},
		{"spelling of one name", "عليرضا", "علی\u200Cرضا", 1},
		{"space or not", "علی رضا", "علیرضا", 1},
		{"word order", "رضایی علی", "علی رضایی", 1},
		{"empty", "", "", 0},
		{"one empty", "علی", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Similarity(tt.a, tt.b); math.Abs(got-tt.want) > 0.0005 {
				t.Errorf("Similarity(%q, %q) = %.4f, want %.3f", tt.a, tt.b, got, tt.want)
			}
		})
	}
}

func TestSimilarityLaws(t *testing.T) {
	names := append(strings.Fields("خودیاری خودباری بهزیستی بهزستی محمدی محمودی احمدی علی علیرضا a ab ba"), "خانهٔ سلامت", "سلامت خانه", strings.Repeat("محله ", 200))
	for _, a := range names {
		for _, b := range names {
			s := Similarity(a, b)
			if s != Similarity(b, a) || s < 0 || s > 1 || a == b && s != 1 {
				t.Errorf("%q and %q: %v and %v", a, b, s, Similarity(b, a))
			}
			if d := Distance(a, b); d != Distance(b, a) || (d == 0) != (Fold(a) == Fold(b)) {
				t.Errorf("%q and %q: distance %d and %d", a, b, d, Distance(b, a))
			}
		}
	}
	if near, far := Similarity("خودیاری", "خودباری"), Similarity("محمدی", "کریمی"); near < 0.9 || far > 0.75 {
		t.Errorf("a slip rates %.2f, another name %.2f", near, far)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       int
	}{
		{"equal when folded", "كتابي", "کتابی", 0},
		{"letter exchanged", "خودیاری", "خودباری", 1},
		{"letter left out", "بهزیستی", "بهزستی", 1},
		{"space in a word", "برا ساس", "براساس", 1},
		{"neighbours swapped", "برنامه", "برانمه", 1},
		{"one empty", "", "علی", 3},
		{"classic", "kitten", "sitting", 3},
	} {
		if got := Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: Distance(%q, %q) = %d, want %d", tt.name, tt.a, tt.b, got, tt.want)
		}
	}
}
