package fieldapp

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
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

// What a list may be narrowed to, as its address says it.
const (
	onlyUnsent    = "unsent"
	onlyConflicts = "conflict"
	onlyDrafts    = "draft"
	onlyAside     = "aside"
)

var onlyNames = []string{onlyUnsent, onlyConflicts, onlyDrafts, onlyAside}

// latestFirst is the order that is not the alphabet's.
const latestFirst = "latest"

// listing is what a list was asked for, all of which stands in its address: who
// comes back to it, or loads it anew, finds the same place.
type listing struct {
	Text, Form, Only, Order string
	// Of lists what refers to a record, such as to a block.
	Of syncproto.RecordID
	// After is where the page begins, Trail where those before it did.
	After string
	Trail []string
}

// maxTrail bounds how many pages one can go back; who looks further searches.
const maxTrail = 20

func readListing(f url.Values) listing {
	l := listing{Text: strings.TrimSpace(f.Get("q")), Form: f.Get("form"), Only: f.Get("only"), Order: f.Get("order"), After: f.Get("after")}
	if !slices.Contains(onlyNames, l.Only) {
		l.Only = ""
	}
	if l.Order != latestFirst {
		l.Order = ""
	}
	if id, err := clientsdk.ParseRecordID(f.Get("of")); err == nil {
		l.Of = id
	}
	if trail := f.Get("trail"); trail != "" {
		l.Trail = strings.Split(trail, ".")
	}
	return l
}

// address is where the list stands.
func (l listing) address() string {
	f := url.Values{}
	set := func(name, value string) {
		if value != "" {
			f.Set(name, value)
		}
	}
	set("q", l.Text)
	set("form", l.Form)
	set("only", l.Only)
	set("order", l.Order)
	if !l.Of.IsZero() {
		set("of", l.Of.String())
	}
	set("after", l.After)
	set("trail", strings.Join(l.Trail, "."))
	if len(f) == 0 {
		return "/records"
	}
	return "/records?" + f.Encode()
}

// next and previous are the pages beside this one.
func (l listing) next(after string) listing {
	begin := l.After
	if begin == "" {
		begin = firstPage
	}
	l.Trail = append(slices.Clone(l.Trail), begin)
	l.Trail = l.Trail[max(0, len(l.Trail)-maxTrail):]
	l.After = after
	return l
}

func (l listing) previous() listing {
	last := len(l.Trail) - 1
	l.After, l.Trail = l.Trail[last], l.Trail[:last]
	if l.After == firstPage {
		l.After = ""
	}
	return l
}

// firstPage stands in a trail for the page that begins nowhere.
const firstPage = "0"

// narrowed reports whether the list is less than all there is.
func (l listing) narrowed() bool {
	return l.Text != "" || l.Form != "" || l.Only != "" || !l.Of.IsZero()
}

// rowsApart is how many rows a page holds: two screens of a telephone.
const rowsApart = 30

// query is the list as the SDK is asked for it.
func (l listing) query() clientsdk.Query {
	q := clientsdk.Query{Text: l.Text, Form: l.Form, RefersTo: l.Of, Latest: l.Order == latestFirst, After: l.After, Max: rowsApart}
	switch l.Only {
	case onlyUnsent:
		q.States = []clientsdk.SyncState{clientsdk.SyncPending}
	case onlyConflicts:
		q.Conflicts, q.Deleted = true, true
	case onlyDrafts:
		q.Drafts = true
	case onlyAside:
		q.States = []clientsdk.SyncState{clientsdk.SyncParked, clientsdk.SyncQuarantined}
	}
	return q
}

// listData is what the list shows.
type listData struct {
	listing
	Forms, Blocks, States []option
	// OfTitle names the record that the list is of.
	OfTitle string
	Rows    []rowData
	Total   int
	// Previous and Next are the pages beside this one, "" for none.
	Previous, Next string
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

// rowData is a record in a list.
type rowData struct {
	To, Title, Form, When string
	Badges                []badge
	// Draft is the id of a draft that nothing is saved of, Drop where it is dropped.
	Draft, Drop string
	// Said is a line more: why it was deleted, what is alike.
	Said string
	// Restore is where a deleted record is brought back.
	Restore string
}

// badge is a word about a record that a person must see.
type badge struct{ Kind, Text string }

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
	for _, name := range onlyNames {
		d.States = append(d.States, option{Value: name, Label: v.words.Catalogue().Member(filterFamily, name, nil), Chosen: name == d.Only})
	}
	d.Blocks, err = v.blocks(d.Of)
	return err
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

// rows shows records in a list; from is where the list stands.
func (v *visit) rows(rows []clientsdk.Row, from string) ([]rowData, error) {
	drafts := map[syncproto.RecordID]clientsdk.DraftInfo{}
	if slices.ContainsFunc(rows, func(r clientsdk.Row) bool { return r.HasDraft }) {
		all, err := v.c.Drafts(v.ctx())
		if err != nil {
			return nil, err
		}
		for _, x := range all {
			drafts[x.Record] = x
		}
	}
	shown := make([]rowData, 0, len(rows))
	for _, r := range rows {
		x := rowData{To: recordAddress(r.ID, from), Form: v.formLabel(r.Form, r.FormID), When: v.when(r.Changed)}
		title, err := v.rowTitle(&r)
		if err != nil {
			return nil, err
		}
		draft, begun := drafts[r.ID]
		if begun && draft.New {
			x.To = draftAddress(draft.ID)
			title = v.draftName(draft)
		}
		x.Title, x.Badges = v.named(title, x.Form), v.badges(&r, begun && draft.New)
		shown = append(shown, x)
	}
	return shown, nil
}

// rowTitle is a record's title in the page's language; lists hold the Persian one.
func (v *visit) rowTitle(r *clientsdk.Row) (string, error) {
	if v.words.Persian() || r.Title == "" {
		return r.Title, nil
	}
	return v.c.Label(v.ctx(), r.ID, v.words.Lang())
}

func (v *visit) recordTitle(id syncproto.RecordID) (string, error) {
	t, err := v.c.Label(v.ctx(), id, v.words.Lang())
	return v.digits(t), err
}

// draftName is what a draft is called so far.
func (v *visit) draftName(x clientsdk.DraftInfo) string {
	d, err := v.c.OpenDraft(v.ctx(), x.ID)
	if err != nil {
		return "" // the page of the draft says why it cannot be opened
	}
	return d.Title(v.ctx(), v.words.Lang())
}

// titled is a title to show, or words for one that is not there yet.
func (v *visit) titled(title string) string {
	if title == "" {
		return v.say("screen_records.untitled", nil)
	}
	return v.digits(title)
}

// named is a title to show; a bare number says nothing without its form.
func (v *visit) named(title, form string) string {
	if title != "" && strings.Trim(persian.ToASCIIDigits(title), "0123456789") == "" {
		title = form + " " + title
	}
	return v.titled(title)
}

// digits writes a title's digits in the page's language, but for codes with
// Latin letters, which people read out as they stand on the door.
func (v *visit) digits(title string) string {
	if strings.ContainsFunc(title, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }) {
		return title
	}
	return v.words.Digits(title)
}

func (v *visit) formLabel(form *schemas.Form, id schemas.FormID) string {
	if form == nil {
		return v.say("screen_records.unknown_form", texts.Args{"n": int(id)})
	}
	return v.words.In(form.Label)
}

// badges are what a person must know of a record in a list: nothing of one that
// stands as it should.
func (v *visit) badges(r *clientsdk.Row, onlyDraft bool) (all []badge) {
	state := func(kind string, s clientsdk.SyncState) {
		all = append(all, badge{kind, v.words.Catalogue().Member(stateFamily, s.String(), nil)})
	}
	switch {
	case onlyDraft:
	case r.Conflicts > 0:
		all = append(all, badge{"bad", v.say("screen_records.conflicts", texts.Args{"n": r.Conflicts})})
	case r.Sync == clientsdk.SyncParked, r.Sync == clientsdk.SyncQuarantined:
		state("bad", r.Sync)
	}
	if r.Sync == clientsdk.SyncPending && !onlyDraft {
		state("warn", r.Sync)
	}
	if r.HasDraft {
		all = append(all, badge{"warn", v.say("screen_records.draft", nil)})
	}
	if r.Deleted {
		all = append(all, badge{"bad", v.say("screen_records.deleted", nil)})
	}
	return all
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
