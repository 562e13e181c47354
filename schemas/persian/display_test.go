package persian

import "testing"

func TestIsolate(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"B4", "\u2068B4\u2069"},
		{"\u202EB4\u2069", "\u2068B4\u2069"},
		{"", "\u2068\u2069"},
	} {
		if got := Isolate(tt.in); got != tt.want {
			t.Errorf("Isolate(%+q) = %+q, want %+q", tt.in, got, tt.want)
		}
	}
}

func TestIsolateLatin(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"one word", "فایل GIS محله", "فایل \u2068GIS\u2069 محله"},
		{"several words", "نسخهٔ Open Data Kit را", "نسخهٔ \u2068Open Data Kit\u2069 را"},
		{"file name", "فایل report-2.pdf است", "فایل \u2068report-2.pdf\u2069 است"},
		{"digits in front", "بلوک 12-B.", "بلوک \u206812-B\u2069."},
		{"number of the sentence", "در GIS 1404 بود", "در \u2068GIS\u2069 1404 بود"},
		{"brackets inside", "کد F(x) است", "کد \u2068F(x)\u2069 است"},
		{"brackets outside", "نقشه (GIS) محله", "نقشه (\u2068GIS\u2069) محله"},
		{"brackets over both scripts", "کد A (B محله)", "کد \u2068A\u2069 (\u2068B\u2069 محله)"},
		{"two stretches", "GIS و CBR", "\u2068GIS\u2069 و \u2068CBR\u2069"},
		{"touching letters", "GISمحله", "\u2068GIS\u2069محله"},
		{"Latin only", "GIS report", "GIS report"},
		{"Persian only", "محلهٔ ۱۲", "محلهٔ ۱۲"},
		{"isolated before", "فایل \u2068GIS\u2069 محله", "فایل \u2068GIS\u2069 محله"},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := IsolateLatin(tt.in)
			if got != tt.want {
				t.Errorf("IsolateLatin(%+q) = %+q, want %+q", tt.in, got, tt.want)
			}
			if again := IsolateLatin(got); again != got {
				t.Errorf("again %+q", again)
			}
		})
	}
}

func TestLength(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     int
	}{
		{"letters", "محله", 4},
		{"ZWNJ", "می\u200Cرود", 5},
		{"harakat", "مُحَمَّد", 4},
		{"heh with hamza", "خانهٔ", 4},
		{"decomposed Latin", "e\u0301", 1},
		{"space counts", "یک دو", 5},
		{"line end counts", "یک\nدو", 5},
		{"direction marks", "\u2068B4\u2069", 2},
		{"family", "👨\u200D👩\u200D👧", 1},
		{"skin tone", "👍🏽", 1},
		{"flag", "🇮🇷", 1},
		{"two flags", "🇮🇷🇮🇶", 2},
		{"letter behind a joiner", "ه\u200Dم", 2},
		{"variation selector", "❤\uFE0F", 1},
		{"empty", "", 0},
	} {
		if got := Length(tt.in); got != tt.want {
			t.Errorf("%s: Length(%+q) = %d, want %d", tt.name, tt.in, got, tt.want)
		}
	}
}
