package main

import (
	"net/http"
	"net/netip"
	"time"

	"mahalleh/server/api"
	"mahalleh/server/syncws"
)

// outside is what the server shows over HTTP beside the sessions of devices.
type outside struct {
	d       *desk
	pages   http.Handler // the committee's
	version string
	setup   *setup // nil when there is nothing to set up
	since   time.Time
	now     func() time.Time
}

// handler answers at the server's own address: devices, health and the committee's
// pages for everybody, metrics and setting up for this machine alone.
func (o *outside) handler() http.Handler {
	mux := http.NewServeMux()
	devices := o.d.server.Handler()
	mux.Handle(syncws.Path, devices)
	mux.Handle("GET /healthz", devices)
	mux.Handle("GET /readyz", devices)
	mux.Handle("/", o.pages)
	mux.Handle("GET /metrics", nearby(http.HandlerFunc(o.metrics)))
	if o.setup != nil {
		mux.Handle("/setup/", nearOrProxied(o.setup.handler()))
	}
	return mux
}

// watchers answers at the address that was given for metrics.
func (o *outside) watchers() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", o.metrics)
	mux.Handle("GET /healthz", o.d.server.Handler())
	mux.Handle("GET /readyz", o.d.server.Handler())
	return mux
}

func (o *outside) metrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", api.MetricsType)
	w.Header().Set("Cache-Control", "no-store")
	// Nobody is left to tell if the asker went away.
	_ = api.Metrics(w, o.d.facts(r.Context(), o.version, o.now().Sub(o.since)))
}

// nearby lets requests pass that come from this machine and were not handed on
// by a proxy there; to others there is nothing.
func nearby(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) || handedOn(r) {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// nearOrProxied lets requests pass that come from this machine, also through a
// proxy there, which has its own encryption.
func nearOrProxied(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func fromHere(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// handedOn tells a request that a proxy sent on for somebody else, as far as
// proxies say so.
func handedOn(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}
