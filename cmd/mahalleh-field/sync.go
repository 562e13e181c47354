package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/syncproto"
)

// syncItem is what a sync brought, as commands print it.
type syncItem struct {
	Sent      uint64 `json:"sent"`
	Received  uint64 `json:"received"`
	BytesUp   uint64 `json:"bytes_up"`
	BytesDown uint64 `json:"bytes_down"`
	// Left are changes that the server does not hold yet.
	Left uint64 `json:"left"`
	// Outcomes counts what the server said of own changes: applied, merged,
	// conflict, parked, quarantined, duplicate, erased, rejected.
	Outcomes map[string]int `json:"outcomes"`
	// Conflicts counts the records with conflicts that wait now.
	Conflicts int           `json:"conflicts"`
	Verdicts  []verdictItem `json:"verdicts"`
	// Settled are conflicts about a value of this person that others settled.
	Settled []settledItem `json:"settled,omitempty"`
}

// settledItem is the outcome of a conflict.
type settledItem struct {
	Record string `json:"record"`
	Title  string `json:"title"`
	Field  string `json:"field"`
	// Value is true or false where the question was whether it is there.
	Value json.RawMessage `json:"value"`
	By    madeItem        `json:"by"`
}

// verdictItem is what became of one own change.
type verdictItem struct {
	Change  string     `json:"change"`
	Record  string     `json:"record,omitempty"`
	Title   string     `json:"title,omitempty"`
	Outcome string     `json:"outcome"`
	Reason  string     `json:"reason,omitempty"`
	Fields  []cellItem `json:"fields,omitempty"`
}

// connecting is what the flags of sync say.
type connecting struct {
	addresses []string
	name      string
	watch     bool
}

func syncCommand(a *cli.App) *cobra.Command {
	var s secret
	var q connecting
	c := command(a, "sync", "field.sync", func(ctx context.Context, _ []string) error {
		secret := s.ask(a)
		if q.watch {
			return watch(ctx, a, remember(secret), q)
		}
		d, err := openDevice(ctx, a, secret, q.apply)
		if err != nil {
			return err
		}
		return errors.Join(d.syncOnce(ctx), d.Close())
	})
	c.Flags().BoolVar(&q.watch, "watch", false, a.T("field.sync.flag_watch"))
	c.Flags().StringSliceVar(&q.addresses, "address", nil, a.T("field.flag.address"))
	c.Flags().StringVar(&q.name, "device-name", "", a.T("field.sync.flag_device_name"))
	a.Setting(c.Flags(), "address", "device-name")
	s.flags(a, c)
	return c
}

func (q *connecting) apply(o *clientsdk.Options) {
	o.Addresses = q.addresses
	if o.Device = q.name; o.Device == "" {
		// The name is for people who look after devices; none is as good.
		o.Device, _ = os.Hostname()
	}
}

func (d *device) syncOnce(ctx context.Context) error {
	a := d.app
	records, err := d.pendingRecords(ctx)
	if err != nil {
		return err
	}
	progress := a.Progress()
	r, err := d.Sync(ctx, func(p clientsdk.Progress) {
		progress.Update("field.sync.progress", cli.Args{"phase": a.Member("field.phase", p.Phase.String()), "up": p.ChangesUp, "left": p.ChangesLeft,
			"down": p.RecordsDown, "bytes_up": cli.Bytes(p.BytesUp), "bytes_down": cli.Bytes(p.BytesDown)})
	})
	progress.Done()
	// What was sent and received before a line broke stands, and is told.
	if told := d.saySync(ctx, r, records, err == nil); told != nil {
		return errors.Join(err, told)
	}
	if err != nil {
		return err
	}
	if r.Conflicts > 0 {
		return &cli.Error{Code: cli.Conflicts, Key: "field.conflicts.records", Args: cli.Args{"n": r.Conflicts}, Hint: "field.conflicts.pending_hint"}
	}
	return nil
}

// pendingRecords says to which record each change belongs that is about to be
// sent, so that what the server says of it can be told with a name.
func (d *device) pendingRecords(ctx context.Context) (map[string]string, error) {
	records := map[string]string{}
	err := d.Pending(ctx, func(p clientsdk.PendingChange) error {
		records[p.Change] = p.Record
		return nil
	})
	return records, err
}

func (d *device) saySync(ctx context.Context, r clientsdk.SyncResult, records map[string]string, whole bool) error {
	a := d.app
	verdicts, err := d.verdictItems(ctx, r, records)
	if err != nil {
		return err
	}
	p := r.Progress
	if !whole && p.ChangesUp+p.RecordsDown == 0 {
		return nil
	}
	if a.JSON() {
		item := syncItem{Sent: p.ChangesUp, Received: p.RecordsDown, BytesUp: p.BytesUp, BytesDown: p.BytesDown, Left: p.ChangesLeft,
			Outcomes: map[string]int{}, Conflicts: r.Conflicts, Verdicts: verdicts}
		for o, n := range r.Outcomes {
			item.Outcomes[o.String()] = n
		}
		if item.Settled, err = settledItems(r.Settled); err != nil {
			return err
		}
		return a.PrintJSON(item)
	}
	if err := a.Say("field.sync.moved", cli.Args{"up": p.ChangesUp, "bytes_up": cli.Bytes(p.BytesUp), "down": p.RecordsDown, "bytes_down": cli.Bytes(p.BytesDown)}); err != nil {
		return err
	}
	for _, o := range slices.Sorted(maps.Keys(r.Outcomes)) {
		if o == syncproto.Duplicate {
			continue // an acknowledgement that was lost; nobody's business
		}
		if err := say(a, 2, a.T("field.sync.outcome", cli.Args{"outcome": a.Member("field.outcome", o.String()), "n": r.Outcomes[o]})); err != nil {
			return err
		}
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Outcome == syncproto.Applied || v.Outcome == syncproto.Duplicate || v.Outcome == syncproto.Merged && len(v.Cells) == 0 {
			continue
		}
		name := verdicts[i].Title
		if name == "" {
			name = shortID(verdicts[i].Record)
		}
		if err := say(a, 2, a.T("field.sync.record", cli.Args{"title": d.titleOr(name), "id": shortID(verdicts[i].Record)})); err != nil {
			return err
		}
		if err := d.sayVerdict(v); err != nil {
			return err
		}
	}
	for i := range r.Settled {
		if err := d.saySettled(ctx, &r.Settled[i]); err != nil {
			return err
		}
	}
	return nil
}

// saySettled tells somebody whose value was in a conflict how it ended.
func (d *device) saySettled(ctx context.Context, x *clientsdk.Settlement) error {
	value := d.presence(x.Alive)
	if !x.Presence {
		value = d.shown(ctx, x.Field, x.Value)
	}
	title, err := d.Label(ctx, x.Record, d.lang())
	if err != nil {
		return err
	}
	return say(d.app, 2, d.app.T("field.sync.settled", cli.Args{"who": d.who(x.By), "title": d.titleOr(title),
		"id": shortID(x.Record.String()), "label": d.labelOf(&x.Conflict), "value": value}))
}

func settledItems(settled []clientsdk.Settlement) ([]settledItem, error) {
	var items []settledItem
	for _, x := range settled {
		item := settledItem{Record: x.Record.String(), Title: x.Title, Field: x.Path, By: madeJSON(x.By)}
		var err error
		if item.Value = json.RawMessage(strconv.FormatBool(x.Alive)); !x.Presence {
			item.Value, err = valueJSON(x.Value)
		}
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (d *device) verdictItems(ctx context.Context, r clientsdk.SyncResult, records map[string]string) ([]verdictItem, error) {
	items := make([]verdictItem, 0, len(r.Verdicts))
	for _, v := range r.Verdicts {
		item := verdictItem{Change: v.Change.String(), Record: records[v.Change.String()], Outcome: v.Outcome.String(),
			Reason: lastPart(clientsdk.ReasonKey(v.Reason)), Fields: cellItems(v.Cells)}
		if id, err := clientsdk.ParseRecordID(item.Record); err == nil {
			if item.Title, err = d.Label(ctx, id, d.lang()); err != nil {
				return nil, err
			}
		}
		items = append(items, item)
	}
	return items, nil
}
