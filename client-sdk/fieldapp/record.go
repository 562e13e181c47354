package fieldapp

import (
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

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
		all = append(all, v.say("screen_records.cell", texts.Args{"label": label, "said": words.Member(reasonFamily, lastPart(clientsdk.ReasonKey(c.Reason)), nil)}))
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

// askData is what is asked before a record is deleted or takes a step.
type askData struct {
	// Act is where the answer goes, Button what it says, To the state.
	Act, Button, To string
	What            string
	Warnings        []string
	Most            int
	Danger          bool
}

func (v *visit) askDelete() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	p := v.page("ask", v.say("screen_records.delete.title", nil))
	p.Back, p.Nav = "/record/"+id.String(), nil
	p.Data = askData{Act: p.Back + "/delete", Button: v.say("screen_records.delete.do", nil), Danger: true, Most: clientsdk.MaxReason,
		What: v.say("screen_records.delete.what", texts.Args{"title": v.titled(title)})}
	return v.render(p)
}

func (v *visit) deleteRecord() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	if _, err := v.c.Delete(v.ctx(), id, v.value("reason")); err != nil {
		return err
	}
	v.events.tell(eventRecords)
	v.tellNext(formview.Notice{Level: formview.Done, Text: v.say("screen_records.delete.done", texts.Args{"title": v.titled(title)}),
		Hint: v.say("screen_records.delete.hint", nil), To: "/trash", Label: v.say("screen_records.trash", nil)})
	return v.redirect("/records")
}

func (v *visit) restoreRecord() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	if _, err := v.c.Restore(v.ctx(), id, ""); err != nil {
		return err
	}
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	v.events.tell(eventRecords)
	v.done("screen_records.restored", texts.Args{"title": v.titled(title)})
	return v.redirect(v.cameFrom("/record/" + id.String()))
}

// undoChange opens the record's form with a change taken back, for the person to
// look at and save.
func (v *visit) undoChange() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(v.r.PathValue("change"))
	if err != nil || len(raw) != len(syncproto.ChangeID{}) {
		return errNoPage
	}
	change := syncproto.ChangeID(raw)
	d, err := v.c.Undo(v.ctx(), id, change)
	if err != nil {
		return err
	}
	v.tellNext(formview.Notice{Level: formview.Info, Text: v.say("screen_records.undone", nil)})
	return v.goOn(d, true, "")
}

func (v *visit) askStep() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	r, err := v.c.Record(v.ctx(), id)
	if err != nil {
		return err
	}
	to := v.value("to")
	m, f, err := stateField(r)
	if err != nil {
		return err
	}
	warnings, err := v.c.MayStep(v.ctx(), id, m.Field, to)
	if err != nil {
		return err
	}
	tell := v.reader()
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	p := v.page("ask", v.say("screen_records.step.title", nil))
	p.Back, p.Nav = "/record/"+id.String(), nil
	d := askData{Act: p.Back + "/step", To: to, Button: v.say("screen_records.step.do", nil), Most: clientsdk.MaxReason,
		What: v.say("screen_records.step.what", texts.Args{"title": v.titled(title), "from": tell.Shown(f, r.Values.Fields[f.ID]), "to": tell.Code(f.List, to)})}
	for _, w := range warnings {
		d.Warnings = append(d.Warnings, v.words.In(w.Message))
	}
	p.Data = d
	return v.render(p)
}

// stateField is the field of a record that steps.
func stateField(r *clientsdk.Record) (*workflow.Machine, *schemas.Field, error) {
	if r.Form == nil {
		return nil, nil, errNoPage
	}
	m, ok := workflow.Of(r.Form.Name)
	if !ok {
		return nil, nil, errNoPage
	}
	f, ok := r.Form.FieldByName(m.Field)
	if !ok {
		return nil, nil, errNoPage
	}
	return m, f, nil
}

func (v *visit) takeStep() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	r, err := v.c.Record(v.ctx(), id)
	if err != nil {
		return err
	}
	m, f, err := stateField(r)
	if err != nil {
		return err
	}
	to := v.value("to")
	if _, err := v.c.Transition(v.ctx(), id, m.Field, to, v.value("reason")); err != nil {
		return err
	}
	v.events.tell(eventRecords)
	v.done("screen_records.step.done", texts.Args{"state": v.reader().Code(f.List, to)})
	return v.redirect("/record/" + id.String())
}
