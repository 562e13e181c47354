package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

// inBrowser runs tests of which some start a browser.
type inBrowser struct{ *testing.M }

// Run implements testscript.TestingM.
func (m inBrowser) Run() int {
	defer viewtest.End()
	return m.M.Run()
}

// Whoever opens the link that serve printed makes the first administrator in either
// language, in a browser as people have it. The link alone in the address, without
// what stands behind the "#", says what is missing, and so does one that is used up.
func TestSetupInBrowser(t *testing.T) {
	for _, lang := range []texts.Lang{texts.Persian, texts.English} {
		t.Run(string(lang), func(t *testing.T) {
			words, err := texts.OpenCatalogue(lang)
			if err != nil {
				t.Fatal(err)
			}
			say := func(key texts.Key, args texts.Args) string { return words.Text("mahalleh_setup."+key, args) }
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			d := newDesk(t, new(bytes.Buffer))
			s, err := d.setUp(t.Context(), time.Now, l.Addr())
			if err != nil {
				t.Fatal(err)
			}
			web := &httptest.Server{Listener: l, Config: &http.Server{Handler: (&outside{d: d, pages: http.NotFoundHandler(), setup: s, now: time.Now}).handler()}}
			web.Start()
			t.Cleanup(web.Close)
			link := strings.Replace(s.link(), "#", "?lang="+string(lang)+"#", 1)

			tab := viewtest.Open(t, viewtest.Phone)
			tab.Go(strings.TrimSuffix(link, "#"+s.secret))
			tab.See(say("no_link", nil))
			tab = viewtest.Open(t, viewtest.Phone)
			tab.Go(link)
			tab.See(say("intro", nil))
			tab.Check("setup." + string(lang))
			tab.Shot("setup." + string(lang))
			tab.Type(say("name", nil), "زهرا کریمی")
			tab.Choose(say("role", nil), words.Member("mahalleh.role", string(access.Province), nil))
			tab.Choose(say("where", nil), map[texts.Lang]string{texts.Persian: "گیلان", texts.English: "Guilan"}[lang])
			tab.Click(say("make", nil))
			tab.See(say("made", texts.Args{"name": "زهرا کریمی"}), say("invite", nil), say("next", nil))
			tab.Check("setup made." + string(lang))
			tab.Shot("setup.made." + string(lang))
			if at := tab.String("location.href"); strings.Contains(at, s.secret) {
				t.Errorf("the used secret stands in the address %s", at)
			}
			var people []store.Person
			if err := d.view(t.Context(), func(r store.Reader) (err error) { people, err = access.People(r); return err }); err != nil {
				t.Fatal(err)
			}
			if len(people) != 1 || people[0].Name != "زهرا کریمی" {
				t.Errorf("people are %+v", people)
			}
			tab = viewtest.Open(t, viewtest.Phone)
			tab.Go(link)
			tab.Type(say("name", nil), "کس دیگر")

			tab.Click(say("make", nil))
			tab.See(say("over", nil))
			tab.Forgive() // the browser tells of the refusal too
		})
	}
}
