package texts

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestText(t *testing.T) {
	files := fstest.MapFS{
		"catalogue/en/a.toml": {Data: []byte(`
plain = "Hello."
count = "{n} {n|change|changes} sent to {server}."
deep.er = "braces {{}} stay"
`)},
		"catalogue/fa/a.toml": {Data: []byte(`
plain = "سلام."
count = "{n} تغییر به {server} فرستاده شد."
deep.er = "فرمان mahalleh-field sync --every {n} را بزنید"
`)},
	}
	tests := []struct {
		name string
		lang Lang
		key  Key
		args Args
		want string
	}{
		{"plain", English, "a.plain", nil, "Hello."},
		{"one", English, "a.count", Args{"n": 1, "server": "x"}, "1 change sent to x."},
		{"many", English, "a.count", Args{"n": 12345, "server": "x"}, "12,345 changes sent to x."},
		{"persian value in english", English, "a.count", Args{"n": 2, "server": "رشت"}, "2 changes sent to \u2068رشت\u2069."},
		{"braces", English, "a.deep.er", nil, "braces {} stay"},
		{"missing argument", English, "a.count", Args{"n": 2}, "2 changes sent to {server}."},
		{"missing key", English, "a.none", nil, "a.none"},
		{"persian digits and isolate", Persian, "a.count", Args{"n": 12345, "server": "db.example:80"}, "۱۲٬۳۴۵ تغییر به \u2068db.example:80\u2069 فرستاده شد."},
		{"persian string", Persian, "a.count", Args{"n": int8(7), "server": "سرور رشت"}, "۷ تغییر به سرور رشت فرستاده شد."},
		{"mixed string", Persian, "a.count", Args{"n": 7, "server": "بلوک B04"}, "۷ تغییر به \u2068بلوک B04\u2069 فرستاده شد."},
		{"latin run with argument", Persian, "a.deep.er", Args{"n": "5s"}, "فرمان \u2068mahalleh-field sync --every \u20685s\u2069\u2069 را بزنید"},
		{"controls are dropped", English, "a.count", Args{"n": 2, "server": "a\x1b[2Jb\u202ec\nd"}, "2 changes sent to a[2Jbc d."},
		{"bytes", English, "a.count", Args{"n": Bytes(1_260_000), "server": Bytes(999)}, "1.3 MB changes sent to 999 B."},
		{"bytes in persian", Persian, "a.count", Args{"n": Bytes(1_250), "server": "-"}, "۱٫۲ کیلوبایت تغییر به - فرستاده شد."},
		{"duration", English, "a.count", Args{"n": 90 * time.Second, "server": 1500 * time.Millisecond}, "1 min 30 s changes sent to 1.5 s."},
		{"key", English, "a.count", Args{"n": 3, "server": Key("a.plain")}, "3 changes sent to Hello.."},
		{"error", English, "a.count", Args{"n": uint(3), "server": errors.New("gone")}, "3 changes sent to gone."},
		{"negative", Persian, "a.count", Args{"n": -5, "server": 2.5}, "\u200e−۵ تغییر به ۲٫۵ فرستاده شد."},
		{"large", English, "a.count", Args{"n": uint64(math.MaxUint64), "server": 0.25}, "18446744073709551615 changes sent to 0.25."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := readCatalogue(files, test.lang)
			if err != nil {
				t.Fatal(err)
			}
			// Units are texts of this package's own area.
			own := openCatalogue(t, test.lang)
			for _, key := range own.Keys() {
				c.texts[key] = own.texts[key]
			}
			if got := c.Text(test.key, test.args); got != test.want {
				t.Errorf("got  %+q\nwant %+q", got, test.want)
			}
		})
	}
}

func TestReadCatalogueRefuses(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"open brace", `x = "a {n"`, "unbalanced"},
		{"closing brace", `x = "a }"`, "unbalanced"},
		{"capital argument", `x = "{N}"`, "lower-case"},
		{"empty argument", `x = "{}"`, "lower-case"},
		{"two forms", `x = "{n|a}"`, "{name|one|many}"},
		{"number", `x = 5`, "a text is expected"},
		{"twice", "x = \"a\"\nx = \"b\"", "x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := readCatalogue(fstest.MapFS{"catalogue/en/a.toml": {Data: []byte(test.text)}}, English)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "a.toml") {
				t.Errorf("got %v, want an error about a.toml with %q", err, test.want)
			}
		})
	}
	if _, err := readCatalogue(fstest.MapFS{"catalogue/en/a.json": {}}, English); err == nil {
		t.Error("a file that is not .toml was accepted")
	}
	if _, err := readCatalogue(fstest.MapFS{}, English); err == nil {
		t.Error("a language without files was accepted")
	}
}

func TestMember(t *testing.T) {
	c := openCatalogue(t, English)
	if got, want := c.Member("cli.exit", "ok", nil), "done"; got != want {
		t.Errorf("known member: got %q, want %q", got, want)
	}
	if got, want := c.Member("cli.exit", "a-newer-code", nil), "a-newer-code"; got != want {
		t.Errorf("unknown member: got %q, want %q", got, want)
	}
}

func TestIsolateLatin(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"none", "سلام دنیا", "سلام دنیا"},
		{"word", "فرمان sync را", "فرمان <sync> را"},
		{"run", "فرمان go run ./cmd/mahalleh demo را", "فرمان <go run ./cmd/mahalleh demo> را"},
		{"flag with number", "گزینهٔ --every 5 را", "گزینهٔ <--every 5> را"},
		{"list with persian comma", "یکی از bash، zsh و fish.", "یکی از <bash>، <zsh> و <fish>."},
		{"quotes", "«sync» را", "«<sync>» را"},
		{"bracket", "(--help) و", "(<--help>) و"},
		{"lone dash stays outside", "sync - پایان", "<sync> - پایان"},
		{"persian digits end a run", "sync ۵ بار", "<sync> ۵ بار"},
		{"isolated already", "به <a b> رفت", "به <a b> رفت"},
		{"two arguments in a row", "<a> <b>", "<<a> <b>>"},
		{"lines", "sync\nsync را", "<sync>\n<sync> را"},
	}
	marks := strings.NewReplacer("<", "\u2068", ">", "\u2069")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, want := isolateLatin(marks.Replace(test.in)), marks.Replace(test.want); got != want {
				t.Errorf("got  %+q\nwant %+q", got, want)
			}
		})
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add("{n} {n|change|changes} to {server} {{}}")
	en, err := OpenCatalogue(English)
	if err != nil {
		f.Fatal(err)
	}
	fa, err := OpenCatalogue(Persian)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMessage(text)
		if err != nil {
			return
		}
		args := Args{}
		for _, name := range m.arguments() {
			args[name] = text
		}
		for _, c := range []*Catalogue{en, fa} {
			shown := c.render(m, args)
			if DropDirectionControls(text) == text && strings.Count(shown, "\u2068") != strings.Count(shown, "\u2069") {
				t.Errorf("isolates of %+q are not closed: %+q", text, shown)
			}
		}
	})
}

func openCatalogue(t *testing.T, lang Lang) *Catalogue {
	t.Helper()
	c, err := OpenCatalogue(lang)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
