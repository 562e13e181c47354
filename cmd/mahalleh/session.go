package main

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/dashboard"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// invitationItem is a link by which a person chooses a password.
type invitationItem struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	Link   string `json:"link"`
	// Hours is how long it is good.
	Hours int `json:"hours"`
}

type personInvite struct {
	Person string `json:"person"`
	// URL is where browsers reach the pages, "" for the server's own address.
	URL string `json:"url"`
}

func actPersonInvite(ctx context.Context, d *desk, q personInvite, out tell) error {
	base, err := pagesAt(d, q.URL)
	if err != nil {
		return err
	}
	secret, who, err := d.signer().Invite(ctx, q.Person)
	if err != nil {
		return err
	}
	return out.item(invitationItem{Person: who.ID.String(), Name: who.Name, Link: base + dashboard.InvitePath + secret, Hours: int(access.InvitationValid.Hours())})
}

// pagesAt is where browsers reach the pages.
func pagesAt(d *desk, asked string) (string, error) {
	if asked == "" {
		at := defaultListen
		if len(d.addresses) > 0 {
			at = d.addresses[0]
		}
		return "http://" + at, nil
	}
	u, err := url.Parse(asked)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", &cli.Error{Code: cli.Usage, Key: "mahalleh.person.bad_url", Args: cli.Args{"url": asked}, Hint: "mahalleh.person.bad_url_hint"}
	}
	return u.Scheme + "://" + u.Host, nil
}

// signer lets people sign in. Acts and pages have one each: what they share stands
// in the store.
func (d *desk) signer() *access.Signer {
	return access.NewSigner(d.server.Admin(), d.server.Hub().Now)
}

// sessionItem is a browser that is signed in, as commands print it.
type sessionItem struct {
	Session string `json:"session"`
	Person  string `json:"person"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Agent   string `json:"agent"`
	Made    string `json:"made"`
	Seen    string `json:"seen"`
}

func sessionOf(r store.Reader, x *store.Session) (sessionItem, error) {
	who, err := r.Person(x.Person)
	return sessionItem{Session: access.SessionName(x), Person: x.Person.String(), Name: who.Name, Address: x.Address, Agent: x.Agent, Made: stamp(x.Made), Seen: stamp(x.Seen)}, err
}

func actSessionList(ctx context.Context, d *desk, _ nothing, out tell) error {
	var items []sessionItem
	err := d.view(ctx, func(r store.Reader) error {
		items = nil
		all, err := d.signer().Sessions(r, syncproto.PersonID{})
		if err != nil {
			return err
		}
		for i := range all {
			item, err := sessionOf(r, &all[i])
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

type sessionEnd struct {
	Session string `json:"session"`
}

func actSessionEnd(ctx context.Context, d *desk, q sessionEnd, out tell) error {
	x, err := d.signer().End(ctx, q.Session, syncproto.PersonID{}, syncproto.PersonID{})
	if errors.Is(err, access.ErrNoSession) {
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.session.unknown", Args: cli.Args{"session": q.Session}, Hint: "mahalleh.session.unknown_hint", Cause: err}
	}
	if err != nil {
		return err
	}
	var item sessionItem
	err = d.view(ctx, func(r store.Reader) (err error) {
		item, err = sessionOf(r, &x)
		return err
	})
	if err != nil {
		return err
	}
	return out.item(item)
}

func sessionCommand(a *cli.App) *cobra.Command {
	listing := a.Command("list", "mahalleh.session_list", func(ctx context.Context, _ []string) error {
		table := a.Table("mahalleh.column.id", "mahalleh.column.name", "mahalleh.column.address", "mahalleh.column.seen")
		err := ask(ctx, a, "session.list", nothing{}, func(s sessionItem) error {
			if a.JSON() {
				return a.PrintJSON(s)
			}
			table.Row(s.Session, s.Name, s.Address, minute(a, s.Seen))
			return nil
		})
		if err != nil || a.JSON() {
			return err
		}
		return table.Write()
	})
	ending := a.Command("end SESSION", "mahalleh.session_end", func(ctx context.Context, args []string) error {
		return ask(ctx, a, "session.end", sessionEnd{Session: args[0]}, func(s sessionItem) error {
			if a.JSON() {
				return a.PrintJSON(s)
			}
			return a.Say("mahalleh.session.ended", cli.Args{"session": s.Session, "name": s.Name})
		})
	})
	return a.Group("session", "mahalleh.session_group", listing, ending)
}
