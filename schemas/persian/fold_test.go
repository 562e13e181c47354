package persian

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"presentation forms", "ﺷﻨﺎﺳﻨﺎﻣﻪ", "شناسنامه"},
		{"lam-alef ligature", "ﺳﻼﻡ", "سلام"},
		{"yeh forms", "ي ى ئ ی", "ی ی ی ی"},
		{"kaf", "كتاب", "کتاب"},
		{"heh forms", "ة ۀ خانه\u0654 خانۀ", "ه ه خانه خانه"},
		{"composed heh with yeh", "\u06D5\u0654", "ه"},
		{"alef forms", "أ إ ٱ آ ا", "ا ا ا ا ا"},
		{"decomposed alef madda", "ا\u0653ب", "اب"},
		{"waw with hamza", "مؤسسه", "موسسه"},
		{"lone hamza vanishes", "جزء شیء", "جز شی"},
		{"harakat", "مُحَمَّد", "محمد"},
		{"superscript alef", "رحمٰن", "رحمن"},
		{"tatweel", "مــحــمد", "محمد"},
		{"presentation forms of harakat", "محﹶمد", "محمد"},
		{"three digit families", "۱۲ ١٢ 12", "12 12 12"},
		{"Latin case", "GIS Report", "gis report"},
		{"full width", "ＧＩＳ", "gis"},
		{"punctuation", "نیاز، «محله»؛ (الف)/ب_ج", "نیاز محله الف ب ج"},
		{"spaces", "  یک \n دو ", "یک دو"},
		{"ZWNJ vanishes", "می\u200Cرود", "میرود"},
		{"direction marks vanish", "می\u200Fرود", "میرود"},
		{"Sorani", "ێ ۆ ڕ ڵ ە ھ", "ی و ر ل ه ه"},
		{"Sorani veh stays", "ڤ", "ڤ"},
		{"rial sign", "﷼", "ریال"},
		{"broken bytes part words", "یک\xFFدو", "یک دو"},
		{"empty", "", ""},
		{"punctuation only", "…!؟", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Fold(tt.in); got != tt.want {
				t.Errorf("Fold(%+q) = %+q, want %+q", tt.in, got, tt.want)
			}
		})
	}
}

func TestFoldVariants(t *testing.T) {
	for _, tt := range []struct{ name, in, joined, spaced string }{
		{"ZWNJ", "می\u200Cرود", "میرود", "می رود"},
		{"two ZWNJ", "نمی\u200Cخواسته\u200Cام", "نمیخواستهام", "نمی خواسته ام"},
		{"zero width space", "می\u200Bرود", "میرود", "می رود"},
		{"soft hyphen", "می\u00ADرود", "میرود", "می رود"},
		{"none", "می رود", "می رود", "می رود"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if joined, spaced := FoldVariants(tt.in); joined != tt.joined || spaced != tt.spaced {
				t.Errorf("FoldVariants(%+q) = %q, %q, want %q, %q", tt.in, joined, spaced, tt.joined, tt.spaced)
			}
		})
	}
}

// TestEveryCharacter folds, cleans and keys each code point alone and between
// two letters: the bounds and the idempotence hold for all of Unicode.
func TestEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) || 0x20000 <= r && r < 0xE0000 && r%64 != 0 {
			continue // ideographs without folding: a sample is enough
		}
		for _, s := range []string{string(r), "ا" + string(r) + "\u0654"} {
			folded := Fold(s)
			if len(folded) > FoldGrowth*len(s) || Fold(folded) != folded {
				t.Fatalf("Fold(%+q) = %+q, again %+q", s, folded, Fold(folded))
			}
			cleaned, err := Clean(s)
			if err != nil || len(cleaned) > CleanGrowth*len(s) {
				t.Fatalf("Clean(%+q) = %+q (%v)", s, cleaned, err)
			}
			if again, err := Clean(cleaned); err != nil || again != cleaned {
				t.Fatalf("Clean(%+q) = %+q, again %+q (%v)", s, cleaned, again, err)
			}
			// What is the same after cleaning is found by the same search.
			if !isStripped(r) && Fold(cleaned) != folded {
				t.Fatalf("%+q folds to %+q, cleaned %+q to %+q", s, folded, cleaned, Fold(cleaned))
			}
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("مي\u200Cرود")
	f.Fuzz(func(t *testing.T, s string) {
		joined, spaced := FoldVariants(s)
		if joined != Fold(s) {
			t.Fatalf("FoldVariants(%+q) joins to %+q, Fold to %+q", s, joined, Fold(s))
		}
		for _, got := range []string{joined, spaced} {
			if !utf8.ValidString(got) {
				t.Fatalf("fold(%q) = %q, broken bytes", s, got)
			}
			if len(got) > FoldGrowth*len(s) {
				t.Fatalf("fold(%+q): %d bytes became %d", s, len(s), len(got))
			}
			if again := Fold(got); again != got {
				t.Fatalf("fold(%+q) = %+q, again %+q", s, got, again)
			}
		}
		if a, b := SortKey(s), SortKey(s+"\u200C\u0640"); string(a) != string(b) && utf8.ValidString(s) {
			t.Fatalf("ZWNJ and tatweel change the key of %+q: %x, %x", s, a, b)
		}
		if n := Length(s); n < 0 || n > utf8.RuneCountInString(s) {
			t.Fatalf("Length(%+q) = %d", s, n)
		}
		isolated := IsolateLatin(s)
		if utf8.ValidString(s) && IsolateLatin(isolated) != isolated {
			t.Fatalf("IsolateLatin(%+q) = %+q, again %+q", s, isolated, IsolateLatin(isolated))
		}
	})
}

var sink int

func BenchmarkFold(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"name", "سيد محمّد\u200Cرضا حسيني"},
		{"document", seeds(b)["001_db19cf4c359447c1.txt"]},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				sink += len(Fold(bench.text))
			}
		})
	}
}

func BenchmarkSortKey(b *testing.B) {
	const name = "سیّد محمّد\u200Cرضا حسینی"
	b.SetBytes(int64(len(name)))
	b.ReportAllocs()
	for b.Loop() {
		sink += len(SortKey(name))
	}
}
