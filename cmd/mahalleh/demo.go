package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/cmd/internal/demo"
	"mahalleh/cmd/internal/sample"
	"mahalleh/schemas/forms"
	"mahalleh/server/access"
	"mahalleh/server/dashboard"
)

func demoCommand(a *cli.App) *cobra.Command {
	var once bool
	var listen string
	var c *cobra.Command
	c = a.Command("demo", "mahalleh.demo", func(ctx context.Context, _ []string) error {
		chosen := c.Flags().Changed("data-dir") || a.Env("MAHALLEH_DATA_DIR") != ""
		return runDemo(ctx, a, chosen, listen, once)
	})
	c.Flags().BoolVar(&once, "once", false, a.T("mahalleh.demo.flag_once"))
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", a.T("mahalleh.serve.flag_listen"))
	return c
}

// uptime is a clock whose uptime is the process's.
type uptime struct {
	a     *cli.App
	start time.Time
}

func (u uptime) Now() time.Time        { return u.a.Now() }
func (u uptime) Uptime() time.Duration { return u.a.Now().Sub(u.start) }

// demoFolder is the data directory that was asked for, or else a new one.
func demoFolder(a *cli.App, chosen bool) (string, error) {
	if chosen {
		dir, err := a.DataDir()
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(filepath.Join(dir, databaseName)); err == nil {
			return "", &cli.Error{Code: cli.Refused, Key: "mahalleh.demo.not_empty", Args: cli.Args{"dir": dir}, Hint: "mahalleh.demo.not_empty_hint"}
		}
		return dir, os.MkdirAll(dir, 0o700)
	}
	return os.MkdirTemp("", "mahalleh-demo-")
}

func runDemo(ctx context.Context, a *cli.App, chosen bool, listen string, once bool) (err error) {
	dir, err := demoFolder(a, chosen)
	if err != nil {
		return err
	}
	if once && !chosen {
		defer os.RemoveAll(dir)
	}
	a.LogFrom(slog.LevelError)
	f, err := openFolder(dir)
	if err != nil {
		return err
	}
	scene := func(name string, args cli.Args) {
		if !a.JSON() {
			fmt.Fprintln(a.Stdout(), a.Member("mahalleh.demo.scene", name, args))
		}
	}
	if err := demoProvince(ctx, a, f, scene); err != nil {
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
	d.addresses = []string{l.Addr().String()}
	var stop func(context.Context) error
	web := &doorway{}
	web.leadTo(d.server.Handler())
	story := &demo.Story{Server: d.server, Store: d.store, Dir: dir, Address: l.Addr().String(), Clock: uptime{a: a, start: a.Now()},
		Tell: func(s demo.Scene) { scene(s.Name, s.Args) }}
	out, err := story.Play(ctx, func() error {
		stop = demo.Serve(l, web)
		return nil
	})
	if stop == nil {
		return errors.Join(err, l.Close())
	}
	end := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return errors.Join(d.server.Close(), stop(ctx))
	}
	if err != nil {
		return errors.Join(err, end())
	}
	if err := showDemo(a, out); err != nil {
		return errors.Join(err, end())
	}
	if !a.JSON() {
		scene("figures", nil)
		if err := showDemoFigures(ctx, a, d); err != nil {
			return errors.Join(err, end())
		}
	}
	if once {
		return end()
	}
	return stayUp(ctx, a, f, d, web, dir, end)
}

// demoEnd is the morning after the dossiers of the sample were due.
const demoEnd = "1404/11/27"

// demoProvince makes a small fictional province, in which the phones then work too.
func demoProvince(ctx context.Context, a *cli.App, f folder, scene func(string, cli.Args)) (err error) {
	o, err := sampleFlags{province: "01", neighbourhoods: 4, months: 1, start: "1404/10/26", seed: 1, scale: 0.1}.options()
	if err != nil {
		return err
	}
	d, err := openStoreDesk(ctx, a, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	o.Store, o.Erasures, o.Clock = d.store, d.journal, d.clock
	made, err := sample.Make(ctx, o)
	if err != nil {
		return err
	}
	records := 0
	for _, n := range made.Records {
		records += n
	}
	scene("province", cli.Args{"neighbourhoods": made.Neighbourhoods, "records": records, "devices": made.Devices})
	return nil
}

// showDemoFigures shows some of the committee's figures of the whole province.
func showDemoFigures(ctx context.Context, a *cli.App, d *desk) error {
	lists, err := forms.Load()
	if err != nil {
		return err
	}
	day, err := onDay(demoEnd)
	if err != nil {
		return err
	}
	item := func(x any) error {
		f, is := x.(figureItem)
		if !is {
			return fmt.Errorf("a %T is no figure", x)
		}
		return sayFigure(a, lists, &f)
	}
	q := reportQuery{Figures: []string{"D01", "D03", "D09", "D13"}, Today: day}
	return actReport(ctx, d, q, tell{item: item, progress: func(cli.Key, cli.Args) {}})
}

// demoTotals is the demonstration's outcome as one JSON object.
type demoTotals struct {
	Recorded      int    `json:"recorded"`
	Received      int    `json:"received"`
	Applied       int    `json:"applied"`
	Merged        int    `json:"merged"`
	Conflict      int    `json:"conflict"`
	SetAside      int    `json:"set_aside"`
	Records       int    `json:"records"`
	OpenConflicts int    `json:"open_conflicts"`
	BytesUp       uint64 `json:"bytes_up"`
	BytesDown     uint64 `json:"bytes_down"`
	Compared      int    `json:"compared"`
	Different     int    `json:"different"`
}

func showDemo(a *cli.App, out *demo.Outcome) error {
	if a.JSON() {
		err := a.PrintJSON(demoTotals{out.Recorded, out.Received, out.Applied, out.Merged, out.Conflict, out.Aside, out.Records, out.OpenConflicts,
			out.Up, out.Down, out.Compared, out.Different})
		return errors.Join(err, demoVerdict(out))
	}
	t := a.Table("mahalleh.demo.col_phone", "mahalleh.demo.col_place", "mahalleh.demo.col_recorded", "mahalleh.demo.col_up", "mahalleh.demo.col_down")
	for _, p := range out.Phones {
		t.Row(p.Name, p.Place, p.Recorded, p.Up, p.Down)
	}
	if err := t.Write(); err != nil {
		return err
	}
	a.Say("mahalleh.demo.totals", cli.Args{"recorded": out.Recorded, "received": out.Received, "applied": out.Applied, "merged": out.Merged,
		"conflict": out.Conflict, "aside": out.Aside})
	a.Say("mahalleh.demo.bytes", cli.Args{"up": out.Up, "down": out.Down, "each": out.Up / uint64(max(out.Received, 1))})
	if err := demoVerdict(out); err != nil {
		return err
	}
	return a.Say("mahalleh.demo.equal", cli.Args{"n": out.Compared, "open": out.OpenConflicts})
}

func demoVerdict(out *demo.Outcome) error {
	if out.Different == 0 && out.Received == out.Recorded {
		return nil
	}
	return &cli.Error{Code: cli.Failure, Key: "mahalleh.demo.different", Hint: "mahalleh.demo.different_hint",
		Args: cli.Args{"n": out.Different, "recorded": out.Recorded, "received": out.Received}}
}

// stayUp keeps the server up and says what to try against it.
func stayUp(ctx context.Context, a *cli.App, f folder, d *desk, web *doorway, dir string, end func() error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	shut, err := openDoor(f, d, d.addresses[0], fail)
	if err != nil {
		return errors.Join(err, end())
	}
	closePages, err := showPages(ctx, a, d, web)
	if err != nil {
		return errors.Join(err, shut(ctx), end())
	}
	a.Say("mahalleh.demo.try")
	phone := filepath.Join(dir, "phone-1")
	secret := filepath.Join(dir, demo.PassphraseFile)
	for _, line := range []string{
		fmt.Sprintf("go run ./cmd/mahalleh conflicts --data-dir %s", dir),
		fmt.Sprintf("go run ./cmd/mahalleh export --jsonl --data-dir %s", dir),
		fmt.Sprintf("go run ./cmd/mahalleh-field list asset --data-dir %s --passphrase-file %s", phone, secret),
		fmt.Sprintf("go run ./cmd/mahalleh-field conflicts --data-dir %s --passphrase-file %s", phone, secret),
		fmt.Sprintf("go run ./cmd/mahalleh-field sync --data-dir %s --passphrase-file %s", phone, secret),
	} {
		fmt.Fprintln(a.Stdout(), "  "+line)
	}
	a.Say("mahalleh.demo.stop")
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	closePages()
	err = errors.Join(shut(stopping), end())
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// doorway answers by a handler that may be another later: the phones of the story come
// before there is anything to show.
type doorway struct{ to atomic.Pointer[http.Handler] }

func (w *doorway) leadTo(h http.Handler) { w.to.Store(&h) }

func (w *doorway) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	(*w.to.Load()).ServeHTTP(out, r)
}

// demoHood is the neighbourhood of the sample whose dossier the committee has yet to
// decide on.
const demoHood = 102

// demoMember sits in the committee of the demonstration's province.
const demoMember = "بهاره دبیری"

// showPages puts the committee's pages beside the phones' sessions, and says where they
// are and how to sign in.
func showPages(ctx context.Context, a *cli.App, d *desk, web *doorway) (closePages func(), err error) {
	if err := d.openReport(ctx); err != nil {
		return nil, err
	}
	pages, err := dashboard.New(dashboard.Options{Hub: d.server.Hub(), Admin: d.server.Admin(), Signer: d.signer(), Report: d.report,
		Keys: d.server.Identity().Keys(), Addresses: d.addresses, Log: d.log})
	if err != nil {
		return nil, err
	}
	if _, err := demo.BringForward(ctx, d.server.Hub(), demoHood); err != nil {
		return nil, err
	}
	who, _, err := d.server.Admin().AddWith(ctx, demoMember, string(access.Province), demo.Province)
	if err != nil {
		return nil, err
	}
	secret, _, err := d.signer().Invite(ctx, who.ID.String())
	if err != nil {
		return nil, err
	}
	d.report.Tell(pages.Moved)
	var follows sync.WaitGroup
	following, stop := context.WithCancel(ctx)
	follows.Go(func() { d.follow(following) })
	outside := &outside{d: d, pages: pages.Handler(), version: a.Version().Version, since: a.Now(), now: a.Now}
	web.leadTo(outside.handler())
	a.Say("mahalleh.demo.pages", cli.Args{"name": who.Name})
	// Alone on its line and without marks of direction, to be copied.
	fmt.Fprintln(a.Stdout(), "  http://"+d.addresses[0]+dashboard.InvitePath+secret)
	a.Say("mahalleh.demo.walk")
	return func() { pages.Close(); stop(); follows.Wait() }, nil
}
