package persian

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"Arabic yeh and kaf", "كتابي", "کتابی"},
		{"alef maksura", "موسى", "موسی"},
		{"no-break space", "یک\u00A0دو", "یک دو"},
		{"narrow no-break and ideographic space", "یک\u202F\u3000دو", "یک دو"},
		{"spaces collapse and trim", "  یک   دو  ", "یک دو"},
		{"tab is a space", "یک\tدو", "یک دو"},
		{"line end is a space", "یک\r\nدو\nسه", "یک دو سه"},
		{"controls", "ی\x00ک\x1f\x7f\u0081", "یک"},
		{"byte order mark", "\uFEFFیک", "یک"},
		{"direction marks", "\u200Eیک\u200F\u061C \u202Aدو\u202C \u2066سه\u2069", "یک دو سه"},
		{"private use", "\uF0A7 مورد \U000F0000\U00100000", "مورد"},
		{"inner ZWNJ stays", "می\u200Cرود", "می\u200Cرود"},
		{"ZWNJ run", "می\u200C\u200C\u200Cرود", "می\u200Cرود"},
		{"ZWNJ run around a control", "می\u200C\u200F\u200Cرود", "می\u200Cرود"},
		{"ZWNJ at the ends", "\u200Cمی\u200Cرود\u200C", "می\u200Cرود"},
		{"ZWNJ next to a space", "خانه\u200C ها \u200Cرا", "خانه ها را"},
		{"ZWNJ before punctuation", "خانه\u200C، (\u200Cباغ)", "خانه، (باغ)"},
		{"ZWNJ after a digit", "۵\u200Cساله", "۵\u200Cساله"},
		{"ZWNJ after a mark", "خانهٔ\u200Cما", "خانهٔ\u200Cما"},
		{"NFC", "آ a\u0301", "آ á"},
		{"control between letter and mark", "ا\u200F\u0653", "آ"},
		{"yeh with hamza composes first", "ي\u0654", "ئ"},
		{"heh with hamza stays as typed", "خانه\u0654", "خانه\u0654"},
		{"heh with yeh stays as typed", "خانۀ", "خانۀ"},
		{"Sorani letters stay", "ێ ۆ ڕ ڵ ڤ ە", "ێ ۆ ڕ ڵ ڤ ە"},
		{"harakat and tatweel stay", "مُحَمَّد مــن", "مُحَمَّد مــن"},
		{"digits stay", "۱ ١ 1", "۱ ١ 1"},
		{"emoji joiner stays", "👨\u200D👩", "👨\u200D👩"},
		{"empty", "", ""},
		{"nothing visible", " \u200C\u200F\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Clean(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("Clean(%+q) = %+q (%v), want %+q", tt.in, got, err, tt.want)
			}
			if again, err := Clean(got); err != nil || again != got {
				t.Errorf("again: %+q (%v), want %+q", again, err, got)
			}
		})
	}
}

func TestCleanMultiline(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"line ends of three systems", "یک\r\nدو\rسه\nچهار", "یک\nدو\nسه\nچهار"},
		{"Unicode line ends", "یک\u2028دو\u2029سه\u0085چهار", "یک\nدو\nسه\nچهار"},
		{"one empty line stays", "یک\n\nدو", "یک\n\nدو"},
		{"more empty lines do not", "یک\n\n \n\nدو", "یک\n\nدو"},
		{"blanks around line ends", "یک \t\n  دو", "یک\nدو"},
		{"line ends at the ends", "\n\nیک\n", "یک"},
		{"ZWNJ at a line end", "می\u200C\n\u200Cرود", "می\nرود"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := CleanMultiline(tt.in); err != nil || got != tt.want {
				t.Errorf("CleanMultiline(%+q) = %+q (%v), want %+q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestCleanRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		kind     error
		offset   int
	}{
		{"high surrogate", "ab\xED\xA0\x80", ErrSurrogate, 2},
		{"low surrogate", "\xED\xBF\xBF", ErrSurrogate, 0},
		{"surrogate pair in six bytes", "\xED\xA0\xBD\xED\xB8\x80", ErrSurrogate, 0},
		{"lone continuation", "یک\x80", ErrInvalidUTF8, 4},
		{"cut letter", "ی\xDB", ErrInvalidUTF8, 2},
		{"cut surrogate", "\xED\xA0", ErrInvalidUTF8, 0},
		{"overlong", "\xC0\xAF", ErrInvalidUTF8, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Clean(tt.in)
			var text *TextError
			if got != "" || !errors.Is(err, tt.kind) || !errors.As(err, &text) || text.Offset != tt.offset {
				t.Errorf("Clean(%q) = %q (%v), want %v at %d", tt.in, got, err, tt.kind, tt.offset)
			}
		})
	}
	if got, err := Clean("a\uFFFDb"); err != nil || got != "a\uFFFDb" {
		t.Errorf("a typed replacement character: %q (%v)", got, err)
	}
}

// seeds returns the five source documents, as they were found.
func seeds(t testing.TB) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/seeds/*.txt")
	if err != nil || len(names) != 5 {
		t.Fatalf("%d source documents (%v), want 5", len(names), err)
	}
	texts := make(map[string]string, len(names))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(name)] = string(b)
	}
	return texts
}

func TestCleanSurvivesTheSourceDocuments(t *testing.T) {
	var yeh, kaf, bullets, halves, noBreak int
	for name, raw := range seeds(t) {
		yeh += strings.Count(raw, "ي")
		kaf += strings.Count(raw, "ك")
		bullets += strings.Count(raw, "\uF0A7")
		halves += strings.Count(raw, string(zwnj))
		noBreak += strings.Count(raw, "\u00A0")
		for kind, clean := range map[string]func(string) (string, error){"one line": Clean, "lines": CleanMultiline} {
			got, err := clean(raw)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, kind, err)
			}
			if i := strings.IndexFunc(got, func(r rune) bool {
				return strings.ContainsRune("يىك\u00A0", r) || isStripped(r) && r != '\n'
			}); i >= 0 {
				t.Errorf("%s, %s: %+q is left", name, kind, got[i:min(i+8, len(got))])
			}
			if again, err := clean(got); err != nil || again != got {
				t.Errorf("%s, %s: not idempotent (%v)", name, kind, err)
			}
			if a, b := letters(raw), letters(got); a != b {
				t.Errorf("%s, %s: %d letters and digits became %d", name, kind, a, b)
			}
			if a, b := Fold(raw), Fold(got); a != b {
				t.Errorf("%s, %s: the cleaned text folds differently", name, kind)
			}
		}
	}
	if yeh != 23 || kaf != 5 || bullets != 5 || halves != 0 || noBreak == 0 {
		t.Errorf("the documents hold %d Arabic yeh, %d kaf, %d bullets, %d ZWNJ, %d no-break spaces; want 23, 5, 5, 0, some", yeh, kaf, bullets, halves, noBreak)
	}
}

func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

func FuzzClean(f *testing.F) {
	f.Add("مي\u200Cرود\uF0A7")
	f.Fuzz(func(t *testing.T, s string) {
		for _, clean := range []func(string) (string, error){Clean, CleanMultiline} {
			got, err := clean(s)
			if err != nil {
				var text *TextError
				if utf8.ValidString(s) || !errors.As(err, &text) {
					t.Fatalf("clean(%+q): %v", s, err)
				}
				return
			}
			if !utf8.ValidString(s) || !utf8.ValidString(got) {
				t.Fatalf("clean(%q) = %q, broken bytes", s, got)
			}
			if len(got) > CleanGrowth*len(s) {
				t.Fatalf("clean(%+q): %d bytes became %d", s, len(s), len(got))
			}
			if again, err := clean(got); err != nil || again != got {
				t.Fatalf("clean(%+q) = %+q, again %+q (%v)", s, got, again, err)
			}
		}
	})
}

func TestFuzzCorporaAreThere(t *testing.T) {
	for _, name := range []string{"FuzzClean", "FuzzFold", "FuzzMatchQuery", "FuzzParseNumber", "FuzzParseMoney", "FuzzIdentity"} {
		if files, err := os.ReadDir(filepath.Join("testdata/fuzz", name)); err != nil || len(files) == 0 {
			t.Errorf("corpus of %s: %d files (%v)", name, len(files), err)
		}
	}
}
