package fieldapp

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
)

// newData are forms to begin, those that fill the dossier first and in its order.
type newData struct{ Dossier, Others []option }

// getNew lists the forms that the person may record.
func (v *visit) getNew() error {
	may, err := v.mayRecord()
	if err != nil {
		return err
	}
	var ofDossier []string
	for _, section := range workflow.DossierSections {
		ofDossier = append(ofDossier, workflow.SectionForms[section]...)
	}
	var d newData
	add := func(to *[]option, form *schemas.Form) {
		if may[form.Compartment] && slices.ContainsFunc(form.Fields(), (*schemas.Field).Asked) {
			*to = append(*to, option{Label: v.words.In(form.Label), To: "/new/" + form.Name})
		}
	}
	for _, name := range ofDossier {
		if form, ok := v.c.Forms().FormByName(name); ok {
			add(&d.Dossier, form)
		}
	}
	for _, form := range v.c.Forms().Forms() {
		if !slices.Contains(ofDossier, form.Name) {
			add(&d.Others, form)
		}
	}
	p := v.page("new", v.say("screen_form.new", nil))
	p.Back, p.Data = "/records", d
	return v.render(p)
}

// mayRecord are the compartments of the person's own neighbourhood in which the
// person may record.
func (v *visit) mayRecord() (map[schemas.Compartment]bool, error) {
	s, err := v.c.Status(v.ctx())
	if err != nil {
		return nil, err
	}
	may := map[schemas.Compartment]bool{}
	for _, scope := range s.Scopes {
		if scope.Write && scope.Place == s.Person.Place {
			may[schemas.Compartment(scope.Compartment)] = true
		}
	}
	return may, nil
}

// getNewForm begins a form. An address may bring values for its fields, as
// "?block_id=…", the place or the record that it belongs to as "?place=…" and
// "?beside=…", and where it leads when it is done as "?then=…".
func (v *visit) getNewForm() error {
	d, err := v.begin(v.r.PathValue("form"))
	if err != nil {
		return err
	}
	v.drafts.mu.Lock()
	defer v.drafts.mu.Unlock()
	o := v.drafts.add(d)
	o.then = v.ownAddress("then")
	if err := o.beginState(); err != nil {
		return err
	}
	for _, f := range d.Form().Fields() {
		if text := v.r.URL.Query().Get(f.Name); text != "" && f.Asked() {
			if err := o.set(clientsdk.Spot{Field: f.Name}, f, text); err != nil {
				return err
			}
		}
	}
	return v.redirect(draftAddress(d.ID()))
}

func (v *visit) begin(form string) (*clientsdk.Draft, error) {
	place := v.c.Person().Place
	if text := v.value("place"); text != "" {
		id, err := clientsdk.ParseRecordID(text)
		if err != nil {
			return nil, errNoPage
		}
		place = syncproto.PlaceID(id)
	}
	if text := v.value("beside"); text != "" {
		id, err := clientsdk.ParseRecordID(text)
		if err != nil {
			return nil, errNoPage
		}
		return v.c.NewBeside(v.ctx(), id, place, form)
	}
	return v.c.NewAt(v.ctx(), form, place)
}

// getEdit opens a record's form, or goes on with the draft that it has.
func (v *visit) getEdit() error {
	id, err := clientsdk.ParseRecordID(v.r.PathValue("record"))
	if err != nil {
		return errNoPage
	}
	v.drafts.mu.Lock()
	defer v.drafts.mu.Unlock()
	open := func(draft clientsdk.DraftID) error {
		to := draftAddress(draft)
		if then := v.ownAddress("then"); then != "" {
			to += "?" + query("then", then)
		}
		if at := v.value("at"); at != "" {
			o, err := v.drafts.of(v.ctx(), v.c, draft)
			if err != nil {
				return err
			}
			to += o.anchor(at)
		}
		return v.redirect(to)
	}
	if draft, ok := v.drafts.ofRecord(id); ok {
		return open(draft)
	}
	all, err := v.c.Drafts(v.ctx())
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.Record == id {
			return open(x.ID)
		}
	}
	d, err := v.c.Edit(v.ctx(), id)
	if err != nil {
		return err
	}
	v.drafts.add(d)
	return open(d.ID())
}

// atMissing asks for the first question that lacks its answer.
const atMissing = "-"

// anchor is the part of an address that leads to a question, "" for one that the form
// does not have.
func (o *openDraft) anchor(at string) string {
	if at == atMissing {
		lacks := map[schemas.FieldID]bool{}
		for _, p := range o.d.Problems() {
			lacks[p.Field] = true
			if f, ok := o.d.Form().Field(p.Field); ok && f.Parent != 0 {
				lacks[f.Parent] = true
			}
		}
		i := slices.IndexFunc(o.d.Form().Fields(), func(f *schemas.Field) bool { return lacks[f.ID] && f.Asked() })
		if i < 0 {
			return ""
		}
		at = o.d.Form().Fields()[i].Name
	}
	if _, ok := o.d.Form().FieldByName(at); !ok {
		return ""
	}
	return "#" + controlID(at)
}

// saveDraft saves a form, with the forms that belong to it.
func (v *visit) saveDraft(o *openDraft) error {
	if err := o.dropEmptyRows(); err != nil {
		return err
	}
	group, err := v.besides(o)
	if err != nil {
		return err
	}
	all := []*clientsdk.Draft{o.d}
	for _, x := range group {
		if err := x.dropEmptyRows(); err != nil {
			return err
		}
		all = append(all, x.d)
	}
	results, err := v.c.SaveGroup(v.ctx(), all...)
	if err != nil {
		return v.notSaved(o, err)
	}
	if !results[0].Saved {
		return v.stillDraft(o, group, results)
	}
	for _, d := range all {
		v.drafts.drop(d.ID())
	}
	v.events.tell(eventDrafts, eventRecords)
	v.tellSaved(o, results)
	return v.goTo(o.after("/record/" + o.d.Record().String()))
}

// notSaved tells why a save was refused, where it stands: what was typed is kept.
func (v *visit) notSaved(o *openDraft, err error) error {
	var step *clientsdk.StepError
	switch {
	case errors.Is(err, clientsdk.ErrDiskFull), errors.Is(err, clientsdk.ErrDiskFailed):
		o.failed = err
	case errors.As(err, &step):
		o.saved, o.failed = v.opt.SDK.Clock.Now(), nil
	default:
		return err
	}
	n := v.explain(err)
	return v.answerDraft(o, "form-refused", &n)
}

// stillDraft tells what must be mended, in this form or in one that belongs to it.
func (v *visit) stillDraft(o *openDraft, group []*openDraft, results []clientsdk.SaveResult) error {
	o.strict = true
	o.saved, o.failed = v.opt.SDK.Clock.Now(), nil
	v.events.tell(eventDrafts)
	var refused *formview.Notice
	for i, x := range group {
		x.strict = true
		if !schemas.Sendable(results[i+1].Problems) {
			refused = &formview.Notice{Level: formview.Problem, To: draftAddress(x.d.ID()), Label: v.words.In(x.d.Form().Label),
				Text: v.say("screen_form.beside_incomplete", texts.Args{"form": v.words.In(x.d.Form().Label)})}
		}
	}
	data, err := v.drawDraft(o)
	if err != nil {
		return err
	}
	focus := data.FirstWrong()
	switch {
	case refused != nil && schemas.Sendable(results[0].Problems):
		focus = "form-refused"
	case focus == "":
		focus = "form-errors" // of the record as a whole
	}
	return v.answerDraft(o, focus, refused)
}

// tellSaved leaves for the next page that the form was saved, and what to look at.
func (v *visit) tellSaved(o *openDraft, results []clientsdk.SaveResult) {
	r := results[0]
	if r.Change == (syncproto.ChangeID{}) && len(results) == 1 {
		v.tellNext(formview.Notice{Level: formview.Info, Text: v.say("screen_form.unchanged", nil)})
		return
	}
	v.done("screen_form.saved", texts.Args{"form": v.words.In(o.d.Form().Label)})
	for _, p := range r.Problems {
		if p.Level == schemas.LevelWarning {
			v.tellNext(formview.Notice{Level: formview.Warning, Text: v.words.In(p.Message)})
		}
	}
	var cleared []string
	for _, id := range r.Cleared {
		if f, ok := o.d.Form().Field(id); ok {
			cleared = append(cleared, v.words.In(f.Label))
		}
	}
	if len(cleared) > 0 {
		v.tellNext(formview.Notice{Level: formview.Info, Text: v.say("screen_form.cleared", texts.Args{"fields": strings.Join(slices.Compact(cleared), v.say("view_form.value.comma", nil))})})
	}
}

// keepDraft stores the form, to go on with it later.
func (v *visit) keepDraft(o *openDraft) error {
	v.store(o)
	if o.failed != nil {
		return v.answerDraft(o, "form-state", nil)
	}
	if o.touched || !o.saved.IsZero() {
		v.done("screen_form.kept", texts.Args{"form": v.words.In(o.d.Form().Label)})
	}
	if parent, err := v.parent(o); err == nil && parent != nil {
		return v.goTo(draftAddress(parent.d.ID()))
	}
	return v.goTo(o.after("/"))
}

// discardDraft forgets the form, and that others referred to the record it would have
// made.
func (v *visit) discardDraft(o *openDraft) error {
	others, err := v.besides(o)
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := other.forget(o); err != nil {
			return err
		}
		if v.store(other); other.failed != nil {
			return other.failed
		}
	}
	if err := o.d.Discard(v.ctx()); err != nil {
		return err
	}
	v.drafts.drop(o.d.ID())
	v.events.tell(eventDrafts)
	v.done("screen_form.discarded", texts.Args{"form": v.words.In(o.d.Form().Label)})
	return v.goTo(o.after("/"))
}

// forget clears references to a record that will not be made, those in rows, too.
func (o *openDraft) forget(gone *openDraft) error {
	if !gone.d.IsNew() {
		return nil
	}
	id := schemas.ID(gone.d.Record())
	clear := func(at clientsdk.Spot) error {
		v, _ := o.d.Spot(at)
		if v.Ref() != id && !slices.Contains(v.Refs(), id) {
			return nil
		}
		rest := slices.DeleteFunc(slices.Clone(v.Refs()), func(x schemas.ID) bool { return x == id })
		o.touched, o.titles = true, nil
		return o.d.SetSpot(at, schemas.RefsValue(rest...))
	}
	for _, f := range o.d.Form().Fields() {
		if f.Type != schemas.TypeList {
			if err := clear(clientsdk.Spot{Field: f.Name}); err != nil {
				return err
			}
			continue
		}
		rows, _ := o.d.Value(f.Name)
		for row := range rows.Items() {
			for _, column := range f.Fields {
				if err := clear(clientsdk.Spot{List: f.Name, Row: row, Field: column.Name}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// query writes the names and values of an address.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q.Encode()
}
