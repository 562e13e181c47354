package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
)

// codeItem is an enrolment code as commands print it.
type codeItem struct {
	Person     string `json:"person"`
	PersonName string `json:"person_name"`
	Place      uint32 `json:"place"`
	PlaceName  string `json:"place_name"`
	// Code is the typed form, Parts the same part by part, QR the text of a QR code.
	Code      string   `json:"code"`
	Parts     []string `json:"parts"`
	QR        string   `json:"qr"`
	Addresses []string `json:"addresses,omitempty"`
	Expires   string   `json:"expires"`
}

type enrol struct {
	Person    string   `json:"person"`
	Place     string   `json:"place"`
	Days      int      `json:"days"`
	Addresses []string `json:"addresses"`
}

func actEnrol(ctx context.Context, d *desk, q enrol, out tell) error {
	if q.Days < 1 || q.Days > access.MaxCodeDays {
		return &cli.Error{Code: cli.Usage, Key: "mahalleh.enrol.bad_days", Args: cli.Args{"days": q.Days, "most": access.MaxCodeDays}, Hint: "mahalleh.enrol.bad_days_hint"}
	}
	if err := checkAddresses(q.Addresses); err != nil {
		return err
	}
	made, err := d.server.Admin().MakeCode(ctx, q.Person, q.Place, time.Duration(q.Days)*24*time.Hour)
	if err != nil {
		return err
	}
	if len(q.Addresses) == 0 {
		q.Addresses = d.addresses
	}
	sheet := made.Sheet(q.Addresses, d.server.Identity().Keys())
	qr, err := sheet.Text()
	if err != nil {
		return fmt.Errorf("write the QR text: %w", err)
	}
	parts := made.Code.Parts()
	return out.item(codeItem{Person: made.Person.ID.String(), PersonName: made.Person.Name, Place: made.Place.Number, PlaceName: made.Place.NameFa,
		Code: made.Code.String(), Parts: parts[:], QR: qr, Addresses: q.Addresses, Expires: stamp(made.Expires)})
}

func enrolCommand(a *cli.App) *cobra.Command {
	var q enrol
	c := a.Command("enrol PERSON", "mahalleh.enrol", func(ctx context.Context, args []string) error {
		q.Person = args[0]
		return ask(ctx, a, "enrol", q, func(c codeItem) error {
			warnAddresses(a, c.Addresses)
			if a.JSON() {
				return a.PrintJSON(c)
			}
			if err := a.Say("mahalleh.enrol.made", cli.Args{"name": c.PersonName, "place": placeText(c.Place, c.PlaceName), "until": minute(a, c.Expires)}); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(a.Stdout(), "\n    %s\n\n", strings.Join(c.Parts, "\n    ")); err != nil {
				return fmt.Errorf("write output: %w", err)
			}
			if len(c.Addresses) > 0 {
				if err := a.Say("mahalleh.enrol.address", cli.Args{"addresses": strings.Join(c.Addresses, " · ")}); err != nil {
					return err
				}
			}
			if err := a.Say("mahalleh.enrol.qr"); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(a.Stdout(), c.QR); err != nil {
				return fmt.Errorf("write output: %w", err)
			}
			return nil
		})
	})
	c.Flags().StringVar(&q.Place, "place", "", a.T("mahalleh.flag.place"))
	c.Flags().IntVar(&q.Days, "days", access.CodeDays, a.T("mahalleh.enrol.flag_days"))
	c.Flags().StringSliceVar(&q.Addresses, "address", nil, a.T("mahalleh.flag.address"))
	a.Setting(c.Flags(), "address")
	require(c, "place")
	return c
}

// checkAddresses refuses what no device could dial.
func checkAddresses(addresses []string) error {
	for _, address := range addresses {
		if err := access.CheckAddress(address); err != nil {
			return &cli.Error{Code: cli.Usage, Key: "mahalleh.enrol.bad_address", Args: cli.Args{"address": address}, Hint: "mahalleh.enrol.bad_address_hint", Cause: err}
		}
	}
	return nil
}

// warnAddresses says that no other machine will find the server.
func warnAddresses(a *cli.App, addresses []string) {
	if len(addresses) == 0 {
		a.Note("mahalleh.enrol.no_address")
		return
	}
	for _, address := range addresses {
		if !onlyHere(address) {
			return
		}
	}
	a.Note("mahalleh.enrol.only_here")
}

// onlyHere says that an address leads to the machine that uses it.
func onlyHere(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
