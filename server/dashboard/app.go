package dashboard

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/store"
	"mahalleh/syncproto/wire"
)

// Options are what the pages live on.
type Options struct {
	Hub    *hub.Hub
	Admin  *access.Admin
	Signer *access.Signer
	Report *report.Report
	// Keys are those by which devices know the server, Addresses where they reach it;
	// without any a sheet proposes how the browser came.
	Keys      wire.ServerKeys
	Addresses []string
	// Log takes what helps to find faults, never values of records.
	Log *slog.Logger
}

// App is the committee's pages over one server.
type App struct {
	Options
	store  store.Store
	forms  *schemas.Package
	words  map[texts.Lang]*formview.Words
	pages  *formview.Templates
	tehran jalali.Tehran
	access access.Cache
	events events
	kept   figureCache
	// taking holds a place for each file that is being made.
	taking chan struct{}
}

//go:embed templates/*.html
var templateFiles embed.FS

// New makes the pages.
func New(o Options) (*App, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{Options: o, store: o.Hub.Store(), forms: o.Hub.Packages(), words: map[texts.Lang]*formview.Words{}, taking: make(chan struct{}, takesAtOnce)}
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
	if a.tehran, err = jalali.LoadTehran(); err != nil {
		return nil, err
	}
	a.kept.tell = a.events.tell
	return a, nil
}

// Moved says that the report has taken in something new, or that somebody's rights
// are others: pages that are open ask anew, once the figures that they show are there,
// at most RoundsApart after they did so last. It does not block.
func (a *App) Moved() { a.kept.move() }

// Forget has figures be reckoned for whoever asks next, and tells nobody: so it can be
// measured how long that takes.
func (a *App) Forget() { a.kept.forget() }

// Close lets go of the pages that are open, so that a server can end. The report and
// the store are closed after it.
func (a *App) Close() {
	a.events.close()
	a.kept.close()
}

// Handler serves the pages.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		mux.Handle(r.pattern, a.page(r))
	}
	return a.guard(mux)
}

// read runs f over one snapshot with the view of a person.
func (v *visit) read(f func(r store.Reader, view *access.View) error) error {
	return v.store.View(v.ctx(), func(r store.Reader) error {
		view, err := v.access.View(r, v.who.ID)
		if err != nil {
			return err
		}
		return f(r, view)
	})
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// now is the server's time, Unix milliseconds.
func (a *App) now() int64 {
	ms, _ := a.Hub.Now()
	return ms
}

// notThere reports whether somebody asked for what is not there, or not for them.
func notThere(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, errNoPage) || unseen(err)
}
