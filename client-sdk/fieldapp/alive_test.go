package fieldapp

import (
	"strings"
	"testing"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
)

// eventually asks again and again, with a word to the browser in between, until it is
// so.
func (d *onDevice) eventually(is func() bool, want string) {
	d.Helper()
	const most = 3000
	for range most {
		if is() {
			return
		}
		d.Eval(`new Promise((ok) => requestAnimationFrame(() => ok(0)))`, nil)
	}
	d.Fatal("it does not come to it that " + want)
}

// listening is how many pages listen for events.
func (s *screen) listening() int {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	return len(s.events.pages)
}

// turn brings the page to the background or to the front.
func (d *onDevice) turn(state string) {
	d.Helper()
	d.Eval(`Object.defineProperty(document, "visibilityState", {value: "`+state+`", configurable: true}); document.dispatchEvent(new Event("visibilitychange"))`, nil)
}

// A page in the background keeps no connection from the pages in front: a browser has
// six to one address. Back in front it shows what came meanwhile, and the lock if the
// screen is locked by then.
func TestAPageInTheBackgroundKeepsNoConnection(t *testing.T) {
	d := inBrowser(t, viewtest.Phone, texts.English)
	d.visit("/?counted=1")
	d.See("Nothing waits to be sent", "My neighbourhood")
	d.eventually(func() bool { return d.listening() == 1 }, "the page listens")
	d.turn("hidden")
	d.eventually(func() bool { return d.listening() == 0 }, "the page listens no more")
	d.record("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن"}`)
	d.events.tell(eventRecords)
	d.turn("visible")
	d.See("1 change")
	d.turn("hidden")
	d.eventually(func() bool { return d.listening() == 0 }, "the page listens no more")
	d.gate.close()
	d.turn("visible")
	d.See("Passphrase")
	d.SeeNot("My neighbourhood")
}

// fakeTimers gives a page timers that run when a test says so: pass(ms).
const fakeTimers = `(() => {
	const all = new Map();
	let now = 0, n = 0;
	window.setTimeout = (f, ms, ...args) => { all.set(++n, [now + (ms || 0), () => f(...args)]); return n; };
	window.clearTimeout = (i) => { all.delete(i); };
	window.pass = (ms) => {
		now += ms;
		for (const [i, [at, f]] of [...all]) if (at <= now && all.delete(i)) f();
	};
})()`

// Somebody types on and on, a letter every fifth of a second, and the program dies: of
// what was typed at most the last two seconds are lost.
func TestTypingThatDoesNotPauseIsKept(t *testing.T) {
	d := inBrowser(t, viewtest.Phone, texts.Persian)
	d.Pretend(fakeTimers)
	d.visit("/new/asset")
	text := []rune(strings.Repeat("سقف سالن خیس شده است ", 3))
	const between, lost = 200, 2000                             // ms
	d.Fill("", d.says("asset", "description"), string(text[0])) // wherever it is folded
	for i, letter := range text[1:] {
		d.Press(string(letter))
		d.Eval(`pass(200)`, nil)
		if i%20 != 19 {
			continue
		}
		// It dies here: what is stored by now is what is left.
		least := string(text[:i+2-lost/between])
		address := strings.TrimPrefix(d.String("location.pathname"), d.prefix())
		d.eventually(func() bool { return strings.Contains(d.get(address), least) }, "«"+least+"» is kept")
	}
	d.Forgive()
	d.killed()
	d.visit("/drafts")
	d.ClickAt(`a[href*="/draft/"]`)
	d.See(d.says("asset", "description"))
	least := string(text[:len(text)-lost/between])
	if got := d.String(`document.querySelector("#f-description-c").value`); !strings.HasPrefix(got, strings.TrimSpace(least)) {
		t.Errorf("%q is left of %q", got, string(text))
	}
	d.Forgive()
}

// A search waits for no pause: it is asked at the key, and what is shown in the end is
// the answer to all that was typed, however fast. No timer of the page runs here.
func TestASearchWaitsForNoPause(t *testing.T) {
	d := inBrowser(t, viewtest.Phone, texts.Persian)
	d.record("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن مدرسه"}`)
	d.record("asset", `{"category": "physical", "subtype": "park", "title_fa": "سایه‌سار"}`)
	d.Pretend(fakeTimers)
	d.visit("/records?form=asset")
	d.See("سالن مدرسه", "سایه‌سار")
	d.Eval(`document.getElementById("q").focus()`, nil)
	d.Press("س")
	d.until(`new URLSearchParams(location.search).get("q") === "س"`)
	d.See("سالن مدرسه", "سایه‌سار")
	d.Press("الن")
	d.until(`new URLSearchParams(location.search).get("q") === "سالن"`)
	d.See("سالن مدرسه")
	d.SeeNot("سایه‌سار")
}
