package viewtest

import (
	_ "embed"
	"strings"
)

//go:embed testdata/axe.min.js
var axe string

// Check says what is wrong with the page for anybody: what axe finds, what is
// cut, and what is too small to touch.
func (tab *Tab) Check(name string) {
	tab.Helper()
	tab.Axe(name)
	tab.Fits(name)
	tab.Touchable(name)
}

// CheckAgain says of a page that was checked already, and is looked at in another
// language or on another screen, what may have become wrong: all but its colours,
// which take axe most of its time.
func (tab *Tab) CheckAgain(name string) {
	tab.Helper()
	tab.axe(name, `, rules: {"color-contrast": {enabled: false}}`)
	tab.Fits(name)
	tab.Touchable(name)
}

// Axe reports what axe-core finds wrong, by all of its rules and good practices.
func (tab *Tab) Axe(name string) {
	tab.Helper()
	tab.axe(name, "")
}

func (tab *Tab) axe(name, but string) {
	tab.Helper()
	var loaded bool
	tab.Eval(`typeof window.axe === "object"`, &loaded)
	if !loaded {
		tab.Eval(axe+"; undefined", nil)
	}
	var found []string
	tab.Eval(`axe.run(document, {resultTypes: ["violations"]`+but+`}).then((r) => r.violations.map((v) =>
		v.id + " (" + v.impact + "): " + v.help + "\n" + v.nodes.map((n) => "    " + n.html.slice(0, 200) + "\n    " + (n.any.concat(n.all, n.none).map((c) => c.message).join("; "))).join("\n")))`, &found)
	for _, f := range found {
		tab.Errorf("%s, %s: axe: %s", name, tab.Size.Name, f)
	}
}

// Fits reports what reaches beyond the screen or is cut off by its box.
func (tab *Tab) Fits(name string) {
	tab.Helper()
	var found []string
	tab.Eval(`document.fonts.ready.then(() => {
		const wrong = [], wide = document.documentElement.clientWidth;
		const what = (e) => e.tagName.toLowerCase() + (e.className ? "." + e.className : "") + " " + JSON.stringify((e.innerText || e.value || "").slice(0, 60));
		if (document.documentElement.scrollWidth > wide) wrong.push("the page is " + document.documentElement.scrollWidth + " wide, the screen " + wide);
		for (const e of document.body.querySelectorAll("*")) {
			if (!e.checkVisibility() || e.closest(".skip, .unseen, svg, .scrolls")) continue;
			const r = e.getBoundingClientRect();
			if (r.width === 0) continue;
			if (r.left < -1 || r.right > wide + 1) wrong.push("beyond the screen: " + what(e));
			const s = getComputedStyle(e);
			const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
			if (text && s.display !== "inline" && (s.overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1 || s.overflowY === "hidden" && e.scrollHeight > e.clientHeight + 1)) wrong.push("cut: " + what(e));
			const size = parseFloat(s.fontSize);
			if (text && e.innerText && e.innerText.trim().length > 8 && r.width < 3 * size && r.height > 6 * size) wrong.push("squeezed to a few letters a line: " + what(e));
			if (e.tagName === "SELECT" && e.scrollWidth > e.clientWidth + 1) wrong.push("cut: " + what(e));
		}
		return wrong;
	})`, &found)
	tab.complain(name, found)
}

// Touchable reports what is smaller than 48 by 48 pixels and is to be touched.
// A box to tick is touched by its label; a link inside a sentence is text.
func (tab *Tab) Touchable(name string) {
	tab.Helper()
	var found []string
	tab.Eval(`(() => {
		const wrong = [];
		for (const e of document.querySelectorAll("button, .button, nav a, .list > li > a, summary, select, textarea, input:not([type=hidden])")) {
			if (!e.checkVisibility()) continue;
			const t = (e.type === "checkbox" || e.type === "radio") && e.labels[0] ? e.labels[0] : e;
			const r = t.getBoundingClientRect();
			if (r.height < 47.5 || r.width < 47.5) wrong.push("too small to touch (" + Math.round(r.width) + "×" + Math.round(r.height) + "): " + (e.innerText || e.name || e.id).slice(0, 60));
		}
		return wrong;
	})()`, &found)
	tab.complain(name, found)
}

func (tab *Tab) complain(name string, found []string) {
	tab.Helper()
	if len(found) > 0 {
		tab.Errorf("%s, %s:\n%s", name, tab.Size.Name, strings.Join(found, "\n"))
	}
}
