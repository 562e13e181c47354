package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

// deviceItem is a device as commands print it.
type deviceItem struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Person     string `json:"person"`
	PersonName string `json:"person_name"`
	App        string `json:"app,omitempty"`
	Enrolled   string `json:"enrolled"`
	LastSeen   string `json:"last_seen,omitempty"`
	// Unsent is how many changes it last said to have waiting, OldestUnsent
	// since when.
	Unsent       uint64 `json:"unsent"`
	OldestUnsent string `json:"oldest_unsent,omitempty"`
	// Received and BackupSafe count the changes of all its logs.
	Received   uint64 `json:"received"`
	BackupSafe uint64 `json:"backup_safe"`
	// ClockAhead is its clock minus the server's, in milliseconds.
	ClockAhead int64  `json:"clock_ahead_ms"`
	Revoked    string `json:"revoked,omitempty"`
	Lost       bool   `json:"lost,omitempty"`
}

func deviceOf(r store.Reader, x store.Device) (deviceItem, error) {
	f, err := access.Facts(r, x)
	item := deviceItem{ID: x.ID.String(), Name: x.Name, Person: x.Person.String(), PersonName: f.Owner.Name, App: x.App, Enrolled: stamp(x.Enrolled), LastSeen: stamp(x.LastSeen),
		Unsent: x.Queue, Received: f.Received, BackupSafe: f.BackupSafe, ClockAhead: x.ClockAhead, Revoked: stamp(x.Revoked), Lost: x.Lost}
	if x.Queue > 0 { // else it is what it said last time
		item.OldestUnsent = stamp(x.OldestQueued)
	}
	return item, err
}

func actDeviceList(ctx context.Context, d *desk, _ nothing, out tell) error {
	var items []deviceItem
	err := d.view(ctx, func(r store.Reader) error {
		items = nil
		devices, err := access.Devices(r)
		if err != nil {
			return err
		}
		for _, x := range devices {
			item, err := deviceOf(r, x)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, item := range items {
		if err := out.item(item); err != nil {
			return err
		}
	}
	return nil
}

type deviceRevoke struct {
	Device string `json:"device"`
	Lost   bool   `json:"lost"`
	Why    string `json:"why"`
}

func actDeviceRevoke(ctx context.Context, d *desk, q deviceRevoke, out tell) error {
	x, err := d.server.Admin().RevokeDevice(ctx, q.Device, q.Lost, q.Why)
	if err != nil {
		return err
	}
	d.changed()
	var item deviceItem
	err = d.view(ctx, func(r store.Reader) (err error) {
		item, err = deviceOf(r, x)
		return err
	})
	if err != nil {
		return err
	}
	return out.item(item)
}

func deviceCommand(a *cli.App) *cobra.Command {
	listing := a.Command("list", "mahalleh.device_list", func(ctx context.Context, _ []string) error {
		table := a.Table("mahalleh.column.id", "mahalleh.column.name", "mahalleh.column.person", "mahalleh.column.seen",
			"mahalleh.column.received", "mahalleh.column.unsent", "mahalleh.column.state")
		err := ask(ctx, a, "device.list", nothing{}, func(d deviceItem) error {
			if a.JSON() {
				return a.PrintJSON(d)
			}
			table.Row(d.ID[:12], d.Name, d.PersonName, minute(a, d.LastSeen), d.Received, d.Unsent, deviceState(a, d))
			return nil
		})
		if err != nil || a.JSON() {
			return err
		}
		return table.Write()
	})
	var revoke deviceRevoke
	revoking := a.Command("revoke DEVICE", "mahalleh.device_revoke", func(ctx context.Context, args []string) error {
		revoke.Device = args[0]
		return ask(ctx, a, "device.revoke", revoke, func(d deviceItem) error {
			if a.JSON() {
				return a.PrintJSON(d)
			}
			if err := a.Say("mahalleh.device.revoked", cli.Args{"id": d.ID[:12], "person": d.PersonName}); err != nil {
				return err
			}
			if d.Unsent > 0 {
				a.Note("mahalleh.device.revoked_unsent", cli.Args{"n": d.Unsent})
			}
			return nil
		})
	})
	revoking.Flags().BoolVar(&revoke.Lost, "lost", false, a.T("mahalleh.device.flag_lost"))
	revoking.Flags().StringVar(&revoke.Why, "reason", "", a.T("mahalleh.flag.reason"))
	return a.Group("device", "mahalleh.device_group", listing, revoking)
}

func deviceState(a *cli.App, d deviceItem) string {
	switch {
	case d.Lost:
		return a.T("mahalleh.state.lost")
	case d.Revoked != "":
		return a.T("mahalleh.state.revoked")
	case max(d.ClockAhead, -d.ClockAhead) > access.ClockOff:
		return a.T("mahalleh.state.clock", cli.Args{"by": time.Duration(d.ClockAhead) * time.Millisecond})
	}
	return ""
}
