package dashboard

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/report"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) mapRoutes() []route {
	return []route{{pattern: "GET /map", handle: (*visit).getMap}}
}

// mapData is a place's neighbourhoods on a map.
type mapData struct {
	placeData
	Map *mapDrawing
	// Measures are what the colours may say, Needs the categories of one of them.
	Measures, Needs []option
	Show            string
	Rows            []mapRow
}

type mapRow struct {
	Number      uint32
	Name, Value string
	Class       string
}

// The measures that colours may say.
const (
	showCompleteness = "completeness"
	showLate         = "late"
	showNeed         = "need"
)

const (
	// measureFamily names the measures, stepFamily the steps of each.
	measureFamily texts.Family = "office_map.measure"
	stepFamily    texts.Family = "office_map.step"
	// mostNames is how many neighbourhoods are named on a map.
	mostNames = 30
	// mostLinks bounds how many neighbourhoods a map leads to.
	mostLinks = 2000
	// mostSpots bounds how many assets a neighbourhood's map shows.
	mostSpots = 2000
)

// steps are those of each measure, the best first; a class of the same name colours
// it.
var steps = map[string][]string{
	showCompleteness: {"done", "near", "half", "little", "least"},
	showLate:         {"done", "half", "little", "least"},
	showNeed:         {"least", "little", "half", "none"},
}

func (v *visit) getMap() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	d := mapData{placeData: v.placeData(l, "/map"), Show: v.value("show")}
	if steps[d.Show] == nil {
		d.Show = showCompleteness
	}
	need := v.value("need")
	categories, ok := v.forms.List("NEEDCAT")
	if !ok {
		return store.ErrNotFound
	}
	if _, known := categories.Item(need); !known {
		need = categories.Items[0].Code
	}
	for _, name := range []string{showCompleteness, showLate, showNeed} {
		d.Measures = append(d.Measures, option{name, v.words.Catalogue().Member(measureFamily, name, nil), name == d.Show})
	}
	for _, item := range categories.Items {
		d.Needs = append(d.Needs, option{item.Code, v.label(item.Label), item.Code == need})
	}
	if d.Map, d.Rows, err = v.hoodsMap(l, d.Show, need); err != nil {
		return err
	}
	p := v.page("map", v.say("office_map.title", texts.Args{"place": d.Place.Name}))
	p.Data, p.Live = d, false
	return v.render(p)
}

// hoodsMap draws the neighbourhoods of a place that have an outline.
func (v *visit) hoodsMap(l *looked, show, need string) (*mapDrawing, []mapRow, error) {
	of := map[indicators.ID]*indicators.Summary{}
	for i := range l.summaries {
		of[l.summaries[i].Place] = &l.summaries[i]
	}
	hoods := (tableView{}).choose(v.hoodsOf(l))
	may := map[syncproto.PlaceID]bool{}
	err := v.read(func(_ store.Reader, view *access.View) error {
		clear(may)
		for _, h := range hoods {
			may[h.place.ID] = view.Single(h.place.ID) && view.May(syncproto.ScopeOf(h.place.ID, access.Reference), access.Read)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	only := syncproto.PlaceID{}
	if l.place.Kind == store.PlaceNeighbourhood {
		only = l.place.ID
	}
	all, err := v.Report.Outlines(v.ctx(), "neighbourhood", only)
	if err != nil {
		return nil, nil, err
	}
	outlines := map[syncproto.PlaceID][]schemas.Point{}
	var corners []schemas.Point
	for _, o := range all {
		if may[o.Place] {
			outlines[o.Place] = o.Ring
			corners = append(corners, o.Ring...)
		}
	}
	var rows []mapRow
	f, drawn := frameOf(corners)
	var d *mapDrawing
	if drawn {
		d = v.drawing(f)
	}
	missing := 0
	for _, h := range hoods {
		row := mapRow{Number: h.Number, Name: h.Name}
		row.Class, row.Value = v.measure(h, of[indicators.ID(h.place.ID)], show, need)
		ring := outlines[h.place.ID]
		if ring == nil {
			missing++
		} else if d != nil && len(d.Dots) < mostLinks {
			to, title := fmt.Sprintf("/neighbourhood/%d", h.Number), h.Name+": "+row.Value
			d.Areas = append(d.Areas, mapArea{f.path(ring), row.Class, title, to})
			// An outline of some hundred metres is a speck on the map of a province.
			dot := f.dot(middleOf(ring), 7, row.Class, title, to)
			if len(hoods) <= mostNames {
				dot.Label = h.Name
			}
			d.Dots = append(d.Dots, dot)
		}
		rows = append(rows, row)
	}
	rank := map[string]int{}
	for i, step := range steps[show] {
		rank[step] = i
	}
	slices.SortStableFunc(rows, func(a, b mapRow) int { return cmp.Compare(rank[b.Class], rank[a.Class]) })
	if d != nil {
		for _, step := range steps[show] {
			d.Legend = append(d.Legend, legendEntry{step, v.words.Catalogue().Member(stepFamily, show+"_"+step, nil)})
		}
		if missing > 0 {
			d.Missing = v.say("office_map.missing", texts.Args{"n": missing})
		}
	}
	return d, rows[:min(len(rows), perPage)], nil
}

// measure is the step of a neighbourhood and the number behind it.
func (v *visit) measure(h *hood, s *indicators.Summary, show, need string) (class, value string) {
	switch show {
	case showLate:
		class, value = "done", v.say("office_map.not_late", nil)
		switch {
		case h.Late > 14:
			class = "least"
		case h.Late > 7:
			class = "little"
		case h.Late > 0:
			class = "half"
		}
		if h.Late > 0 {
			value = v.say("office_map.days_late", texts.Args{"n": h.Late})
		}
	case showNeed:
		class, value = "none", v.say("office_map.not_ranked", nil)
		if s == nil {
			return class, value
		}
		for _, n := range s.Needs {
			if n.Category == need && n.Rank > 0 {
				value = v.say("office_map.rank", texts.Args{"n": n.Rank})
				switch {
				case n.Rank == 1:
					class = "least"
				case n.Rank <= firstNeeds:
					class = "little"
				default:
					class = "half"
				}
			}
		}
	default:
		class, value = "least", v.words.Percent(float64(h.Percent)/1000)
		for i, from := range []int64{1000, 750, 500, 250} {
			if h.Percent >= from {
				return steps[showCompleteness][i], value
			}
		}
	}
	return class, value
}

// hoodMap draws one neighbourhood: its outline, blocks, assets, and harms as coarse
// as the figure publishes them; nil if nothing of it has a place.
func (v *visit) hoodMap(l *looked) (*mapDrawing, error) {
	var plain, reference bool
	err := v.read(func(_ store.Reader, view *access.View) error {
		plain = view.May(syncproto.ScopeOf(l.place.ID, access.Plain), access.Read)
		reference = view.May(syncproto.ScopeOf(l.place.ID, access.Reference), access.Read)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var own, blocks []report.Outline
	var assets []report.Spot
	if reference {
		if own, err = v.Report.Outlines(v.ctx(), "neighbourhood", l.place.ID); err != nil {
			return nil, err
		}
	}
	if block, ok := v.forms.FormByName("block"); ok && (string(block.Compartment) == access.Plain && plain || string(block.Compartment) == access.Reference && reference) {
		if blocks, err = v.Report.Outlines(v.ctx(), "block", l.place.ID); err != nil {
			return nil, err
		}
	}
	if plain {
		if assets, err = v.Report.Assets(v.ctx(), l.place.ID, mostSpots); err != nil {
			return nil, err
		}
	}
	cells := v.harmCells(l, blocks)
	var corners []schemas.Point
	for _, o := range append(slices.Clone(own), blocks...) {
		corners = append(corners, o.Ring...)
	}
	if len(corners) == 0 {
		for _, s := range assets {
			corners = append(corners, s.At)
		}
		for _, c := range cells {
			corners = append(corners, c.ring...)
		}
	}
	f, drawn := frameOf(corners)
	if !drawn {
		return nil, nil
	}
	d := v.drawing(f)
	for _, o := range own {
		d.Areas = append(d.Areas, mapArea{Points: f.path(o.Ring), Class: "own"})
	}
	for _, o := range blocks {
		d.Areas = append(d.Areas, mapArea{Points: f.path(o.Ring), Class: "block"})
	}
	for _, c := range cells {
		d.Areas = append(d.Areas, mapArea{Points: f.path(c.ring), Class: c.class, Title: v.say("office_map.harm_at", texts.Args{"n": c.text})})
	}
	if len(cells) > 0 {
		for _, step := range []string{"harm1", "harm2", "harm3"} {
			d.Legend = append(d.Legend, legendEntry{step, v.words.Catalogue().Member(stepFamily, step, nil)})
		}
	}
	used, outside := map[string]bool{}, 0
	for _, s := range assets {
		x, y := f.at(s.At)
		if x < 0 || y < 0 || x > f.width || y > f.height {
			outside++
			continue
		}
		used[s.Category] = true
		d.Dots = append(d.Dots, f.dot(s.At, 5, "asset-"+s.Category, v.code("ASSETCAT", s.Category)+": "+s.Title, "/record/"+s.Record.String()))
	}
	for _, code := range indicators.AssetCategoryCodes {
		if used[code] {
			d.Legend = append(d.Legend, legendEntry{"asset-" + code, v.code("ASSETCAT", code)})
		}
	}
	if outside > 0 {
		d.Missing = v.say("office_map.outside", texts.Args{"n": outside})
	}
	return d, nil
}

// harmCell is a square or a block that the figure of harms publishes.
type harmCell struct {
	ring        []schemas.Point
	class, text string
}

// Steps of the grid of harms in 1e-7 degrees: 100 m of latitude, and of longitude in
// the middle of the country (see docs/design/figures.md).
const latStep, lonStep = 9_000, 10_600

// harmCells are the cells of a neighbourhood's harm map as D12 publishes them.
func (v *visit) harmCells(l *looked, blocks []report.Outline) []harmCell {
	f, ok := l.figures.Figure("D12")
	if !ok {
		return nil
	}
	by := map[string][]schemas.Point{}
	for _, b := range blocks {
		by[base64.RawURLEncoding.EncodeToString(b.Record[:])] = b.Ring
	}
	var cells []harmCell
	for _, row := range f.Table("map_cells").Rows {
		ring := cellRing(row.Code, by)
		if ring == nil || len(row.Cells) == 0 || row.Place != indicators.ID(l.place.ID) {
			continue
		}
		c := harmCell{ring: ring, class: "harm1", text: v.figureText(row.Cells[0])}
		if x := row.Cells[0].Number.Float(); x >= 3 {
			c.class = "harm3"
		} else if x >= 2 {
			c.class = "harm2"
		}
		cells = append(cells, c)
	}
	return cells
}

// cellRing is the outline of a cell: "b" and a block's id, "g" or "k" and two
// numbers for a square of a hundred metres or a kilometre.
func cellRing(cell string, blocks map[string][]schemas.Point) []schemas.Point {
	if cell == "" {
		return nil
	}
	if id, is := strings.CutPrefix(cell, "b"); is {
		return blocks[id]
	}
	times := int64(1)
	if cell[0] == 'k' {
		times = 10
	} else if cell[0] != 'g' {
		return nil
	}
	a, b, two := strings.Cut(cell[1:], ":")
	x, err1 := strconv.ParseInt(a, 10, 32)
	y, err2 := strconv.ParseInt(b, 10, 32)
	if !two || err1 != nil || err2 != nil {
		return nil
	}
	at := func(dx, dy int64) schemas.Point {
		return schemas.Point{LatE7: int32((x + dx) * times * latStep), LonE7: int32((y + dy) * times * lonStep)}
	}
	return []schemas.Point{at(0, 0), at(0, 1), at(1, 1), at(1, 0)}
}
