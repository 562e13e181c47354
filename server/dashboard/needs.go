package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/expr"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/report"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

func (a *App) needsRoutes() []route {
	return []route{{pattern: "GET /needs", handle: (*visit).getNeeds}}
}

// needsData is what is needed at a place, and what is done about it. A neighbourhood
// has its rounds of prioritisation, a wider place its neighbourhoods.
type needsData struct {
	placeData
	Hood bool
	// Rounds are those of the neighbourhood, the newest first; Round is the one that
	// is shown.
	Rounds []roundLink
	Round  *roundData
	// Hoods are the neighbourhoods of a wider place.
	Hoods []hoodNeeds
	Cut   int
	// Tables are the figures of needs and of services against them.
	Tables []figureTable
}

type roundLink struct {
	To, Label string
	Here      bool
}

// roundData is a round with its needs by each method side by side.
type roundData struct {
	Methods []methodHead
	// Without are the methods that give no ranking, and why.
	Without []methodHead
	Rows    []needSide
	// Agreement says how far voters agree, Weak that another round is advised.
	Agreement, Voted string
	Weak             bool
	Cycles           []string
	Groups           []methodHead
	// Ranked says that one of the groups has a ranking.
	Ranked   bool
	Gaps     []gapRow
	Aside    int
	Approved bool
}

// methodHead is a column: a method or a group of voters, and what is to be said of
// it.
type methodHead struct{ Label, Note string }

// needSide is one need: its rank by each method and by each group.
type needSide struct {
	Name, Category, Affected, Approved string
	Ranks, Groups                      []rankCell
}

// rankCell is a rank and the score behind it.
type rankCell struct {
	Rank, Score string
	// First marks the first three.
	First bool
}

type gapRow struct{ Need, High, Low, HighRank, LowRank string }

type hoodNeeds struct {
	Number uint32
	Name   string
	Cells  []string
}

const (
	// whyFamily says why a method gives no ranking.
	whyFamily texts.Family = "office_needs.why"
	// firstNeeds are marked as the first.
	firstNeeds = 3
	// mostRounds bounds how many rounds a page offers.
	mostRounds = 20
)

func (v *visit) getNeeds() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	d := needsData{placeData: v.placeData(l, "/needs"), Hood: l.place.Kind == store.PlaceNeighbourhood && l.single}
	for _, x := range []struct{ figure, table string }{{"D10", "by_need"}, {"D11", "by_need"}} {
		if f, ok := l.figures.Figure(x.figure); ok {
			f = l.shown(f)
			if t := f.Table(x.table); len(t.Rows) > 0 {
				table := v.table(l, &t)
				table.Title = f.Title.In(v.words.Lang())
				table.Take = l.takeFigure(f.ID, t.Name)
				d.Tables = append(d.Tables, table)
			}
		}
	}
	switch {
	case d.Hood:
		if err := v.rounds(l, &d); err != nil {
			return err
		}
	case l.single:
		v.hoodsNeeds(l, &d)
	}
	p := v.page("needs", v.say("office_needs.title", texts.Args{"place": d.Place.Name}))
	p.Data, p.Live = d, false
	return v.render(p)
}

// hoodsNeeds says of each neighbourhood what comes first, and which of it no service
// answers.
func (v *visit) hoodsNeeds(l *looked, d *needsData) {
	of := map[indicators.ID]*indicators.Summary{}
	for i := range l.summaries {
		of[l.summaries[i].Place] = &l.summaries[i]
	}
	for _, h := range (tableView{}).choose(v.hoodsOf(l)) {
		s := of[indicators.ID(h.place.ID)]
		if s == nil || len(s.Needs) == 0 {
			continue
		}
		row := hoodNeeds{Number: h.Number, Name: h.Name}
		needs := slices.Clone(s.Needs)
		slices.SortStableFunc(needs, func(a, b indicators.NeedCategory) int { return cmp.Compare(unranked(a.Rank), unranked(b.Rank)) })
		all, first, without := int64(0), []string{}, []string{}
		for _, n := range needs {
			all += n.Needs
			if n.Rank == 0 || len(first) == firstNeeds {
				continue
			}
			first = append(first, v.code("NEEDCAT", n.Category))
			if !slices.ContainsFunc(s.Services, func(x indicators.Service) bool { return x.Category == n.Category && x.Deliveries > 0 }) {
				without = append(without, v.code("NEEDCAT", n.Category))
			}
		}
		for _, list := range [][]string{first, without} {
			text := "–"
			if len(list) > 0 {
				text = strings.Join(list, v.say("view_form.value.comma", nil))
			}
			row.Cells = append(row.Cells, text)
		}
		row.Cells = append(row.Cells, v.words.Number(all))
		d.Hoods = append(d.Hoods, row)
	}
	d.Cut = max(0, len(d.Hoods)-mostRows)
	d.Hoods = d.Hoods[:min(len(d.Hoods), mostRows)]
}

// rounds reads the neighbourhood's rounds of prioritisation, as far as the reader
// may see them, and puts together the one that is asked for, or the newest.
func (v *visit) rounds(l *looked, d *needsData) error {
	form, ok := v.forms.FormByName("prioritisation_round")
	if !ok {
		return nil
	}
	listed, err := v.Report.Records(v.ctx(), form.ID, l.place.ID, syncproto.RecordID{}, mostListed)
	if err != nil {
		return err
	}
	var chosen *readRound
	err = v.read(func(r store.Reader, view *access.View) error {
		d.Rounds, chosen = nil, nil
		var all []*readRound
		for _, at := range listed {
			if x := v.readRound(view, form, at.Record); x != nil {
				all = append(all, x)
			}
		}
		slices.SortStableFunc(all, func(a, b *readRound) int { return cmp.Compare(b.held, a.held) })
		for i, x := range all[:min(len(all), mostRounds)] {
			id := x.id.String()
			if asked := v.value("round"); asked == id || asked == "" && i == 0 {
				chosen = x
			}
			d.Rounds = append(d.Rounds, roundLink{To: fmt.Sprintf("/needs?place=%d&round=%s", l.place.Number, id),
				Label: v.code("PRIOMETHOD", x.method) + v.say("office.comma", nil) + " " + v.dayText(x.held), Here: chosen == x})
		}
		if chosen == nil {
			return nil
		}
		return v.readNeeds(view, chosen)
	})
	if err != nil {
		return err
	}
	if chosen == nil {
		if v.value("round") != "" {
			return store.ErrNotFound
		}
		return nil
	}
	lines, err := v.Report.Ballots(v.ctx(), l.place.ID, chosen.id)
	if err != nil {
		return err
	}
	chosen.ballots(lines)
	d.Round = v.roundData(chosen)
	return nil
}

// mostListed bounds how many records of a form one page reads.
const mostListed = 200

// readRound is a round as its record has it.
type readRound struct {
	indicators.Round
	id       syncproto.RecordID
	method   string
	held     int64
	decision schemas.ID
	approved bool
	codes    []string             // of the criteria
	ranks    map[schemas.ID]int64 // as they were approved
	// needs are those of the round, and beside them how they are called, of what
	// category they are and how many people they affect, -1 where nobody said.
	needs            []schemas.ID
	titles, category []string
	affected         []int64
}

// readRound reads a round, nil for one that is not there or not for this reader.
func (v *visit) readRound(view *access.View, form *schemas.Form, id syncproto.RecordID) *readRound {
	content, ok := contentOf(view, form, id)
	if !ok {
		return nil
	}
	x := &readRound{id: id, method: content.code("method"), held: content.int("held_on"), needs: content.value("need_ids").Refs(), ranks: map[schemas.ID]int64{}}
	x.decision = content.value("approved_by_decision_id").Ref()
	x.Dots = indicators.Dots{PerVoter: content.int("dots_per_voter"), PerNeed: content.int("max_dots_per_need")}
	for _, row := range content.rows("result") {
		x.ranks[row.value("need_id").Ref()] = row.int("rank")
	}
	scales := map[string][2]int64{"score_1_5": {1, 5}, "score_0_10": {0, 10}, "score_0_20": {0, 20}, "score_0_100": {0, 100}}
	for _, row := range content.rows("criteria") {
		scale := scales[row.code("scale")]
		x.codes = append(x.codes, row.code("code"))
		x.Criteria = append(x.Criteria, indicators.Criterion{Weight: micros(row.value("weight").Decimal()), Down: row.code("direction") == "down",
			Low: indicators.Whole(scale[0]), High: indicators.Whole(scale[1])})
	}
	return x
}

// micros is a decimal as scores are reckoned.
func micros(d expr.Decimal) indicators.Micro {
	m, _ := indicators.Ratio(d.Mantissa, pow10(d.Scale))
	return m
}

func pow10(n uint8) int64 {
	x := int64(1)
	for range n {
		x *= 10
	}
	return x
}

// readNeeds reads the needs of a round, and whether a decision approved it.
func (v *visit) readNeeds(view *access.View, x *readRound) error {
	form, ok := v.forms.FormByName("need")
	if !ok {
		return nil
	}
	x.Needs, x.Hanlon, x.titles, x.category, x.affected = nil, nil, nil, nil, nil
	for _, id := range x.needs {
		name := syncproto.RecordID(id).String()
		content, there := contentOf(view, form, syncproto.RecordID(id))
		need := indicators.Need{ID: name}
		title, category, affected, hanlon := v.say("office.record.elsewhere", texts.Args{"id": texts.Isolate(name[len(name)-8:])}), "", int64(-1), (*indicators.HanlonScores)(nil)
		if there {
			title, category = content.value("title_fa").Text(), v.code("NEEDCAT", content.code("category"))
			if n := content.value("affected_count"); !n.IsEmpty() {
				affected = n.Int()
				need.Affected = affected
			}
			hanlon = content.hanlon()
		}
		x.Needs, x.Hanlon = append(x.Needs, need), append(x.Hanlon, hanlon)
		x.titles, x.category, x.affected = append(x.titles, title), append(x.category, category), append(x.affected, affected)
	}
	if decision, ok := v.forms.FormByName("decision"); ok && x.decision != (schemas.ID{}) {
		if content, there := contentOf(view, decision, syncproto.RecordID(x.decision)); there {
			x.approved = content.code("result") == "approved"
		}
	}
	return nil
}

// hanlon are a need's scores, nil where one is missing.
func (c *content) hanlon() *indicators.HanlonScores {
	h := &indicators.HanlonScores{}
	for name, into := range map[string]*int64{"hanlon_a": &h.A, "hanlon_b": &h.B, "hanlon_c": &h.C} {
		n := c.value(name)
		if n.IsEmpty() {
			return nil
		}
		*into = n.Int()
	}
	pearl := &indicators.Pearl{}
	for name, into := range map[string]*bool{"pearl_propriety": &pearl.Propriety, "pearl_economics": &pearl.Economics, "pearl_acceptability": &pearl.Acceptability,
		"pearl_resources": &pearl.Resources, "pearl_legality": &pearl.Legality} {
		answer := c.value(name)
		if answer.IsEmpty() {
			return h
		}
		*into = answer.Bool()
	}
	h.Pearl = pearl
	return h
}

// ballots takes the lines of the ballots in. Of ballots that correct one another
// one counts: the one that no other corrects, of several the one with the greatest
// id.
func (x *readRound) ballots(lines []report.Choice) {
	corrects := map[string]string{}
	for _, c := range lines {
		if c.Corrects != "" && c.Corrects != c.Ballot {
			corrects[c.Ballot] = c.Corrects
		}
	}
	root := func(id string) string {
		for seen := map[string]bool{}; corrects[id] != "" && !seen[id]; id = corrects[id] {
			seen[id] = true
		}
		return id
	}
	corrected := map[string]bool{}
	for _, old := range corrects {
		corrected[old] = true
	}
	stands := map[string]string{}
	for _, c := range lines {
		if at := root(c.Ballot); !corrected[c.Ballot] && c.Ballot > stands[at] {
			stands[at] = c.Ballot
		}
	}
	at := map[string]int{}
	for i, n := range x.Needs {
		at[n.ID] = i
	}
	x.Ballots = nil
	for from := 0; from < len(lines); {
		to := from
		for to < len(lines) && lines[to].Ballot == lines[from].Ballot {
			to++
		}
		if stands[root(lines[from].Ballot)] == lines[from].Ballot {
			x.Ballots = append(x.Ballots, x.ballot(lines[from:to], at))
		}
		from = to
	}
}

// ballot reads one ballot: ranks, dots or scores under criteria.
func (x *readRound) ballot(lines []report.Choice, at map[string]int) indicators.Ballot {
	b := indicators.Ballot{Group: lines[0].Group}
	n := len(x.Needs)
	for _, c := range lines {
		i, known := at[c.Need]
		k := slices.Index(x.codes, c.Criterion)
		switch {
		case !known:
		case c.Criterion != "" && k >= 0 && c.Points >= 0:
			if b.Scores == nil {
				b.Scores = make([][]indicators.Micro, len(x.codes))
				for k := range b.Scores {
					b.Scores[k] = make([]indicators.Micro, n)
				}
			}
			b.Scores[k][i] = indicators.Micro(c.Points*float64(indicators.One) + 0.5)
		case c.Criterion != "":
		case c.Rank > 0:
			if b.Ranks == nil {
				b.Ranks = make([]int64, n)
			}
			b.Ranks[i] = c.Rank
		case c.Points >= 0:
			if b.Dots == nil {
				b.Dots = make([]int64, n)
			}
			b.Dots[i] = int64(c.Points)
		}
	}
	return b
}

// roundData puts a round into words.
func (v *visit) roundData(x *readRound) *roundData {
	d := &roundData{Approved: x.approved}
	rankings, groups := x.SideBySide(x.method), x.ByGroup()
	// As it was approved, then as it stands in the record.
	order := make([]int, len(x.Needs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(unranked(x.ranks[x.needs[a]]), unranked(x.ranks[x.needs[b]])) })
	d.Rows = make([]needSide, len(order))
	rows := map[string]*needSide{}
	for n, i := range order {
		row := &d.Rows[n]
		*row = needSide{Name: x.titles[i], Category: x.category[i], Affected: v.affected(x.affected[i]), Approved: "–"}
		if rank := x.ranks[x.needs[i]]; rank > 0 {
			row.Approved = v.words.Number(rank)
		}
		rows[x.Needs[i].ID] = row
	}
	none := rankCell{Rank: "–"}
	for _, r := range rankings {
		head := methodHead{Label: v.code("PRIOMETHOD", r.Method)}
		if r.Why != "" {
			head.Note = v.words.Catalogue().Member(whyFamily, string(r.Why), nil)
			d.Without = append(d.Without, head)
			continue
		}
		d.Methods = append(d.Methods, head)
		d.Aside = max(d.Aside, len(r.Aside))
		for _, row := range rows {
			row.Ranks = append(row.Ranks, none)
		}
		for _, p := range r.Places {
			row := rows[p.Need]
			row.Ranks[len(row.Ranks)-1] = v.rankCell(p, true)
		}
		for _, circle := range r.Cycles {
			named := make([]string, 0, len(circle)+1)
			for _, id := range append(slices.Clone(circle), circle[0]) {
				named = append(named, v.words.Embed(rows[id].Name))
			}
			d.Cycles = append(d.Cycles, strings.Join(named, " ≻ "))
		}
	}
	for _, g := range groups {
		d.Ranked = d.Ranked || len(g.Places) > 0
		d.Groups = append(d.Groups, methodHead{Label: v.code("VOTERGROUP", g.Group), Note: v.say("office_needs.voted", texts.Args{"n": v.figureText(g.Voted)})})
		for _, row := range rows {
			row.Groups = append(row.Groups, none)
		}
		for _, p := range g.Places {
			row := rows[p.Need]
			// Scores would give a small group away by subtraction.
			row.Groups[len(row.Groups)-1] = v.rankCell(p, false)
		}
	}
	for _, g := range indicators.Gaps(groups) {
		d.Gaps = append(d.Gaps, gapRow{rows[g.Need].Name, v.code("VOTERGROUP", g.High), v.code("VOTERGROUP", g.Low), v.words.Number(g.HighRank), v.words.Number(g.LowRank)})
	}
	if w, counted, ok := indicators.KendallW(len(x.Needs), x.Ranks("")); counted >= indicators.SmallCount {
		d.Voted, d.Agreement = v.words.Number(counted), "–"
		if ok {
			d.Agreement, d.Weak = v.score(w), w < indicators.WeakAgreement
		}
	}
	return d
}

// affected is how many people a need affects, as it is published; -1 is unknown.
func (v *visit) affected(n int64) string {
	x := indicators.Value{Kind: indicators.KindCount, Number: expr.Int(n)}
	switch {
	case n < 0:
		x.State = indicators.Unknown
	case n > 0 && n < indicators.SmallCount:
		x.State = indicators.Small
	}
	return v.figureText(x)
}

func (v *visit) rankCell(p indicators.Place, scored bool) rankCell {
	c := rankCell{Rank: v.words.Number(p.Rank), First: p.Rank <= firstNeeds}
	if scored {
		c.Score = v.score(p.Score)
		if p.Tied {
			c.Score += " ="
		}
	}
	return c
}

// score writes a score with at most two digits after its point.
func (v *visit) score(m indicators.Micro) string {
	text := v.words.Digits(m.Round(2).String())
	if v.words.Persian() {
		text = strings.ReplaceAll(text, ".", "٫")
	}
	return text
}

// content is what a record holds, by the names of fields.
type content struct {
	form interface {
		FieldByName(string) (*schemas.Field, bool)
	}
	fields map[schemas.FieldID]schemas.Value
}

// contentOf reads a living record of a form through the door; false for what is not
// there, or not for this reader.
func contentOf(view *access.View, form *schemas.Form, id syncproto.RecordID) (*content, bool) {
	row, err := view.Record(id)
	if err != nil || row.State.Erased || row.State.Form != uint32(form.ID) || !merge.Alive(row.State) {
		return nil, false
	}
	return &content{form, merge.Content(form, row.State).Fields}, true
}

func (c *content) value(name string) schemas.Value {
	f, ok := c.form.FieldByName(name)
	if !ok {
		return schemas.Value{}
	}
	return c.fields[f.ID]
}

func (c *content) code(name string) string { return c.value(name).Code() }

// int is a number or a day, 0 for none.
func (c *content) int(name string) int64 {
	x := c.value(name)
	if x.Kind() == schemas.KindDate {
		return int64(jalali.Day(x.Date()))
	}
	return x.Int()
}

// rows are the rows of a list.
func (c *content) rows(name string) (all []*content) {
	f, ok := c.form.FieldByName(name)
	if !ok {
		return nil
	}
	for _, item := range c.fields[f.ID].Items() {
		all = append(all, &content{f, item.Fields})
	}
	return all
}
