package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

const (
	// defaultListen is reached from this machine alone: what is opened to others
	// is for the operator to say.
	defaultListen = "127.0.0.1:8833"
	// headerTimeout bounds how long a client may take for its request, header or
	// body, and how long it may stay afterwards without another.
	headerTimeout = 20 * time.Second
	// maxHeader bounds what of a request's header is kept; a device's has some
	// hundred bytes, a proxy adds as many.
	maxHeader = 16 << 10
	// stopTimeout bounds how long a stop waits for running requests.
	stopTimeout = 15 * time.Second
	// foldEvery is how often the write-ahead log is folded back.
	foldEvery = time.Minute
)

// listening is what serve prints when it is ready.
type listening struct {
	Listening string   `json:"listening"`
	Addresses []string `json:"addresses"`
	PID       int      `json:"pid"`
}

func serveCommand(a *cli.App) *cobra.Command {
	var listen string
	var addresses []string
	c := a.Command("serve", "mahalleh.serve", func(ctx context.Context, _ []string) error {
		a.LogFrom(slog.LevelInfo)
		return serve(ctx, a, listen, addresses)
	})
	c.Flags().StringVar(&listen, "listen", defaultListen, a.T("mahalleh.serve.flag_listen"))
	c.Flags().StringSliceVar(&addresses, "address", nil, a.T("mahalleh.flag.address"))
	a.Setting(c.Flags(), "listen", "address")
	return c
}

func serve(ctx context.Context, a *cli.App, listen string, addresses []string) (err error) {
	if err := checkAddresses(addresses); err != nil {
		return err
	}
	f, err := folderOf(a)
	if err != nil {
		return err
	}
	d, err := openDesk(ctx, a, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return &cli.Error{Code: cli.Failure, Key: "mahalleh.serve.no_listen", Args: cli.Args{"listen": listen}, Hint: "mahalleh.serve.no_listen_hint", Cause: err}
	}
	if len(addresses) == 0 {
		addresses = []string{l.Addr().String()}
	}
	d.addresses = addresses

	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	shut, err := openDoor(f, d, fail)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	web := newWeb(d.server.Handler(), a.Log())
	go func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Errorf("serve: %w", err))
		}
	}()
	folded := make(chan struct{})
	go func() {
		defer close(folded)
		d.fold(ctx, a.Log())
	}()
	if err := sayListening(a, listening{Listening: l.Addr().String(), Addresses: addresses, PID: f.pid}); err != nil {
		fail(err)
	}
	<-ctx.Done()
	if a.Verbose() {
		a.Note("mahalleh.serve.stopping")
	}
	// A stop has its own time: the context that asked for it is over.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err = errors.Join(d.server.Close(), web.Shutdown(stopping), shut(stopping))
	<-folded
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// newWeb makes the server of the network's door. What it bounds ends with the
// upgrade of a connection, after which the session has its own clocks.
func newWeb(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, IdleTimeout: headerTimeout, MaxHeaderBytes: maxHeader}
}

func sayListening(a *cli.App, l listening) error {
	if a.JSON() {
		return a.PrintJSON(l)
	}
	return a.Say("mahalleh.serve.ready", cli.Args{"address": l.Listening})
}

// fold folds the write-ahead log back from time to time, between saves.
func (d *desk) fold(ctx context.Context, log *slog.Logger) {
	every := time.NewTicker(foldEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if _, err := d.store.Checkpoint(ctx); err != nil && ctx.Err() == nil {
				log.Warn("the write-ahead log could not be folded back", "err", err)
			}
		}
	}
}
