package fieldapp

import (
	"net/url"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
)

func (a *App) recordRoutes() []route {
	return []route{
		{pattern: "GET /record/{id}", handle: (*visit).getRecord},
		{pattern: "GET /record/{id}/delete", handle: (*visit).askDelete},
		{pattern: "POST /record/{id}/delete", handle: (*visit).deleteRecord},
		{pattern: "POST /record/{id}/restore", handle: (*visit).restoreRecord},
		{pattern: "POST /record/{id}/undo/{change}", handle: (*visit).undoChange},
		{pattern: "GET /record/{id}/step", handle: (*visit).askStep},
		{pattern: "POST /record/{id}/step", handle: (*visit).takeStep},
	}
}

// recordData is a record as its page shows it.
type recordData struct {
	ID, Form, Title string
	Badges          []badge
	// By is who changed it last and when.
	By string
	// Deleted, Contested and Erased are as in clientsdk.Record; Unknown: this
	// release does not know its form.
	Deleted, Contested, Erased, Unknown bool
	Sections                            []sectionData
	Filled, Total                       int
	Problems                            []problemData
	Conflicts                           []option
	// Pending are what will become of changes that were not sent.
	Pending []string
	Draft   string
	Steps   []option
	History []entryData
	// Belongs are records that refer to this one, by form.
	Belongs []option
	From    string
}

type sectionData struct {
	Label string
	Facts []factData
}

// factData is one field as it is read: its value in one line, the records that it
// names, or its rows.
type factData struct {
	Label, Value string
	Links        []option
	Rows         [][]factData
}

type problemData struct {
	Level, Text string
	To          string
}

func (v *visit) recordID() (syncproto.RecordID, error) {
	return clientsdk.ParseRecordID(v.r.PathValue("id"))
}

func (v *visit) getRecord() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	r, err := v.c.Record(v.ctx(), id)
	if err != nil {
		return err
	}
	d, err := v.recordData(r)
	if err != nil {
		return err
	}
	p := v.page("record", d.Title)
	p.Back, p.Data = d.From, d
	return v.render(p)
}

func (v *visit) recordData(r *clientsdk.Record) (*recordData, error) {
	d := &recordData{ID: r.ID.String(), Form: v.formLabel(r.Form, r.FormID), Erased: r.Erased, Deleted: r.Deleted, Contested: r.Contested,
		Unknown: r.Form == nil, Title: v.say("screen_records.untitled", nil), From: v.cameFrom("/records")}
	if r.Erased {
		return d, nil
	}
	title, err := v.recordTitle(r.ID)
	if err != nil {
		return nil, err
	}
	d.Title = v.named(title, d.Form)
	d.Badges = v.badges(&clientsdk.Row{Sync: r.Sync, Conflicts: len(r.Conflicts), HasDraft: r.HasDraft, Deleted: r.Deleted}, false)
	made := r.LastChange()
	d.By = v.say("screen_records.by", texts.Args{"who": v.who(made), "when": v.when(made.Time)})
	for i := range r.Conflicts {
		x := &r.Conflicts[i]
		d.Conflicts = append(d.Conflicts, option{Label: v.labelOf(x), To: conflictAddress(x)})
	}
	tell := v.reader()
	if r.Form != nil {
		d.Sections = v.sections(tell, r)
		d.Filled, d.Total = r.Completeness.Filled, r.Completeness.Total
		d.Problems = v.problems(r)
		d.Steps = v.steps(tell, r)
	}
	for _, part := range []func(*formview.Teller, *clientsdk.Record, *recordData) error{v.addDraft, v.addPending, v.addHistory, v.addBelongs} {
		if err := part(tell, r, d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// reader writes values for who reads a record: references by their titles.
func (v *visit) reader() *formview.Teller {
	t := v.teller()
	t.Title = func(id schemas.ID) string {
		title, err := v.recordTitle(syncproto.RecordID(id))
		if err != nil {
			v.log.Warn("a reference could not be named", "err", err)
		}
		return title
	}
	return t
}

// sections are what a record holds, under its form's headings; what is empty is
// left out.
func (v *visit) sections(tell *formview.Teller, r *clientsdk.Record) (all []sectionData) {
	for _, s := range r.Form.Sections {
		section := sectionData{Label: v.words.In(s.Label)}
		for _, f := range s.Fields {
			value := r.Values.Fields[f.ID]
			if f.Type == schemas.TypeComputed {
				value = r.Computed.Fields[f.ID]
			}
			if !value.IsEmpty() {
				section.Facts = append(section.Facts, v.fact(tell, f, value, r.Computed.Fields[f.ID]))
			}
		}
		if len(section.Facts) > 0 {
			all = append(all, section)
		}
	}
	return all
}

// fact shows one field; computed are the computed fields of its rows.
func (v *visit) fact(tell *formview.Teller, f *schemas.Field, value, computed schemas.Value) factData {
	out := factData{Label: v.words.In(f.Label)}
	shown := f
	if f.Type == schemas.TypeComputed { // it is shown as its result is
		result := *f
		result.Type, shown = f.Result, &result
	}
	switch value.Kind() {
	case schemas.KindRef:
		out.Links = v.links(tell, value.Ref())
	case schemas.KindRefs:
		out.Links = v.links(tell, value.Refs()...)
	case schemas.KindItems:
		for i, row := range value.Items() {
			var cells []factData
			for _, column := range f.Fields {
				cell := row.Fields[column.ID]
				if column.Type == schemas.TypeComputed && i < len(computed.Items()) {
					cell = computed.Items()[i].Fields[column.ID]
				}
				if !cell.IsEmpty() {
					cells = append(cells, v.fact(tell, column, cell, schemas.Value{}))
				}
			}
			out.Rows = append(out.Rows, cells)
		}
	default:
		out.Value = tell.Shown(shown, value)
	}
	return out
}

// links lead to records that are here; of others only what is known is said.
func (v *visit) links(tell *formview.Teller, ids ...schemas.ID) (all []option) {
	for _, id := range ids {
		x := option{Label: tell.Title(id)}
		if x.Label != "" {
			x.To = recordAddress(syncproto.RecordID(id), v.here())
		} else {
			x.Label = tell.Record(id)
		}
		all = append(all, x)
	}
	return all
}

// here is the address of this page, to come back to.
func (v *visit) here() string { return v.r.URL.Path }

func (v *visit) problems(r *clientsdk.Record) (all []problemData) {
	for _, p := range r.Problems {
		x := problemData{Level: "warning", Text: v.words.In(p.Message)}
		if p.Level == schemas.LevelError {
			x.Level = "problem"
		}
		if p.Level == schemas.LevelMissing {
			x.Level = "info"
		}
		if p.Record != (schemas.ID{}) {
			x.To = recordAddress(syncproto.RecordID(p.Record), v.here())
		}
		all = append(all, x)
	}
	return all
}

// steps are the states into which the record may step from where it stands.
func (v *visit) steps(tell *formview.Teller, r *clientsdk.Record) (all []option) {
	m, ok := workflow.Of(r.Form.Name)
	if !ok || r.Deleted {
		return nil
	}
	f, ok := r.Form.FieldByName(m.Field)
	if !ok {
		return nil
	}
	for _, s := range m.Next(r.Values.Fields[f.ID].Code()) {
		to := "/record/" + r.ID.String() + "/step?" + url.Values{"to": {s.To}}.Encode()
		if !slices.ContainsFunc(all, func(o option) bool { return o.To == to }) {
			all = append(all, option{Value: s.To, Label: tell.Code(f.List, s.To), To: to})
		}
	}
	return all
}

func (v *visit) addDraft(_ *formview.Teller, r *clientsdk.Record, d *recordData) error {
	if !r.HasDraft {
		return nil
	}
	all, err := v.c.Drafts(v.ctx())
	for _, x := range all {
		if x.Record == r.ID {
			d.Draft = draftAddress(x.ID)
		}
	}
	return err
}

// addBelongs counts what refers to the record, by form.
func (v *visit) addBelongs(_ *formview.Teller, r *clientsdk.Record, d *recordData) error {
	all, err := v.c.Tally(v.ctx(), clientsdk.Query{RefersTo: r.ID})
	if err != nil {
		return err
	}
	for id, n := range all {
		if form, ok := v.c.Forms().Form(id); ok {
			d.Belongs = append(d.Belongs, option{Label: v.words.In(form.Label), Count: n, To: listing{Form: form.Name, Of: r.ID}.address()})
		}
	}
	v.sortOptions(d.Belongs)
	return nil
}

// compare orders labels as readers of the page's language sort.
func (v *visit) compare(a, b string) int {
	if v.words.Persian() {
		return slices.Compare(persian.SortKey(a), persian.SortKey(b))
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// goOn opens the form of a draft that was begun elsewhere than on its page. It is
// stored now if it holds something that a person did; otherwise when it does.
func (v *visit) goOn(d *clientsdk.Draft, done bool, then string) error {
	v.drafts.mu.Lock()
	defer v.drafts.mu.Unlock()
	o := v.drafts.add(d)
	o.touched, o.then = done, then
	v.store(o)
	return v.redirect(draftAddress(d.ID()))
}
