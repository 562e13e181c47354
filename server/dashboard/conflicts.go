package dashboard

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) conflictsRoutes() []route {
	return []route{
		{pattern: "GET /conflicts", handle: (*visit).getConflicts},
		{pattern: "POST /conflicts", handle: (*visit).settleMany},
		{pattern: "GET /conflict/{record}/{id}", handle: (*visit).getConflict},
		{pattern: "POST /conflict/{record}/{id}", handle: (*visit).settleOne},
		{pattern: "POST /conflict/{record}/{id}/assign", handle: (*visit).assignConflict},
	}
}

const (
	// mostConflicts bounds how many records in conflict a queue looks at.
	mostConflicts = 2000
	// conflictsPage is how many fields a page of the queue shows, and settles at once.
	conflictsPage = 50
)

// queueView is what an address says of the queue.
type queueView struct {
	Place     uint32
	Form, Age string
	Whose     string
	Page      int
}

func (v *visit) queueView(place uint32) queueView {
	q := queueView{Place: place, Form: v.r.URL.Query().Get("form"), Age: v.r.URL.Query().Get("age"), Whose: v.r.URL.Query().Get("whose")}
	if n, err := strconv.Atoi(persian.ToASCIIDigits(v.r.URL.Query().Get("page"))); err == nil && n > 1 && n < 1000 {
		q.Page = n - 1
	}
	return q
}

func (q queueView) address(path string) string {
	values := url.Values{"place": {strconv.FormatUint(uint64(q.Place), 10)}}
	for name, value := range map[string]string{"form": q.Form, "age": q.Age, "whose": q.Whose} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if q.Page > 0 {
		values.Set("page", strconv.Itoa(q.Page+1))
	}
	return path + "?" + values.Encode()
}

// fits says whether a conflict belongs in the queue.
func (q queueView) fits(x *rift, me syncproto.PersonID, now int64) bool {
	switch {
	case q.Form != "" && x.form.Name != q.Form,
		q.Age == "late" && x.due > now,
		q.Whose == "" && !x.may,
		q.Whose == "me" && x.holder != me,
		q.Whose == "nobody" && x.holder != (syncproto.PersonID{}):
		return false
	}
	return true
}

type conflictsData struct {
	placeData
	View  queueView
	Act   string
	Form  string // the name of this page's form
	Forms []chosen
	Ages  []chosen
	Whose []chosen
	Found int
	// Cut says that there are more than were looked at.
	Cut           bool
	Rows          []conflictRow
	Mine          bool // some of them are the reader's to settle
	Before, After string
	PageN, Pages  int
	Most          int
	Reason        string
}

// chosen is an option of a list to choose from.
type chosen struct {
	Value, Label string
	Chosen       bool
}

type conflictRow struct {
	To, Pick, Title, Form, Place, Field string
	Values                              []string
	Age, Due, Holder                    string
	Late, May, Picked                   bool
}

// queue finds the conflicts of the place that is asked for, the oldest first.
func (v *visit) queue(f func(r store.Reader, view *access.View, l *looked, all []rift, cut bool) error) error {
	l, err := v.look(v.r.URL.Query().Get("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	days := l.settings.Clocks.ConflictDays
	return v.read(func(r store.Reader, view *access.View) error {
		scopes := map[syncproto.ScopeID]bool{}
		for _, p := range l.inside {
			for _, c := range access.Compartments {
				scopes[syncproto.ScopeOf(p.ID, c)] = true
			}
		}
		rows, err := view.Conflicts(scopes, mostConflicts)
		if err != nil {
			return err
		}
		held, err := readHoldings(r)
		if err != nil {
			return err
		}
		var all []rift
		for _, row := range rows {
			found, err := v.rifts(r, view, row.State, days, held)
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
		slices.SortStableFunc(all, func(a, b rift) int { return cmp.Or(cmp.Compare(a.since, b.since), strings.Compare(a.id, b.id)) })
		return f(r, view, l, all, len(rows) == mostConflicts)
	})
}

func (v *visit) getConflicts() error { return v.showConflicts(nil, nil) }

// showConflicts shows the queue, with what settling some of them came to.
func (v *visit) showConflicts(notices []formview.Notice, picked []string) error {
	var d conflictsData
	err := v.queue(func(r store.Reader, view *access.View, l *looked, all []rift, cut bool) error {
		d = conflictsData{placeData: v.placeData(l, "/conflicts"), View: v.queueView(l.place.Number), Cut: cut, Most: maxReason}
		names, t, now := v.namer(r), v.teller(view), v.now()
		forms := map[string]*schemas.Form{}
		for i := range all {
			forms[all[i].form.Name] = all[i].form
		}
		for _, f := range v.forms.Forms() {
			if forms[f.Name] != nil {
				d.Forms = append(d.Forms, chosen{f.Name, v.label(f.Label), d.View.Form == f.Name})
			}
		}
		all = slices.DeleteFunc(all, func(x rift) bool { return !d.View.fits(&x, v.who.ID, now) })
		d.Found, d.Pages = len(all), max(1, (len(all)+conflictsPage-1)/conflictsPage)
		d.View.Page = min(d.View.Page, d.Pages-1)
		d.PageN = d.View.Page + 1
		for i := range all[d.View.Page*conflictsPage : min(len(all), d.PageN*conflictsPage)] {
			x := &all[d.View.Page*conflictsPage+i]
			row := conflictRow{To: x.address(), Title: v.titleBy(t, x.state), Form: v.label(x.form.Label), Place: v.placeName(x.place), Field: v.labelOf(x),
				Late: x.due < now, Age: v.words.Ago(time.Duration(now-x.since) * time.Millisecond), Due: v.words.ShortDate(v.tehran.Day(time.UnixMilli(x.due))),
				May: x.may, Pick: x.state.Record.String() + "/" + x.id + "/" + seenOf(x.state, x.Cell)}
			d.Mine = d.Mine || x.may
			row.Picked = slices.Contains(picked, row.Pick)
			for _, rival := range x.values {
				row.Values = append(row.Values, clip(v.valueText(t, x, rival.value)))
			}
			if x.holder != (syncproto.PersonID{}) {
				var err error
				if row.Holder, err = names.person(x.holder); err != nil {
					return err
				}
			}
			d.Rows = append(d.Rows, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if d.Form, err = v.newForm(); err != nil {
		return err
	}
	for _, value := range []string{"", "late"} {
		d.Ages = append(d.Ages, chosen{value, v.words.Catalogue().Member(ageFamily, cmp.Or(value, "any"), nil), d.View.Age == value})
	}
	for _, value := range []string{"", "me", "nobody", "all"} {
		d.Whose = append(d.Whose, chosen{value, v.words.Catalogue().Member(whoseFamily, cmp.Or(value, "mine"), nil), d.View.Whose == value})
	}
	d.Act, d.Reason = d.View.address("/conflicts"), v.r.PostForm.Get("reason")
	before, after := d.View, d.View
	if before.Page--; before.Page >= 0 {
		d.Before = before.address("/conflicts")
	}
	if after.Page++; after.Page < d.Pages {
		d.After = after.address("/conflicts")
	}
	p := v.page("conflicts", v.say("screen_records.conflicts_title", nil))
	p.Data, p.Live, p.Notices = d, false, notices
	return v.render(p)
}

// The families of the filters' names.
const (
	ageFamily   texts.Family = "decide.age"
	whoseFamily texts.Family = "decide.whose"
)

// clip shortens a value for a list.
func clip(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}
