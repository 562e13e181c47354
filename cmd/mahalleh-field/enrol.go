package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/syncproto"
)

// enrolled is what enrol prints as JSON.
type enrolled struct {
	Person    string `json:"person"`
	Name      string `json:"name,omitempty"`
	Place     string `json:"place"`
	PlaceName string `json:"place_name,omitempty"`
	// Number is the place's short number.
	Number uint32 `json:"place_number"`
	// Confirmed is false until the server has accepted the device.
	Confirmed bool     `json:"confirmed"`
	Recovery  bool     `json:"recovery"`
	Addresses []string `json:"addresses"`
	DataDir   string   `json:"data_dir"`
}

func enrolCommand(a *cli.App) *cobra.Command {
	var s secret
	var addresses []string
	c := command(a, "enrol CODE...", "field.enrol", func(ctx context.Context, args []string) error {
		code, err := readCode(a, args)
		if err != nil {
			return err
		}
		return enrol(ctx, a, code, addresses, &s)
	})
	c.Flags().StringSliceVar(&addresses, "address", nil, a.T("field.flag.address"))
	a.Setting(c.Flags(), "address")
	s.flags(a, c)
	return c
}

// readCode takes the code from the command line, from a file after "@", or
// from the input for "-".
func readCode(a *cli.App, args []string) (string, error) {
	text := strings.Join(args, " ")
	name, isFile := strings.CutPrefix(text, "@")
	var raw []byte
	var err error
	switch {
	case isFile:
		raw, err = readBounded(name, syncproto.MaxQRText)
	case text == "-":
		raw, err = readAll(a.Stdin(), "-", syncproto.MaxQRText)
	default:
		return text, nil
	}
	return strings.TrimSpace(string(raw)), err
}

func enrol(ctx context.Context, a *cli.App, code string, addresses []string, s *secret) error {
	dir, err := a.DataDir()
	if err != nil {
		return err
	}
	invitation, err := clientsdk.ReadInvitation(code)
	if err != nil {
		return err
	}
	// Whatever would refuse at the end is said before a passphrase is thought of.
	if clientsdk.Enrolled(dir) {
		return enrolAgain(ctx, a, code, invitation, addresses, s)
	}
	if len(addresses)+len(invitation.Addresses) == 0 {
		if addresses, err = askAddress(ctx, a); err != nil {
			return err
		}
	}
	if !a.JSON() {
		sayInvitation(a, invitation)
	}
	chosen, err := s.choose(ctx, a, invitation.BeforePassphrase())
	if err != nil {
		return err
	}
	opt := options(a)
	opt.Addresses = addresses
	c, err := clientsdk.Enrol(ctx, dir, code, chosen, opt)
	if err != nil {
		return err
	}
	p := c.Person()
	if err := c.Close(); err != nil {
		return err
	}
	return sayEnrolled(a, p, invitation, "field.enrol.done")
}

// enrolAgain gives a device whose code the server refused another one.
func enrolAgain(ctx context.Context, a *cli.App, code string, invitation *clientsdk.Invitation, addresses []string, s *secret) error {
	d, err := openDevice(ctx, a, s.ask(a), func(o *clientsdk.Options) { o.Addresses = addresses })
	if err != nil {
		return err
	}
	err = d.TakeCode(ctx, code)
	p := d.Person()
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	return sayEnrolled(a, p, invitation, "field.enrol.again")
}

func sayEnrolled(a *cli.App, p clientsdk.Person, invitation *clientsdk.Invitation, done cli.Key) error {
	dir, err := a.DataDir()
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.PrintJSON(enrolled{Person: p.ID.String(), Name: p.Name, Place: p.Place.String(), PlaceName: invitation.PlaceName,
			Number: invitation.Code.Number, Confirmed: p.Confirmed, Recovery: invitation.Recovery, Addresses: p.Addresses, DataDir: dir})
	}
	return a.Say(done)
}

// askAddress asks for the server's address, which a typed code does not hold.
func askAddress(ctx context.Context, a *cli.App) ([]string, error) {
	if !a.Interactive() {
		return nil, clientsdk.ErrNoAddress
	}
	address, err := a.Ask(ctx, a.T("field.enrol.ask_address"), "", "")
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, clientsdk.ErrNoAddress
	}
	return []string{address}, nil
}

func sayInvitation(a *cli.App, i *clientsdk.Invitation) {
	if i.Person != "" {
		a.Note("field.enrol.invited", cli.Args{"name": i.Person, "place": i.PlaceName})
		return
	}
	// The number as people type it: never grouped.
	a.Note("field.enrol.invited_number", cli.Args{"number": plain(int64(i.Code.Number))})
}

// exists says that a file is there.
func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, os.ErrNotExist)
}
