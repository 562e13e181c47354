package fieldapp

import (
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// titleOf names a record that a reference points to, "" for one that is not on
// this device.
func (v *visit) titleOf(o *openDraft, id schemas.ID) string {
	if title, ok := o.titles[id]; ok {
		return title
	}
	title, err := v.c.Label(v.ctx(), syncproto.RecordID(id), v.words.Lang())
	if err != nil {
		v.log.Warn("a reference could not be named", "err", err)
	}
	if title == "" {
		title = v.begunHere(syncproto.RecordID(id))
	}
	if o.titles == nil {
		o.titles = map[schemas.ID]string{}
	}
	o.titles[id] = title
	return title
}

// begunHere names a record that is only a draft.
func (v *visit) begunHere(id syncproto.RecordID) string {
	all, err := v.c.Drafts(v.ctx())
	if err != nil {
		return ""
	}
	for _, x := range all {
		if x.Record == id && x.Form != nil {
			return v.say("screen_form.begun", texts.Args{"form": v.words.In(x.Form.Label)})
		}
	}
	return ""
}

// choicesOf are records that a reference may point to: those whose titles hold a
// text, or the first ones.
func (v *visit) choicesOf(o *openDraft, f *schemas.Field, text string) formview.Search {
	key := strings.Join(f.Forms, " ")
	if all, ok := o.choices[key]; ok && text == "" {
		return formview.Search{Choices: all}
	}
	found := formview.Search{Text: text}
	targets := f.Forms
	if len(targets) == 0 {
		targets = []string{""}
	}
	for _, form := range targets {
		page, err := v.c.List(v.ctx(), clientsdk.Query{Form: form, Text: text, Max: formview.MaxFound})
		if err != nil {
			v.log.Warn("records to choose from could not be listed", "form", form, "err", err)
			continue
		}
		found.More = found.More || page.Next != ""
		for _, row := range page.Rows {
			if row.ID == o.d.Record() || row.Title == "" {
				continue
			}
			label := v.digits(row.Title)
			if len(targets) > 1 || form == "" {
				label = v.words.In(row.Form.Label) + ": " + label
			}
			found.Choices = append(found.Choices, formview.Choice{Text: row.ID.String(), Label: label})
		}
	}
	if text == "" {
		if o.choices == nil {
			o.choices = map[string][]formview.Choice{}
		}
		o.choices[key] = found.Choices
	}
	return found
}

// find searches the choices of a field.
func (v *visit) find(o *openDraft, t *formview.Teller, f *schemas.Field, text string) formview.Search {
	if f.List != "" {
		return t.FindCodes(f, text)
	}
	return v.choicesOf(o, f, text)
}

// getChoices shows the choices of one field that fit what is typed.
func (v *visit) getChoices() error {
	o, release, err := v.draft()
	if err != nil {
		return err
	}
	defer release()
	path := v.value("path")
	v.r.Form.Set("find", path)
	data, err := v.drawDraft(o)
	if err != nil {
		return err
	}
	field, ok := data.Field(path)
	if !ok || !field.Asked {
		return errNoPage
	}
	p := v.page("draft", "")
	p.Data = field
	return v.part("options", p)
}

// mostMakes is how many forms a reference may point to for new records of them to be
// offered: of more a person would not know which is meant.
const mostMakes = 3

// makesOf are the forms of which a record may be made to be chosen in a reference:
// it is filled in beside this form and saved together with it. What all refer to
// (organisations, blocks, neighbourhoods) is offered only where the form cannot do
// without it and there is none yet, so that nobody makes a second one in passing.
func (v *visit) makesOf(o *openDraft, f *schemas.Field) []formview.Choice {
	if f.Type != schemas.TypeReference && f.Type != schemas.TypeReferences || len(f.Forms) > mostMakes {
		return nil
	}
	if o.may == nil {
		may, err := v.mayRecord()
		if err != nil {
			v.log.Warn("rights could not be read", "err", err)
			return nil
		}
		o.may = may
	}
	var all []formview.Choice
	for _, name := range f.Forms {
		form, ok := v.c.Forms().FormByName(name)
		if !ok || form == o.d.Form() || !o.may[form.Compartment] {
			continue
		}
		if form.Compartment == sharedCompartment && (f.Required != schemas.RequiredAlways && f.RequiredWhen == "" || len(v.choicesOf(o, f, "").Choices) > 0) {
			continue
		}
		all = append(all, formview.Choice{Text: name, Label: v.say("screen_form.make", texts.Args{"form": v.words.In(form.Label)})})
	}
	return all
}

// sharedCompartment is that of records which all others refer to.
const sharedCompartment schemas.Compartment = "reference"

// makeBeside begins a form whose record a reference of this one shall point to.
// Both are saved together.
func (v *visit) makeBeside(o *openDraft, form, path string) error {
	at, f, ok := o.spot(path)
	if !ok || !slices.Contains(f.Forms, form) {
		return errNoPage
	}
	d, err := v.c.NewAt(v.ctx(), form, o.d.Place())
	if err != nil {
		return err
	}
	if err := d.Join(o.d); err != nil {
		return err
	}
	other := newOpenDraft(d)
	if err := other.beginState(); err != nil {
		return err
	}
	// What it refers to is this form, where only one of its fields may.
	if back := refersTo(d.Form(), o.d.Form().Name); back != nil {
		if err := other.d.SetValue(back.Name, pointing(back, schemas.Value{}, o.d.Record())); err != nil {
			return err
		}
	}
	stood, _ := o.d.Spot(at)
	if err := o.d.SetSpot(at, pointing(f, stood, d.Record())); err != nil {
		return err
	}
	o.touched, other.touched = true, true
	// The new one first: a reference to nothing is worse than a form too many.
	v.store(other)
	v.store(o)
	if other.failed != nil {
		return other.failed
	}
	if o.failed != nil {
		return o.failed
	}
	v.drafts.keep(other)
	o.titles = nil
	return v.goTo(draftAddress(d.ID()))
}

// pointing is what a reference says that points to a record, too, besides what stood
// there if it may point to several.
func pointing(f *schemas.Field, stood schemas.Value, to syncproto.RecordID) schemas.Value {
	if f.Type == schemas.TypeReference {
		return schemas.RefValue(schemas.ID(to))
	}
	return schemas.RefsValue(append(slices.Clone(stood.Refs()), schemas.ID(to))...)
}

// refersTo is the reference of a form that points to records of another: the one
// that is always needed, or the only one; nil where that is open. One that may point
// to many forms counts where the record cannot be without it.
func refersTo(form *schemas.Form, to string) *schemas.Field {
	var only []*schemas.Field
	for _, f := range form.Fields() {
		if f.Type != schemas.TypeReference && f.Type != schemas.TypeReferences || !slices.Contains(f.Forms, to) {
			continue
		}
		if f.Required == schemas.RequiredAlways {
			return f
		}
		if len(f.Forms) == 1 {
			only = append(only, f)
		}
	}
	if len(only) != 1 {
		return nil
	}
	return only[0]
}

// group are the stored drafts that belong to a form, with it in it; the first was
// begun first.
func (v *visit) group(o *openDraft) ([]clientsdk.DraftInfo, error) {
	if o.d.Group() == (syncproto.GroupID{}) {
		return nil, nil
	}
	all, err := v.c.Drafts(v.ctx())
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(x clientsdk.DraftInfo) bool { return x.Group != o.d.Group() || x.Err != nil })
	// Ids hold the time at which they were made.
	slices.SortFunc(all, func(a, b clientsdk.DraftInfo) int { return strings.Compare(string(a.ID[:]), string(b.ID[:])) })
	return all, nil
}

// besides are the other forms that are saved with one.
func (v *visit) besides(o *openDraft) ([]*openDraft, error) {
	all, err := v.group(o)
	if err != nil {
		return nil, err
	}
	var others []*openDraft
	for _, x := range all {
		if x.ID == o.d.ID() {
			continue
		}
		other, err := v.drafts.of(v.ctx(), v.c, x.ID)
		if err != nil {
			return nil, err
		}
		others = append(others, other)
	}
	return others, nil
}

// parent is the form that one was begun beside, nil for none.
func (v *visit) parent(o *openDraft) (*openDraft, error) {
	all, err := v.group(o)
	if err != nil || len(all) == 0 || all[0].ID == o.d.ID() {
		return nil, err
	}
	return v.drafts.of(v.ctx(), v.c, all[0].ID)
}

// drawBeside shows which forms are saved together.
func (v *visit) drawBeside(o *openDraft, data *draftData) error {
	all, err := v.group(o)
	if err != nil {
		return err
	}
	for i, x := range all {
		beside := besideDraft{Label: v.words.In(x.Form.Label), Address: draftAddress(x.ID)}
		switch {
		case x.ID == o.d.ID():
		case i == 0:
			data.Parent = &beside
		default:
			data.Beside = append(data.Beside, beside)
		}
	}
	if len(all) > 1 {
		data.Save = v.say("screen_form.save_all", texts.Args{"n": len(all)})
	}
	return nil
}
