package viewtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// complaints takes errors instead of failing.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Error(args ...any)            { c.said = append(c.said, fmt.Sprint(args...)) }
func (c *complaints) Errorf(f string, args ...any) { c.said = append(c.said, fmt.Sprintf(f, args...)) }
func (c *complaints) contain(t *testing.T, w string) {
	t.Helper()
	if all := strings.Join(c.said, "\n"); !strings.Contains(all, w) {
		t.Errorf("nobody complains of %q:\n%s", w, all)
	}
}

const goodPage = `<!doctype html><html lang="en"><head><title>Good</title><meta name="viewport" content="width=device-width"></head><body><main><h1>Good</h1>
<form action="/next"><label for="a">Name</label> <input id="a" name="a" style="min-height:48px"><button style="min-width:48px;min-height:48px">Go on</button></form></main></body></html>`

func TestReadsLikeAManual(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/next" {
			fmt.Fprintf(w, `<html lang="en"><title>x</title><main><h1>You are %s</h1></main>`, r.FormValue("a"))
			return
		}
		fmt.Fprint(w, goodPage)
	}))
	t.Cleanup(s.Close)
	tab := Open(t, Phone)
	tab.Go(s.URL)
	tab.See("Good")
	tab.Check("good")
	tab.Press("\t")
	if got := tab.Focused(); got != "Name" {
		t.Errorf("the keyboard is at %q", got)
	}
	tab.Type("Name", "سارا")
	tab.Click("Go on")
	tab.See("You are سارا")
	tab.SeeNot("Go on")
}

// TestChecksBite proves on a planted page that each check finds its mistake.
func TestChecksBite(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "script-src 'self'")
		fmt.Fprint(w, `<!doctype html><html><head><meta name="viewport" content="width=device-width"></head><body><input>
<div style="width:2000px">wide</div><div style="width:4em;overflow:hidden;white-space:nowrap">cut off here</div><button>x</button>
<script>1</script><img src="http://127.0.0.1:1/outside.png"></body></html>`)
	}))
	t.Cleanup(s.Close)
	c := &complaints{TB: t}
	tab := Open(t, Narrow)
	tab.TB = c
	tab.Go(s.URL)
	tab.See("wide")
	tab.Check("bad")
	tab.report()
	tab.Forgive()
	for _, want := range []string{"axe: label", "the page is", "beyond the screen", "cut: div", "too small to touch", "the browser says", "asked for http://127.0.0.1:1/outside.png"} {
		c.contain(t, want)
	}
}
