package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

func (a *App) neighbourhoodRoutes() []route {
	return []route{
		{pattern: "GET /neighbourhood/{number}", handle: (*visit).getNeighbourhood},
		{pattern: "GET /neighbourhood/{number}/{form}", handle: (*visit).getRecords},
		{pattern: "GET /record/{id}", handle: (*visit).getRecord},
	}
}

// aboutForms are the forms whose records say what a neighbourhood is; they are shown
// whole on its page.
var aboutForms = []string{"neighbourhood", "neighbourhood_profile"}

type neighbourhoodData struct {
	placeData
	Hood     hoodRow
	Percent  string
	Status   string
	Due      string
	Left     string
	Late     bool
	Sections []sectionRow
	About    []recordPart
	Needs    []needRow
	Map      *mapDrawing
	// Seal is what the committee approved, to be checked by; nil before that.
	Seal   *sealData
	Spider *spider
	Plan   *gantt
	Stages []stageRow
	Budget []budgetRow
	Forms  []formLink
}

type sectionRow struct {
	Name, Done, Target string
	Share              int64
	Gate               bool
}

type needRow struct{ Name, Rank, Needs, Affected string }

type stageRow struct{ Programme, Stage, Started, Ended string }

type budgetRow struct{ Programme, Item, Year, Approved, Allocated, Paid string }

type formLink struct{ Name, Label string }

// recordPart is a record's section as it stands: what was filled in.
type recordPart struct {
	Title  string
	To     string
	Values []named
}

// hoodAsked finds the neighbourhood of the address, which the reader sees by itself.
func (v *visit) hoodAsked() (*looked, error) {
	l, err := v.look(v.r.PathValue("number"))
	if err == nil && (l.place.Kind != store.PlaceNeighbourhood || !l.single) {
		err = store.ErrNotFound
	}
	return l, err
}

func (v *visit) getNeighbourhood() error {
	l, err := v.hoodAsked()
	if err != nil {
		return err
	}
	d := neighbourhoodData{placeData: v.placeData(l, "/")}
	d.Choose = nil
	s := indicators.Summary{}
	for _, x := range l.summaries {
		if x.Place == indicators.ID(l.place.ID) {
			s = x
		}
	}
	today := l.figures.Today
	v.course(&d, &s, l)
	for _, f := range s.Fills {
		d.Sections = append(d.Sections, v.sectionRow(f))
	}
	d.Needs = v.ranked(&s)
	d.Spider = v.spider(s.Capacity)
	for _, e := range s.Enrolments {
		row := stageRow{Programme: v.code("PROGRAMME", e.Programme), Stage: "–", Started: v.dayText(int64(e.Started)), Ended: v.dayText(int64(e.Ended))}
		if e.Stage != "" {
			row.Stage = v.code("PLANSTAGE", e.Stage)
		}
		d.Stages = append(d.Stages, row)
	}
	for _, b := range s.Budget {
		paid := int64(0)
		for _, p := range s.Payments {
			if p.Line == b.Record {
				paid += p.Paid
			}
		}
		row := budgetRow{v.code("PROGRAMME", b.Programme), v.code("BUDGETITEM", b.Item), v.words.Digits(b.Year), v.words.Money(b.Approved), "–", v.words.Money(paid)}
		if b.Allocated >= 0 {
			row.Allocated = v.words.Money(b.Allocated)
		}
		d.Budget = append(d.Budget, row)
	}
	titles := map[indicators.ID]string{}
	err = v.read(func(r store.Reader, view *access.View) error {
		d.About, d.Forms, d.Seal = nil, nil, nil
		if s.Dossier != nil {
			if d.Seal, err = v.seal(view, l.place, syncproto.RecordID(s.Dossier.Record)); err != nil {
				return err
			}
		}
		for _, f := range v.forms.Forms() {
			if view.May(syncproto.ScopeOf(l.place.ID, string(f.Compartment)), access.Read) {
				d.Forms = append(d.Forms, formLink{f.Name, v.label(f.Label)})
			}
		}
		for _, name := range aboutForms {
			rows, err := v.recordsOf(view, l.place, name, syncproto.RecordID{}, mostAbout)
			if err != nil {
				return err
			}
			for _, row := range rows {
				d.About = append(d.About, v.parts(view, row.State)...)
			}
		}
		for _, i := range s.Items[:min(len(s.Items), mostBars)] {
			row, err := view.Record(syncproto.RecordID(i.Record))
			if err == nil && !row.State.Erased {
				titles[i.Record] = v.title(view, row.State)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if d.Map, err = v.hoodMap(l); err != nil {
		return err
	}
	d.Plan = v.gantt(s.Items, titles, today)
	p := v.page("neighbourhood", d.Place.Name)
	p.Back, p.Data, p.Live = fmt.Sprintf("/neighbourhoods?place=%d", v.upOf(l)), d, false
	return v.render(p)
}

func (v *visit) sectionRow(f indicators.Fill) sectionRow {
	share := int64(100)
	if f.Target > 0 {
		share = min(100, f.Done*100/f.Target)
	}
	return sectionRow{v.code("DOSSIERSECTION", string(f.Section)), v.words.Number(f.Done), v.words.Number(f.Target), share, f.Gate}
}

// ranked are the kinds of needs, those that were ranked first.
func (v *visit) ranked(s *indicators.Summary) (all []needRow) {
	needs := slices.Clone(s.Needs)
	slices.SortStableFunc(needs, func(a, b indicators.NeedCategory) int {
		return cmp.Or(cmp.Compare(unranked(a.Rank), unranked(b.Rank)), cmp.Compare(b.Affected, a.Affected))
	})
	for _, n := range needs {
		row := needRow{v.code("NEEDCAT", n.Category), "–", v.words.Number(n.Needs), v.words.Number(n.Affected)}
		if n.Rank > 0 {
			row.Rank = v.words.Number(n.Rank)
		}
		all = append(all, row)
	}
	return all
}

// mostAbout bounds how many records of a form are shown whole.
const mostAbout = 3

func unranked(rank int64) int64 {
	if rank == 0 {
		return 1 << 30
	}
	return rank
}

// upOf is the number of the place to go back to.
func (v *visit) upOf(l *looked) uint32 {
	if n := len(l.above); n > 0 {
		return l.above[n-1].Number
	}
	return l.place.Number
}

// course says how the dossier stands.
func (v *visit) course(d *neighbourhoodData, s *indicators.Summary, l *looked) {
	h := hood{place: l.place, Number: l.place.Number, Name: d.Place.Name}
	h.fill(s, l.figures.Today)
	d.Percent = v.words.Percent(float64(h.Percent) / 1000)
	if h.Status != "" {
		d.Status, d.Due = v.code("DOSSIERSTATUS", h.Status), v.words.Date(h.Due)
		if s.Assigned() && s.Dossier.Submitted == 0 {
			d.Left, d.Late = v.words.Left(h.Due, l.figures.Today), h.Late > 0
		}
	}
}

func (v *visit) dayText(n int64) string {
	if n == 0 {
		return "–"
	}
	return v.words.ShortDate(jalali.Day(n))
}

// recordsOf are living records of a form at a place, through the door.
func (v *visit) recordsOf(view *access.View, place store.Place, form string, after syncproto.RecordID, most int) ([]store.Record, error) {
	f, ok := v.forms.FormByName(form)
	if !ok {
		return nil, store.ErrNotFound
	}
	scope := syncproto.ScopeOf(place.ID, string(f.Compartment))
	if !view.May(scope, access.Read) {
		return nil, store.ErrNotFound
	}
	rows, err := view.Records(store.Filter{Scopes: []syncproto.ScopeID{scope}, Form: uint32(f.ID), After: after, Max: most})
	return slices.DeleteFunc(rows, func(row store.Record) bool { return row.State.Erased || !merge.Alive(row.State) }), err
}

// teller writes values; references are named as far as the reader may see them.
func (v *visit) teller(view *access.View) *formview.Teller {
	t := &formview.Teller{Words: v.words, Lists: v.forms}
	t.Title = func(id schemas.ID) string {
		row, err := view.Record(syncproto.RecordID(id))
		if err != nil || row.State.Erased {
			// Not there, or not for this reader: alike.
			return v.say("office.record.elsewhere", texts.Args{"id": texts.Isolate(formview.ShortID(id))})
		}
		return v.plainTitle(row.State)
	}
	return t
}

// title is how a record is called: its form's title fields, or the form's name.
func (v *visit) title(view *access.View, s *syncproto.RecordState) string {
	return v.titleBy(v.teller(view), s)
}

// plainTitle names a record without asking for those that it refers to.
func (v *visit) plainTitle(s *syncproto.RecordState) string {
	t := &formview.Teller{Words: v.words, Lists: v.forms}
	t.Title = func(id schemas.ID) string { return texts.Isolate(formview.ShortID(id)) }
	return v.titleBy(t, s)
}

func (v *visit) titleBy(t *formview.Teller, s *syncproto.RecordState) string {
	form, ok := v.forms.Form(schemas.FormID(s.Form))
	if !ok {
		return ""
	}
	content, title := merge.Content(form, s), ""
	for _, id := range form.Title {
		f, known := form.Field(id)
		if !known {
			continue
		}
		if text := t.Shown(f, content.Fields[id]); text != "" {
			if title != "" {
				title += " · "
			}
			title += v.words.Embed(text)
		}
	}
	if title == "" {
		return v.label(form.Label)
	}
	return title
}

// parts are the sections of a record with what was filled in.
func (v *visit) parts(view *access.View, s *syncproto.RecordState) []recordPart {
	form, ok := v.forms.Form(schemas.FormID(s.Form))
	if !ok {
		return nil
	}
	t, content := v.teller(view), merge.Content(form, s)
	var all []recordPart
	for _, section := range form.Sections {
		part := recordPart{Title: v.label(section.Label), To: "/record/" + s.Record.String()}
		for _, f := range section.Fields {
			value := content.Fields[f.ID]
			if value.Kind() == schemas.KindItems {
				for _, item := range value.Items() {
					if text := t.Row(f, item); text != "" {
						part.Values = append(part.Values, named{v.label(f.Label), text})
					}
				}
				continue
			}
			if text := t.Shown(f, value); text != "" {
				part.Values = append(part.Values, named{v.label(f.Label), text})
			}
		}
		if len(part.Values) > 0 {
			all = append(all, part)
		}
	}
	return all
}

type recordsData struct {
	placeData
	Form  formLink
	Rows  []recordRow
	After string
	Take  takeData
}

type recordRow struct {
	ID, Title string
	Conflicts int
}

// getRecords lists the records of a form at a neighbourhood.
func (v *visit) getRecords() error {
	l, err := v.hoodAsked()
	if err != nil {
		return err
	}
	f, ok := v.forms.FormByName(v.r.PathValue("form"))
	if !ok {
		return store.ErrNotFound
	}
	var after syncproto.RecordID
	if asked := v.value("after"); asked != "" {
		id, err := syncproto.ParseID(asked)
		if err != nil {
			return store.ErrNotFound
		}
		after = syncproto.RecordID(id)
	}
	d := recordsData{placeData: v.placeData(l, "/"), Form: formLink{f.Name, v.label(f.Label)}}
	d.Choose = nil
	err = v.read(func(r store.Reader, view *access.View) error {
		d.Rows, d.After = nil, ""
		scope := syncproto.ScopeOf(l.place.ID, string(f.Compartment))
		if !view.May(scope, access.Read) {
			return store.ErrNotFound
		}
		rows, err := view.Records(store.Filter{Scopes: []syncproto.ScopeID{scope}, Form: uint32(f.ID), After: after, Max: perPage})
		if err != nil {
			return err
		}
		if len(rows) == perPage {
			d.After = rows[len(rows)-1].State.Record.String()
		}
		for _, row := range rows {
			if row.State.Erased || !merge.Alive(row.State) {
				continue
			}
			d.Rows = append(d.Rows, recordRow{ID: row.State.Record.String(), Title: v.title(view, row.State), Conflicts: row.Open})
		}
		slices.SortStableFunc(d.Rows, func(a, b recordRow) int { return slices.Compare(persian.SortKey(a.Title), persian.SortKey(b.Title)) })
		return nil
	})
	if err != nil {
		return err
	}
	d.Take = takeData{To: "/take/records", Hidden: []hidden{{"place", fmt.Sprint(l.place.Number)}, {"form", f.Name}}}
	p := v.page("records", d.Form.Label)
	p.Back, p.Data, p.Live = "/neighbourhood/"+strconv.Itoa(int(l.place.Number)), d, false
	return v.render(p)
}
