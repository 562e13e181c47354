package viewtest

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// A form is filled in by the words on its labels. Whoever folds sections away or
// draws a control otherwise need not change the tests: what is folded is opened,
// as a person would.

// labelled is a script that finds the field with a label inside a part of the page
// and gives the id of its element once nothing above it is folded.
const labelled = `
	const within = %s, label = %s;
	const scope = within ? document.querySelector(within) : document.querySelector("form[data-draft]");
	if (!scope || document.readyState !== "complete" || !document.documentElement.classList.contains("js")) return "";
	const title = (f) => {
		const l = f.querySelector(":scope > legend, :scope > label, :scope > p.label, :scope > summary");
		return l && l.firstChild ? plain(l.firstChild.data || l.innerText) : "";
	};
	const field = [...scope.querySelectorAll("[data-path]")].find((f) => title(f) === label && (within || !f.closest(".repeat")));
	if (!field) return "";
	let folded = null;
	for (let e = field.parentElement; e && e !== document.body; e = e.parentElement) {
		if (e.matches("details:not([open])")) folded = e.querySelector("summary");
		const opener = e.hidden && e.id && document.querySelector("[aria-expanded=false][aria-controls~='" + e.id + "']");
		if (opener) folded = opener;
	}
	if (folded) {
		folded.click();
		return "";
	}
	if (!field.checkVisibility()) return "";
	field.scrollIntoView({block: "center"});
	return field.id;`

// field waits for the field with a label and returns the id of its element.
func (tab *Tab) field(within, label string) (id string) {
	tab.Helper()
	find := "(() => { " + plainText + fmt.Sprintf(labelled, quoteRaw(within), quote(label)) + " })()"
	tab.until(find+` !== ""`, fmt.Sprintf("there is no field %q in %q", label, within))
	return tab.String(find)
}

// Kept waits until the program has taken everything that was given to the form. The
// field that was typed into is left, as a finger that touches something else does.
func (tab *Tab) Kept() {
	tab.Helper()
	tab.Eval(`document.activeElement?.matches("input[type=text], textarea") && document.activeElement.blur(); 0`, nil)
	tab.until(`document.readyState === "complete" && !document.querySelector("form[data-busy]")`, "what was given to the form is not taken")
}

// Fill gives the field with a label what a person would give it: a text is typed
// over what stood there, and of choices those with these words are touched. within
// is the selector of a row, as AddRow returns it, or "" for the form.
func (tab *Tab) Fill(within, label string, values ...string) {
	tab.Helper()
	id := tab.field(within, label)
	var typed bool
	tab.Eval(fmt.Sprintf(`document.getElementById(%s)?.matches("input[type=text], textarea") === true`, quoteRaw(id+"-c")), &typed)
	if typed {
		tab.write(id+"-c", strings.Join(values, "\n"))
		return
	}
	for _, value := range values {
		tab.pick(id, value)
	}
}

// write replaces the text of a control, as the keyboards of phones do.
func (tab *Tab) write(id, text string) {
	tab.Helper()
	tab.Eval(fmt.Sprintf(`(() => { const c = document.getElementById(%s); c.focus(); c.select(); })()`, quoteRaw(id)), nil)
	if text == "" {
		tab.Press("\b")
		return
	}
	call(tab, input.InsertText, input.InsertTextParams{Text: text})
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
	tab.reach(func() chromedp.CSS {
		return tab.mark(find, fmt.Sprintf("%q is not among the choices", value))
	}, func(at chromedp.CSS) chromedp.Action[chromedp.Void] { return chromedp.Click(at) })
	tab.Kept()
}

// AddRow adds a row to the list with a label and returns the row's selector.
func (tab *Tab) AddRow(label string) string {
	tab.Helper()
	id := tab.field("", label)
	rows := fmt.Sprintf(`[...document.querySelectorAll("#" + CSS.escape(%s) + " .repeat")]`, quoteRaw(id))
	var before int
	tab.Eval(rows+".length", &before)
	tab.Kept() // else the row that comes is put in place of one that is typed into
	tab.ClickAt("#" + id + " button[value^='add:']")
	tab.until(fmt.Sprintf("%s.length > %d", rows, before), fmt.Sprintf("no row is added to %q", label))
	tab.Kept()
	return "#" + tab.String(rows+".at(-1).id")
}
