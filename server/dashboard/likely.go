package dashboard

import (
	"errors"
	"net/url"
	"slices"
	"strconv"

	"mahalleh/schemas"
	"mahalleh/schemas/alike"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) likelyRoutes() []route {
	return []route{
		{pattern: "GET /likely", handle: (*visit).getLikely},
		{pattern: "GET /likely/{a}/{b}", handle: func(v *visit) error { return v.showTwins(nil) }},
		{pattern: "POST /likely/{a}/{b}", handle: (*visit).postTwins},
	}
}

const (
	// Looking for duplicates is bounded: this many places, records and comparisons. A
	// page that did not look at all says so.
	mostTwinPlaces, mostTwinRecords, mostCompared = 200, 4000, 20_000
	// mostTwins is how many pairs a page shows, mostUnited how many that were made one.
	mostTwins, mostUnited = 50, 10
	// usualTwins is the form of which duplicates are the commonest.
	usualTwins = "asset"
)

type likelyData struct {
	placeData
	Forms  []option
	Pairs  []likelyRow
	Found  int
	United []likelyRow
	Cut    bool
}

// likelyRow is a pair of records.
type likelyRow struct {
	To, Place string
	Titles    [2]string
	Alike     []string
	Sure      string
}

func likelyAddress(a, b syncproto.RecordID) string { return "/likely/" + a.String() + "/" + b.String() }

// likelyTo is the address of the page for a form and place.
func likelyTo(place uint32, form string) string {
	return "/likely?" + url.Values{"place": {strconv.FormatUint(uint64(place), 10)}, "form": {form}}.Encode()
}

// twinForms are the forms whose records can be compared and that the reader sees.
func (v *visit) twinForms(view *access.View, places []store.Place) (all []*schemas.Form) {
	for _, f := range v.forms.Forms() {
		sees := func(p store.Place) bool { return view.May(syncproto.ScopeOf(p.ID, string(f.Compartment)), access.Read) }
		if alike.Of(f).Able() && slices.ContainsFunc(places, sees) {
			all = append(all, f)
		}
	}
	return all
}

// getLikely lists records of a place that may be about the same, with those that were
// made one lately.
func (v *visit) getLikely() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	var d likelyData
	err = v.read(func(r store.Reader, view *access.View) error {
		d = likelyData{placeData: v.placeData(l, "/likely"), Cut: len(l.inside) > mostTwinPlaces}
		forms := v.twinForms(view, l.inside)
		if len(forms) == 0 {
			return store.ErrNotFound
		}
		form := forms[0]
		asked := v.value("form")
		if asked == "" {
			asked = usualTwins
		}
		i := slices.IndexFunc(forms, func(f *schemas.Form) bool { return f.Name == asked })
		switch {
		case i >= 0:
			form = forms[i]
		case v.value("form") != "":
			return store.ErrNotFound
		}
		for _, f := range forms {
			d.Forms = append(d.Forms, option{f.Name, v.label(f.Label), f == form})
		}
		return v.findLikely(r, view, l.inside, form, &d)
	})
	if err != nil {
		return err
	}
	p := v.page("likely", v.say("office_likely.title", nil))
	p.Back, p.Data, p.Live = "/conflicts", d, false
	return v.render(p)
}

func (v *visit) findLikely(r store.Reader, view *access.View, places []store.Place, form *schemas.Form, d *likelyData) error {
	compared, left, records := alike.Of(form), mostCompared, 0
	for _, place := range places[:min(len(places), mostTwinPlaces)] {
		if records >= mostTwinRecords {
			d.Cut = true
			break
		}
		scope := syncproto.ScopeOf(place.ID, string(form.Compartment))
		found, err := v.filedAt(view, form.Name, place)
		if err != nil {
			return err
		}
		d.Cut = d.Cut || len(found) == mostFiled
		records += len(found)
		if err := v.unitedLately(r, view, scope, place, d); err != nil {
			return err
		}
		contents := make([]schemas.Record, len(found))
		for i, x := range found {
			contents[i] = x.rec
		}
		pairs, all := compared.Pairs(contents, &left)
		d.Cut = d.Cut || !all
		if len(pairs) == 0 {
			continue
		}
		apart, err := apartIn(r, scope)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			a, b := found[p.A], found[p.B]
			if apart[pairOf(a.state.Record, b.state.Record)] {
				continue
			}
			if d.Found++; len(d.Pairs) == mostTwins {
				continue
			}
			// What says more stands first: it is the one that more often stays.
			if len(b.rec.Fields) > len(a.rec.Fields) {
				a, b = b, a
			}
			row := likelyRow{To: likelyAddress(a.state.Record, b.state.Record), Place: v.placeName(place), Titles: [2]string{v.title(view, a.state), v.title(view, b.state)},
				Sure: v.words.Percent(p.Sure)}
			for _, f := range p.Alike {
				row.Alike = append(row.Alike, v.label(f.Label))
			}
			d.Pairs = append(d.Pairs, row)
		}
	}
	return nil
}

// unitedLately adds those of a scope that were made one and still are.
func (v *visit) unitedLately(r store.Reader, view *access.View, scope syncproto.ScopeID, place store.Place, d *likelyData) error {
	all, err := unitedIn(r, scope)
	if err != nil {
		return err
	}
	for i := range all[:min(len(all), mostUnited)] {
		if len(d.United) == mostUnited {
			break
		}
		u := &all[i]
		holds, err := u.holds(r)
		if err != nil {
			return err
		}
		stays, err := view.Record(u.stays)
		if errors.Is(err, store.ErrNotFound) || err == nil && (!holds || stays.State.Home != scope) {
			continue
		}
		if err != nil {
			return err
		}
		goes, err := view.Record(u.goes)
		if err != nil {
			continue
		}
		d.United = append(d.United, likelyRow{To: likelyAddress(u.stays, u.goes), Place: v.placeName(place), Titles: [2]string{v.title(view, stays.State), v.title(view, goes.State)}})
	}
	return nil
}
