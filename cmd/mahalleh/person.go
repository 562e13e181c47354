package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

// personItem is a person as commands print it.
type personItem struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Disabled bool   `json:"disabled,omitempty"`
	// Grants are the roles that the person holds now.
	Grants []grantItem `json:"grants,omitempty"`
	// Record is the record of which an operator said that it is the person's.
	Record  string `json:"record,omitempty"`
	Created string `json:"created"`
}

func personOf(p store.Person) personItem {
	return personItem{ID: p.ID.String(), Name: p.Name, Disabled: p.Disabled, Created: stamp(p.Created)}
}

type personAdd struct {
	Name string `json:"name"`
}

func actPersonAdd(ctx context.Context, d *desk, q personAdd, out tell) error {
	made, err := d.server.Admin().AddPerson(ctx, q.Name)
	if err != nil {
		return err
	}
	return out.item(personOf(made))
}

type personDisable struct {
	Person string `json:"person"`
	Undo   bool   `json:"undo"`
	Why    string `json:"why"`
}

func actPersonDisable(ctx context.Context, d *desk, q personDisable, out tell) error {
	who, err := d.server.Admin().SetDisabled(ctx, q.Person, !q.Undo, q.Why)
	if err != nil {
		return err
	}
	d.changed()
	return out.item(personOf(who))
}

func actPersonList(ctx context.Context, d *desk, _ nothing, out tell) error {
	var items []personItem
	err := d.view(ctx, func(r store.Reader) error {
		items = nil
		people, err := access.People(r)
		if err != nil {
			return err
		}
		links, err := access.Links(r)
		if err != nil {
			return err
		}
		for _, p := range people {
			item := personOf(p)
			if i := slices.IndexFunc(links, func(l access.Link) bool { return l.Account == p.ID }); i >= 0 {
				item.Record = links[i].Record.String()
			}
			grants, err := r.Grants(p.ID)
			if err != nil {
				return err
			}
			for _, g := range grants {
				if g.Revoked == 0 {
					held, err := d.grantItem(r, g)
					if err != nil {
						return err
					}
					item.Grants = append(item.Grants, held)
				}
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

func personCommand(a *cli.App) *cobra.Command {
	adding := a.Command("add NAME...", "mahalleh.person_add", func(ctx context.Context, args []string) error {
		return ask(ctx, a, "person.add", personAdd{Name: strings.Join(args, " ")}, func(p personItem) error {
			if a.JSON() {
				return a.PrintJSON(p)
			}
			return a.Say("mahalleh.person.added", cli.Args{"name": p.Name, "id": p.ID})
		})
	})
	listing := a.Command("list", "mahalleh.person_list", func(ctx context.Context, _ []string) error {
		table := a.Table("mahalleh.column.name", "mahalleh.column.id", "mahalleh.column.grants", "mahalleh.column.state")
		err := ask(ctx, a, "person.list", nothing{}, func(p personItem) error {
			if a.JSON() {
				return a.PrintJSON(p)
			}
			roles := make([]string, len(p.Grants))
			for i, g := range p.Grants {
				roles[i] = a.T("mahalleh.grant.at", cli.Args{"role": a.Member("mahalleh.role", g.Role), "place": g.PlaceName})
			}
			table.Row(p.Name, p.ID, strings.Join(roles, " · "), personState(a, p))
			return nil
		})
		if err != nil || a.JSON() {
			return err
		}
		return table.Write()
	})
	var disable personDisable
	disabling := a.Command("disable PERSON", "mahalleh.person_disable", func(ctx context.Context, args []string) error {
		disable.Person = args[0]
		return ask(ctx, a, "person.disable", disable, func(p personItem) error {
			if a.JSON() {
				return a.PrintJSON(p)
			}
			if p.Disabled {
				return a.Say("mahalleh.person.disabled", cli.Args{"name": p.Name})
			}
			return a.Say("mahalleh.person.enabled", cli.Args{"name": p.Name})
		})
	})
	disabling.Flags().BoolVar(&disable.Undo, "undo", false, a.T("mahalleh.person.flag_undo"))
	disabling.Flags().StringVar(&disable.Why, "reason", "", a.T("mahalleh.flag.reason"))
	var invite personInvite
	inviting := a.Command("invite PERSON", "mahalleh.person_invite", func(ctx context.Context, args []string) error {
		invite.Person = args[0]
		return ask(ctx, a, "person.invite", invite, func(i invitationItem) error {
			if a.JSON() {
				return a.PrintJSON(i)
			}
			if err := a.Say("mahalleh.person.invited", cli.Args{"name": i.Name, "hours": i.Hours}); err != nil {
				return err
			}
			// Alone on its line and without marks of direction, to be copied.
			_, err := fmt.Fprintln(a.Stdout(), i.Link)
			return err
		})
	})
	inviting.Flags().StringVar(&invite.URL, "url", "", a.T("mahalleh.person.flag_url"))
	linking, unlinking := linkCommands(a)
	coding := a.Command("code KEY...", "mahalleh.person_code", func(_ context.Context, args []string) error {
		code, err := access.CodeNow(strings.Join(args, ""), a.Now().UnixMilli())
		if err != nil {
			return &cli.Error{Code: cli.Usage, Key: "mahalleh.person.bad_key", Hint: "mahalleh.person.bad_key_hint", Cause: err}
		}
		_, err = fmt.Fprintln(a.Stdout(), code)
		return err
	})
	return a.Group("person", "mahalleh.person_group", adding, listing, disabling, inviting, coding, linking, unlinking)
}

func personState(a *cli.App, p personItem) string {
	var said []string
	if p.Disabled {
		said = append(said, a.T("mahalleh.state.disabled"))
	}
	if p.Record != "" {
		said = append(said, a.T("mahalleh.state.linked"))
	}
	return strings.Join(said, " · ")
}
