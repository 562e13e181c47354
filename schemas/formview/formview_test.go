package formview

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/texts"
)

func newWords(t testing.TB, lang texts.Lang) *Words {
	t.Helper()
	w, err := NewWords(lang)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWords(t *testing.T) {
	fa, en := newWords(t, texts.Persian), newWords(t, texts.English)
	at := time.Date(2026, 1, 16, 10, 5, 0, 0, time.UTC) // 13:35 in Tehran, 26 Dey 1404
	day := fa.Day(at)
	tests := []struct{ name, got, want string }{
		{"date", fa.Date(day), "۲۶ دی ۱۴۰۴"},
		{"date in English", en.Date(day), "26 Dey 1404"},
		{"date in digits", fa.ShortDate(day), "۱۴۰۴/۱۰/۲۶"},
		{"date in digits in English", en.ShortDate(day), "1404/10/26"},
		{"minute", fa.Minute(at), "۲۶ دی ۱۴۰۴، ۱۳:۳۵"},
		{"minute in English", en.Minute(at), "26 Dey 1404, 13:35"},
		{"no minute", fa.Minute(time.Time{}), "–"},
		{"number", fa.Number(12345), "۱۲٬۳۴۵"},
		{"number in English", en.Number(uint64(12345)), "12,345"},
		{"digits", fa.Digits(1404), "۱۴۰۴"},
		{"percent", fa.Percent(0.256), "۲۶٪"},
		{"percent in English", en.Percent(1), "100%"},
		{"money", fa.Money(220_000_000), "۲۲٬۰۰۰٬۰۰۰ تومان"},
		{"money in English", en.Money(220_000_000), "22,000,000 toman"},
		{"no whole toman", en.Money(-5), "-0.5 toman"},
		{"bytes", fa.Bytes(1_260_000), "۱٫۳ مگابایت"},
		{"days ago", fa.Ago(50 * time.Hour), "۲ روز پیش"},
		{"hours ago", en.Ago(47 * time.Hour), "47 hours ago"},
		{"minutes ago", en.Ago(61 * time.Second), "1 minute ago"},
		{"now", en.Ago(-time.Second), "just now"},
		{"span", en.Span(-90 * time.Minute), "90 minutes"},
		{"short span", fa.Span(1500 * time.Millisecond), "۲ ثانیه"},
		{"days left", fa.Left(day+9, day), "۹ روز مانده"},
		{"due today", en.Left(day, day), "due today"},
		{"late", en.Left(day-1, day), "1 day late"},
		{"in both", fa.In(schemas.Text{Fa: "بلوک", En: "block"}), "بلوک"},
		{"in one only", en.In(schemas.Text{Fa: "بلوک"}), "\u2068بلوک\u2069"},
		{"direction", fa.Dir() + en.Dir(), "rtlltr"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %q, want %q", test.got, test.want)
			}
		})
	}
}

func TestTextsInTemplates(t *testing.T) {
	files := fstest.MapFS{"x.html": {Data: []byte(`{{define "content"}}<p>{{.T "view.left.days" "n" .Data}}</p><a href="{{.At "/y"}}">{{template "_z" ($.With 3)}}</a>{{end}}`)},
		"_parts.html": {Data: []byte(`{{define "_z"}}{{.T "view.span.days" "n" .Data}}{{end}}`)}}
	all, err := ParseTemplates(files)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	p := &Page{Words: newWords(t, texts.English), Name: "x", Prefix: "/p", Title: `<Title> "of" all`, Data: 9,
		Nav: []Link{{Name: "x", To: "/", Label: "Here", Count: 2}}, Notices: []Notice{{Level: Warning, Text: "a < b"}}}
	if err := all.Render(&b, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<html lang="en" dir="ltr">`, "<p>9 days left</p>", `<a href="/p/y">3 days</a>`, "&lt;Title&gt;", `aria-current="page"`, "a &lt; b", StaticPrefix} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, b.String())
		}
	}
	if err := all.Render(&b, &Page{Words: p.Words, Name: "nowhere"}); err == nil {
		t.Error("a page that is not there was shown")
	}
}

func TestArgumentsInPairs(t *testing.T) {
	w := newWords(t, texts.English)
	for _, args := range [][]any{{"n"}, {1, 2}} {
		if text, err := w.T("view.span.days", args...); err == nil {
			t.Errorf("%v: got %q, want an error", args, text)
		}
	}
}

// TestTemplatesWithoutContent: a page that would be empty is found when the
// program starts.
func TestTemplatesWithoutContent(t *testing.T) {
	for name, text := range map[string]string{"nothing.html": `<p>x</p>`, "broken.html": `{{define "content"}}{{end`} {
		if _, err := ParseTemplates(fstest.MapFS{name: {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
	}
}

func TestStatic(t *testing.T) {
	url, err := StaticURL("vazirmatn.woff2")
	if err != nil {
		t.Fatal(err)
	}
	file := strings.TrimPrefix(url, StaticPrefix)
	if a, ok := Static(file); !ok || a.Type != "font/woff2" || a.Gzip != nil {
		t.Errorf("%s: got %q, compressed again: %t", file, a.Type, a.Gzip != nil)
	}
	version := path.Dir(file)
	for _, none := range []string{"", version, version + "/", version + "/htmx.LICENSE.txt", "0000000000000000/htmx.min.js", version + "/../page.go"} {
		if _, ok := Static(none); ok {
			t.Errorf("%q is served", none)
		}
	}
	if _, err := StaticURL("nothing.js"); err == nil {
		t.Error("a file that is not there has an address")
	}
}

// maxScripts is what all scripts of a page may weigh on a weak line.
const maxScripts = 60_000

func TestScriptsAreSmall(t *testing.T) {
	total := 0
	for _, name := range staticNames(t) {
		if path.Ext(name) != ".js" {
			continue
		}
		url, err := StaticURL(name)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := Static(strings.TrimPrefix(url, StaticPrefix))
		total += len(a.Gzip)
	}
	if total == 0 || total > maxScripts {
		t.Errorf("the scripts have %d bytes compressed, want at most %d", total, maxScripts)
	}
}

func staticNames(t *testing.T) (names []string) {
	t.Helper()
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestThirdParty holds the files that other people wrote against the list of
// where they come from, and finds those that are not in it.
func TestThirdParty(t *testing.T) {
	raw, err := os.ReadFile("THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.Contains(cells[1], "/") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		file, version, licence, hash := cells[1], cells[3], cells[5], cells[6]
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != hash {
			t.Errorf("%s is not the file that is listed", file)
		}
		if text, err := os.ReadFile(licence); err != nil || len(text) < 300 {
			t.Errorf("%s has no licence text: %v", file, err)
		}
		if version == "" {
			t.Errorf("%s has no version", file)
		}
		listed[file], listed[licence] = true, true
	}
	own := map[string]bool{".css": true, ".js": true, ".svg": true}
	for _, name := range staticNames(t) {
		if foreign := !own[path.Ext(name)] || strings.Contains(name, ".min."); foreign && !listed["static/"+name] {
			t.Errorf("static/%s is not listed in THIRD_PARTY.md", name)
		}
	}
	if len(listed) < 6 {
		t.Errorf("only %d files are listed", len(listed))
	}
}

// TestNoAddressOutside: whatever is served reaches for nothing elsewhere.
func TestNoAddressOutside(t *testing.T) {
	for _, name := range staticNames(t) {
		if e := path.Ext(name); strings.Contains(name, ".min.") || e != ".css" && e != ".js" {
			continue
		}
		body, err := fs.ReadFile(staticFiles, "static/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), "//") && strings.Contains(string(body), "http") {
			t.Errorf("%s names an address", name)
		}
	}
}
