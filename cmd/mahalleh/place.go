package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// placeItem is a place as commands print it.
type placeItem struct {
	Number uint32 `json:"number"`
	Kind   string `json:"kind"`
	NameFa string `json:"name_fa"`
	NameEn string `json:"name_en,omitempty"`
	Code   string `json:"code,omitempty"`
	// In is the number of the place in which it lies, 0 for the nation.
	In uint32 `json:"in,omitempty"`
	ID string `json:"id"`
}

// kindNames are the kinds of places as they are written on the command line.
func kindNames() map[store.PlaceKind]string {
	return map[store.PlaceKind]string{
		store.PlaceNation: "nation", store.PlaceProvince: "province",
		store.PlaceCounty: "county", store.PlaceNeighbourhood: "neighbourhood",
	}
}

func kindOf(name string) (store.PlaceKind, bool) {
	for kind, n := range kindNames() {
		if n == name {
			return kind, true
		}
	}
	return 0, false
}

func (d *desk) placeItem(r store.AccessReader, p store.Place) (placeItem, error) {
	item := placeItem{Number: p.Number, Kind: kindNames()[p.Kind], NameFa: p.NameFa, NameEn: p.NameEn, Code: p.Code, ID: p.ID.String()}
	if p.Parent != (syncproto.PlaceID{}) {
		parent, err := r.Place(p.Parent)
		if err != nil {
			return item, fmt.Errorf("read place %s: %w", p.Parent, err)
		}
		item.In = parent.Number
	}
	return item, nil
}

type placeAdd struct {
	Kind   string `json:"kind"`
	In     string `json:"in"`
	NameFa string `json:"name_fa"`
	NameEn string `json:"name_en"`
	Code   string `json:"code"`
}

func actPlaceAdd(ctx context.Context, d *desk, q placeAdd, out tell) error {
	kind, ok := kindOf(q.Kind)
	if !ok {
		return &cli.Error{Code: cli.Usage, Key: "mahalleh.place.unknown_kind", Args: cli.Args{"kind": q.Kind}, Hint: "mahalleh.place.unknown_kind_hint"}
	}
	made, err := d.server.Admin().AddPlace(ctx, access.NewPlace{Kind: kind, Parent: q.In, NameFa: q.NameFa, NameEn: q.NameEn, Code: q.Code})
	if err != nil {
		return err
	}
	d.changed()
	var item placeItem
	err = d.view(ctx, func(r store.Reader) error {
		item, err = d.placeItem(r, made)
		return err
	})
	if err != nil {
		return err
	}
	return out.item(item)
}

type placeList struct {
	In string `json:"in"`
}

func actPlaceList(ctx context.Context, d *desk, q placeList, out tell) error {
	var items []placeItem
	err := d.view(ctx, func(r store.Reader) error {
		all, err := r.Places()
		if err != nil {
			return fmt.Errorf("read places: %w", err)
		}
		inside := map[syncproto.PlaceID]bool{}
		if q.In != "" {
			top, err := access.FindPlace(r, q.In)
			if err != nil {
				return err
			}
			inside[top.ID] = true
		}
		// Parents come before what lies in them: a place's number is higher.
		for _, p := range byNumber(all) {
			if q.In != "" && !inside[p.ID] && !inside[p.Parent] {
				continue
			}
			inside[p.ID] = true
			item, err := d.placeItem(r, p)
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

func placeCommand(a *cli.App) *cobra.Command {
	var add placeAdd
	adding := a.Command("add NAME...", "mahalleh.place_add", func(ctx context.Context, args []string) error {
		add.NameFa = strings.Join(args, " ")
		return ask(ctx, a, "place.add", add, func(p placeItem) error {
			if a.JSON() {
				return a.PrintJSON(p)
			}
			return a.Say("mahalleh.place.added", cli.Args{"number": fmt.Sprint(p.Number), "name": p.NameFa})
		})
	})
	adding.Flags().StringVar(&add.Kind, "kind", "neighbourhood", a.T("mahalleh.place.flag_kind"))
	adding.Flags().StringVar(&add.In, "in", "", a.T("mahalleh.place.flag_in"))
	adding.Flags().StringVar(&add.NameEn, "name-en", "", a.T("mahalleh.place.flag_name_en"))
	adding.Flags().StringVar(&add.Code, "code", "", a.T("mahalleh.place.flag_code"))
	require(adding, "in")

	var list placeList
	listing := a.Command("list", "mahalleh.place_list", func(ctx context.Context, _ []string) error {
		table := a.Table("mahalleh.column.number", "mahalleh.column.kind", "mahalleh.column.name", "mahalleh.column.in", "mahalleh.column.code")
		err := ask(ctx, a, "place.list", list, func(p placeItem) error {
			if a.JSON() {
				return a.PrintJSON(p)
			}
			in := ""
			if p.In != 0 {
				in = fmt.Sprint(p.In)
			}
			table.Row(fmt.Sprint(p.Number), a.Member("mahalleh.kind", p.Kind), p.NameFa, in, p.Code)
			return nil
		})
		if err != nil || a.JSON() {
			return err
		}
		return table.Write()
	})
	listing.Flags().StringVar(&list.In, "in", "", a.T("mahalleh.place.flag_list_in"))
	return a.Group("place", "mahalleh.place_group", adding, listing)
}
