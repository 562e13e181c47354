package dashboard

import (
	"encoding/hex"
	"slices"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

func (a *App) asideRoutes() []route {
	return []route{
		{pattern: "GET /aside", handle: (*visit).getAsides},
		{pattern: "GET /aside/{id}", handle: (*visit).getAside},
		{pattern: "POST /aside/{id}", handle: (*visit).decideAside},
	}
}

// asidePage is how many changes a page of the list shows.
const asidePage = 50

// The families of what pages say of such changes.
const (
	reasonFamily   texts.Family = "mahalleh_data.reason"
	decisionFamily texts.Family = "mahalleh_data.decision"
)

type asidesData struct {
	Waiting bool
	Rows    []asideRow
	After   string
}

// asideRow is a change as the list shows it.
type asideRow struct {
	ID, Reason, Who, Form, Place, Device string
	Received                             time.Time
}

// supervises reports whether somebody decides about changes at some place.
func supervises(view *access.View) bool {
	return slices.ContainsFunc(view.Grants(), func(g access.ScopeGrant) bool { return g.Rights&access.Supervise != 0 && view.Single(g.Place) })
}

// reasonText says why a change was set aside, or waits.
func (v *visit) reasonText(row *store.Change, form *schemas.Form) string {
	text := v.words.Catalogue().Member(reasonFamily, aside.Reason(row.Result.Reason), nil)
	if _, cell := hub.Reason(row); cell != (syncproto.CellKey{}) && row.Result.Outcome == syncproto.Quarantined {
		if f := aside.Leaf(form, cell); f != nil {
			text += " (" + v.label(f.Label) + ")"
		}
	}
	return text
}

func (v *visit) getAsides() error {
	d := asidesData{Waiting: v.value("waiting") == "1"}
	var after syncproto.ChangeID
	if asked := v.value("after"); asked != "" {
		id, err := syncproto.ParseID(asked)
		if err != nil {
			return store.ErrNotFound
		}
		after = id
	}
	err := v.read(func(r store.Reader, view *access.View) error {
		d.Rows, d.After = nil, ""
		if !supervises(view) {
			return store.ErrNotFound
		}
		if after != (syncproto.ChangeID{}) {
			if row, err := r.Change(after); err != nil || !view.May(row.Scope, access.Supervise) {
				return store.ErrNotFound
			}
		}
		list := view.Quarantined
		if d.Waiting {
			list = view.Waiting
		}
		rows, err := list(after, asidePage)
		if err != nil {
			return err
		}
		if len(rows) == asidePage {
			d.After = rows[asidePage-1].ID.String()
		}
		names := v.namer(r)
		for i := range rows {
			row, err := v.asideRow(view, names, &rows[i])
			if err != nil {
				return err
			}
			d.Rows = append(d.Rows, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := v.page("asides", v.say("decide.aside_title", nil))
	p.Data, p.Live = d, false
	return v.render(p)
}

func (v *visit) asideRow(view *access.View, names *namer, row *store.Change) (asideRow, error) {
	x := asideRow{ID: row.ID.String(), Received: time.UnixMilli(row.Received)}
	form := (*schemas.Form)(nil)
	if ch, err := wire.DecodeChange(row.Bytes); err == nil {
		form, _ = v.forms.Form(schemas.FormID(ch.Header.Form))
	}
	if form != nil {
		x.Form = v.label(form.Label)
	}
	x.Reason = v.reasonText(row, form)
	if g, ok := view.In(row.Scope); ok {
		if place, ok := view.PlaceOf(g.Place); ok {
			x.Place = v.placeName(place)
		}
	}
	var err error
	if x.Who, err = names.person(row.Author); err != nil {
		return x, err
	}
	x.Device, err = names.device(row.Device)
	return x, err
}

// asideData is one change, for whoever decides about it.
type asideData struct {
	asideRow
	Verb, Record string
	When         time.Time
	Why          string
	Raw          string
	Ops          []asideOp
	Decisions    []asideDecision
	// Open says that it is to be decided; Releasable, Settable and Name what may be.
	Open, Waits, Settable, Releasable bool
	People                            []chosen
	Name                              string
	Because                           string
	Most                              int
}

// asideOp is one operation of it.
type asideOp struct {
	N            int
	Label, Value string
	// Typed is the value as a person types it, in a field Settable.
	Typed    string
	Options  []formview.Choice // of a code, or a yes or no
	Settable bool
	Unit     string
	Faulty   bool
}

type asideDecision struct {
	What, Who, Note string
	When            time.Time
}

// findAside finds a change about which the reader decides, or decided. Errors:
// store.ErrNotFound.
func (v *visit) findAside(r store.Reader, view *access.View) (store.Change, error) {
	id, err := syncproto.ParseID(v.r.PathValue("id"))
	if err != nil {
		return store.Change{}, store.ErrNotFound
	}
	row, err := r.Change(id)
	if err != nil {
		return row, err
	}
	if g, ok := view.In(row.Scope); !ok || !view.May(row.Scope, access.Supervise) || !view.Single(g.Place) {
		return row, store.ErrNotFound
	}
	switch row.Result.Outcome {
	case syncproto.Quarantined, syncproto.Parked:
		return row, nil
	}
	decisions, err := r.Decisions(row.ID)
	if err == nil && len(decisions) == 0 {
		err = store.ErrNotFound // it was never set aside; the record's history has it
	}
	return row, err
}

func (v *visit) getAside() error { return v.showAside(nil) }

// showAside shows a change, with why deciding about it failed.
func (v *visit) showAside(failed error) error {
	var d asideData
	err := v.read(func(r store.Reader, view *access.View) error {
		row, err := v.findAside(r, view)
		if err != nil {
			return err
		}
		d = asideData{Most: maxReason, Because: v.r.PostForm.Get("reason")}
		return v.fillAside(r, view, &row, &d)
	})
	if err != nil {
		return err
	}
	if d.Name, err = v.newForm(); err != nil {
		return err
	}
	p := v.page("aside", v.say("decide.aside_of", texts.Args{"reason": d.asideRow.Reason}))
	p.Back, p.Data, p.Live = "/aside", d, false
	if failed == nil {
		return v.render(p)
	}
	p.Notices = []formview.Notice{v.explain(failed)}
	return v.renderAs(statusOf(failed), p)
}

func (v *visit) fillAside(r store.Reader, view *access.View, row *store.Change, d *asideData) error {
	names := v.namer(r)
	var err error
	if d.asideRow, err = v.asideRow(view, names, row); err != nil {
		return err
	}
	d.Open, d.Waits = row.Result.Outcome == syncproto.Quarantined, row.Result.Outcome == syncproto.Parked
	if err := v.asideDecisions(r, names, row, d); err != nil {
		return err
	}
	ch, err := wire.DecodeChange(row.Bytes)
	if err != nil {
		d.Raw = hex.EncodeToString(row.Bytes)
		return nil
	}
	h := &ch.Header
	d.Verb, d.When, d.Why = v.words.Catalogue().Member(verbFamily, h.Verb.String(), nil), time.UnixMilli(h.AuthorTime()), syncproto.ReasonOf(ch.Ops)
	if rec, err := view.Record(h.Record); err == nil && !rec.State.Erased {
		d.Record = h.Record.String()
	}
	switch row.Result.Reason {
	case syncproto.ReasonMalformed, syncproto.ReasonTooNew, syncproto.ReasonBadType, syncproto.ReasonOtherHome:
	default:
		d.Releasable = d.Open && !ch.Redacted()
	}
	form, _ := v.forms.Form(schemas.FormID(h.Form))
	_, fault := hub.Reason(row)
	t := v.teller(view)
	for i := range ch.Ops {
		if op, ok := v.asideOp(t, form, &ch.Ops[i], fault); ok {
			op.N = i
			d.Ops, d.Settable = append(d.Ops, op), d.Settable || op.Settable && d.Open
		}
	}
	if !d.Open {
		return nil
	}
	g, _ := view.In(row.Scope)
	people, err := v.access.Holders(r, g.Place, g.Compartment, access.Write)
	if err != nil {
		return err
	}
	for _, p := range people {
		d.People = append(d.People, chosen{p.ID.String(), p.Name, v.r.PostForm.Get("to") == p.ID.String()})
	}
	return nil
}

func (v *visit) asideDecisions(r store.Reader, names *namer, row *store.Change, d *asideData) error {
	rows, err := r.Decisions(row.ID)
	if err != nil {
		return err
	}
	for _, q := range rows {
		x := asideDecision{What: v.words.Catalogue().Member(decisionFamily, q.Decision, nil), Note: q.Note, When: time.UnixMilli(q.At), Who: v.say("decide.operator", nil)}
		if !q.By.IsZero() {
			if x.Who, err = names.person(q.By); err != nil {
				return err
			}
		}
		d.Decisions = append(d.Decisions, x)
	}
	return nil
}

// asideOp is what an operation says; false for what says nothing to a person.
func (v *visit) asideOp(t *formview.Teller, form *schemas.Form, op *syncproto.Op, fault syncproto.CellKey) (asideOp, bool) {
	said, ok := v.changed(t, form, op)
	if op.Kind == syncproto.OpMove {
		said, ok = changedValue{v.say("screen_records.home", nil), ""}, true
	}
	if alive, is := op.Value.AsBool(); is && op.Field == syncproto.FieldPresence && !alive {
		said, ok = changedValue{v.say("screen_records.presence", nil), v.say("screen_records.gone", nil)}, true
	}
	if !ok {
		return asideOp{}, false
	}
	x := asideOp{Label: said.Field, Value: said.Value, Settable: aside.Settable(form, op), Faulty: fault.Field == op.Field && fault.Item == op.Item && fault.Sub == op.Sub && fault.Field != 0}
	if leaf := aside.Leaf(form, syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub}); leaf != nil && x.Settable {
		x.Unit = v.label(leaf.Unit)
		x.Typed = v.typedOf(t, leaf, op)
		x.Options = fewOf(t, leaf)
	}
	return x, true
}

// typedOf is an operation's value as a person types it; what is none of its field's kind
// stands as it is shown.
func (v *visit) typedOf(t *formview.Teller, leaf *schemas.Field, op *syncproto.Op) string {
	if text, is := op.Value.AsText(); is {
		return text
	}
	return t.Typed(leaf, merge.FromWire(op.Value))
}

// fewOf are the values of a code, or a yes or no; a step is taken and not corrected.
func fewOf(t *formview.Teller, f *schemas.Field) []formview.Choice {
	if f.Type == schemas.TypeState {
		return nil
	}
	return t.Options(f)
}
