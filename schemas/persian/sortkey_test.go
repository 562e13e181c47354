package persian

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

func TestSortOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"the alphabet", strings.Split("آ ا ء ب پ ت ث ج چ ح خ د ذ ر ز ژ س ش ص ض ط ظ ع غ ف ق ک گ ل م ن و ه ی", " ")},
		{"names that byte order scatters", []string{"پری", "چمن", "ژاله", "کاوه", "گلی", "وحید", "هما", "یاسمن"}},
		{"peh after beh", []string{"بابل", "بیجار", "پاوه", "پیرانشهر", "تبریز"}},
		{"alef madda first", []string{"آب", "آینه", "اب", "ایران"}},
		{"shorter first, space lowest", []string{"علی", "علی اکبر", "علی رضا", "علیار"}},
		{"digits, Persian, Latin", []string{"12", "۲", "بلوک", "ی", "block", "Zone"}},
		{"Sorani after their neighbours", []string{"ر", "ڕ", "ز", "ف", "ڤ", "ق", "ل", "ڵ", "م", "و", "ۆ", "ه", "ە", "ی", "ێ"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Clone(tt.want)
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
			slices.SortStableFunc(got, func(a, b string) int { return bytes.Compare(SortKey(a), SortKey(b)) })
			if !slices.Equal(got, tt.want) {
				t.Errorf("sorted %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSortKeyIgnores(t *testing.T) {
	for _, tt := range []struct{ name, a, b string }{
		{"ZWNJ", "می\u200Cرود", "میرود"},
		{"harakat", "مُحَمَّد", "محمد"},
		{"tatweel", "مــن", "من"},
		{"Arabic yeh and kaf", "كاشي", "کاشی"},
		{"heh forms", "خانة", "خانۀ"},
		{"heh with hamza", "خانهٔ", "خانه"},
		{"hamza forms", "أإؤئ", "ءءءء"},
		{"digit families", "۱۲", "12"},
		{"case", "GIS", "gis"},
		{"outer space", " علی ", "علی"},
		{"presentation forms", "ﺷﻨﺎﺳﻨﺎﻣﻪ", "شناسنامه"},
	} {
		if !bytes.Equal(SortKey(tt.a), SortKey(tt.b)) {
			t.Errorf("%s: %+q has %x, %+q has %x", tt.name, tt.a, SortKey(tt.a), tt.b, SortKey(tt.b))
		}
	}
	if got := len(SortKey("سلامت")); got != 5 {
		t.Errorf("a word of five letters has a key of %d bytes", got)
	}
}

// TestSortOrderAgainstCollation compares every pair of words of the source
// documents, and hard cases, with the Persian collation of x/text.
func TestSortOrderAgainstCollation(t *testing.T) {
	set := map[string]bool{}
	for _, w := range strings.Fields("آب اب ابر آبی پدر بدر چای جای ژاله زاله کاوه گاوه لاله یاسمن هما وحید ثریا تارا حمید خدا ذره دره سارا شادی صابر ضیا طاها ظفر عادل غزل فرید قاسم مریم نادر") {
		set[w] = true
	}
	for _, text := range seeds(t) {
		clean, err := Clean(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range strings.FieldsFunc(clean, func(r rune) bool { return !unicode.Is(unicode.Arabic, r) || !unicode.IsLetter(r) }) {
			set[w] = true
		}
	}
	words := make([]string, 0, len(set))
	for w := range set {
		words = append(words, w)
	}
	slices.Sort(words)
	if len(words) < 500 {
		t.Fatalf("only %d words", len(words))
	}
	c := collate.New(language.Persian)
	inversions := 0
	for i, a := range words {
		for _, b := range words[i+1:] {
			want, got := c.CompareString(a, b), bytes.Compare(SortKey(a), SortKey(b))
			if got != 0 && got != want {
				if inversions++; inversions <= 10 {
					t.Errorf("%q and %q: %d, the collation says %d", a, b, got, want)
				}
			}
		}
	}
	t.Logf("%d words, %d inversions", len(words), inversions)
}
