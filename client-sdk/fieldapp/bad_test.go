package fieldapp

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/syncproto"
)

// TestWrongCode: a mistyped code is said with the part that is wrong, and what
// was typed stays.
func TestWrongCode(t *testing.T) {
	s := newScreen(t)
	code := testCode()
	wrong := code[:2] + "7" + code[3:]
	if wrong == code {
		wrong = code[:2] + "8" + code[3:]
	}
	page := s.post("/start/code", "code", wrong)
	s.shows(page, "Compare", wrong)
	for _, none := range []string{"", "سلام", strings.Repeat("A", 1<<16)} {
		s.shows(s.post("/start/code", "code", none), "with the paper")
		s.shows(s.post("/start/enrol", "code", none, "passphrase", passphrase, "again", passphrase), "with the paper")
	}
	if clientsdk.Enrolled(s.opt.Dir) {
		t.Error("a wrong code made a device")
	}
	// A good code with a passphrase that is too short says so, and asks again.
	s.shows(s.post("/start/enrol", "code", code, "passphrase", "short", "again", "short"), "several words", code)
}

// TestExpiredCodeTakesAnother: the server refuses the code at first contact. What
// was recorded stays, and another code is entered in the page that says so.
func TestExpiredCodeTakesAnother(t *testing.T) {
	s := newOpen(t)
	s.record("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن"}`)
	for _, refused := range []error{clientsdk.ErrBadCode, clientsdk.ErrUsedCode} {
		s.sync.now = syncView{Err: fmt.Errorf("sync: %w", refused)}
		s.shows(s.get("/sync"), "Enter another code", "What you recorded stays", "1 change")
	}
	s.shows(s.post("/sync/code", "code", "AAAA"), "with the paper", "Enter another code")
	other := &syncproto.EnrolCode{Number: 12, Fingerprint: [8]byte{1, 2, 3}}
	copy(other.Secret[:], "2nd secret")
	s.shows(s.post("/sync/code", "code", other.String()), "The new code is stored")
}

// TestServerIsNotTheEnrolledOne: what answers is another server, or none of ours.
// Nothing is sent, and the person is told once the sync has stopped.
func TestServerIsNotTheEnrolledOne(t *testing.T) {
	s := newOpen(t, func(o *Options) {
		o.SDK.Dial = func(context.Context, []string) (clientsdk.Pipe, error) {
			return nil, fmt.Errorf("dial: %w", wsdial.ErrNotMahalleh)
		}
	})
	s.record("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن"}`)
	s.syncUntil(func(v syncView) bool { return v.why() != nil })
	s.shows(s.get("/sync"), "is not the server", "Check the address with the office", "What you recorded stays here", "1 change")
	if s.sync.view().Sent != 0 {
		t.Error("something was sent")
	}
}

// TestNoNetworkIsNoMistake: it is said calmly, and tried again.
func TestNoNetworkIsNoMistake(t *testing.T) {
	s := newOpen(t, func(o *Options) {
		o.SDK.Dial = func(context.Context, []string) (clientsdk.Pipe, error) {
			return nil, fmt.Errorf("dial: %w", wsdial.ErrNoNetwork)
		}
	})
	s.syncUntil(func(v syncView) bool { return v.why() != nil })
	s.shows(s.get("/sync"), `class="notice info"`, "will be sent as soon as there is a connection")
	s.shows(s.post("/sync/pause", "pause", "yes"), "Paused")
	s.sync.follow(ctx) // returns at once
}

// syncUntil lets the sync run until its view is as it should be, and keeps that
// view on the page.
func (s *screen) syncUntil(is func(syncView) bool) {
	s.Helper()
	run, stop := context.WithCancel(ctx)
	defer stop()
	l, _ := s.events.listen(0)
	defer s.events.leave(l)
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.sync.follow(run)
	}()
	view := s.sync.view()
	for !is(view) {
		<-l.wake
		view = s.sync.view()
	}
	stop()
	<-over
	s.sync.now = view
}

// TestWrongClockIsSaid: by how much, which way, and that nothing is lost by it.
func TestWrongClockIsSaid(t *testing.T) {
	s := newOpen(t)
	v := &visit{App: s.App, c: s.device(), words: s.words["en"]}
	for behind, want := range map[time.Duration]string{3 * time.Hour: "3 hours slow", -72 * time.Hour: "3 days fast"} {
		all := v.alarms(&clientsdk.Status{ClockWrong: true, ClockBehind: behind, Person: clientsdk.Person{Confirmed: true}})
		if len(all) != 1 || !strings.Contains(all[0].Text, want) || !strings.Contains(all[0].Hint, "keeps its order") {
			t.Errorf("%v: got %v, want %q", behind, all, want)
		}
	}
}

// TestFullDiskIsSaid: before it is full, and when it is.
func TestFullDiskIsSaid(t *testing.T) {
	free := uint64(littleSpace - 1)
	s := newOpen(t, func(o *Options) { o.SDK.FreeSpace = func(string) (uint64, error) { return free, nil } })
	s.shows(s.get("/?counted=1"), "are left on the device")
	free = 1 << 20
	s.shows(s.get("/?counted=1"), "nothing more can be saved")
}

// TestNeighbouringPage: a page on another port of this machine, in the same
// browser, talks to the screen in every way that a page can. It reads nothing,
// changes nothing, and its server is not handed the cookie.
func TestNeighbouringPage(t *testing.T) {
	s := newOpen(t)
	link := s.serve()
	var mu sync.Mutex
	var cookies []string
	neighbour := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		cookies = append(cookies, r.Header.Get("Cookie"))
		mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		// It even knows the address, from a screenshot.
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>x</title><body><h1>neighbour</h1>
<img src="%[1]s/"><iframe src="%[1]s/"></iframe>
<form id="f" method="post" action="%[1]s/settings/look" target="t"><input name="lang" value="fa"><input name="size" value="200"></form><iframe name="t"></iframe>
<script>
const tries = [];
for (const mode of ["cors", "no-cors"]) for (const method of ["GET", "POST"]) {
  tries.push(fetch("%[1]s/settings/look", {mode, method, credentials: "include", body: method === "POST" ? new URLSearchParams({lang: "fa", size: "200"}) : undefined})
    .then((r) => r.text()).then((text) => text.length, () => 0));
}
f.submit();
window.read = Promise.all(tries).then((all) => all.reduce((a, b) => a + b, 0));
</script>`, s.origin()+s.prefix())
	}))
	t.Cleanup(neighbour.Close)
	tab := viewtest.Open(t, viewtest.Laptop)
	tab.Go(link)
	tab.See("My neighbourhood")
	tab.Go(neighbour.URL + "/" + s.keys.place + "/")
	tab.See("neighbour")
	var read int
	tab.Eval("window.read", &read)
	if read != 0 {
		t.Errorf("the neighbour read %d characters", read)
	}
	tab.Until(`[...document.querySelectorAll("iframe")].every((f) => { try { return f.contentDocument === null; } catch { return true; } })`, "the neighbour sees into a frame")
	if got := s.prefs.get(); got.Size == 200 || got.Lang == "fa" {
		t.Error("the neighbour changed something")
	}
	tab.Go(neighbour.URL + "/elsewhere")
	tab.See("neighbour")
	mu.Lock()
	defer mu.Unlock()
	for i, c := range cookies[len(cookies)-1:] {
		if strings.Contains(c, s.keys.cookie) {
			t.Errorf("the neighbour was handed the cookie at request %d", i)
		}
	}
	tab.Forgive()
}

// TestScan reads the code from a photograph, where the browser can read codes.
func TestScan(t *testing.T) {
	s := newScreen(t)
	link := s.serve()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	photo := filepath.Join(t.TempDir(), "photo.png")
	if err := os.WriteFile(photo, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	tab := viewtest.Open(t, viewtest.Phone)
	// Debian's Chromium reads no codes; a phone's does.
	tab.Pretend(fmt.Sprintf(`window.reads = 0; window.BarcodeDetector = class { async detect() { return window.reads++ ? [{rawValue: %q}] : []; } };`, testCode()))
	tab.Go(link)
	tab.See("Photograph the picture with the code")
	tab.Check("scan")
	tab.Upload("#picture", photo)
	tab.See("No code was found in the photo")
	tab.Upload("#picture", photo)
	tab.See("This code is for neighbourhood number 12")
}

// TestWithoutScripts: the pages work with scripts off, but for what moves by itself.
func TestWithoutScripts(t *testing.T) {
	s := newWorked(t)
	link := s.serve()
	tab := viewtest.Open(t, viewtest.Phone)
	tab.WithoutScripts()
	tab.Go(link)
	tab.See("Sent back to be mended")
	tab.Click("Seen: Key persons")
	tab.See("1 section sent back, answered or seen")
	tab.Click("More")
	tab.Click("Settings")
	tab.Click("200 %")
	tab.ClickAt(`form[action$="/settings/look"] button`)
	tab.See("Saved.")
	tab.Click("Lock now")
	tab.Type("Passphrase", passphrase)
	tab.Click("Unlock")
	tab.See("Sent back to be mended")
}
