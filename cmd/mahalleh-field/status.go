package main

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
)

// statusItem is how the device stands, as commands print it.
type statusItem struct {
	Person    string `json:"person"`
	Name      string `json:"name,omitempty"`
	Confirmed bool   `json:"confirmed"`
	Device    string `json:"device"`
	// Recorded = Received + Pending.
	Recorded     uint64 `json:"recorded"`
	Received     uint64 `json:"received"`
	Pending      uint64 `json:"pending"`
	PendingBytes uint64 `json:"pending_bytes"`
	Oldest       string `json:"oldest,omitempty"`
	BackupSafe   uint64 `json:"backup_safe"`
	Drafts       uint64 `json:"drafts"`
	// Records counts the records of each state.
	Records     map[string]int `json:"records"`
	Conflicts   int            `json:"conflicts"`
	Troubles    []verdictItem  `json:"troubles"`
	LastContact string         `json:"last_contact,omitempty"`
	// ClockBehindMS is by how much this device's clock is behind the server's.
	ClockBehindMS int64        `json:"clock_behind_ms"`
	ClockWrong    bool         `json:"clock_wrong"`
	LeaseS        *int64       `json:"lease_s,omitempty"`
	Receipt       *receiptItem `json:"receipt,omitempty"`
	Scopes        []scopeItem  `json:"scopes"`
	Forked        string       `json:"forked,omitempty"`
	// ActsBroken counts how often the server's lists of acts did not go on from
	// what the device holds.
	ActsBroken int      `json:"acts_broken,omitempty"`
	DiskFree   *uint64  `json:"disk_free,omitempty"`
	DiskFull   bool     `json:"disk_full"`
	Forms      uint32   `json:"forms"`
	Addresses  []string `json:"addresses"`
}

type receiptItem struct {
	Code string `json:"code"`
	To   uint64 `json:"to"`
	Time string `json:"time"`
}

type scopeItem struct {
	Place       string `json:"place"`
	PlaceName   string `json:"place_name,omitempty"`
	Compartment string `json:"compartment"`
	Granted     bool   `json:"granted"`
	Write       bool   `json:"write"`
	Records     uint64 `json:"records"`
	Loading     bool   `json:"loading,omitempty"`
	Leaving     bool   `json:"leaving,omitempty"`
}

func statusCommand(a *cli.App) *cobra.Command {
	return deviceCommand(a, "status", "field.status", func(ctx context.Context, d *device, _ []string) error {
		s, err := d.Status(ctx)
		if err != nil {
			return err
		}
		if a.JSON() {
			return a.PrintJSON(statusJSON(s))
		}
		return d.sayStatus(s)
	})
}

func statusJSON(s clientsdk.Status) statusItem {
	item := statusItem{Person: s.Person.ID.String(), Name: s.Person.Name, Confirmed: s.Person.Confirmed, Device: s.Person.Device.String(),
		Recorded: s.Received + s.Pending, Received: s.Received, Pending: s.Pending, PendingBytes: s.PendingBytes, Oldest: stamp(s.Oldest),
		BackupSafe: s.BackupSafe, Drafts: s.Drafts, Records: map[string]int{}, Conflicts: s.Conflicts, Troubles: []verdictItem{},
		LastContact: stamp(s.LastContact), ClockBehindMS: s.ClockBehind.Milliseconds(), ClockWrong: s.ClockWrong,
		Scopes: []scopeItem{}, Forked: s.Forked, ActsBroken: s.ActsBroken, DiskFull: s.Disk.Full, Forms: s.Forms, Addresses: s.Person.Addresses}
	for state, n := range s.Records {
		item.Records[state.String()] = n
	}
	for _, t := range s.Troubles {
		item.Troubles = append(item.Troubles, verdictItem{Change: t.Change.String(), Record: t.Record.String(), Title: t.Title,
			Outcome: t.Outcome.String(), Reason: lastPart(clientsdk.ReasonKey(t.Reason)), Fields: cellItems(t.Cells)})
	}
	if s.LeaseSet {
		left := int64(s.Lease / time.Second)
		item.LeaseS = &left
	}
	if s.Disk.Known {
		item.DiskFree = &s.Disk.Free
	}
	if r := s.Receipt; r != nil {
		item.Receipt = &receiptItem{Code: r.Code, To: r.To, Time: stamp(r.Time)}
	}
	for _, x := range s.Scopes {
		item.Scopes = append(item.Scopes, scopeItem{Place: x.Place.String(), PlaceName: x.PlaceName.Fa, Compartment: x.Compartment,
			Granted: x.Granted, Write: x.Write, Records: x.Records, Loading: x.Loading, Leaving: x.Leaving})
	}
	return item
}

// line is one line of the status, written if it is wanted.
type line struct {
	wanted bool
	key    cli.Key
	args   cli.Args
}

func (d *device) sayLines(lines []line) error {
	for _, l := range lines {
		if !l.wanted {
			continue
		}
		if err := d.app.Say(l.key, l.args); err != nil {
			return err
		}
	}
	return nil
}

func (d *device) sayStatus(s clientsdk.Status) error {
	a := d.app
	now := a.Now()
	receipt := cli.Args{"recorded": s.Received + s.Pending, "received": s.Received}
	if s.Receipt != nil {
		receipt["code"], receipt["when"] = s.Receipt.Code, d.minute(s.Receipt.Time)
	}
	name := s.Person.Name
	if name == "" {
		name = a.T("field.status.unnamed")
	}
	err := d.sayLines([]line{
		{s.Person.PlaceName.Fa != "", "field.status.person", cli.Args{"name": name, "place": s.Person.PlaceName.In(d.lang())}},
		{s.Person.PlaceName.Fa == "", "field.status.person_only", cli.Args{"name": name}},
		{!s.Person.Confirmed, "field.status.unconfirmed", nil},
		{s.Pending == 0 && s.Receipt != nil, "field.status.all_received", receipt},
		{s.Pending == 0 && s.Receipt == nil, "field.status.none_unsent", nil},
		{s.Pending > 0, "field.status.unsent", cli.Args{"recorded": s.Received + s.Pending, "received": s.Received, "n": s.Pending,
			"bytes": cli.Bytes(s.PendingBytes), "age": d.age(now.Sub(s.Oldest))}},
		{s.Pending > 0 && s.Receipt != nil, "field.status.receipt", receipt},
		{stamp(s.LastContact) == "", "field.status.no_contact", nil},
		{stamp(s.LastContact) != "", "field.status.contact", cli.Args{"when": d.minute(s.LastContact), "difference": d.span(s.ClockBehind.Abs())}},
		{s.ClockWrong && s.ClockBehind > 0, "field.status.clock_behind", cli.Args{"difference": d.span(s.ClockBehind.Abs())}},
		{s.ClockWrong && s.ClockBehind < 0, "field.status.clock_ahead", cli.Args{"difference": d.span(s.ClockBehind.Abs())}},
		{s.LeaseSet, "field.status.lease", cli.Args{"left": d.span(max(s.Lease, 0))}},
		{s.Drafts > 0, "field.status.drafts", cli.Args{"n": s.Drafts}},
		{s.Conflicts > 0, "field.status.conflicts", cli.Args{"n": s.Conflicts}},
		{s.Forked != "", "field.status.forked", nil},
		{s.Disk.Full, "field.status.disk_full", nil},
		{s.ActsBroken > 0, "field.status.acts_broken", cli.Args{"n": s.ActsBroken}},
	})
	if err != nil {
		return err
	}
	if len(s.Troubles) > 0 {
		if err := a.Say("field.status.troubles", cli.Args{"n": len(s.Troubles)}); err != nil {
			return err
		}
	}
	for i := range s.Troubles {
		t := &s.Troubles[i]
		if err := say(a, 2, a.T("field.sync.record", cli.Args{"title": d.titleOr(t.Title), "id": shortID(t.Record.String())})); err != nil {
			return err
		}
		if err := d.sayVerdict(&t.Verdict); err != nil {
			return err
		}
	}
	return d.sayScopes(s.Scopes)
}

// byPlace puts the scopes where the person records first, then by the place's
// name, with its compartments from the most public to the most protected.
func (d *device) byPlace(x, y clientsdk.ScopeInfo) int {
	order := []schemas.Compartment{schemas.CompartmentReference, schemas.CompartmentPlain, schemas.CompartmentPersons, schemas.CompartmentHarm}
	place := func(s clientsdk.ScopeInfo) int {
		if s.Write || !s.Granted {
			return 0
		}
		return 1
	}
	part := func(s clientsdk.ScopeInfo) int { return slices.Index(order, schemas.Compartment(s.Compartment)) }
	return cmp.Or(cmp.Compare(place(x), place(y)),
		bytes.Compare(persian.SortKey(x.PlaceName.In(d.lang())), persian.SortKey(y.PlaceName.In(d.lang()))),
		bytes.Compare(x.Place[:], y.Place[:]), cmp.Compare(part(x), part(y)))
}

func (d *device) sayScopes(scopes []clientsdk.ScopeInfo) error {
	a := d.app
	slices.SortStableFunc(scopes, d.byPlace)
	table := a.Table("field.column.place", "field.column.compartment", "field.column.records", "field.column.right")
	for _, x := range scopes {
		right := cli.Key("field.right.read")
		switch {
		case x.Leaving:
			right = "field.right.leaving"
		case !x.Granted:
			right = "field.right.expected"
		case x.Loading:
			right = "field.right.loading"
		case x.Write:
			right = "field.right.write"
		}
		place := x.PlaceName.In(d.lang())
		if place == "" {
			place = "–"
		}
		table.Row(place, a.Member("field.compartment", x.Compartment), x.Records, a.T(right))
	}
	return table.Write()
}
