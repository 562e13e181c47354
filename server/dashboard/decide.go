package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

func (a *App) decideRoutes() []route {
	return []route{
		{pattern: "GET /decide/{id}", handle: func(v *visit) error { return v.showDecide(nil) }},
		{pattern: "POST /decide/{id}", handle: (*visit).decide},
	}
}

// What is done with a dossier that was sent in.
const (
	actApprove = "approve"
	actReturn  = "return"
	actDefer   = "defer"
	actReview  = "review"
)

// dossierActs are the acts with the state that each steps into.
var dossierActs = []struct{ act, to string }{{actApprove, "approved"}, {actReturn, "returned"}, {actReview, "county_reviewed"}, {actDefer, "approved"}}

// steps are the states into which the reader may step a dossier of a place.
func (v *visit) steps(r store.Reader, place store.Place, from string) (to []string, err error) {
	roles, err := v.access.RolesAt(r, v.who.ID, place.ID, v.now())
	if err != nil {
		return nil, err
	}
	var actor workflow.Actor
	for _, role := range roles {
		actor.Roles = append(actor.Roles, workflow.Role(role))
	}
	m, _ := workflow.Of(dossierForm)
	for _, s := range m.Next(from) {
		if actor.May(s.Who) {
			to = append(to, s.To)
		}
	}
	return to, nil
}

type decideData struct {
	ID, Form, Seen, Frozen     string
	Place                      crumb
	Status, Due, Percent       string
	Sections                   []sectionRow
	Conflicts, Counted, Digest string
	Needs                      []needRow
	Acts                       []option
	ballotData
	By       []option
	Reasons  []reasonRow
	Returned []returnedRow
	// Warnings are to be read before, Accept names them.
	Warnings []formview.Notice
	Accept   string
	// Returning opens the reasons.
	Returning bool
}

// deciding is a dossier with all that a decision on it needs, in one snapshot.
type deciding struct {
	council
	dossier  *filed
	steps    []string
	snapshot workflow.Snapshot
	counted  []workflow.Counted
	summary  indicators.Summary
	settings indicators.Settings
}

// errMoved says that what a dossier rests on is not as the page showed it.
var errMoved = errors.New("what the dossier rests on was changed since it was shown")

// lookAround looks at the place of the address's record, which is of a form.
func (v *visit) lookAround(form string) (place store.Place, l *looked, err error) {
	err = v.read(func(_ store.Reader, view *access.View) error {
		f, err := v.open(view, v.r.PathValue("id"), form)
		if err == nil {
			place = f.place
		}
		return err
	})
	if err == nil {
		l, err = v.look(fmt.Sprint(place.Number))
	}
	return place, l, err
}

// deciding reads the dossier of the address. Who may take no step of it finds no page.
func (v *visit) deciding() (*deciding, *looked, error) {
	place, l, err := v.lookAround(dossierForm)
	if err != nil {
		return nil, nil, err
	}
	d := &deciding{settings: l.settings}
	for _, s := range l.summaries {
		if s.Place == indicators.ID(place.ID) {
			d.summary = s
		}
	}
	err = v.read(func(r store.Reader, view *access.View) (err error) {
		if d.dossier, err = v.open(view, v.r.PathValue("id"), dossierForm); err != nil {
			return err
		}
		if d.steps, err = v.steps(r, place, d.dossier.value("status").Code()); err != nil {
			return err
		}
		if !slices.ContainsFunc(dossierActs, func(a struct{ act, to string }) bool { return slices.Contains(d.steps, a.to) }) {
			return store.ErrNotFound
		}
		last := int(d.dossier.value("snapshot_number").Int())
		if d.snapshot, d.counted, err = v.frozenNow(view, place, last+1, workflow.FormulaOf(&d.settings)); err != nil {
			return err
		}
		d.council = council{subject: d.dossier}
		return v.convene(view, &d.council)
	})
	return d, l, err
}

// acts are those that the reader may choose.
func (d *deciding) acts() (acts []string) {
	for _, a := range dossierActs {
		if slices.Contains(d.steps, a.to) {
			acts = append(acts, a.act)
		}
	}
	return acts
}

const (
	actFamily texts.Family = "office_meet.act"
	// reasonPrefix stands before the names of reasons per section.
	reasonPrefix = "reason."
)

func (v *visit) showDecide(failed error, warnings ...workflow.Finding) error {
	x, l, err := v.deciding()
	if err != nil {
		return err
	}
	h := hood{}
	h.fill(&x.summary, l.figures.Today)
	d := decideData{ID: x.dossier.state.Record.String(), Seen: seenOf(x.dossier.state), Frozen: x.snapshot.Hash, Place: crumb{l.place.Number, v.placeName(l.place), true},
		Status: v.code("DOSSIERSTATUS", x.dossier.value("status").Code()), Due: v.dayText(int64(x.dossier.value("due_on").Date())), Percent: v.words.Percent(float64(h.Percent) / 1000),
		Conflicts: v.words.Number(h.Conflicts), Counted: v.words.Number(len(x.counted)), Digest: x.snapshot.Hash[:12], Needs: v.ranked(&x.summary)}
	if d.Form, err = v.newForm(); err != nil {
		return err
	}
	for _, f := range x.summary.Fills {
		d.Sections = append(d.Sections, v.sectionRow(f))
	}
	for _, act := range x.acts() {
		d.Acts = append(d.Acts, option{act, v.words.Catalogue().Member(actFamily, act, nil), act == v.value("act")})
	}
	d.ballotData = v.ballot("/decide/"+d.ID, &x.council)
	for _, m := range x.by {
		d.By = append(d.By, option{m.ID, m.label(), m.ID == v.value("by") || v.value("by") == "" && m.secretary})
	}
	d.Returned = v.returnedBefore(x.dossier)
	if slices.Contains(x.acts(), actReturn) {
		if d.Reasons, err = v.reasonRows(x); err != nil {
			return err
		}
	}
	d.Accept, d.Returning = acceptOf(warnings), v.value("act") == actReturn
	for _, f := range warnings {
		d.Warnings = append(d.Warnings, formview.Notice{Level: formview.Warning, Text: v.label(f.Message), Hint: v.say("screen.rule", texts.Args{"rule": f.Rule, "source": string(f.Source)})})
	}
	p := v.page("decide", v.say("office_meet.decide", texts.Args{"place": d.Place.Name}))
	p.Back, p.Data, p.Live = "/meetings", d, false
	if d.Meeting != "" {
		p.Back = "/meeting/" + d.Meeting
	}
	return v.renderFailed(p, failed)
}

var (
	// errNoAct, errNoMeeting and errNoBy say what was not chosen.
	errNoAct     = errors.New("no act was chosen")
	errNoMeeting = errors.New("no meeting was chosen")
	errNoBy      = errors.New("nobody was named in whose name it is returned")
	// errWarned says that there is something to read before it is decided.
	errWarned = errors.New("rules warn of the decision")
)

// explainMeeting says why a meeting or decision was not recorded.
func (v *visit) explainMeeting(err error) formview.Notice {
	n := formview.Notice{Level: formview.Problem}
	typed, isTyped := errors.AsType[*typedError](err)
	switch {
	case isTyped:
		why := typed.err.Error()
		if field, is := errors.AsType[*schemas.FieldError](typed.err); is {
			why = v.label(field.Message)
		}
		n.Text = v.say("office_meet.failed.typed", texts.Args{"field": typed.field, "why": why})
	case errors.Is(err, errNoAct):
		n.Text = v.say("office_meet.failed.no_act", nil)
	case errors.Is(err, errNoMeeting):
		n.Text = v.say("office_meet.failed.no_meeting", nil)
	case errors.Is(err, errNoBy):
		n.Text = v.say("office_meet.failed.no_by", nil)
	case errors.Is(err, errMoved):
		n.Level, n.Text = formview.Warning, v.say("office_meet.failed.moved", nil)
	case errors.Is(err, errNobodySigned):
		n.Text = v.say("office_meet.failed.nobody_signed", nil)
	case errors.Is(err, errNoAmount):
		n.Text = v.say("office_task.failed.no_amount", nil)
	case errors.Is(err, errBelow):
		n.Text, n.Hint = v.say("office_task.failed.below", nil), v.say("office_task.failed.below_hint", nil)
	case errors.Is(err, errFollowed):
		n.Level, n.Text = formview.Warning, v.say("office_task.failed.followed", nil)
	case errors.Is(err, errWarned):
		n.Level, n.Text = formview.Warning, v.say("office_meet.failed.warned", nil)
	}
	return n
}

// statusOfMeeting is the HTTP status of what was not recorded, 0 for any other error.
func statusOfMeeting(err error) int {
	_, isTyped := errors.AsType[*typedError](err)
	switch {
	case errors.Is(err, errMoved), errors.Is(err, errFollowed):
		return http.StatusConflict
	case isTyped, errors.Is(err, errNobodySigned), errors.Is(err, errNoAmount), errors.Is(err, errBelow), errors.Is(err, errNoAct), errors.Is(err, errNoMeeting), errors.Is(err, errNoBy), errors.Is(err, errWarned):
		return http.StatusUnprocessableEntity
	}
	return 0
}

// decide writes a decision on a dossier, the step that follows from it and, where it
// is approved, what was approved: all of it, or nothing.
func (v *visit) decide() error {
	x, _, err := v.deciding()
	if err != nil {
		return err
	}
	act := v.value("act")
	w, err := v.begin()
	if err != nil {
		return err
	}
	var decision schemas.Record
	step := map[string]schemas.Value{}
	switch {
	case !slices.Contains(x.acts(), act):
		err = errNoAct
	case x.meeting == nil && (act == actApprove || act == actDefer):
		err = errNoMeeting
	default:
		decision, err = v.decisionOn(x, act)
	}
	if err == nil {
		err = v.stepOf(x, act, step)
	}
	if err != nil {
		return v.showDecide(err)
	}
	if v.value("frozen") != x.snapshot.Hash && act == actApprove {
		// A form that was sent twice was taken the first time; the hub says so.
		if v.value("seen") == seenOf(x.dossier.state) {
			return v.showDecide(errMoved)
		}
	}
	form, _ := v.forms.FormByName(decisionForm)
	if x.meeting != nil {
		id := w.create(form, x.dossier.place.ID, func(r *schemas.Record) error {
			r.Fields = decision.Clone().Fields
			return nil
		})
		if act == actApprove {
			step["approved_by_decision_id"] = schemas.RefValue(schemas.ID(id))
		}
	}
	if act != actDefer {
		after := x.dossier.rec.Clone()
		if err := put(x.dossier.form, &after, step); err != nil {
			return err
		}
		verdict := v.judge(x, after, decision)
		if f, refused := verdict.Refused(); refused {
			return v.showDecide(&hub.RefusedError{Record: x.dossier.state.Record, Finding: f})
		}
		if v.value("accept") != acceptOf(verdict.Warnings()) && len(verdict.Warnings()) > 0 {
			return v.showDecide(errWarned, verdict.Warnings()...)
		}
		if err := w.edit(x.dossier.state.Record, v.value("seen"), func(form *schemas.Form, r *schemas.Record) error { return put(form, r, step) }); err != nil {
			return err
		}
	}
	if act == actApprove {
		v.keepCounted(w, x)
	}
	switch err := w.do(); {
	case saidOnPage(err):
		return v.showDecide(err)
	case err != nil:
		return err
	}
	to := "/neighbourhood/" + fmt.Sprint(x.dossier.place.Number)
	if x.meeting != nil {
		to = "/meeting/" + x.meeting.state.Record.String()
	}
	return v.done("decided_"+act, to)
}

// acceptOf names the warnings that somebody has read.
func acceptOf(warnings []workflow.Finding) string {
	var names []string
	for _, f := range warnings {
		names = append(names, f.Rule)
	}
	return strings.Join(names, " ")
}

// decisionOn is the record of a decision, bound to what the dossier is now.
func (v *visit) decisionOn(x *deciding, act string) (schemas.Record, error) {
	if x.meeting == nil {
		return schemas.Record{}, nil
	}
	kind, result := "approve_dossier", "approved"
	switch act {
	case actReturn:
		kind, result = "return_dossier", "returned"
	case actDefer:
		result = "deferred"
	}
	return v.decisionOf(&x.council, kind, result, x.dossier.place.NameFa)
}

// stepOf is what the act writes into the dossier.
func (v *visit) stepOf(x *deciding, act string, step map[string]schemas.Value) error {
	today := schemas.DateValue(int32(v.today()))
	by := schemas.Value{}
	if i := slices.IndexFunc(x.by, func(m member) bool { return m.ID == v.value("by") }); i >= 0 {
		id, err := syncproto.ParseID(x.by[i].ID)
		if err != nil {
			return err
		}
		by = schemas.RefValue(schemas.ID(id))
	}
	switch act {
	case actApprove:
		step["status"], step["approved_on"] = schemas.CodeValue("approved"), today
		step["snapshot_number"], step["snapshot_formula_version"] = schemas.IntValue(int64(x.snapshot.Number)), schemas.TextValue(x.snapshot.Formula)
		step["snapshot_hash"] = schemas.TextValue(x.snapshot.Hash)
	case actReview:
		step["status"], step["reviewed_on"] = schemas.CodeValue("county_reviewed"), today
		if !by.IsEmpty() {
			step["reviewed_by"] = by
		}
	case actReturn:
		list, _ := x.dossier.form.FieldByName("returned")
		reason, _ := list.FieldByName("reason")
		items := slices.Clone(x.dossier.value("returned").Items())
		n := len(items)
		for _, code := range workflow.DossierSections {
			typed := v.value(reasonPrefix + code)
			if strings.TrimSpace(typed) == "" {
				continue
			}
			value, err := schemas.ParseInput(x.dossier.form, v.forms, reason, typed)
			if err != nil {
				return &typedError{v.label(reason.Label), err}
			}
			record, question, err := v.pointed(x, code)
			if err != nil {
				return err
			}
			row := rowsOf(x.dossier.form, "returned", []map[string]schemas.Value{{"on": today, "by": by, "section": schemas.CodeValue(code), "reason": value,
				"record_id": record, "field": question}})
			items = append(items, row.Items()...)
		}
		if len(items) == n {
			return errNoReason
		}
		if by.IsEmpty() {
			return errNoBy
		}
		step["status"], step["returned"] = schemas.CodeValue("returned"), schemas.ItemsValue(items)
	}
	return nil
}

// newDecision stands for the decision that is written beside the step, until it has an
// id of its own.
var newDecision = schemas.ID{0xff}

// judge asks the programme's rules before anything is written, with what they warn of.
func (v *visit) judge(x *deciding, after, decision schemas.Record) workflow.Verdict {
	m, _ := workflow.Of(dossierForm)
	if f, ok := x.dossier.form.FieldByName("approved_by_decision_id"); ok && !after.Fields[f.ID].IsEmpty() {
		after = after.Clone()
		after.Fields[f.ID] = schemas.RefValue(newDecision)
	}
	status, _ := x.dossier.form.FieldByName("status")
	return workflow.Judge(m, &workflow.Case{Forms: v.forms, ID: x.dossier.id(), Before: x.dossier.rec, After: after, To: after.Fields[status.ID].Code(),
		Version: merge.VersionDecided(x.dossier.form, x.dossier.state), Facts: workflow.FactsOf(&x.summary), Settings: workflow.SettingsOf(&x.settings), Today: v.today(),
		Records: recordsBeside{&x.council, decision},
		// Whose step it is was asked before, and the hub asks again.
		Actor: workflow.Actor{Office: true}})
}

// recordsBeside are those that the rules of a decision look at.
type recordsBeside struct {
	x        *council
	decision schemas.Record
}

func (r recordsBeside) Record(id schemas.ID) (schemas.Record, bool) {
	switch {
	case id == newDecision && r.x.meeting != nil:
		return r.decision, true
	case r.x.meeting != nil && id == r.x.meeting.id():
		return r.x.meeting.rec, true
	case r.x.committee != nil && id == r.x.committee.id():
		return r.x.committee.rec, true
	}
	return schemas.Record{}, false
}

// keepCounted writes the list of what was approved beside the dossier.
func (v *visit) keepCounted(w *writing, x *deciding) {
	form, _ := v.forms.FormByName(workflow.SnapshotForm)
	for i, text := range workflow.EncodeCounted(x.counted) {
		w.create(form, x.dossier.place.ID, func(r *schemas.Record) error {
			return put(form, r, map[string]schemas.Value{"dossier_id": schemas.RefValue(x.dossier.id()), "number": schemas.IntValue(int64(x.snapshot.Number)),
				"part": schemas.IntValue(int64(i + 1)), "content": schemas.TextValue(text)})
		})
	}
}

// saidOnPage reports whether an error is told on the page whose form was sent, with
// what was typed.
func saidOnPage(err error) bool {
	status := cmp.Or(statusOfWriting(err), statusOfMeeting(err))
	return status == http.StatusUnprocessableEntity || status == http.StatusConflict
}
