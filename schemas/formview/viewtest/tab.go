package viewtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"mahalleh/schemas/texts"
)

// lookEvery is how often a page is looked at while something is waited for. It looks
// by itself for a moment: to be asked each time costs the browser more than to look.
const (
	lookEvery  = 25 * time.Millisecond
	lookItself = 500 * time.Millisecond
)

// looking waits in the page until a script gives something that counts as true, or for
// a moment, and gives it.
const looking = `new Promise((done) => {
	const end = performance.now() + %d;
	const look = () => {
		let is = null;
		try { is = %s; } catch { /* not yet */ }
		if (is || performance.now() > end) done(is || null); else setTimeout(look, %d);
	};
	look();
})`

// Eval evaluates a script in the page, waits for its promise and reads what it
// gives into result; nil for nothing.
func (tab *Tab) Eval(script string, result any) {
	tab.Helper()
	ctx, cancel := tab.limited()
	defer cancel()
	if err := eval(ctx, script, result); err != nil {
		tab.Fatalf("%v\n%s", err, tab.words())
	}
}

func eval(ctx context.Context, script string, result any) error {
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise))
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

// String is what a script gives.
func (tab *Tab) String(script string) (s string) {
	tab.Helper()
	tab.Eval(script, &s)
	return s
}

// until waits until a script gives true; why says what was waited for.
func (tab *Tab) until(script, why string) {
	tab.Helper()
	tab.await("("+script+") === true", why, nil)
}

// await waits until a script gives something that counts as true and reads it into
// result, nil for nothing; why says what was waited for.
func (tab *Tab) await(script, why string, result any) {
	tab.Helper()
	ctx, cancel := tab.limited()
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	if tab.still {
		script = "(" + script + ") || null"
	} else {
		script = fmt.Sprintf(looking, lookItself.Milliseconds(), script, lookEvery.Milliseconds())
	}
	for {
		var is json.RawMessage
		// A page that is being left has no answer; the next one has.
		if err := eval(ctx, script, &is); err == nil && string(is) != "null" {
			if result == nil {
				return
			}
			if err := json.Unmarshal(is, result); err != nil {
				tab.Fatal(err)
			}
			return
		}
		select {
		case <-ctx.Done():
			tab.Fatalf("%s\nat %s the page shows:\n%s", why, tab.where(), tab.words())
		case <-look.C:
		}
	}
}

// Until waits until a script gives true, over as many pages as it takes; why says
// what was waited for.
func (tab *Tab) Until(script, why string) {
	tab.Helper()
	tab.until(script, why)
}

// words is what the page shows, for messages.
func (tab *Tab) words() string {
	ctx, cancel := tab.limited()
	defer cancel()
	var s string
	if err := eval(ctx, "document.body ? document.body.innerText : ''", &s); err != nil {
		return err.Error()
	}
	return texts.DropDirectionControls(s)
}

func (tab *Tab) where() string {
	ctx, cancel := tab.limited()
	defer cancel()
	var s string
	_ = eval(ctx, "location.pathname", &s) // only for a message
	return s
}

// Words is what the page shows, without direction controls.
func (tab *Tab) Words() string {
	tab.Helper()
	return tab.words()
}

// plainText drops what only steers direction, and folds blanks.
const plainText = `const plain = (s) => s.replace(/[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, "").replace(/\s+/g, " ").trim();`

func quote(s string) string {
	b, err := json.Marshal(strings.Join(strings.Fields(texts.DropDirectionControls(s)), " "))
	if err != nil {
		panic(err) // a string is always JSON
	}
	return string(b)
}

// See waits until the page shows every one of these texts.
func (tab *Tab) See(want ...string) {
	tab.Helper()
	for _, text := range want {
		tab.until(fmt.Sprintf(`(() => { %s return document.body !== null && plain(document.body.innerText).includes(%s); })()`, plainText, quote(text)),
			fmt.Sprintf("%q does not appear", text))
	}
}

// SeeNot waits until the page shows none of these texts.
func (tab *Tab) SeeNot(unwanted ...string) {
	tab.Helper()
	for _, text := range unwanted {
		tab.until(fmt.Sprintf(`(() => { %s return document.body !== null && !plain(document.body.innerText).includes(%s); })()`, plainText, quote(text)),
			fmt.Sprintf("%q stays", text))
	}
}

// finding is a script that looks for an element by another one, with (all, plain,
// named), and does something with it. What stands in a folded section is reached as a
// person does, by opening it.
const finding = `(() => { %s
	let folded = false;
	const section = (e) => e.closest("details.section:not([open])");
	const shown = (e) => e.checkVisibility() || folded && section(e) && !e.closest("[hidden], details:not(.section):not([open])");
	const all = (s) => [...document.querySelectorAll(s)].filter(shown);
	const says = (e) => plain(e.ariaLabel || (e.checkVisibility() ? e.innerText : e.textContent) || e.value || "");
	const named = (list, text) => list.find((e) => says(e) === text) || list.find((e) => says(e).includes(text));
	if (document.readyState !== "complete") return null; // its scripts may not listen yet
	const find = () => { %s };
	let found = find();
	if (!found) {
		folded = true;
		found = find();
	}
	if (!found) return null;
	if (!found.checkVisibility() && section(found)) section(found).open = true;
	found.scrollIntoView({block: "center"}); // out from under what stays in view
	%s })()`

// mark waits for an element and marks it, so that real input can reach it. It returns
// its selector.
func (tab *Tab) mark(finder, why string) chromedp.CSS {
	tab.Helper()
	tab.marks++
	name := fmt.Sprintf("%d", tab.marks)
	tab.await(fmt.Sprintf(finding, plainText, finder, fmt.Sprintf(`found.setAttribute("data-viewtest", %q); return true;`, name)), why, nil)
	return chromedp.CSS(`[data-viewtest="` + name + `"]`)
}

// middle is where an element is touched, null while something lies above it.
const middle = `const r = found.getClientRects()[0];
	if (!r) return null;
	const x = r.left + r.width / 2, y = r.top + r.height / 2;
	const above = document.elementFromPoint(x, y);
	return above && found.contains(above) ? [x, y] : null;`

// touch waits for an element and touches it, with the browser's own input.
func (tab *Tab) touch(finder, why string) {
	tab.Helper()
	var at [2]float64
	tab.await(fmt.Sprintf(finding, plainText, finder, middle), why, &at)
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		call(tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1})
	}
}

// Click touches what has this text: a link, a button, a choice.
func (tab *Tab) Click(text string) {
	tab.Helper()
	tab.touch(fmt.Sprintf(`return named(all("a, button, summary, label, input[type=submit], [role=option], [role=tab]"), %s);`, quote(text)),
		fmt.Sprintf("there is nothing to touch that says %q", text))
}

// ClickAt touches what a selector finds.
func (tab *Tab) ClickAt(selector string) {
	tab.Helper()
	tab.touch(fmt.Sprintf(`return document.querySelector(%s);`, quoteRaw(selector)), fmt.Sprintf("there is no %s to touch", selector))
}

// control is the selector of the field with this label.
func (tab *Tab) control(label string) chromedp.CSS {
	tab.Helper()
	return tab.mark(fmt.Sprintf(`const l = named(all("label"), %s);
		return l && (l.control || document.getElementById(l.htmlFor));`, quote(label)), fmt.Sprintf("there is no field %q", label))
}

// Type replaces what stands in the field with this label, as with the keyboard.
func (tab *Tab) Type(label, text string) {
	tab.Helper()
	at := tab.control(label)
	tab.run(chromedp.Focus(at))
	tab.Eval(fmt.Sprintf(`document.querySelector(%s).select()`, quoteRaw(string(at))), nil)
	if text == "" {
		tab.Press("\b")
		return
	}
	tab.run(chromedp.SendKeys(at, text))
}

func quoteRaw(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string is always JSON
	}
	return string(b)
}

// Choose picks an option of the list with this label.
func (tab *Tab) Choose(label, option string) {
	tab.Helper()
	at := tab.control(label)
	tab.until(fmt.Sprintf(`(() => { %s const s = document.querySelector(%s);
		const o = [...s.options].find((o) => plain(o.text) === %s);
		if (!o) return false;
		s.value = o.value;
		s.dispatchEvent(new Event("input", {bubbles: true}));
		s.dispatchEvent(new Event("change", {bubbles: true}));
		return true; })()`, plainText, quoteRaw(string(at)), quote(option)), fmt.Sprintf("%q is not in the list %q", option, label))
}

// Press presses keys one by one, wherever the page is; see package kb of
// chromedp for those without a letter.
func (tab *Tab) Press(keys string) {
	tab.Helper()
	tab.run(chromedp.KeyEvent(keys))
}

// Focused is the text or label of what the keyboard reaches now.
func (tab *Tab) Focused() string {
	tab.Helper()
	return tab.String(fmt.Sprintf(`(() => { %s const e = document.activeElement;
		if (!e || e === document.body) return "";
		const l = e.labels && e.labels[0];
		return plain((l && l.innerText) || e.ariaLabel || e.innerText || e.name || e.tagName); })()`, plainText))
}
