package fieldapp

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

// DefaultIdle is after how long without a person the screen locks.
const DefaultIdle = 5 * time.Minute

// Options are what the screen lives on.
type Options struct {
	// Dir is the device's folder, SDK what its client lives on.
	Dir string
	SDK clientsdk.Options
	// Listen is the very address, host and port, under which browsers reach the
	// handler; requests to any other name are refused.
	Listen netip.AddrPort
	// Lang is the language until a person has chosen one; Persian if empty.
	Lang texts.Lang
	// Idle is after how long without a person the screen locks, 0 for DefaultIdle.
	Idle time.Duration
	// Log takes what helps to find faults, never values of records. nil is silence.
	Log *slog.Logger
}

// App is the screen of one device.
type App struct {
	opt    Options
	log    *slog.Logger
	words  map[texts.Lang]*formview.Words
	pages  *formview.Templates
	keys   keys
	prefs  *preferences
	gate   gate
	events hub
	sync   synchroniser
	drafts drafts
	counts counts

	mu     sync.Mutex
	client *clientsdk.Client // nil until the device is enrolled
	tour   *tour             // nil unless one goes on
	said   []formview.Notice // what the next page says

	stop context.CancelFunc
	done sync.WaitGroup
}

//go:embed templates/*
var templateFiles embed.FS

// New opens the device of the folder, locked, or waits for it to be enrolled.
// Errors are those of clientsdk.Open, except that a device that is not enrolled
// is none: the screen begins with enrolling it.
func New(ctx context.Context, opt Options) (*App, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Lang == "" {
		opt.Lang = texts.Persian
	}
	if opt.Idle == 0 {
		opt.Idle = DefaultIdle
	}
	a := &App{opt: opt, log: opt.Log, words: map[texts.Lang]*formview.Words{}, stop: func() {}}
	a.gate.idle, a.gate.uptime, a.gate.told = opt.Idle, opt.SDK.Clock.Uptime, true
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	if a.pages, err = formview.ParseTemplates(files); err != nil {
		return nil, err
	}
	for _, lang := range []texts.Lang{texts.Persian, texts.English} {
		if a.words[lang], err = formview.NewWords(lang); err != nil {
			return nil, err
		}
	}
	if a.keys, err = newKeys(opt.SDK.Rand); err != nil {
		return nil, err
	}
	if a.prefs, err = readPreferences(opt.Dir, opt.Lang); err != nil {
		return nil, err
	}
	if clientsdk.Enrolled(opt.Dir) {
		if a.client, err = clientsdk.Open(ctx, opt.Dir, opt.SDK); err != nil {
			return nil, err
		}
	}
	a.sync.app, a.counts.app = a, a
	a.events.heard = a.counts.heard
	return a, nil
}

// Start begins what goes on beside the pages: the sync and the idle lock. They
// end with Close.
func (a *App) Start() {
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.done.Go(func() { a.sync.run(ctx) })
	a.done.Go(func() { a.watchIdle(ctx) })
}

// Unlock opens the device without the page: for a program that was given the
// secret when it was started. Errors are those of Client.Unlock.
func (a *App) Unlock(ctx context.Context, secret clientsdk.Credentials) error {
	c := a.device()
	if c == nil {
		return clientsdk.ErrNotEnrolled
	}
	if err := c.Unlock(ctx, secret); err != nil {
		return err
	}
	a.gate.open()
	a.sync.nudge()
	return nil
}

// Quiet lets go of the pages that listen for events, so that a server can end.
func (a *App) Quiet() { a.events.close() }

// Close ends what Start began and lets go of the device. What stands in open
// forms was stored as it was typed.
func (a *App) Close() error {
	a.stop()
	a.Quiet()
	a.done.Wait()
	err := a.leaveTour()
	if c := a.device(); c != nil {
		err = errors.Join(err, c.Close())
	}
	return err
}

// Link is the address to open: it holds this start's secret.
func (a *App) Link() string { return a.origin() + openPath + a.keys.link }

func (a *App) origin() string { return "http://" + a.opt.Listen.String() }

// device is the client, nil until the device is enrolled.
func (a *App) device() *clientsdk.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.client
}

func (a *App) setDevice(c *clientsdk.Client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.client = c
}

// keys are drawn anew at each start.
type keys struct {
	// link stands in the link that the program prints. place is the part of the
	// address under which the pages stand, and the cookie's path: cookies know no
	// ports, and without it any other program of this machine that gets the
	// browser to visit it on 127.0.0.1 would be handed the cookie.
	link, place, cookie string
}

// keyBytes is the length of each key before it is written in letters.
const keyBytes = 16

func newKeys(random io.Reader) (k keys, err error) {
	if random == nil {
		random = rand.Reader
	}
	for _, to := range []*string{&k.link, &k.place, &k.cookie} {
		b := make([]byte, keyBytes)
		if _, err := io.ReadFull(random, b); err != nil {
			return k, fmt.Errorf("draw the screen's keys: %w", err)
		}
		*to = encode(b)
	}
	return k, nil
}

// Server is a server for Handler that nobody keeps busy by saying little.
func (a *App) Server() *http.Server {
	return &http.Server{Handler: a.Handler(), ReadHeaderTimeout: headerPatience, ReadTimeout: bodyPatience, MaxHeaderBytes: headerBytes}
}

// Handler serves the pages. It answers nobody but the browser that was opened
// by Link.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		mux.Handle(r.pattern, a.page(r))
	}
	return a.guard(mux)
}
