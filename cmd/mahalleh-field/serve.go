package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/client-sdk/fieldapp"
	"mahalleh/cmd/internal/cli"
)

const (
	// endPatience is how long pages that are being answered may take at the end.
	endPatience = 3 * time.Second
)

// served is what serve prints as JSON.
type served struct {
	// Link opens the screen: it holds this start's secret.
	Link    string `json:"link"`
	Address string `json:"address"`
	DataDir string `json:"data_dir"`
}

func serveCommand(a *cli.App) *cobra.Command {
	var s secret
	var q connecting
	var listen string
	var open bool
	c := command(a, "serve", "field.serve", func(ctx context.Context, _ []string) error {
		return serve(ctx, a, listen, open, q, &s)
	})
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", a.T("field.serve.flag_listen"))
	c.Flags().BoolVar(&open, "open", false, a.T("field.serve.flag_open"))
	c.Flags().StringSliceVar(&q.addresses, "address", nil, a.T("field.flag.address"))
	c.Flags().StringVar(&q.name, "device-name", "", a.T("field.sync.flag_device_name"))
	a.Setting(c.Flags(), "listen", "open", "address", "device-name")
	s.flags(a, c)
	return c
}

// serve shows the screen until it is interrupted.
func serve(ctx context.Context, a *cli.App, listen string, open bool, q connecting, s *secret) error {
	dir, err := a.DataDir()
	if err != nil {
		return err
	}
	// Whoever reaches the port can ask to be let in; only this device shall.
	at, err := netip.ParseAddrPort(listen)
	if err != nil || !at.Addr().IsLoopback() {
		return &cli.Error{Code: cli.Usage, Key: "field.serve.not_loopback", Args: cli.Args{"address": listen}, Hint: "field.serve.not_loopback_hint"}
	}
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return &cli.Error{Code: cli.Failure, Key: "field.serve.no_port", Args: cli.Args{"address": listen}, Hint: "field.serve.no_port_hint", Cause: err}
	}
	defer l.Close()
	if at, err = netip.ParseAddrPort(l.Addr().String()); err != nil {
		return err
	}
	opt := options(a)
	q.apply(&opt)
	app, err := fieldapp.New(ctx, fieldapp.Options{Dir: dir, SDK: opt, Listen: at, Lang: a.Lang(), Log: a.Log()})
	if err != nil {
		return err
	}
	if given, is, err := s.given(); err != nil || is {
		if err == nil {
			err = app.Unlock(ctx, given)
		}
		if err != nil {
			return errors.Join(err, app.Close())
		}
	}
	app.Start()
	if err := sayServed(a, app, at, dir); err != nil {
		return errors.Join(err, app.Close())
	}
	if open {
		openBrowser(ctx, a, app.Link())
	}
	return errors.Join(answer(ctx, l, app, a.Log()), app.Close())
}

func sayServed(a *cli.App, app *fieldapp.App, at netip.AddrPort, dir string) error {
	if a.JSON() {
		return a.PrintJSON(served{Link: app.Link(), Address: at.String(), DataDir: dir})
	}
	if err := a.Say("field.serve.open"); err != nil {
		return err
	}
	if err := say(a, 2, app.Link()); err != nil {
		return err
	}
	a.Note("field.serve.ends")
	return nil
}

// answer serves until ctx ends.
func answer(ctx context.Context, l net.Listener, app *fieldapp.App, log *slog.Logger) error {
	server := app.Server()
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	app.Quiet()
	// The context is over; what is being answered gets a moment all the same.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	if server.Shutdown(last) != nil {
		return server.Close()
	}
	return nil
}

// openers open a link in the person's browser, by system.
var openers = map[string][][]string{
	"android": {{"termux-open-url"}, {"xdg-open"}},
	"darwin":  {{"open"}},
	"linux":   {{"termux-open-url"}, {"xdg-open"}},
	"windows": {{"rundll32", "url.dll,FileProtocolHandler"}},
}

// openBrowser opens the link, and says so if nothing can: it stands printed.
func openBrowser(ctx context.Context, a *cli.App, link string) {
	for _, opener := range openers[runtime.GOOS] {
		if path, err := exec.LookPath(opener[0]); err == nil {
			if err = exec.CommandContext(ctx, path, append(opener[1:], link)...).Start(); err == nil {
				return
			}
		}
	}
	a.Note("field.serve.no_browser")
}
