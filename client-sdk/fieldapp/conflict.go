package fieldapp

import (
	"errors"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) conflictRoutes() []route {
	return []route{
		{pattern: "GET /conflicts", handle: (*visit).getConflicts},
		{pattern: "GET /conflict/{id}/{conflict}", handle: (*visit).getConflict},
		{pattern: "POST /conflict/{id}/{conflict}", handle: (*visit).settle},
	}
}

// conflictsData are all that wait, by record.
type conflictsData struct {
	Total   int
	Records []conflictsOf
}

type conflictsOf struct {
	Title, Form string
	Fields      []option
}

func conflictAddress(x *clientsdk.Conflict) string {
	return "/conflict/" + x.Record.String() + "/" + x.ID
}

// labelOf is what a conflict is about, in a person's words.
func (v *visit) labelOf(x *clientsdk.Conflict) string { return v.fieldLabel(x.Label, x.Path) }

func (v *visit) getConflicts() error {
	all, err := v.c.Conflicts(v.ctx())
	if err != nil {
		return err
	}
	tell := v.reader()
	d := conflictsData{Total: len(all)}
	var last syncproto.RecordID
	for i := range all {
		x := &all[i]
		if x.Record != last || len(d.Records) == 0 {
			last = x.Record
			title, err := v.recordTitle(x.Record)
			if err != nil {
				return err
			}
			of := conflictsOf{Title: v.titled(title), Form: v.formLabel(x.Form, 0)}
			d.Records = append(d.Records, of)
		}
		of := &d.Records[len(d.Records)-1]
		var values []string
		for _, k := range x.Values {
			values = append(values, clip(v.candidateText(tell, x, &k)))
		}
		of.Fields = append(of.Fields, option{Label: v.labelOf(x), Value: strings.Join(values, " "+v.say("screen_records.or", nil)+" "), To: conflictAddress(x)})
	}
	p := v.page("conflicts", v.say("screen_records.conflicts_title", nil))
	p.Data = d
	if v.isPart() {
		return v.part("waiting", p)
	}
	return v.render(p)
}

// clipped is how much of a value stands in a list, in characters.
const clipped = 60

func clip(text string) string {
	if r := []rune(text); len(r) > clipped {
		return string(r[:clipped]) + "…"
	}
	return text
}

// candidateText is what a value of a conflict says.
func (v *visit) candidateText(tell *formview.Teller, x *clientsdk.Conflict, k *clientsdk.Candidate) string {
	if x.Presence {
		return v.presence(k.Alive)
	}
	if k.Value.IsEmpty() {
		return v.say("screen_records.empty", nil)
	}
	return tell.Shown(x.Field, k.Value)
}

// conflictData is one conflict as a person settles it.
type conflictData struct {
	Act, Title, Form, Label string
	Record                  string
	Presence                bool
	// Before is what stood there before both; BeforeKnown is false where this
	// device does not remember.
	Before      string
	BeforeKnown bool
	Values      []candidateData
	// Seen names all of them.
	Seen string
	// New is the control for another value than these, nil where there is none.
	New  *formview.NewValue
	Most int
	// Choice and Reason are what was chosen before something was wrong.
	Choice, Reason string
	// May: the person may decide here. Ask is what to tell a colleague.
	May bool
	Ask string
}

type candidateData struct {
	Key         string
	Value, Who  string
	By          []string
	Mine, Shown bool
	Chosen      bool
}

func (v *visit) conflict() (*clientsdk.Conflict, error) {
	id, err := v.recordID()
	if err != nil {
		return nil, err
	}
	return v.c.Conflict(v.ctx(), id, v.r.PathValue("conflict"))
}

func (v *visit) getConflict() error {
	x, err := v.conflict()
	if errors.Is(err, clientsdk.ErrNotFound) {
		// Somebody settled it, here or elsewhere; the record shows what holds.
		v.tellNext(formview.Notice{Level: formview.Info, Text: v.say("screen_records.settled_already", nil)})
		return v.redirect("/record/" + v.r.PathValue("id"))
	}
	if err != nil {
		return err
	}
	return v.showConflict(x, nil)
}

// showConflict shows a conflict, with why settling it failed.
func (v *visit) showConflict(x *clientsdk.Conflict, failed error) error {
	tell := v.reader()
	title, err := v.recordTitle(x.Record)
	if err != nil {
		return err
	}
	r, err := v.c.Record(v.ctx(), x.Record)
	if err != nil {
		return err
	}
	d := conflictData{Act: conflictAddress(x), Title: v.titled(title), Form: v.formLabel(x.Form, 0), Label: v.labelOf(x), Record: recordAddress(x.Record, v.here()),
		Presence: x.Presence, Most: clientsdk.MaxReason, Choice: v.value("choice"), Reason: v.value("reason"), May: v.c.MaySettle(r.Scope)}
	before, known, err := v.c.Before(v.ctx(), x)
	if err != nil {
		return err
	}
	if d.BeforeKnown = known; known {
		if d.Before = tell.Shown(x.Field, before); before.IsEmpty() {
			d.Before = v.say("screen_records.empty", nil)
		}
	}
	for i := range x.Values {
		k := &x.Values[i]
		c := candidateData{Key: keyOf(k), Value: v.candidateText(tell, x, k), Mine: k.Mine, Shown: k.N == 1, Chosen: d.Choice == keyOf(k)}
		if k.Mine {
			c.Who = v.say("screen_records.mine", nil)
		} else {
			c.Who = v.say("screen_records.theirs", nil)
		}
		for _, by := range k.By {
			c.By = append(c.By, v.say("screen_records.by", texts.Args{"who": v.who(by), "when": v.when(by.Time)}))
		}
		d.Values, d.Seen = append(d.Values, c), d.Seen+" "+c.Key
	}
	d.New = v.newValue(tell, x, d.Choice == choiceNew)
	d.Ask = v.askText(tell, x, d.Title)
	p := v.page("conflict", v.say("screen_records.conflict_of", texts.Args{"label": d.Label}))
	p.Back, p.Data = v.cameFrom("/conflicts"), d
	p.Nav = nil // nothing lies over what is compared
	if failed == nil {
		return v.render(p)
	}
	p.Notices = []formview.Notice{v.explain(failed)}
	return v.renderAs(statusOf(failed), p)
}

// choiceNew chooses another value than those that were written.
const choiceNew = "new"

// newValue is the control for a third value, nil where the record's own form is the place
// for it.
func (v *visit) newValue(tell *formview.Teller, x *clientsdk.Conflict, chosen bool) *formview.NewValue {
	if x.Presence || x.Field == nil || x.Form == nil {
		return nil
	}
	var rivals []schemas.Value
	for _, k := range x.Values {
		rivals = append(rivals, k.Value)
	}
	return tell.NewValue(x.Field, v.value("value"), chosen, rivals)
}

// askText is what one tells a colleague who knows better, by telephone or
// message: what the question is, and nothing of what is protected.
func (v *visit) askText(tell *formview.Teller, x *clientsdk.Conflict, title string) string {
	var said []string
	protected := x.Field != nil && x.Field.Sensitivity >= schemas.S2
	for i := range x.Values {
		k := &x.Values[i]
		value := v.candidateText(tell, x, k)
		if protected {
			value = v.say("screen_records.ask.hidden", nil)
		}
		who := ""
		if len(k.By) > 0 {
			who = v.who(k.By[len(k.By)-1])
		}
		said = append(said, v.say("screen_records.ask.value", texts.Args{"who": who, "value": value}))
	}
	if protected {
		title = v.formLabel(x.Form, 0)
	}
	return v.say("screen_records.ask.text", texts.Args{"title": title, "label": v.labelOf(x)}) + "\n" + strings.Join(said, "\n")
}

// settle takes the choice of a person, and leads to the next conflict.
func (v *visit) settle() error {
	x, err := v.conflict()
	if err != nil {
		return err
	}
	choice, err := v.choice(x)
	if err != nil {
		return v.showConflict(x, err)
	}
	if _, err := v.c.Settle(v.ctx(), x.Record, x.ID, choice, v.value("reason")); err != nil {
		return v.showConflict(x, err)
	}
	v.events.tell(eventConflicts, eventRecords)
	v.done("screen_records.settled", texts.Args{"label": v.labelOf(x)})
	left, err := v.c.Conflicts(v.ctx())
	if err != nil {
		return err
	}
	// Those of the same record first: who has it in mind goes on with it.
	slices.SortStableFunc(left, func(a, b clientsdk.Conflict) int { return before(a.Record == x.Record, b.Record == x.Record) })
	if len(left) > 0 {
		return v.redirect(conflictAddress(&left[0]))
	}
	return v.redirect("/record/" + x.Record.String())
}

func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

var (
	// errNoChoice: nothing was chosen.
	errNoChoice = errors.New("nothing was chosen")
	// errMoreValues: a sync brought another value since the page was shown.
	errMoreValues = errors.New("another value came meanwhile")
)

// keyOf names a value by the change that wrote it first: numbers may change
// while the page is open.
func keyOf(k *clientsdk.Candidate) string { return k.By[0].Change.String() }

func (v *visit) choice(x *clientsdk.Conflict) (clientsdk.Choice, error) {
	chosen, seen := v.value("choice"), strings.Fields(v.value("seen"))
	for i := range x.Values {
		if !slices.Contains(seen, keyOf(&x.Values[i])) {
			return clientsdk.Choice{}, errMoreValues
		}
	}
	if chosen != choiceNew {
		for i := range x.Values {
			if keyOf(&x.Values[i]) == chosen {
				return clientsdk.Nth(x.Values[i].N), nil
			}
		}
		return clientsdk.Choice{}, errNoChoice
	}
	if x.Field == nil || x.Form == nil {
		return clientsdk.Choice{}, errNoChoice
	}
	value, err := schemas.ParseTyped(x.Form, v.c.Forms(), x.Field, v.value("value"))
	if err != nil {
		return clientsdk.Choice{}, err
	}
	for _, k := range x.Values {
		if k.Value.Equal(value) {
			return clientsdk.Nth(k.N), nil
		}
	}
	return clientsdk.NewValue(value), nil
}
