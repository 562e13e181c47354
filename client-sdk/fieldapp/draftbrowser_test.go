package fieldapp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
)

// A household is asked: what is not asked does not show, what is wrong is told
// beside its question, rows are added, and what is missing is found from the top.
func TestAHouseholdIsAsked(t *testing.T) {
	everywhere(t, func(t *testing.T, size viewtest.Size, lang texts.Lang) {
		d := inBrowser(t, size, lang)
		block := d.recorded("block", `{"code": "B01"}`)
		d.visit("/new/household_response")
		d.Check("household, empty")
		d.folded("main")
		household := func(field string) string { return d.says("household_response", field) }
		d.Type(household("household_no"), "۴")
		d.choose("refused", "yes")
		// What a refusal leaves nothing to ask in goes, closed as it is, and comes again.
		members := d.section("household_response", "members")
		d.SeeNot(members)
		d.choose("refused", "no")
		d.See(members)
		d.choose("consent", "yes")
		// One section leads to the next.
		d.Click(d.word("view_form.section_next", texts.Args{"label": d.section("household_response", "respondent")}))
		d.folded("respondent")
		d.until(`document.activeElement.matches("summary")`)
		d.Type(household("size"), "5")
		d.Type(household("children_u18"), "6")
		d.Type(household("disabled"), "1")
		// The question appears, and the mistake is told, without leaving the page.
		d.See(household("disability_types"), d.rule("household_response", "children_u18"))
		d.Type(household("children_u18"), "2")
		d.choose("disability_types", "mental")
		d.Click(d.word("view_form.add", texts.Args{"label": household("services_problem")}))
		d.until(`document.activeElement.id === "f-services_problem-1-service-c"`)
		d.choose("services_problem.1.service", "sewage")
		d.choose("services_problem.1.severity", "4")
		d.kept()
		// What is missing opens its section, and the first of it is reached.
		d.Eval(`document.querySelectorAll("details.section").forEach((e) => { e.open = false; })`, nil)
		d.Click(d.word("screen_form.save", nil))
		d.until(`document.activeElement.closest("#f-block_id") !== null`)
		d.folded("main", "respondent", "members", "needs", "participation")
		d.Check("household, with what is missing")
		d.Shot("household")
		// A link leads to the question.
		d.Eval(`document.querySelectorAll("details.section").forEach((e) => { e.open = false; })`, nil)
		d.ClickAt(`#form-errors a[href^="#f-women_headed-"]`)
		d.until(`document.activeElement.closest("#f-women_headed") !== null`)
		d.folded("members")
		d.choose("block_id", block.Record.String())
		for _, x := range [][2]string{{"respondent_sex", "female"}, {"respondent_age_band", "30-44"}, {"respondent_relation", "head"}, {"women_headed", "no"}} {
			d.choose(x[0], x[1])
		}
		d.Type(household("elders_60"), "0")
		d.kept()
		d.Shot("household-filled")
	})
}

// An asset is recorded where one stands: the place comes from the device, with how
// exact it is.
func TestAnAssetIsRecordedWhereOneStands(t *testing.T) {
	everywhere(t, func(t *testing.T, size viewtest.Size, lang texts.Lang) {
		d := inBrowser(t, size, lang)
		d.visit("/new/asset")
		d.choose("category", "physical")
		d.choose("subtype", "hall")
		d.Type(d.says("asset", "title_fa"), "سالن ورزشی دبستان")
		here := d.word("view_form.gps", nil)
		d.Eval(`navigator.geolocation.getCurrentPosition = (found) => found({ coords: { latitude: 37.25112345678, longitude: 49.61241, accuracy: 7.2 } })`, nil)
		d.Click(here)
		d.See(d.word("view_form.value.point", texts.Args{"place": "37.2511235, 49.61241", "metres": d.words[lang].Digits(8)}))
		d.Check("asset")
		d.Shot("asset")
		d.Click(d.word("screen_form.save", nil))
		d.until(`location.pathname.includes("/record/")`)
		if rows := d.records("asset"); len(rows) != 1 || !strings.Contains(rows[0].Title, "سالن ورزشی دبستان") {
			t.Errorf("the assets are %+v", rows)
		}
	})
}

// A device that does not find its place says why and what to do instead, and the
// place that is written by hand is taken.
func TestNoGPS(t *testing.T) {
	d := inBrowser(t, viewtest.Phone, texts.Persian)
	d.visit("/new/asset")
	for code, said := range map[int]texts.Key{1: "view_form.gps_refused", 2: "view_form.gps_none", 3: "view_form.gps_late"} {
		d.Eval(fmt.Sprintf(`navigator.geolocation.getCurrentPosition = (_, failed) => failed({ code: %d })`, code), nil)
		d.Click(d.word("view_form.gps", nil))
		d.See(d.word(said, nil))
	}
	d.Type(d.says("asset", "location"), "۳۷٫۲۵۱۱، ۴۹٫۶۱۲۴")
	d.kept()
	d.See("37.2511, 49.6124")
	d.Check("no GPS")
	d.Shot("no-gps")
}

// A day is picked from a calendar whose months the program drew, by hand or by keys.
func TestADayIsPicked(t *testing.T) {
	everywhere(t, func(t *testing.T, size viewtest.Size, lang texts.Lang) {
		d := inBrowser(t, size, lang)
		d.visit("/new/dossier")
		d.Type(d.says("dossier", "assigned_on"), "۱۴۰۴/۱۲/۲۸")
		d.kept()
		d.ClickAt(`[data-calendar="f-assigned_on-c"]`)
		d.until(`document.activeElement.classList.contains("chosen")`)
		d.Check("calendar")
		d.Shot("calendar")
		d.Press(arrowDown) // beyond the end of the month
		d.Press("\r")
		d.kept()
		d.until(`!document.querySelector("dialog").open`)
	})
}

// The program dies while somebody types: at most the last second is lost, and the
// draft is found again.
func TestKilledWhileTyping(t *testing.T) {
	everywhere(t, func(t *testing.T, size viewtest.Size, lang texts.Lang) {
		d := inBrowser(t, size, lang)
		d.visit("/new/asset")
		d.choose("category", "physical")
		d.Type(d.says("asset", "description"), "سقف آن تعمیر لازم دارد")
		d.kept() // a second after the last key
		where := d.String("location.pathname")
		d.Forgive()
		d.killed()
		d.visit("/drafts")
		d.Check("drafts")
		d.Shot("drafts")
		d.ClickAt(`a[href*="/draft/"]`)
		d.See(d.says("asset", "description"))
		if text := d.String(`document.querySelector("#f-description-c").value`); text != "سقف آن تعمیر لازم دارد" {
			t.Errorf("what is left of the draft at %s is %q", where, text)
		}
		d.Forgive()
	})
}

// A page that cannot reach the program keeps what was typed, says so, and sends it
// when the program is there again.
func TestAPageWithoutItsProgramKeepsWhatWasTyped(t *testing.T) {
	d := inBrowser(t, viewtest.Phone, texts.Persian)
	d.visit("/new/asset")
	d.choose("category", "physical")
	d.Eval(`window.really = window.fetch; window.fetch = () => Promise.reject(new TypeError("gone"));`, nil)
	d.Type(d.says("asset", "title_fa"), "پل")
	d.until(`!document.getElementById("gone").hidden`)
	if text := d.String(`document.querySelector("#f-title_fa-c").value`); text != "پل" {
		t.Errorf("the page shows %q", text)
	}
	d.Eval(`window.fetch = window.really;`, nil)
	d.until(`document.getElementById("gone").hidden`)
	d.kept()
	f := d.open(strings.TrimPrefix(d.String("location.pathname"), d.prefix()))
	d.shows(f.page, `value="پل"`)
}

// A choice that is touched before the form's script has loaded is sent as soon as it
// has. A page that is left and come back to shows what stands, not what the browser
// remembers, and sends nothing.
func TestTouchedBeforeTheScript(t *testing.T) {
	d := inBrowser(t, viewtest.Phone, texts.Persian)
	d.Pretend(`new MutationObserver((_, observer) => {
		const quick = document.querySelector("#f-category-c-physical");
		if (!quick || document.querySelector('[name="was:category"]').value) return;
		observer.disconnect();
		quick.click();
	}).observe(document, { childList: true, subtree: true })`)
	d.visit("/new/asset")
	d.kept()
	f := d.open(strings.TrimPrefix(d.String("location.pathname"), d.prefix()))
	d.shows(f.page, `value="physical" checked`)
	// Here somebody chooses otherwise, then another page does.
	d.choose("category", "individual")
	d.Type(d.says("asset", "title_fa"), "سالن")
	d.kept()
	d.visit("/drafts")
	f.shown(d.get(f.address))
	f.sets("category", "association", "title_fa", "انجمن")
	d.Eval(`history.back()`, nil)
	d.until(`document.querySelector("#f-category-c-association")?.checked && document.documentElement.classList.contains("js")`)
	if text := d.String(`document.querySelector("#f-title_fa-c").value`); text != "انجمن" {
		t.Errorf("the page shows %q", text)
	}
	d.kept()
	f.shown(d.get(f.address))
	d.shows(f.page, `value="association" checked`, `value="انجمن"`)
}

// Two pages show one draft: what one wrote the other does not replace, both texts are
// shown, and a person chooses.
func TestTwoPagesInTheBrowser(t *testing.T) {
	d := inBrowser(t, viewtest.Phone, texts.Persian)
	d.visit("/new/asset")
	title := d.says("asset", "title_fa")
	d.Type(title, "سالن")
	d.kept()
	// Another page, which a test need not see.
	other := d.open(strings.TrimPrefix(d.String("location.pathname"), d.prefix()))
	other.sets("title_fa", "سالن ورزشی")
	d.Type(title, "سالن مدرسه")
	d.See(d.word("view_form.two_pages", texts.Args{"stands": "سالن ورزشی", "refused": "سالن مدرسه"}))
	d.Check("two pages")
	d.Shot("two-pages")
	d.Click(d.word("view_form.take_mine", nil))
	d.SeeNot(d.word("view_form.take_mine", nil))
	d.kept()
	other.shown(d.get(other.address))
	d.shows(other.page, `value="سالن مدرسه"`)
}

// Nothing is cut on the narrowest screen with the largest letters, on any form.
func TestFormsFitEverywhere(t *testing.T) {
	for _, lang := range []texts.Lang{texts.Persian, texts.English} {
		t.Run(string(lang), func(t *testing.T) {
			d := inBrowser(t, viewtest.Narrow, lang)
			if err := d.prefs.set(func(p *preference) { p.Size = 200 }); err != nil {
				t.Fatal(err)
			}
			for _, page := range []string{"/new", "/new/household_response", "/new/agreement", "/new/neighbourhood"} {
				d.visit(page)
				d.unfolded()
				d.Fits(page)
				d.Shot("narrow-" + page[strings.LastIndexByte(page, '/')+1:])
			}
		})
	}
}

// Every form is sound for somebody who does not see, and fits a phone: one language
// each, in turn, since both are drawn by the same templates.
func TestEveryFormIsSound(t *testing.T) {
	if testing.Short() {
		t.Skip("visits every form")
	}
	for i, lang := range []texts.Lang{texts.Persian, texts.English} {
		t.Run(string(lang), func(t *testing.T) {
			d := inBrowser(t, viewtest.Phone, lang)
			for n, form := range d.device().Forms().Forms() {
				if n%2 != i {
					continue
				}
				d.visit("/new/" + form.Name)
				d.unfolded()
				d.Check(form.Name)
			}
		})
	}
}

// BenchmarkOpenForm opens a form of more than sixty fields in a browser that is
// slowed six times, and prints how long it takes until it can be used.
func BenchmarkOpenForm(b *testing.B) {
	d := inBrowser(b, viewtest.Phone, texts.Persian)
	form, _ := d.device().Forms().FormByName("province_settings")
	d.Slow(6)
	var took []float64
	for b.Loop() {
		d.visit("/new/" + form.Name)
		var ms float64
		d.Eval(`performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd`, &ms)
		took = append(took, ms)
	}
	n := 0
	for _, f := range form.Fields() {
		n += 1 + len(f.Fields)
	}
	b.ReportMetric(float64(n), "fields")
	b.ReportMetric(median(took), "ms/open")
	d.Slow(1)
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
