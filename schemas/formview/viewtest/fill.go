package viewtest

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/input"
)

// A form is filled in by the words on its labels. Whoever folds sections away or
// draws a control otherwise need not change the tests: what is folded is opened,
// as a person would.

// labelled is a script that finds the field with a label inside a part of the page
// and gives the id of its element once nothing above it is folded. A control that is
// typed into is entered.
const labelled = `
	const within = %s, label = %s;
	const scope = within ? document.querySelector(within) : document.querySelector("form[data-draft]");
	if (!scope || document.readyState !== "complete" || !document.documentElement.classList.contains("js")) return null;
	const title = (f) => {
		const l = f.querySelector(":scope > legend, :scope > label, :scope > p.label, :scope > summary");
		return l && l.firstChild ? plain(l.firstChild.data || l.innerText) : "";
	};
	const field = [...scope.querySelectorAll("[data-path]")].find((f) => title(f) === label && (within || !f.closest(".repeat")));
	if (!field) return null;
	let folded = null;
	for (let e = field.parentElement; e && e !== document.body; e = e.parentElement) {
		if (e.matches("details:not([open])")) folded = e.querySelector("summary");
		const opener = e.hidden && e.id && document.querySelector("[aria-expanded=false][aria-controls~='" + e.id + "']");
		if (opener) folded = opener;
	}
	if (folded) {
		folded.click();
		return null;
	}
	if (!field.checkVisibility()) return null;
	field.scrollIntoView({block: "center"});
	const control = document.getElementById(field.id + "-c");
	const typed = control?.matches("input[type=text], textarea") === true;
	if (typed) {
		control.focus();
		control.select();
	}
	return {ID: field.id, Typed: typed};`

// found is a field of the page: the id of its element, and whether it is typed into.
type found struct {
	ID    string
	Typed bool
}

// field waits for the field with a label, and enters it if it is typed into.
func (tab *Tab) field(within, label string) (f found) {
	tab.Helper()
	tab.await("(() => { "+plainText+fmt.Sprintf(labelled, quoteRaw(within), quote(label))+" })()", fmt.Sprintf("there is no field %q in %q", label, within), &f)
	return f
}

// Kept waits until the program has taken everything that was given to the form. The
// field that was typed into is left, as a finger that touches something else does.
func (tab *Tab) Kept() {
	tab.Helper()
	tab.until(`(() => {
		if (document.activeElement?.matches("input[type=text], textarea")) document.activeElement.blur();
		return document.readyState === "complete" && !document.querySelector("form[data-busy]");
	})()`, "what was given to the form is not taken")
}

// Fill gives the field with a label what a person would give it: a text is typed
// over what stood there, as the keyboards of phones do, and of choices those with
// these words are touched. within is the selector of a row, as AddRow returns it, or
// "" for the form.
func (tab *Tab) Fill(within, label string, values ...string) {
	tab.Helper()
	f := tab.field(within, label)
	switch text := strings.Join(values, "\n"); {
	case f.Typed && text == "":
		tab.Press("\b")
	case f.Typed:
		call(tab, input.InsertText, input.InsertTextParams{Text: text})
	default:
		for _, value := range values {
			tab.pick(f.ID, value)
		}
	}
}

// pick touches the choice with these words in a field, searching for it if it is
// not among the first.
func (tab *Tab) pick(id, value string) {
	tab.Helper()
	find := fmt.Sprintf(`
		const field = document.getElementById(%s), value = %s;
		if (!field) return null;
		const fold = field.querySelector("details.choose:not([open]) > summary");
		if (fold) fold.click();
		const all = [...field.querySelectorAll("label.choice")];
		const words = (l) => plain(l.querySelector("span").innerText);
		const found = all.find((l) => words(l) === value) || all.find((l) => words(l).includes(value));
		const search = field.querySelector("input[type=search]");
		if (!found && search && search.value !== value) {
			search.value = value;
			search.dispatchEvent(new Event("input", {bubbles: true}));
		}
		return found;`, quoteRaw(id), quote(value))
	tab.touch(find, fmt.Sprintf("%q is not among the choices", value))
	tab.Kept()
}

// AddRow adds a row to the list with a label and returns the row's selector.
func (tab *Tab) AddRow(label string) string {
	tab.Helper()
	id := tab.field("", label).ID
	rows := fmt.Sprintf(`[...document.querySelectorAll("#" + CSS.escape(%s) + " .repeat")]`, quoteRaw(id))
	var before int
	tab.Eval(rows+".length", &before)
	tab.Kept() // else the row that comes is put in place of one that is typed into
	tab.ClickAt("#" + id + " button[value^='add:']")
	tab.until(fmt.Sprintf("%s.length > %d", rows, before), fmt.Sprintf("no row is added to %q", label))
	tab.Kept()
	return "#" + tab.String(rows+".at(-1).id")
}
