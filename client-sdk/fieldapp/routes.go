package fieldapp

import (
	"net/http"
	"slices"

	"mahalleh/schemas/formview"
)

// routes are all addresses of the screen; each page's file has its own.
func (a *App) routes() []route {
	return slices.Concat(
		a.commonRoutes(),
		a.startRoutes(),
		a.tourRoutes(),
		a.lockRoutes(),
		a.todayRoutes(),
		a.draftRoutes(),
		a.recordsRoutes(),
		a.recordRoutes(),
		a.trashRoutes(),
		a.conflictRoutes(),
		a.roundRoutes(),
		a.syncRoutes(),
		a.settingsRoutes(),
	)
}

// nav are the places that the navigation leads to: first those of every hour.
func (v *visit) nav() []formview.Link {
	return []formview.Link{
		{Name: "today", To: "/", Label: v.say("screen.nav.today", nil)},
		{Name: "records", To: "/records", Label: v.say("screen.nav.records", nil)},
		{Name: "round", To: "/round", Label: v.say("screen.nav.round", nil)},
		{Name: "sync", To: "/sync", Label: v.say("screen.nav.sync", nil)},
		{Name: "drafts", To: "/drafts", Label: v.say("screen_records.drafts", nil)},
		{Name: "conflicts", To: "/conflicts", Label: v.say("screen_records.conflicts_title", nil)},
		{Name: "trash", To: "/trash", Label: v.say("screen_records.trash", nil)},
		{Name: "settings", To: "/settings", Label: v.say("screen.nav.settings", nil)},
	}
}

func (a *App) commonRoutes() []route {
	return []route{
		// Events tell nothing of what is sealed, and a page that is locked out hears so.
		{pattern: "GET /events", handle: (*visit).getEvents, need: needNothing, quiet: true},
		// Somebody reads, scrolls or types: the screen need not lock.
		{pattern: "POST /active", handle: func(v *visit) error { v.w.WriteHeader(http.StatusNoContent); return nil }},
		{pattern: "GET /", handle: func(*visit) error { return errNoPage }, quiet: true},
		{pattern: "POST /", handle: func(*visit) error { return errNoPage }, quiet: true},
	}
}

// getEvents tells a page what changes. One that comes back and is locked meanwhile
// hears that first.
func (v *visit) getEvents() error {
	var first []event
	if v.c != nil && !v.tours && (v.c.Locked() || v.gate.shut()) {
		first = []event{eventLock}
	}
	v.events.serve(v.w, v.r, first...)
	return nil
}
