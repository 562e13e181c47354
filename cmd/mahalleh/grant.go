package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// grantItem is a grant as commands print it.
type grantItem struct {
	Person     string `json:"person"`
	PersonName string `json:"person_name"`
	Role       string `json:"role"`
	Place      uint32 `json:"place"`
	PlaceName  string `json:"place_name"`
	From       string `json:"from"`
	Revoked    string `json:"revoked,omitempty"`
	// Already says that it was held before it was asked for.
	Already bool `json:"already,omitempty"`
	// Beyond is how many scopes the person may read that a device cannot carry.
	Beyond int `json:"beyond,omitempty"`
}

func (d *desk) grantItem(r store.AccessReader, g store.Grant) (grantItem, error) {
	place, err := r.Place(g.Place)
	if err != nil {
		return grantItem{}, fmt.Errorf("read place %s: %w", g.Place, err)
	}
	who, err := r.Person(g.Person)
	if err != nil {
		return grantItem{}, fmt.Errorf("read person %s: %w", g.Person, err)
	}
	return grantItem{Person: g.Person.String(), PersonName: who.Name, Role: g.Role, Place: place.Number, PlaceName: place.NameFa,
		From: stamp(g.From), Revoked: stamp(g.Revoked)}, nil
}

type grantAct struct {
	Person string `json:"person"`
	Role   string `json:"role"`
	Place  string `json:"place"`
	Why    string `json:"why,omitempty"`
}

func actGrantAdd(ctx context.Context, d *desk, q grantAct, out tell) error {
	g, fresh, err := d.server.Admin().Grant(ctx, q.Person, q.Role, q.Place)
	if err != nil {
		return err
	}
	d.changed()
	return d.tellGrant(ctx, g, !fresh, out)
}

func actGrantRevoke(ctx context.Context, d *desk, q grantAct, out tell) error {
	g, err := d.server.Admin().Revoke(ctx, q.Person, q.Role, q.Place, q.Why)
	if err != nil {
		return err
	}
	d.changed()
	return d.tellGrant(ctx, g, false, out)
}

func (d *desk) tellGrant(ctx context.Context, g store.Grant, already bool, out tell) error {
	var item grantItem
	err := d.view(ctx, func(r store.Reader) (err error) {
		if item, err = d.grantItem(r, g); err != nil {
			return err
		}
		item.Beyond, err = access.Beyond(r, g.Person)
		return err
	})
	if err != nil {
		return err
	}
	item.Already = already
	return out.item(item)
}

type grantList struct {
	Person string `json:"person"`
	// Ended asks for revoked grants too.
	Ended bool `json:"ended"`
}

func actGrantList(ctx context.Context, d *desk, q grantList, out tell) error {
	var items []grantItem
	err := d.view(ctx, func(r store.Reader) error {
		items = nil
		var who syncproto.PersonID
		if q.Person != "" {
			p, err := access.FindPerson(r, q.Person)
			if err != nil {
				return err
			}
			who = p.ID
		}
		grants, err := r.Grants(who)
		if err != nil {
			return fmt.Errorf("read grants: %w", err)
		}
		for _, g := range grants {
			if g.Revoked != 0 && !q.Ended {
				continue
			}
			item, err := d.grantItem(r, g)
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

func grantCommand(a *cli.App) *cobra.Command {
	var add, revoke grantAct
	adding := a.Command("add PERSON ROLE", "mahalleh.grant_add", func(ctx context.Context, args []string) error {
		add.Person, add.Role = args[0], args[1]
		return ask(ctx, a, "grant.add", add, func(g grantItem) error {
			if a.JSON() {
				return a.PrintJSON(g)
			}
			if g.Beyond > 0 {
				a.Note("mahalleh.grant.beyond", cli.Args{"name": g.PersonName, "n": g.Beyond})
			}
			if g.Already {
				return a.Say("mahalleh.grant.already", grantArgs(a, g))
			}
			return a.Say("mahalleh.grant.added", grantArgs(a, g))
		})
	})
	adding.Flags().StringVar(&add.Place, "place", "", a.T("mahalleh.flag.place"))
	require(adding, "place")
	completeRoles(adding)

	revoking := a.Command("revoke PERSON ROLE", "mahalleh.grant_revoke", func(ctx context.Context, args []string) error {
		revoke.Person, revoke.Role = args[0], args[1]
		return ask(ctx, a, "grant.revoke", revoke, func(g grantItem) error {
			if a.JSON() {
				return a.PrintJSON(g)
			}
			return a.Say("mahalleh.grant.revoked", grantArgs(a, g))
		})
	})
	revoking.Flags().StringVar(&revoke.Place, "place", "", a.T("mahalleh.flag.place"))
	revoking.Flags().StringVar(&revoke.Why, "reason", "", a.T("mahalleh.flag.reason"))
	require(revoking, "place")
	completeRoles(revoking)

	var list grantList
	listing := a.Command("list [PERSON]", "mahalleh.grant_list", func(ctx context.Context, args []string) error {
		if len(args) > 0 {
			list.Person = args[0]
		}
		table := a.Table("mahalleh.column.name", "mahalleh.column.role", "mahalleh.column.place", "mahalleh.column.from", "mahalleh.column.until")
		err := ask(ctx, a, "grant.list", list, func(g grantItem) error {
			if a.JSON() {
				return a.PrintJSON(g)
			}
			table.Row(g.PersonName, a.Member("mahalleh.role", g.Role), fmt.Sprint(g.Place)+" "+g.PlaceName, day(a, g.From), day(a, g.Revoked))
			return nil
		})
		if err != nil || a.JSON() {
			return err
		}
		return table.Write()
	})
	listing.Flags().BoolVar(&list.Ended, "ended", false, a.T("mahalleh.grant.flag_ended"))
	return a.Group("grant", "mahalleh.grant_group", adding, revoking, listing)
}

func grantArgs(a *cli.App, g grantItem) cli.Args {
	return cli.Args{"name": g.PersonName, "role": a.Member("mahalleh.role", g.Role), "place": fmt.Sprint(g.Place) + " " + g.PlaceName}
}

// completeRoles lets the shell complete the second argument.
func completeRoles(c *cobra.Command) {
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, r := range access.Roles() {
			names = append(names, string(r))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
