package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

// clockItem is the server's time beside the machine's clock.
type clockItem struct {
	Server  string `json:"server"`
	Machine string `json:"machine"`
	// Alarm says that the machine's clock has jumped and is not followed; Ahead
	// by how many milliseconds, negative if it has gone back.
	Alarm bool  `json:"alarm"`
	Ahead int64 `json:"ahead"`
	// Trusted says that it is followed again from now on.
	Trusted bool `json:"trusted"`
}

type clock struct {
	Trust bool   `json:"trust"`
	Why   string `json:"why"`
}

func actClock(ctx context.Context, d *desk, q clock, out tell) error {
	state := d.server.Hub().Clock()
	item := clockItem{Server: stamp(state.Server), Machine: stamp(state.Machine), Alarm: state.Alarm, Ahead: state.Machine - state.Server}
	if q.Trust && state.Alarm {
		if _, err := d.server.Hub().TrustClock(ctx); err != nil {
			return err
		}
		if err := d.server.Admin().Audit(ctx, "clock trusted", item.Machine, q.Why); err != nil {
			return err
		}
		item.Trusted = true
	}
	return out.item(item)
}

func clockCommand(a *cli.App) *cobra.Command {
	var q clock
	c := a.Command("clock", "mahalleh.clock", func(ctx context.Context, _ []string) error {
		return ask(ctx, a, "clock", q, func(i clockItem) error {
			if a.JSON() {
				return a.PrintJSON(i)
			}
			return sayClock(a, i)
		})
	})
	c.Flags().BoolVar(&q.Trust, "trust", false, a.T("mahalleh.clock.flag_trust"))
	c.Flags().StringVar(&q.Why, "reason", "", a.T("mahalleh.flag.reason"))
	return c
}

func sayClock(a *cli.App, i clockItem) error {
	if i.Trusted {
		return a.Say("mahalleh.clock.trusted", cli.Args{"machine": minute(a, i.Machine)})
	}
	if err := a.Say("mahalleh.clock.times", cli.Args{"server": minute(a, i.Server), "machine": minute(a, i.Machine)}); err != nil {
		return err
	}
	off := time.Duration(i.Ahead) * time.Millisecond
	switch {
	case !i.Alarm:
		return a.Say("mahalleh.clock.fine")
	case off > 0:
		a.Note("mahalleh.clock.ahead", cli.Args{"by": off})
	default:
		a.Note("mahalleh.clock.behind", cli.Args{"by": -off})
	}
	a.Note("mahalleh.clock.choices")
	return nil
}
