package readme

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/server/access"
)

// TestWalk goes the way of docs/walk.md and docs/walk.fa.md through the demo, in a
// browser, by the words that stand there in bold, in their order.
func TestWalk(t *testing.T) {
	for lang, page := range map[string]string{"en": "walk.md", "fa": "walk.fa.md"} {
		t.Run(lang, func(t *testing.T) {
			words := boldOf(t, filepath.Join("..", "..", "..", "docs", page))
			next := func() string {
				t.Helper()
				if len(words) == 0 {
					t.Fatal("the walk has fewer words than steps")
				}
				word := words[0]
				words = words[1:]
				return word
			}
			link := startDemo(t, lang)
			tab := viewtest.Open(t, viewtest.Laptop)
			at := link[:strings.Index(link, "/invite")]
			if lang == "en" {
				tab.Go(at + "/signin")
				tab.Click(next())
				tab.See("Password")
			}
			tab.Go(link)
			tab.Type(next(), "باران روی بام خانه")
			tab.Type(next(), "باران روی بام خانه")
			tab.Click(next())
			code := next()
			tab.See(code)
			now, err := access.CodeNow(tab.String(`document.querySelector("bdi.secret").innerText`), time.Now().UnixMilli())
			if err != nil {
				t.Fatal(err)
			}
			tab.Type(code, now)
			tab.Click(next())
			tab.Click(next())
			reason := next()
			tab.See(map[string]string{"en": "Settle the picked ones together", "fa": "حل برگزیده‌ها با هم"}[lang])
			tab.ClickAt("tbody th a")
			tab.See(reason)
			tab.ClickAt(".rival input")
			tab.Type(reason, "تلفنی پرسیدم.")
			tab.Click(next())
			tab.See(map[string]string{"en": "The conflict is settled", "fa": "تعارض حل شد"}[lang])
			tab.Click(next())
			tab.Click(next())
			agenda := next()
			tab.See(agenda)
			tab.Eval(`[...document.querySelectorAll("input[name=present]")].slice(0, 5).forEach((b) => b.click())`, nil)
			tab.Type(agenda, "شناسنامهٔ رسیده")
			tab.Click(next())
			tab.See(next())
			tab.Click(next())
			tab.See(next())
			tab.Click(next())
			tab.Eval(`[...document.querySelectorAll("select[name^='vote.']")].forEach((s) => { s.value = "for"; })`, nil)
			tab.Click(next())
			tab.See(map[string]string{"en": "The dossier is approved", "fa": "شناسنامه تأیید"}[lang])
			tab.Type(next(), "شناسنامه تأیید شد.")
			tab.Click(next())
			sign := next()
			tab.See(sign)
			tab.Eval(`[...document.querySelectorAll("input[name=signed]")].slice(0, 5).forEach((b) => b.click())`, nil)
			tab.Click(sign)
			tab.See(map[string]string{"en": "The signatures are recorded", "fa": "امضاها ثبت شد"}[lang])
			if len(words) > 0 {
				t.Errorf("the walk speaks of more than the test goes: %q", words)
			}
		})
	}
}

// boldOf are the words in bold of a page, in their order.
func boldOf(t *testing.T, file string) (words []string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`\*\*([^*]+)\*\*`).FindAllStringSubmatch(string(raw), -1) {
		words = append(words, found[1])
	}
	return words
}

// startDemo starts the demo as a newcomer does, until the test ends, and returns the link
// that it prints.
func startDemo(t *testing.T, lang string) string {
	t.Helper()
	c := exec.Command(filepath.Join(built.dir, "mahalleh"), "demo", "--lang", lang, "--data-dir", t.TempDir())
	var complains bytes.Buffer
	c.Stderr = &complains
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("the demo: %v\n%s", err, complains.String())
		}
	})
	link := regexp.MustCompile(`http://[\d.:]+/invite#[\w-]+`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := link.FindString(lines.Text()); found != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }() // the rest is for people
			return found
		}
	}
	t.Fatalf("the demo gives no link\n%s", complains.String())
	return ""
}
