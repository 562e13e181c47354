package fieldapp

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) recordsRoutes() []route {
	return []route{
		{pattern: "GET /records", handle: (*visit).getRecords},
		{pattern: "GET /records/news", handle: (*visit).recordsNews, quiet: true},
		{pattern: "GET /drafts", handle: (*visit).getDrafts},
		{pattern: "POST /drafts/{id}/drop", handle: (*visit).dropDraft},
	}
}

// The texts of pages that show records, by what the SDK names.
const (
	stateFamily   texts.Family = "field_sdk.sync"
	verbFamily    texts.Family = "field_sdk.verb"
	outcomeFamily texts.Family = "field_sdk.outcome"
	reasonFamily  texts.Family = "field_sdk.reason"
	filterFamily  texts.Family = "screen_records.filter"
)

// listData is what the list shows.
type listData struct {
	listing
	Forms, Blocks, States []option
	// OfTitle names the record that the list is of, About what it is narrowed to, above it.
	OfTitle string
	About   []string
	Rows    []rowData
	Total   int
	// Previous and Next are the pages beside this one, "" for none.
	Previous, Next string
	// New begins a record: of the form that is listed, or else of one to choose.
	New option
	// ByForm are the forms with what there is of them, shown while the list is not
	// Narrowed.
	ByForm   []option
	Narrowed bool
}

// News is where an open list asks what to say when records came.
func (d *listData) News() string { return strings.Replace(d.address(), "/records", "/records/news", 1) }

// option is an entry of a choice, or of a list that leads somewhere.
type option struct {
	Value, Label string
	Chosen       bool
	Count        int
	To           string
}

func (v *visit) getRecords() error {
	l := readListing(v.r.Form)
	d, err := v.list(l)
	if errors.Is(err, clientsdk.ErrBadCursor) {
		l.After, l.Trail = "", nil
		d, err = v.list(l)
	}
	if err != nil {
		return err
	}
	p := v.page("records", v.say("screen_records.title", nil))
	p.Data = d
	if l.Form != "" && !v.isPart() {
		words, _, err := v.reviewed(l.Form, syncproto.RecordID{})
		if err != nil {
			return err
		}
		p.Notices = append(p.Notices, words...)
	}
	if v.isPart() {
		// The address keeps up with what is typed, so that coming back finds it.
		v.w.Header().Set("HX-Replace-Url", v.prefix()+l.address())
		return v.part("found", p)
	}
	return v.render(p)
}

func (v *visit) list(l listing) (*listData, error) {
	d := &listData{listing: l, Narrowed: l.narrowed()}
	if l.Form != "" {
		if _, ok := v.c.Forms().FormByName(l.Form); !ok {
			d.Form, l.Form = "", ""
		}
	}
	q := l.query()
	if !d.Narrowed {
		q.Latest = true
	}
	page, err := v.c.List(v.ctx(), q)
	if err != nil {
		return nil, err
	}
	if d.Rows, err = v.rows(page.Rows, d.address()); err != nil {
		return nil, err
	}
	if page.Next != "" {
		d.Next = l.next(page.Next).address()
	}
	if len(l.Trail) > 0 {
		d.Previous = l.previous().address()
	}
	if !l.Of.IsZero() {
		if d.OfTitle, err = v.recordTitle(l.Of); err != nil {
			return nil, err
		}
	}
	if form, ok := v.c.Forms().FormByName(l.Form); ok {
		d.About = append(d.About, v.words.In(form.Label))
	}
	if d.OfTitle != "" {
		d.About = append(d.About, d.OfTitle)
	}
	return d, v.choices(d)
}

// choices fills in what the list can be narrowed by; not for a search as it is
// typed, which shows only what was found.
func (v *visit) choices(d *listData) error {
	counted := clientsdk.Query{}
	if d.Narrowed {
		counted = d.query()
	}
	var err error
	if d.Total, err = v.c.Count(v.ctx(), counted); err != nil || v.isPart() && d.Narrowed {
		return err
	}
	all, err := v.c.Tally(v.ctx(), clientsdk.Query{})
	if err != nil {
		return err
	}
	for id, n := range all {
		form, ok := v.c.Forms().Form(id)
		if !ok {
			continue
		}
		to := listing{Form: form.Name}.address()
		d.ByForm = append(d.ByForm, option{Value: form.Name, Label: v.words.In(form.Label), Chosen: form.Name == d.Form, Count: n, To: to})
	}
	v.sortOptions(d.ByForm)
	d.Forms = d.ByForm
	if d.New, err = v.newOf(&d.listing); err != nil {
		return err
	}
	for _, name := range onlyNames {
		d.States = append(d.States, option{Value: name, Label: v.words.Catalogue().Member(filterFamily, name, nil), Chosen: name == d.Only})
	}
	d.Blocks, err = v.blocks(d.Of)
	return err
}

// newOf is where a record is begun that belongs into a list: of the form that it
// lists, and pointing to what it is narrowed to.
func (v *visit) newOf(l *listing) (option, error) {
	whichever := option{Label: v.say("screen_form.new", nil), To: "/new"}
	form, ok := v.c.Forms().FormByName(l.Form)
	if !ok || !slices.ContainsFunc(form.Fields(), (*schemas.Field).Asked) {
		return whichever, nil
	}
	may, err := v.mayRecord()
	if err != nil || !may[form.Compartment] {
		return whichever, err
	}
	one := option{Label: v.say("screen_form.make", texts.Args{"form": v.words.In(form.Label)})}
	if form.Name == householdForm { // the round knows block and number
		one.To = "/round"
		return one, nil
	}
	pairs := []string{"then", l.address()}
	if !l.Of.IsZero() {
		of, err := v.c.Record(v.ctx(), l.Of)
		if err != nil {
			return whichever, err
		}
		if of.Form != nil {
			if f := refersTo(form, of.Form.Name); f != nil {
				pairs = append(pairs, f.Name, l.Of.String())
			}
		}
	}
	one.To = "/new/" + form.Name + "?" + query(pairs...)
	return one, nil
}

// blocks are the blocks of the person's neighbourhoods.
func (v *visit) blocks(chosen syncproto.RecordID) ([]option, error) {
	if _, ok := v.c.Forms().FormByName(blockForm); !ok {
		return nil, nil
	}
	page, err := v.c.List(v.ctx(), clientsdk.Query{Form: blockForm, Max: maxBlocks})
	if err != nil {
		return nil, err
	}
	var all []option
	for _, row := range page.Rows {
		all = append(all, option{Value: row.ID.String(), Label: v.digits(row.Title), Chosen: row.ID == chosen})
	}
	return all, nil
}

// blockForm is the form of blocks, and maxBlocks how many can be chosen from: a
// neighbourhood has a dozen, a technical manager some hundred.
const (
	blockForm = "block"
	maxBlocks = 300
)

func (v *visit) sortOptions(all []option) {
	slices.SortFunc(all, func(a, b option) int { return cmp.Or(v.compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value)) })
}

// recordsNews is asked for by a list that is open when records came: it offers
// to show them, since a list that changes by itself slips away under the finger.
func (v *visit) recordsNews() error {
	p := v.page("records", "")
	p.Data = readListing(v.r.Form).address()
	return v.part("news", p)
}

func recordAddress(id syncproto.RecordID, from string) string {
	to := "/record/" + id.String()
	if from != "" {
		to += "?from=" + url.QueryEscape(from)
	}
	return to
}

// cameFrom is the page from which one came, to go back to it at the same place.
func (v *visit) cameFrom(otherwise string) string { return cmp.Or(v.ownAddress("from"), otherwise) }

// ownAddress reads an address of the screen itself from a value, "" for anything else.
func (v *visit) ownAddress(name string) string {
	to := v.value(name)
	if u, err := url.Parse(to); err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return ""
	}
	return to
}

// draftsData are the drafts of the device.
type draftsData struct{ Rows []rowData }

func (v *visit) getDrafts() error {
	all, err := v.c.Drafts(v.ctx())
	if err != nil {
		return err
	}
	var d draftsData
	for _, x := range all {
		r := rowData{To: draftAddress(x.ID), When: v.when(x.Saved), Drop: "/drafts/" + syncproto.RecordID(x.ID).String() + "/drop"}
		if x.Form != nil {
			r.Form = v.words.In(x.Form.Label)
		}
		r.Title = v.named(v.draftName(x), r.Form)
		if !x.New {
			r.Badges = append(r.Badges, badge{"", v.say("screen_records.draft_of_saved", nil)})
		}
		if x.Err != nil {
			r.Said = v.explain(x.Err).Text
		}
		d.Rows = append(d.Rows, r)
	}
	p := v.page("drafts", v.say("screen_records.drafts", nil))
	p.Back, p.Data = v.cameFrom("/records"), d
	return v.render(p)
}

func (v *visit) dropDraft() error {
	id, err := clientsdk.ParseRecordID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	v.drafts.mu.Lock()
	defer v.drafts.mu.Unlock()
	if err := v.c.DropDraft(v.ctx(), clientsdk.DraftID(id)); err != nil {
		return err
	}
	v.drafts.drop(clientsdk.DraftID(id))
	v.events.tell(eventDrafts)
	v.done("screen_records.dropped", nil)
	return v.redirect("/drafts")
}
