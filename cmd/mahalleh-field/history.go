package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// entryItem is one change in a record's history, as commands print it.
type entryItem struct {
	Change string `json:"change"`
	madeItem
	// Own: this device wrote it and knows all of it.
	Own    bool   `json:"own"`
	Verb   string `json:"verb"`
	Reason string `json:"reason,omitempty"`
	State  string `json:"state"`
	// Outcome and Why are what the server said, empty while it said nothing.
	Outcome string      `json:"outcome,omitempty"`
	Why     string      `json:"why,omitempty"`
	Cells   []cellItem  `json:"cells,omitempty"`
	Fields  []fieldStep `json:"fields"`
}

// fieldStep is what a change did to one field.
type fieldStep struct {
	Field string `json:"field"`
	// Do is set, clear, add, remove, put, place, count or step.
	Do    string          `json:"do"`
	Value json.RawMessage `json:"value,omitempty"`
}

// cellItem is what the merge said of one field.
type cellItem struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
	// Rule and Source are those of a step that was not taken.
	Rule   string `json:"rule,omitempty"`
	Source string `json:"source,omitempty"`
}

func historyCommand(a *cli.App) *cobra.Command {
	return deviceCommand(a, "history ID", "field.history", func(ctx context.Context, d *device, args []string) error {
		id, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		entries, err := d.History(ctx, id)
		if err != nil {
			return err
		}
		for i := range entries {
			if a.JSON() {
				err = d.printEntry(&entries[i])
			} else {
				err = d.sayEntry(ctx, &entries[i])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func doName(kind syncproto.OpKind, v schemas.Value) string {
	switch kind {
	case syncproto.OpSet, syncproto.OpText:
		if v.IsEmpty() {
			return "clear"
		}
		return "set"
	case syncproto.OpSetAdd, syncproto.OpAttachAdd:
		return "add"
	case syncproto.OpSetRemove, syncproto.OpItemRemove, syncproto.OpAttachRemove:
		return "remove"
	case syncproto.OpItemPut:
		return "put"
	case syncproto.OpItemPlace:
		return "place"
	case syncproto.OpIncrement:
		return "count"
	}
	return "step"
}

func (d *device) printEntry(e *clientsdk.Entry) error {
	item := entryItem{Change: e.Change.String(), madeItem: madeJSON(e.Made), Own: e.Own, Verb: e.Verb.String(), Reason: e.Reason,
		State: e.Sync.String(), Fields: []fieldStep{}}
	if e.Verdict != nil {
		item.Outcome, item.Why, item.Cells = e.Verdict.Outcome.String(), lastPart(clientsdk.ReasonKey(e.Verdict.Reason)), cellItems(e.Verdict.Cells)
	}
	for _, f := range e.Fields {
		step := fieldStep{Field: f.Path, Do: doName(f.Kind, f.Value)}
		if !f.Value.IsEmpty() {
			var err error
			if step.Value, err = valueJSON(f.Value); err != nil {
				return err
			}
		}
		item.Fields = append(item.Fields, step)
	}
	return d.app.PrintJSON(item)
}

func cellItems(cells []clientsdk.CellVerdict) []cellItem {
	items := make([]cellItem, 0, len(cells))
	for _, c := range cells {
		items = append(items, cellItem{Field: c.Path, Reason: lastPart(clientsdk.ReasonKey(c.Reason)), Rule: c.Rule.Name, Source: string(c.Rule.Source)})
	}
	return items
}

// sayEntry writes one change: who did what when, what it changed, and what the
// server said.
func (d *device) sayEntry(ctx context.Context, e *clientsdk.Entry) error {
	a := d.app
	args := cli.Args{"when": d.minute(e.Time), "who": d.who(e.Made), "verb": a.Member(verbFamily, e.Verb.String())}
	if err := a.Say("field.history.entry", args); err != nil {
		return err
	}
	if e.Reason != "" {
		if err := say(a, 4, a.T("field.history.reason", cli.Args{"reason": e.Reason})); err != nil {
			return err
		}
	}
	for _, f := range e.Fields {
		label := f.Label.In(d.lang())
		if label == "" {
			label = d.app.Member("field.part", f.Path)
		}
		args := cli.Args{"label": label, "value": d.stepValue(ctx, &f)}
		text := a.T("field.history.set", args)
		if do := doName(f.Kind, f.Value); do != "set" {
			args["do"] = a.Member("field.do", do)
			text = a.T("field.history.field", args)
		}
		if err := say(a, 4, strings.TrimSpace(text)); err != nil {
			return err
		}
	}
	switch {
	case e.Verdict != nil:
		return d.sayVerdict(e.Verdict)
	case e.Own:
		return say(a, 4, a.T("field.history.state", cli.Args{"state": a.Member(stateFamily, e.Sync.String())}))
	}
	return nil
}

func (d *device) stepValue(ctx context.Context, f *clientsdk.FieldChange) string {
	if f.Value.IsEmpty() {
		return ""
	}
	if f.Field == nil && f.Path == presencePath {
		return d.presence(f.Value.Bool())
	}
	return d.shown(ctx, f.Field, f.Value)
}

// sayVerdict writes what became of a change, and of its fields where somebody
// else was concerned.
func (d *device) sayVerdict(v *clientsdk.Verdict) error {
	a := d.app
	text := a.Member(outcomeFamily, v.Outcome.String())
	switch {
	case v.Outcome == syncproto.Conflicted:
	case v.StepWaits():
		text = a.T("field.history.step_waits")
	case v.StepRefused():
		text = a.T("field.history.step_refused")
	}
	if key := clientsdk.ReasonKey(v.Reason); key != "" {
		text += " " + a.Member(reasonFamily, lastPart(key))
	}
	if err := say(a, 4, a.T("field.history.verdict", cli.Args{"text": text})); err != nil {
		return err
	}
	for _, c := range v.Cells {
		label := c.Label.In(d.lang())
		if label == "" {
			label = a.Member("field.part", c.Path)
		}
		args := cli.Args{"label": label, "reason": a.Member(reasonFamily, lastPart(clientsdk.ReasonKey(c.Reason)))}
		if now := c.Now.In(d.lang()); now != "" {
			args["reason"] = fmt.Sprint(args["reason"], " ", a.T("field.history.now", cli.Args{"state": now}))
		}
		text := a.T("field.history.cell", args)
		if c.Rule.Number != 0 {
			args["reason"], args["rule"], args["source"] = c.Rule.Says.In(d.lang()), c.Rule.Name, string(c.Rule.Source)
			text = a.T("field.history.rule", args)
		}
		if err := say(a, 6, text); err != nil {
			return err
		}
	}
	return nil
}
