package fieldapp

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) draftRoutes() []route {
	return []route{
		{pattern: "GET /new", handle: (*visit).getNew},
		{pattern: "GET /new/{form}", handle: (*visit).getNewForm},
		{pattern: "GET /edit/{record}", handle: (*visit).getEdit},
		{pattern: "GET /draft/{draft}", handle: (*visit).getDraft},
		{pattern: "POST /draft/{draft}", handle: (*visit).postDraft},
		{pattern: "GET /draft/{draft}/choices", handle: (*visit).getChoices},
		{pattern: "GET /calendar", handle: (*visit).getCalendar},
	}
}

// teller writes values for the person.
func (v *visit) teller() *formview.Teller {
	return &formview.Teller{Words: v.words, Lists: v.c.Forms()}
}

// draft finds the open form that an address names, and holds it until the request
// is answered.
func (v *visit) draft() (o *openDraft, release func(), err error) {
	id, err := readDraftID(v.r.PathValue("draft"))
	if err != nil {
		return nil, nil, err
	}
	v.drafts.mu.Lock()
	if o, err = v.drafts.of(v.ctx(), v.c, id); err != nil {
		v.drafts.mu.Unlock()
		return nil, nil, err
	}
	return o, v.drafts.mu.Unlock, nil
}

func readDraftID(text string) (clientsdk.DraftID, error) {
	id, err := clientsdk.ParseRecordID(text)
	if err != nil {
		return clientsdk.DraftID{}, errNoPage
	}
	return clientsdk.DraftID(id), nil
}

func draftAddress(id clientsdk.DraftID) string { return "/draft/" + syncproto.RecordID(id).String() }

// draftData is the page of a form.
type draftData struct {
	*formview.Form
	// Address is the form's, Calendar the calendar's.
	Address string
	// State says whether what was typed is stored, Failed that it is not.
	State  string
	Failed bool
	// Refused is why a save was not taken.
	Refused *formview.Notice
	// reviewed are a reviewer's words on the record as a whole.
	reviewed []formview.Notice
	// Likely are records that may be the one being typed.
	Likely []rowData
	// Save are the words on the button that saves.
	Save string
	// Needs are the forms that belong beside this one and are neither chosen nor begun.
	Needs []needData
	// Beside are the other forms that are saved together with this one.
	Beside []besideDraft
	// Parent is the form that this one belongs to, nil for none: it is saved there.
	Parent *besideDraft
}

type besideDraft struct{ Label, Address string }

// needData is a reference that a form cannot do without: the question, its control,
// and the forms of which a record may be begun for it.
type needData struct {
	Label, Path, Field string
	Makes              []formview.Choice
}

// needs are the references that the form still lacks, and of which a record may be
// begun here: who sees the form for the first time learns what belongs beside it.
func needs(form *schemas.Form, drawn *formview.Form) (all []needData) {
	consent, _ := form.Field(form.Consent)
	for _, s := range drawn.Sections {
		for _, f := range s.Fields {
			wanted := f.Need == "always" || consent != nil && f.Path == consent.Name
			if f.Asked && wanted && f.Text == "" && len(f.Makes) > 0 {
				all = append(all, needData{f.Label, f.Path, f.Control, f.Makes})
			}
		}
	}
	return all
}

func (v *visit) getDraft() error {
	o, release, err := v.draft()
	if err != nil {
		return err
	}
	defer release()
	o.choices, o.titles = nil, nil // looked up anew with the whole page
	if then := v.ownAddress("then"); then != "" {
		o.then = then
	}
	return v.showDraft(o, http.StatusOK, nil)
}

// showDraft shows the whole page of a form.
func (v *visit) showDraft(o *openDraft, status int, refused *formview.Notice) error {
	data, err := v.drawDraft(o)
	if err != nil {
		return err
	}
	data.Refused = refused
	p := v.page("draft", v.draftTitle(o))
	p.Back = o.after("/")
	if data.Parent != nil {
		p.Back = data.Parent.Address
	}
	p.Nav = nil // the buttons of the form are under the thumb
	p.Scripts = []string{"form.js", "calendar.js", "place.js"}
	p.Data = data
	p.Notices = append(p.Notices, data.reviewed...)
	if n := v.newer(o.d.Form()); n != nil {
		p.Notices = append(p.Notices, *n)
	}
	return v.renderAs(status, p)
}

func (v *visit) draftTitle(o *openDraft) string { return v.words.In(o.d.Form().Label) }

// drawDraft draws a form as it stands now.
func (v *visit) drawDraft(o *openDraft) (*draftData, error) {
	t := v.teller()
	t.Title = func(id schemas.ID) string { return v.titleOf(o, id) }
	form := o.d.Form()
	s := formview.Source{Form: form, Values: o.d.Values(), Assessment: o.d.Assess(), Problems: o.d.Problems(), Offers: o.d.Offers(),
		Typed: func(f *schemas.Field, row int) string {
			at := clientsdk.Spot{Field: f.Name, Row: row}
			if list, ok := form.Field(f.Parent); ok {
				at.List = list.Name
			}
			_, typed := o.d.Spot(at)
			return typed
		},
		RowOffers: func(list *schemas.Field, row int) map[schemas.FieldID]schemas.Value {
			return o.d.RowOffers(list.Name, row)
		},
		RowKeys: func(list *schemas.Field) []string { return o.keys[list.Name] },
		Steps:   o.steps(), Others: map[string]formview.Other{}, Strict: o.strict, Dropped: map[schemas.FieldID]bool{},
		Choices: func(f *schemas.Field) []formview.Choice { return v.choicesOf(o, f, "").Choices },
		Makes:   func(f *schemas.Field) []formview.Choice { return v.makesOf(o, f) },
		Found:   map[string]formview.Search{},
	}
	for path, other := range o.others {
		if at, f, ok := o.spot(path); ok {
			s.Others[path] = formview.Other{Stands: v.readable(t, o, f, o.text(t, at, f)), Refused: v.readable(t, o, f, other.refused)}
		}
	}
	for list := range o.dropped {
		if f, ok := form.FieldByName(list); ok {
			s.Dropped[f.ID] = true
		}
	}
	if path := v.value("find"); path != "" && v.r.Method == http.MethodGet {
		if _, f, ok := o.spot(path); ok {
			s.Found[path] = v.find(o, t, f, v.value("q"))
		}
	}
	above, said, err := v.reviewed(form.Name, o.d.Record())
	if err != nil {
		return nil, err
	}
	s.Said = said
	data := &draftData{Form: formview.Draw(t, s), reviewed: above, Address: v.prefix() + draftAddress(o.d.ID()), Save: v.say("screen_form.save", nil)}
	v.drawState(o, data)
	data.Likely, data.Needs = v.likely(o), needs(form, data.Form)
	return data, v.drawBeside(o, data)
}

// readable is a field's text as a person reads it.
func (v *visit) readable(t *formview.Teller, o *openDraft, f *schemas.Field, text string) string {
	value, err := schemas.ParseTyped(o.d.Form(), t.Lists, f, text)
	if err != nil {
		return text
	}
	if shown := t.Shown(f, value); shown != "" {
		return shown
	}
	return v.say("screen_form.nothing", nil)
}

// drawState says whether what was typed is stored.
func (v *visit) drawState(o *openDraft, data *draftData) {
	switch {
	case o.failed != nil:
		n := v.explain(o.failed)
		data.State, data.Failed = v.say("screen_form.not_stored", texts.Args{"why": n.Text}), true
	case o.saved.IsZero():
		data.State = v.say("screen_form.nothing_yet", nil)
	default:
		data.State = v.say("screen_form.stored", texts.Args{"when": v.words.Minute(o.saved)})
	}
}

// postDraft takes what a page sends. A script is told where the form went that it
// no longer finds.
func (v *visit) postDraft() error {
	err := v.takeDraft()
	if v.byScript() && (errors.Is(err, clientsdk.ErrNotFound) || errors.Is(err, clientsdk.ErrDraftOver)) {
		return v.refusePart(formview.Notice{Level: formview.Problem, Text: v.say("screen_form.gone", nil), To: "/drafts", Label: v.say("screen_records.drafts", nil)})
	}
	return err
}

// refusePart tells a form's script why what it sent was not taken.
func (v *visit) refusePart(n formview.Notice) error {
	p := v.page("draft", "")
	p.Data = &draftData{Refused: &n}
	v.w.Header().Set("Mahalleh-Parts", "1")
	v.w.Header().Set("Mahalleh-Focus", "form-refused")
	return v.part("form_refused", p)
}

func (v *visit) takeDraft() error {
	o, release, err := v.draft()
	if err != nil {
		return err
	}
	defer release()
	t := v.teller()
	if err := o.apply(t, v.r.PostForm); err != nil {
		return err
	}
	do := v.r.PostForm.Get("do")
	switch verb, rest, _ := strings.Cut(do, ":"); verb {
	case "save":
		return v.saveDraft(o)
	case "discard":
		return v.discardDraft(o)
	case "keep":
		return v.keepDraft(o)
	case "find":
		v.store(o)
		q := v.r.PostForm.Get("q:" + rest)
		return v.goTo(draftAddress(o.d.ID()) + "?" + query("find", rest, "q", q) + "#f-" + strings.ReplaceAll(rest, ".", "-"))
	case "make":
		form, path, _ := strings.Cut(rest, ":")
		return v.makeBeside(o, form, path)
	}
	focus, err := o.act(t, do)
	if err != nil {
		return err
	}
	v.store(o)
	return v.answerDraft(o, focus, nil)
}

// store puts the form on the disk. That it failed is told on the page; what was
// typed stays in memory, and is tried again.
func (v *visit) store(o *openDraft) {
	if !o.touched {
		return
	}
	o.failed = o.d.Autosave(v.ctx())
	if o.failed == nil {
		o.saved = v.opt.SDK.Clock.Now()
		v.events.tell(eventDrafts)
	}
}

// byScript reports whether the page's script asks, which shows the parts that
// changed; a page without scripts is shown anew.
func (v *visit) byScript() bool { return v.r.Header.Get("Mahalleh-Parts") != "" }

// goTo leads the page to another address of the screen.
func (v *visit) goTo(to string) error {
	if !v.byScript() {
		return v.redirect(to)
	}
	v.w.Header().Set("Mahalleh-Parts", "0")
	v.w.Header().Set("Mahalleh-Go", v.prefix()+to)
	v.w.WriteHeader(http.StatusOK)
	return nil
}

// answerDraft shows what changed: to a script the parts of the page that show
// something else than it says it shows, and otherwise the page anew.
func (v *visit) answerDraft(o *openDraft, focus string, refused *formview.Notice) error {
	if !v.byScript() {
		if refused != nil {
			return v.showDraft(o, http.StatusUnprocessableEntity, refused)
		}
		to := draftAddress(o.d.ID())
		if focus != "" {
			to += "#" + focus
		}
		return v.redirect(to)
	}
	data, err := v.drawDraft(o)
	if err != nil {
		return err
	}
	data.Refused = refused
	shown := map[string]string{}
	words := strings.Fields(v.r.PostForm.Get("shown"))
	for i := 0; i+1 < len(words); i += 2 {
		shown[words[i]] = words[i+1]
	}
	parts := append(data.Form.Parts(),
		formview.Part{ID: "form-state", Template: "form_state", Data: data, Shows: data.StateShows()},
		formview.Part{ID: "form-refused", Template: "form_refused", Data: data, Shows: data.RefusedShows()},
		formview.Part{ID: "form-needs", Template: "form_needs", Data: data, Shows: data.NeedsShows()},
		formview.Part{ID: "form-likely", Template: "form_likely", Data: data, Shows: data.LikelyShows()})
	p := v.page("draft", v.draftTitle(o))
	var b bytes.Buffer
	n := 0
	for _, part := range parts {
		if was, there := shown[part.ID]; there && was == part.Shows {
			continue
		}
		n++
		if err := v.pages.Part(&b, part.Template, p.With(part.Data)); err != nil {
			return err
		}
		b.WriteByte('\n')
	}
	v.w.Header().Set("Mahalleh-Parts", "1")
	if focus != "" {
		v.w.Header().Set("Mahalleh-Focus", focus)
	}
	v.write(http.StatusOK, b.Bytes())
	return nil
}

// StateShows, RefusedShows and NeedsShows tell what the parts show from what they
// showed.
func (d *draftData) StateShows() string   { return formview.Fingerprint([]any{d.State, d.Failed}) }
func (d *draftData) RefusedShows() string { return formview.Fingerprint(d.Refused) }
func (d *draftData) NeedsShows() string   { return formview.Fingerprint(d.Needs) }

func (v *visit) getCalendar() error {
	t := v.teller()
	today := v.c.Today()
	chosen, at := jalali.FirstDay-1, today // a day that no month shows
	if date, err := jalali.Parse(v.value("chosen")); err == nil {
		chosen, at = date.EpochDay(), date.EpochDay()
	}
	switch asked := v.value("at"); asked {
	case "":
	case "today":
		at = today
	default:
		month, ok := formview.ReadMonth(asked)
		if !ok {
			return errNoPage
		}
		at = month
	}
	month, ok := t.MonthOf(at, today, chosen)
	if !ok {
		return errNoPage
	}
	p := v.page("draft", "")
	p.Data = month
	return v.part("calendar", p)
}
