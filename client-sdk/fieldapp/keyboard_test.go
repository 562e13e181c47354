package fieldapp

import (
	"fmt"
	"strings"
	"testing"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
)

// More keys, as the browser's driver names them.
const (
	arrowUp = "\u0304"
	enter   = "\r"
	tab     = "\t"
)

// tabTo goes on with the tabulator until the keyboard is at what a selector finds,
// opening with the enter key what is folded above it.
func (d *onDevice) tabTo(selector string) {
	d.Helper()
	const far = 150 // more stops than a form of its length has
	for range far {
		switch d.String(fmt.Sprintf(`(() => {
			const e = document.activeElement, to = %q;
			if (e.matches(to)) return "there";
			const fold = e.matches("summary") && e.parentElement;
			return fold && !fold.open && !fold.matches(".choose") && fold.querySelector(to) ? "folded" : "";
		})()`, selector)) {
		case "there":
			return
		case "folded":
			d.Press(enter)
		}
		d.Press(tab)
	}
	d.Fatal("the keyboard does not reach " + selector + "; it is at " + d.Focused())
}

// keysType types a text into a field.
func (d *onDevice) keysType(path, text string) {
	d.Helper()
	d.tabTo(`[data-path="` + path + `"] input[type=text], [data-path="` + path + `"] textarea`)
	d.Press(text)
}

// keysChoose chooses with the blank and the arrows, opening a long choice first.
func (d *onDevice) keysChoose(path, code string) {
	d.Helper()
	in := `[data-path="` + path + `"] `
	d.tabTo(in + `summary, ` + in + `input[type=radio]`)
	if d.String(`document.activeElement.tagName`) == "SUMMARY" {
		if d.String(`document.activeElement.parentElement.open ? "open" : ""`) == "" { // a row that was just added is
			d.Press(enter)
		}
		d.tabTo(in + `input[type=radio]`)
	}
	d.Press(" ")
	d.kept()
	const most = 30 // more than any list between two answers
	for range most {
		if d.String(`document.activeElement.value`) == code {
			d.until(`document.activeElement.checked`)
			return
		}
		d.Press(arrowDown)
		d.kept()
	}
	d.Fatal(code + " is not reached in " + path)
}

// A long form is filled in by keys alone, from the top of the page to its record:
// choices short and long, numbers, a day in the calendar, rows, and saving.
func TestALongFormIsFilledInByKeys(t *testing.T) {
	d := inBrowser(t, viewtest.Laptop, texts.English)
	d.visit("/new/capacity_assessment")
	d.keysChoose("instrument", "laverack9")
	d.keysType("round_no", "1")
	d.tabTo(`[data-path="held_on"] [data-calendar]`)
	d.Press(enter)
	d.until(`document.activeElement.classList.contains("today")`)
	d.Press(arrowUp) // a week before
	d.until(`document.activeElement.matches(".day:not(.today)")`)
	d.Press(enter)
	d.until(`document.activeElement.id === "f-held_on-c" && document.activeElement.value !== ""`)
	d.keysType("participants_total", "12")
	d.keysType("participants_women", "7")
	d.keysType("participants_men", "5")
	for row, domain := range []string{"participation", "leadership", "problem_assessment", "asking_why", "structures", "resource_mobilisation", "links", "outside_agents", "programme_management"} {
		d.tabTo(`button[value="add:scores"]`)
		d.kept()
		d.Press(enter)
		path := fmt.Sprintf("scores.%d.", row+1)
		d.until(`!!document.activeElement.closest('[data-path="` + path + `domain"]')`)
		d.keysChoose(path+"domain", domain)
		d.keysChoose(path+"consensus", fmt.Sprint(2+row%3))
	}
	d.tabTo(`button[value="save"]`)
	d.kept()
	d.Press(enter)
	d.until(`location.pathname.includes("/record/")`)
	d.shows(d.get(strings.TrimPrefix(d.String("location.pathname"), d.prefix())), "1405/08/23", "Local leadership", "Control over programme management")
}
