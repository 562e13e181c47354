package dashboard

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/server/store"
)

func (a *App) neighbourhoodsRoutes() []route {
	return []route{{pattern: "GET /neighbourhoods", handle: (*visit).getNeighbourhoods}}
}

// perPage is how many rows a page of the table has.
const perPage = 100

// hood is one neighbourhood as the table has it.
type hood struct {
	place   store.Place
	Number  uint32
	Name    string
	County  string
	Status  string // a code, "" without a dossier
	Due     jalali.Day
	Late    int64
	Percent int64 // of completeness, in tenths
	Open    int   // sections that lack what they must have
	Stage   string
	// Conflicts are open ones but those of the harm map, which no total tells.
	Conflicts int64
	// key and countyKey are what names are sorted by, folded what is searched in.
	key, countyKey []byte
	folded         string
}

// hoodLists are the rows of a place's table, by language: names are folded and
// spelled for sorting once for all who look at them.
type hoodLists struct {
	mu  sync.Mutex
	all map[bool]hoodList // of Persian, and of any other
}

type hoodList struct {
	inside []store.Place
	hoods  []*hood
}

// harmForm is the form whose numbers are told in its own figure alone.
const harmForm = "harm_rating"

// hoodsOf are the neighbourhoods of a place, by name. They are shared, and never
// changed.
func (v *visit) hoodsOf(l *looked) []*hood {
	l.hoods.mu.Lock()
	defer l.hoods.mu.Unlock()
	fa := v.words.Persian()
	// A place may have been given another name since.
	if made, ok := l.hoods.all[fa]; ok && slices.Equal(made.inside, l.inside) {
		return made.hoods
	}
	if l.hoods.all == nil {
		l.hoods.all = map[bool]hoodList{}
	}
	made := hoodList{l.inside, v.makeHoods(l)}
	l.hoods.all[fa] = made
	return made.hoods
}

func (v *visit) makeHoods(l *looked) []*hood {
	of := map[indicators.ID]*indicators.Summary{}
	for i := range l.summaries {
		of[l.summaries[i].Place] = &l.summaries[i]
	}
	var all []*hood
	countyKeys := map[string][]byte{}
	for _, p := range l.inside {
		if p.Kind != store.PlaceNeighbourhood {
			continue
		}
		h := &hood{place: p, Number: p.Number, Name: v.placeName(p)}
		if up, ok := l.names[indicators.ID(p.Parent)]; ok {
			h.County = v.placeName(up)
		} else if l.place.ID == p.Parent {
			h.County = v.placeName(l.place)
		}
		if s := of[indicators.ID(p.ID)]; s != nil {
			h.fill(s, l.figures.Today)
		}
		if countyKeys[h.County] == nil {
			countyKeys[h.County] = persian.SortKey(h.County)
		}
		h.key, h.countyKey, h.folded = persian.SortKey(h.Name), countyKeys[h.County], persian.Fold(h.Name+" "+h.County)
		all = append(all, h)
	}
	return all
}

func (h *hood) fill(s *indicators.Summary, today jalali.Day) {
	if d := s.Dossier; d != nil {
		h.Status, h.Due = d.Status, d.Due
		if s.Assigned() && d.Submitted == 0 && d.Due < today {
			h.Late = int64(today) - int64(d.Due)
		}
	}
	h.Percent = int64(s.Completeness.Percent) * 10 / int64(indicators.One)
	h.Open = len(s.Completeness.Open)
	for _, e := range s.Enrolments {
		if e.Ended == 0 && e.Stage != "" {
			h.Stage = e.Stage
		}
	}
	for _, c := range s.Conflicts {
		if c.Form != harmForm {
			h.Conflicts += c.Count
		}
	}
}

// columnsOfHoods are the columns of the table besides the name, in their order, and
// how rows stand by each: what needs somebody comes first.
var columnsOfHoods = []struct {
	name    string
	compare func(a, b *hood) int
}{
	{"county", func(a, b *hood) int { return bytes.Compare(a.countyKey, b.countyKey) }},
	{"status", func(a, b *hood) int { return cmp.Compare(a.Status, b.Status) }},
	{"due", func(a, b *hood) int { return cmp.Compare(a.Due, b.Due) }},
	{"late", func(a, b *hood) int { return cmp.Compare(b.Late, a.Late) }},
	{"completeness", func(a, b *hood) int { return cmp.Compare(a.Percent, b.Percent) }},
	{"gates", func(a, b *hood) int { return cmp.Compare(b.Open, a.Open) }},
	{"stage", func(a, b *hood) int { return cmp.Compare(a.Stage, b.Stage) }},
	{"conflicts", func(a, b *hood) int { return cmp.Compare(b.Conflicts, a.Conflicts) }},
}

// columnFamily names the columns in the catalogue.
const columnFamily texts.Family = "office.hoods.column"

// tableView is what an address says of the table: it can be sent to a colleague.
type tableView struct {
	Place        uint32
	Find, Status string
	Sort         string
	Down         bool
	Columns      []string
	Page         int
}

func (v *visit) tableView(place uint32) tableView {
	t := tableView{Place: place, Find: v.value("q"), Status: v.value("status"), Sort: v.value("sort"), Down: v.value("down") == "1"}
	t.Find = strings.Join(strings.Fields(t.Find), " ")
	if r := []rune(t.Find); len(r) > 100 {
		t.Find = string(r[:100])
	}
	for _, c := range columnsOfHoods {
		if slices.Contains(v.r.Form["col"], c.name) {
			t.Columns = append(t.Columns, c.name)
		}
	}
	if len(t.Columns) == 0 {
		t.Columns = []string{"county", "status", "due", "late", "completeness", "conflicts"}
	}
	if n, err := strconv.Atoi(persian.ToASCIIDigits(v.value("page"))); err == nil && n > 1 && n < 1000 {
		t.Page = n - 1
	}
	return t
}

// address is that of the table with another order or page.
func (t tableView) address() string {
	q := url.Values{"place": {fmt.Sprint(t.Place)}, "col": t.Columns}
	for name, value := range map[string]string{"q": t.Find, "status": t.Status, "sort": t.Sort} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if t.Down {
		q.Set("down", "1")
	}
	if t.Page > 0 {
		q.Set("page", fmt.Sprint(t.Page+1))
	}
	return "/neighbourhoods?" + q.Encode()
}

// choose sorts and filters.
func (t tableView) choose(all []*hood) []*hood {
	folded, number := persian.Fold(t.Find), uint32(0)
	if n, err := strconv.ParseUint(t.Find, 10, 32); err == nil {
		number = uint32(n)
	}
	var chosen []*hood
	for _, h := range all {
		if (t.Status == "" || h.Status == t.Status) && (folded == "" || strings.Contains(h.folded, folded) || number != 0 && h.Number == number) {
			chosen = append(chosen, h)
		}
	}
	by := func(a, b *hood) int { return 0 }
	for _, c := range columnsOfHoods {
		if c.name == t.Sort {
			by = c.compare
		}
	}
	slices.SortStableFunc(chosen, func(a, b *hood) int {
		n := by(a, b)
		if n == 0 {
			n = cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.Number, b.Number))
		}
		if t.Down {
			return -n
		}
		return n
	})
	return chosen
}

type neighbourhoodsData struct {
	placeData
	View     tableView
	Statuses []option
	Columns  []option
	Heads    []head
	Rows     []hoodRow
	Found    int
	All      int
	// Before and After are the addresses of the pages around, "" for none.
	Before, After string
	PageN, Pages  int
	Take          takeData
	Views         []viewLink
}

type option struct {
	Value, Label string
	Chosen       bool
}

type head struct {
	Label, To string
	// Sorted is "ascending" or "descending" where the table is sorted by it.
	Sorted string
}

type hoodRow struct {
	Number uint32
	Name   string
	Cells  []string
	Late   bool
}

func (v *visit) getNeighbourhoods() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	t := v.tableView(l.place.Number)
	all := v.hoodsOf(l)
	found := t.choose(all)
	d := neighbourhoodsData{placeData: v.placeData(l, "/neighbourhoods"), View: t, Found: len(found), All: len(all), Pages: max(1, (len(found)+perPage-1)/perPage)}
	t.Page = min(t.Page, d.Pages-1)
	d.PageN = t.Page + 1
	v.heads(&d, t)
	if list, ok := v.forms.List("DOSSIERSTATUS"); ok {
		for _, item := range list.Items {
			d.Statuses = append(d.Statuses, option{item.Code, v.label(item.Label), item.Code == t.Status})
		}
	}
	for _, h := range found[t.Page*perPage : min(len(found), (t.Page+1)*perPage)] {
		row := hoodRow{Number: h.Number, Name: h.Name, Late: h.Late > 0}
		for _, c := range t.Columns {
			row.Cells = append(row.Cells, v.hoodCell(h, c))
		}
		d.Rows = append(d.Rows, row)
	}
	d.Take = t.take()
	if d.Views, err = v.viewLinks(t); err != nil {
		return err
	}
	other := t
	if t.Page > 0 {
		other.Page = t.Page - 1
		d.Before = other.address()
	}
	if d.PageN < d.Pages {
		other.Page = t.Page + 1
		d.After = other.address()
	}
	p := v.page("neighbourhoods", v.say("office.nav.neighbourhoods", nil))
	p.Data, p.Live, p.Scripts = d, false, []string{"table.js"}
	return v.render(p)
}

// heads are the headings, each of which sorts, and the columns to choose from.
func (v *visit) heads(d *neighbourhoodsData, t tableView) {
	add := func(name, label string) {
		to := t
		to.Page, to.Sort, to.Down = 0, name, false
		h := head{Label: label}
		if t.Sort == name {
			h.Sorted, to.Down = "ascending", !t.Down
			if t.Down {
				h.Sorted = "descending"
			}
		}
		h.To = to.address()
		d.Heads = append(d.Heads, h)
	}
	add("", v.say("office.hoods.name", nil))
	for _, c := range columnsOfHoods {
		label := v.words.Catalogue().Member(columnFamily, c.name, nil)
		d.Columns = append(d.Columns, option{c.name, label, slices.Contains(t.Columns, c.name)})
		if slices.Contains(t.Columns, c.name) {
			add(c.name, label)
		}
	}
}

func (v *visit) hoodCell(h *hood, column string) string {
	switch column {
	case "county":
		return h.County
	case "status":
		return v.code("DOSSIERSTATUS", h.Status)
	case "due":
		if h.Due != 0 {
			return v.words.ShortDate(h.Due)
		}
	case "late":
		if h.Late > 0 {
			return v.words.Number(h.Late)
		}
	case "completeness":
		return v.words.Percent(float64(h.Percent) / 1000)
	case "gates":
		return v.words.Number(h.Open)
	case "stage":
		if h.Stage != "" {
			return v.code("PLANSTAGE", h.Stage)
		}
	case "conflicts":
		return v.words.Number(h.Conflicts)
	}
	return "–"
}
