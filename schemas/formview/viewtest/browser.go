// Package viewtest lets tests look at pages as people do: it drives Debian's
// Chromium, on a phone's or a laptop's screen, finds what is on a page by its
// words, and says what is cut, too small to touch, or out of reach for somebody
// who does not see.
//
// A package of tests that uses it calls [Main] from its TestMain.
package viewtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// names are what Chromium is called; MAHALLEH_CHROMIUM names another one.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// patience is how long a test waits for what must appear. It is only reached
// when something is wrong, or when many tests share a small machine.
const patience = 60 * time.Second

var (
	errNoBrowser = errors.New("there is no Chromium on this machine (apt-get install chromium)")

	// shared is the one browser of a test process.
	shared struct {
		sync.Mutex
		ctx    context.Context
		cancel context.CancelFunc
		dir    string
		err    error
	}
)

// Main runs the tests and ends the browser that they started. Call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	End()
	os.Exit(code)
}

// End ends the browser that the tests started, for a TestMain that does more than
// [Main].
func End() {
	shared.Lock()
	defer shared.Unlock()
	if shared.cancel != nil {
		shared.cancel()
		_ = os.RemoveAll(shared.dir) // in the system's temporary folder
	}
}

// browser starts Chromium once for the test process.
func browser() (context.Context, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.ctx != nil || shared.err != nil {
		return shared.ctx, shared.err
	}
	program := os.Getenv("MAHALLEH_CHROMIUM")
	for _, name := range names {
		if program == "" {
			program, _ = exec.LookPath(name)
		}
	}
	if program == "" {
		shared.err = errNoBrowser
		return nil, shared.err
	}
	if shared.dir, shared.err = os.MkdirTemp("", "mahalleh-viewtest-"); shared.err != nil {
		return nil, shared.err
	}
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(program), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-prefers-reduced-motion", true), chromedp.UserDataDir(shared.dir), chromedp.WSURLReadTimeout(patience))
	ctx, cancel := chromedp.NewContext(alloc)
	if shared.err = chromedp.Do(ctx); shared.err != nil {
		shared.err = fmt.Errorf("start %s: %w", program, shared.err)
		cancelAlloc()
		return nil, shared.err
	}
	shared.ctx, shared.cancel = ctx, func() { cancel(); cancelAlloc() }
	return ctx, nil
}

// Size is a screen.
type Size struct {
	Name          string
	Width, Height int64
	Mobile        bool
}

// The screens that pages are looked at on.
var (
	Phone  = Size{"phone", 360, 740, true}
	Laptop = Size{"laptop", 1280, 800, false}
	// Narrow is the narrowest that a page must fit on.
	Narrow = Size{"narrow", 320, 640, true}
)

// Tab is a page that is looked at. Its methods fail the test.
type Tab struct {
	testing.TB
	Size Size
	ctx  context.Context

	mu     sync.Mutex
	faults []string
	home   string // the only place that may be asked for anything
	marks  int
	// still says that the page cannot wait by itself.
	still bool
}

// Open opens a tab with cookies of its own. Without Chromium the test is
// skipped, and fails where CI is set: there a skipped test would prove nothing.
func Open(t testing.TB, size Size) *Tab {
	t.Helper()
	parent, err := browser()
	if errors.Is(err, errNoBrowser) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	tab := &Tab{TB: t, Size: size, ctx: ctx}
	t.Cleanup(func() {
		tab.report()
		cancel()
	})
	if err := chromedp.Listen(ctx, tab.hear); err != nil {
		t.Fatal(err)
	}
	call(tab, network.Enable, network.EnableParams{})
	call(tab, log.Enable, cdp.Empty{})
	tab.Resize(size)
	return tab
}

// Resize makes the tab another screen.
func (tab *Tab) Resize(size Size) {
	tab.Helper()
	tab.Size = size
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(2)}
	if size.Mobile {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	tab.run(chromedp.EmulateViewport(size.Width, size.Height, options...))
}

// hear notes what no page may do: ask anybody else for anything, break its own
// policy, or fail in a script.
func (tab *Tab) hear(ev any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; strings.HasPrefix(u, "http") && tab.home != "" && !strings.HasPrefix(u, tab.home+"/") {
			tab.faults = append(tab.faults, "the page asked for "+u)
		}
	case *runtime.EventExceptionThrown:
		why := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			why += " " + x.Description
		}
		tab.faults = append(tab.faults, "a script failed: "+why)
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || e.Entry.Level == log.EntryLevelError && e.Entry.Source == log.EntrySourceJavascript {
			tab.faults = append(tab.faults, "the browser says: "+e.Entry.Text)
		}
	}
}

// Forgive forgets what the page did wrong so far: for tests that provoke it.
func (tab *Tab) Forgive() {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.faults = nil
}

func (tab *Tab) report() {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, f := range slices.Compact(tab.faults) {
		tab.Error(f)
	}
}

// limited is the tab's context for one action.
func (tab *Tab) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(tab.ctx, patience)
}

// run does something in the tab, and fails the test if it does not come about.
func (tab *Tab) run(steps ...chromedp.Action[chromedp.Void]) {
	tab.Helper()
	ctx, cancel := tab.limited()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.Fatalf("%v\n%s", err, tab.words())
	}
}

// call sends one command of the browser's protocol.
func call[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.Helper()
	ctx, cancel := tab.limited()
	defer cancel()
	r, err := chromedp.Call(ctx, command, params)
	if err != nil {
		tab.Fatal(err)
	}
	return r
}

// Go opens an address.
func (tab *Tab) Go(url string) {
	tab.Helper()
	if i := strings.Index(url, "://"); i >= 0 {
		tab.mu.Lock()
		tab.home = url[:i+3] + strings.SplitN(url[i+3:], "/", 2)[0]
		tab.mu.Unlock()
	}
	tab.run(chromedp.Navigate(url))
}

// Slow makes the browser as many times slower, as on a cheap phone.
func (tab *Tab) Slow(times float64) {
	tab.Helper()
	call(tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: times})
}

// Pretend runs a script in each page before the page's own.
func (tab *Tab) Pretend(script string) {
	tab.Helper()
	call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	tab.still = true // what the page waits by may be pretended, too
}

// WithoutScripts turns off what pages bring of scripts; the tab's own still run.
func (tab *Tab) WithoutScripts() {
	tab.Helper()
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.still = true
}

// Upload puts a file into a field that takes files.
func (tab *Tab) Upload(selector, file string) {
	tab.Helper()
	tab.run(chromedp.SetUploadFiles(chromedp.CSS(selector), []string{file}, chromedp.NodeReady))
}

// Locate gives the browser a place, as from GPS, with its accuracy in metres.
func (tab *Tab) Locate(lat, lon, accuracy float64) {
	tab.Helper()
	call(tab, emulation.SetGeolocationOverride, emulation.SetGeolocationOverrideParams{Latitude: &lat, Longitude: &lon, Accuracy: &accuracy})
}

// Shots is the folder that MAHALLEH_SCREENSHOTS names, "" for none.
func Shots() string { return os.Getenv("MAHALLEH_SCREENSHOTS") }

// Shot keeps a picture of the whole page, if pictures are wanted: NAME-phone-fa.png.
func (tab *Tab) Shot(name string) {
	tab.Helper()
	if Shots() == "" {
		return
	}
	// What stands still on a screen would lie across a picture of the whole page.
	tab.Eval(`for (const e of document.querySelectorAll("body *")) if (getComputedStyle(e).position === "sticky") e.style.position = "static"`, nil)
	lang := tab.String("document.documentElement.lang")
	ctx, cancel := tab.limited()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tab.Fatal(err)
	}
	if err := os.MkdirAll(Shots(), 0o755); err != nil {
		tab.Fatal(err)
	}
	file := filepath.Join(Shots(), fmt.Sprintf("%s-%s-%s.png", name, tab.Size.Name, lang))
	if err := os.WriteFile(file, png, 0o644); err != nil {
		tab.Fatal(err)
	}
}
