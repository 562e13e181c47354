package fieldapp

import (
	"slices"
	"strings"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// entryData is one change of the history.
type entryData struct {
	When, Who, Verb, Reason string
	// Own: it was made on this device.
	Own    bool
	Fields []changeData
	Said   []string
	// Undo is where it is taken back, "" if it cannot be.
	Undo string
}

// changeData is what became of one field.
type changeData struct {
	Label, Was, Value string
	WasKnown          bool
	// Do says what happened where it is not that a value was put.
	Do string
}

// addPending says what the server will make of what it was not sent yet.
func (v *visit) addPending(_ *formview.Teller, r *clientsdk.Record, d *recordData) error {
	if r.Pending == 0 {
		return nil
	}
	p, err := v.c.Preview(v.ctx(), r.ID)
	if err != nil {
		return err
	}
	for i := range p.Verdicts {
		for _, said := range v.verdict(&p.Verdicts[i]) {
			if !slices.Contains(d.Pending, said) {
				d.Pending = append(d.Pending, said)
			}
		}
	}
	return nil
}

// verdict says what became of a change, and of its fields where somebody else was
// concerned.
func (v *visit) verdict(x *clientsdk.Verdict) []string {
	words := v.words.Catalogue()
	said := words.Member(outcomeFamily, x.Outcome.String(), nil)
	switch {
	case x.Outcome == syncproto.Conflicted:
	case x.StepWaits():
		said = v.say("field.history.step_waits", nil)
	case x.StepRefused():
		said = v.say("field.history.step_refused", nil)
	}
	if key := clientsdk.ReasonKey(x.Reason); key != "" {
		said += " " + words.Member(reasonFamily, lastPart(key), nil)
	}
	all := []string{said}
	for _, c := range x.Cells {
		label := v.fieldLabel(c.Label, c.Path)
		if c.Rule.Number != 0 {
			all = append(all, v.say("field.history.rule", texts.Args{"label": label, "reason": c.Rule.Says.In(v.words.Lang()), "rule": c.Rule.Name, "source": string(c.Rule.Source)}))
			continue
		}
		why := words.Member(reasonFamily, lastPart(clientsdk.ReasonKey(c.Reason)), nil)
		if now := c.Now.In(v.words.Lang()); now != "" {
			why += " " + v.say("field.history.now", texts.Args{"state": now})
		}
		all = append(all, v.say("screen_records.cell", texts.Args{"label": label, "said": why}))
	}
	return all
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// fieldLabel names a field, or the part of a record that no field is.
func (v *visit) fieldLabel(label schemas.Text, path string) string {
	if text := label.In(v.words.Lang()); text != "" {
		return text
	}
	switch path {
	case "presence":
		return v.say("screen_records.presence", nil)
	case "home":
		return v.say("screen_records.home", nil)
	}
	return path
}

func (v *visit) addHistory(tell *formview.Teller, r *clientsdk.Record, d *recordData) error {
	all, err := v.c.History(v.ctx(), r.ID)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(all) {
		d.History = append(d.History, v.entry(tell, r, &e))
	}
	return nil
}

func (v *visit) entry(tell *formview.Teller, r *clientsdk.Record, e *clientsdk.Entry) entryData {
	out := entryData{When: v.when(e.Time), Who: v.who(e.Made), Verb: v.words.Catalogue().Member(verbFamily, e.Verb.String(), nil), Reason: e.Reason, Own: e.Own}
	undoable := false
	for i := range e.Fields {
		f := &e.Fields[i]
		x := changeData{Label: v.fieldLabel(f.Label, f.Path), Value: v.changed(tell, f, f.Value), WasKnown: f.WasKnown && !f.Was.IsEmpty(), Do: v.doing(f)}
		if x.WasKnown {
			x.Was = v.changed(tell, f, f.Was)
		}
		undoable = undoable || f.WasKnown && f.Field != nil && f.Field.Type != schemas.TypeState || f.Kind == syncproto.OpSetAdd || f.Kind == syncproto.OpSetRemove
		out.Fields = append(out.Fields, x)
	}
	if e.Verdict != nil {
		out.Said = v.verdict(e.Verdict)
	} else if e.Own {
		out.Said = []string{v.words.Catalogue().Member(stateFamily, e.Sync.String(), nil)}
	}
	if e.Own && undoable && e.Verb != syncproto.VerbCreate && !r.Deleted {
		out.Undo = "/record/" + r.ID.String() + "/undo/" + e.Change.String()
	}
	return out
}

func (v *visit) changed(tell *formview.Teller, f *clientsdk.FieldChange, value schemas.Value) string {
	switch {
	case value.IsEmpty():
		return ""
	case f.Field == nil && value.Kind() == schemas.KindBool:
		return v.presence(value.Bool())
	}
	return tell.Shown(f.Field, value)
}

func (v *visit) presence(there bool) string {
	if there {
		return v.say("screen_records.there", nil)
	}
	return v.say("screen_records.gone", nil)
}

// doing says what a change did to a field, "" where it put a value.
func (v *visit) doing(f *clientsdk.FieldChange) string {
	switch f.Kind {
	case syncproto.OpSet, syncproto.OpText:
		if f.Value.IsEmpty() {
			return v.say("screen_records.do.clear", nil)
		}
	case syncproto.OpSetAdd, syncproto.OpAttachAdd:
		return v.say("screen_records.do.add", nil)
	case syncproto.OpSetRemove, syncproto.OpItemRemove, syncproto.OpAttachRemove:
		return v.say("screen_records.do.remove", nil)
	case syncproto.OpIncrement:
		return v.say("screen_records.do.count", nil)
	case syncproto.OpTransition:
		return v.say("screen_records.do.step", nil)
	}
	return ""
}

// who names the author of something.
func (v *visit) who(m clientsdk.Made) string {
	switch {
	case m.Mine:
		return v.say("screen_records.me", nil)
	case m.Name != "":
		return m.Name
	}
	return v.say("screen_records.somebody", nil)
}

// when writes an instant as people speak of it: how long ago today, the day otherwise.
func (v *visit) when(t time.Time) string {
	if t.IsZero() || t.UnixMilli() == 0 {
		return "–"
	}
	if since := v.opt.SDK.Clock.Now().Sub(t); since >= 0 && since < 20*time.Hour {
		return v.words.Ago(since)
	}
	return v.words.Minute(t)
}
