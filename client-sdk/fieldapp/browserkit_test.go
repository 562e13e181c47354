package fieldapp

import (
	"fmt"
	"strings"
	"testing"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
)

// arrowDown is the key, as the browser's driver names it.
const arrowDown = "\u0301"

// onDevice is a screen in a real browser: enrolled, unlocked, at its first page.
type onDevice struct {
	*screen
	*viewtest.Tab
}

func (d *onDevice) Helper()                   { d.screen.Helper() }
func (d *onDevice) Fatal(args ...any)         { d.screen.Helper(); d.screen.Fatal(args...) }
func (d *onDevice) Errorf(f string, a ...any) { d.screen.Helper(); d.screen.Errorf(f, a...) }

func inBrowser(t testing.TB, size viewtest.Size, lang texts.Lang, change ...func(*Options)) *onDevice {
	t.Helper()
	d := &onDevice{screen: newOpen(t, append(change, func(o *Options) { o.Lang = lang })...)}
	d.Tab = viewtest.Open(t, size)
	d.enter()
	return d
}

// enter follows the link that the program prints.
func (d *onDevice) enter() {
	d.Go(d.serve())
	d.until("location.pathname.startsWith(" + fmt.Sprintf("%q", d.prefix()) + ")")
}

// until waits until a script gives true.
func (d *onDevice) until(script string) {
	d.Helper()
	d.Until(script, "waiting for "+script)
}

// visit opens an address of the screen.
func (d *onDevice) visit(to string) {
	d.Helper()
	d.Go(d.origin() + d.prefix() + to)
	d.until(`document.readyState === "complete" && (!document.querySelector("form[data-draft]") || document.documentElement.classList.contains("js"))`)
}

// kept waits until everything that was typed is stored.
func (d *onDevice) kept() {
	d.Helper()
	d.until(`!document.querySelector("form[data-busy]")`)
}

// killed ends the program as a crash does, and starts it anew.
func (d *onDevice) killed() {
	d.Helper()
	d.restart()
	if err := d.device().Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		d.Fatal(err)
	}
	d.gate.open()
	d.enter()
}

// says is a form's own word in the language of the page.
func (d *onDevice) says(form, field string) string {
	d.Helper()
	f, ok := d.device().Forms().FormByName(form)
	if !ok {
		d.Fatal("there is no form " + form)
	}
	of, ok := f.FieldByName(field)
	if !ok {
		d.Fatal("there is no field " + field)
	}
	return of.Label.In(string(d.opt.Lang))
}

func (d *onDevice) word(key texts.Key, args texts.Args) string {
	return texts.DropDirectionControls(d.words[d.opt.Lang].Say(key, args))
}

// choose touches an option of a choice, opening it if it is a long one.
func (d *onDevice) choose(field, option string) {
	d.Helper()
	id := "f-" + strings.ReplaceAll(field, ".", "-")
	d.Eval(`document.querySelector("#`+id+` details:not([open]) > summary")?.click()`, nil)
	d.ClickAt(`label:has(> #` + id + `-c-` + option + `)`)
	d.kept()
}

// everywhere runs a test on a phone in Persian and on a laptop in English.
func everywhere(t *testing.T, test func(t *testing.T, size viewtest.Size, lang texts.Lang)) {
	t.Run("phone", func(t *testing.T) { test(t, viewtest.Phone, texts.Persian) })
	t.Run("laptop", func(t *testing.T) { test(t, viewtest.Laptop, texts.English) })
}

func (s *screen) recorded(form, fields string) clientsdk.SaveResult {
	s.Helper()
	draft, err := s.device().New(ctx, form)
	if err != nil {
		s.Fatal(err)
	}
	if err := draft.SetJSON([]byte(fields)); err != nil {
		s.Fatal(err)
	}
	r, err := draft.Save(ctx)
	if err != nil || !r.Saved {
		s.Fatalf("%s is not recorded: %v, %v", form, err, r.Problems)
	}
	return r
}

// section is the heading of a form's section in the language of the page.
func (d *onDevice) section(form, section string) string {
	d.Helper()
	f, _ := d.device().Forms().FormByName(form)
	for _, s := range f.Sections {
		if s.Name == section {
			return s.Label.In(string(d.opt.Lang))
		}
	}
	d.Fatal("there is no section " + section)
	return ""
}

// folded waits until these sections of the form are open, and no others.
func (d *onDevice) folded(open ...string) {
	d.Helper()
	for i := range open {
		open[i] = "s-" + open[i]
	}
	d.until(fmt.Sprintf(`[...document.querySelectorAll("details.section[open]")].filter((e) => e.checkVisibility()).map((e) => e.querySelector(".section-head").id).join(" ") === %q`, strings.Join(open, " ")))
}

// unfolded opens every section, so that all of the form can be looked at.
func (d *onDevice) unfolded() {
	d.Eval(`document.querySelectorAll("details.section").forEach((e) => { e.open = true; })`, nil)
}

// rule is the message of a rule of a form's field.
func (d *onDevice) rule(form, field string) string {
	f, _ := d.device().Forms().FormByName(form)
	of, _ := f.FieldByName(field)
	return of.Constraints[0].Message.In(string(d.opt.Lang))
}
