package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) viewsRoutes() []route {
	return []route{
		{pattern: "POST /views/keep", handle: (*visit).postKeepView},
		{pattern: "POST /views/drop", handle: (*visit).postDropView},
	}
}

// savedView is a named address of the table of neighbourhoods: what is sorted,
// filtered and shown. What it leads to follows from the rights of whoever asks.
type savedView struct {
	Name  string `json:"name"`
	Query string `json:"query"`
}

const (
	// mostViews bounds how many views a person keeps, mostViewName how long a name is.
	mostViews, mostViewName = 20, 60
)

// errViews says that a view has no name, or that there are too many.
var errViews = errors.New("the view cannot be kept")

// viewsKey is where a person's views stand among the store's values: nothing in them
// is of a record, and nobody else reads them.
func viewsKey(person syncproto.PersonID) string { return "views." + person.String() }

// views are the person's own, by name.
func (v *visit) views(r store.MetaReader) ([]savedView, error) {
	raw, err := r.Meta(viewsKey(v.who.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []savedView
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read saved views: %w", err)
	}
	return all, nil
}

// changeViews replaces the person's views by what f makes of them.
func (v *visit) changeViews(f func([]savedView) ([]savedView, error)) error {
	return v.store.Update(v.ctx(), func(tx store.Tx) error {
		all, err := v.views(tx)
		if err == nil {
			all, err = f(all)
		}
		if err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b savedView) int { return strings.Compare(a.Name, b.Name) })
		raw, err := json.Marshal(all)
		if err != nil {
			return err
		}
		return tx.PutMeta(viewsKey(v.who.ID), raw)
	})
}

// postKeepView keeps the table as it stands under a name; one of that name is
// replaced.
func (v *visit) postKeepView() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	t := v.tableView(l.place.Number)
	t.Page = 0
	name := strings.Join(strings.Fields(v.value("name")), " ")
	to := t.address()
	_, query, _ := strings.Cut(to, "?")
	err = v.changeViews(func(all []savedView) ([]savedView, error) {
		all = slices.DeleteFunc(all, func(x savedView) bool { return x.Name == name })
		if name == "" || len([]rune(name)) > mostViewName || len(all) >= mostViews {
			return nil, errViews
		}
		return append(all, savedView{name, query}), nil
	})
	if err != nil {
		return err
	}
	return v.done("view_kept", to)
}

// postDropView drops a view of one's own.
func (v *visit) postDropView() error {
	name := v.value("name")
	err := v.changeViews(func(all []savedView) ([]savedView, error) {
		return slices.DeleteFunc(all, func(x savedView) bool { return x.Name == name }), nil
	})
	if err != nil {
		return err
	}
	return v.done("view_dropped", local("/neighbourhoods?"+v.values("place").Encode()))
}

// values are those of the form that have these names.
func (v *visit) values(names ...string) url.Values {
	q := url.Values{}
	for _, name := range names {
		if x := v.value(name); x != "" {
			q.Set(name, x)
		}
	}
	return q
}

// viewLink leads to a view of the reader's own.
type viewLink struct {
	Name, To string
	Here     bool
}

// viewLinks are the reader's views, and which of them is the table as it stands.
func (v *visit) viewLinks(t tableView) ([]viewLink, error) {
	t.Page = 0
	here := t.address()
	var links []viewLink
	err := v.store.View(v.ctx(), func(r store.Reader) error {
		all, err := v.views(r)
		links = nil
		for _, x := range all {
			to := "/neighbourhoods?" + x.Query
			links = append(links, viewLink{x.Name, to, to == here})
		}
		return err
	})
	return links, err
}
