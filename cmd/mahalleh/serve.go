package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server"
	"mahalleh/server/dashboard"
	"mahalleh/server/syncws"
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
	// Metrics is where metrics are told, besides to this machine at Listening.
	Metrics string `json:"metrics,omitempty"`
	// Setup is the address at which the first administrator is made.
	Setup string `json:"setup,omitempty"`
}

// serving is what serve is asked for.
type serving struct {
	listen, metrics string
	addresses       []string
	backupDir       string
	backupEvery     time.Duration
	keep            keepRule
	limits          syncws.Limits
}

func serveCommand(a *cli.App) *cobra.Command {
	var q serving
	c := a.Command("serve", "mahalleh.serve", func(ctx context.Context, _ []string) error {
		a.LogFrom(slog.LevelInfo)
		return serve(ctx, a, q)
	})
	c.Flags().StringVar(&q.listen, "listen", defaultListen, a.T("mahalleh.serve.flag_listen"))
	c.Flags().StringSliceVar(&q.addresses, "address", nil, a.T("mahalleh.flag.address"))
	c.Flags().StringVar(&q.metrics, "metrics", "", a.T("mahalleh.serve.flag_metrics"))
	c.Flags().StringVar(&q.backupDir, "backup-dir", "", a.T("mahalleh.serve.flag_backup_dir"))
	c.Flags().DurationVar(&q.backupEvery, "backup-every", defaultBackupEvery, a.T("mahalleh.serve.flag_backup_every"))
	most := syncws.DefaultLimits()
	c.Flags().IntVar(&q.limits.Sessions, "sessions", most.Sessions, a.T("mahalleh.serve.flag_sessions"))
	c.Flags().IntVar(&q.limits.Handshakes, "handshakes", most.Handshakes, a.T("mahalleh.serve.flag_handshakes"))
	c.Flags().IntVar(&q.limits.PerAddress, "per-address", most.PerAddress, a.T("mahalleh.serve.flag_per_address"))
	a.Setting(c.Flags(), "listen", "address", "metrics", "backup-dir", "backup-every", "sessions", "handshakes", "per-address")
	q.keep.flags(a, c)
	return c
}

// defaultBackupEvery is how often a server with a folder for backups makes one.
const defaultBackupEvery = 24 * time.Hour

func serve(ctx context.Context, a *cli.App, q serving) (err error) {
	if err := checkAddresses(q.addresses); err != nil {
		return err
	}
	if err := checkEvery(q.backupEvery); err != nil {
		return err
	}
	f, err := folderOf(a)
	if err != nil {
		return err
	}
	server.CollectLess()
	d, err := openWithin(ctx, a, f, q.limits)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	l, err := net.Listen("tcp", q.listen)
	if err != nil {
		return &cli.Error{Code: cli.Failure, Key: "mahalleh.serve.no_listen", Args: cli.Args{"listen": q.listen}, Hint: "mahalleh.serve.no_listen_hint", Cause: err}
	}
	told := q.addresses
	if len(q.addresses) == 0 {
		q.addresses = []string{l.Addr().String()}
	}
	d.addresses = q.addresses

	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	shut, err := openDoor(f, d, l.Addr().String(), fail)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	said := listening{Listening: l.Addr().String(), Addresses: q.addresses, PID: f.pid}
	first, err := d.setUp(ctx, a.Now, l.Addr())
	if err != nil {
		return errors.Join(err, l.Close(), shut(ctx))
	}
	said.Setup = first.link()
	if err := d.openReport(ctx); err != nil {
		return errors.Join(err, l.Close(), shut(ctx))
	}
	pages, err := dashboard.New(dashboard.Options{Hub: d.server.Hub(), Admin: d.server.Admin(), Signer: d.signer(), Report: d.report, Keys: d.server.Identity().Keys(), Addresses: told, Log: d.log})
	if err != nil {
		return errors.Join(err, l.Close(), shut(ctx))
	}
	outside := &outside{d: d, pages: pages.Handler(), version: a.Version().Version, setup: first, since: a.Now(), now: a.Now}
	webs := []*http.Server{newWeb(outside.handler(), a.Log())}
	listeners := []net.Listener{l}
	if q.metrics != "" {
		m, err := net.Listen("tcp", q.metrics)
		if err != nil {
			err = &cli.Error{Code: cli.Failure, Key: "mahalleh.serve.no_listen", Args: cli.Args{"listen": q.metrics}, Hint: "mahalleh.serve.no_listen_hint", Cause: err}
			return errors.Join(err, l.Close(), shut(ctx))
		}
		said.Metrics = m.Addr().String()
		webs, listeners = append(webs, newWeb(outside.watchers(), a.Log())), append(listeners, m)
	}
	for i := range webs {
		go func() {
			if err := webs[i].Serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				fail(fmt.Errorf("serve: %w", err))
			}
		}()
	}
	d.report.Tell(pages.Moved)
	var tasks sync.WaitGroup
	tasks.Go(func() { d.follow(ctx) })
	tasks.Go(func() { d.fold(ctx, a.Log()) })
	tasks.Go(func() { d.tellAlarms(ctx, a.Log()) })
	if q.backupDir != "" {
		d.schedule(q.backupEvery)
		tasks.Go(func() { d.backUpEvery(ctx, q, a.Log()) })
	}
	if err := sayListening(a, said); err != nil {
		fail(err)
	}
	<-ctx.Done()
	if a.Verbose() {
		a.Note("mahalleh.serve.stopping")
	}
	// A stop has its own time: the context that asked for it is over.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	pages.Close()
	err = d.server.Close()
	for _, web := range webs {
		err = errors.Join(err, web.Shutdown(stopping))
	}
	err = errors.Join(err, shut(stopping))
	tasks.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// backUpEvery makes backups by the schedule.
func (d *desk) backUpEvery(ctx context.Context, q serving, log *slog.Logger) {
	dir, err := filepath.Abs(q.backupDir)
	if err != nil {
		log.Error("there are no backups", "err", err)
		return
	}
	quiet := tell{item: func(any) error { return nil }, progress: func(cli.Key, cli.Args) {}}
	b, _ := d.backups()
	since := q.backupEvery // without any, one is due
	if b.Last > 0 {
		since = b.Age
	}
	repeat(ctx, q.backupEvery, since, func(ctx context.Context) error {
		err := actBackup(ctx, d, backup{Dir: dir, Keep: &q.keep}, quiet)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			log.Error("the backup failed; it is tried again, and no device lets go of anything", "dir", dir, "err", err)
		default:
			b, _ := d.backups()
			log.Info("a backup was made and tried out", "dir", dir, "bytes", b.Bytes, "took", b.Took)
		}
		return err
	})
}

// newWeb makes the server of the network's door. What it bounds ends with the
// upgrade of a connection, after which the session has its own clocks.
func newWeb(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, IdleTimeout: headerTimeout, MaxHeaderBytes: maxHeader}
}

func sayListening(a *cli.App, l listening) error {
	if onLoopback(l.Listening) {
		a.Note("mahalleh.serve.loopback")
	} else {
		a.Note("mahalleh.serve.open", cli.Args{"address": l.Listening})
	}
	if l.Metrics != "" && !onLoopback(l.Metrics) {
		a.Note("mahalleh.serve.metrics_open", cli.Args{"address": l.Metrics})
	}
	if a.JSON() {
		return a.PrintJSON(l)
	}
	err := a.Say("mahalleh.serve.ready", cli.Args{"address": l.Listening})
	if err == nil && l.Setup != "" {
		err = a.Say("mahalleh.serve.setup", cli.Args{"valid": setupValid})
		if err == nil {
			// Alone on its line and without marks of direction, to be copied.
			_, err = fmt.Fprintln(a.Stdout(), l.Setup)
		}
	}
	return err
}

// onLoopback tells an address that only this machine reaches.
func onLoopback(address string) bool {
	ap, err := netip.ParseAddrPort(address)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// fold folds the write-ahead log back from time to time, between saves, and when it
// has grown long.
func (d *desk) fold(ctx context.Context, log *slog.Logger) {
	every := time.NewTicker(foldEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-d.store.Grown():
		}
		if _, err := d.store.Checkpoint(ctx); err != nil && ctx.Err() == nil {
			log.Warn("the write-ahead log could not be folded back", "err", err)
		}
	}
}
