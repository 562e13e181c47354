package indicators

import (
	"cmp"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/expr"
)

// neighbourhood takes the record with the smallest id, should two people have
// recorded the same; a boundary is there if one of them has it.
func (g *gathering) neighbourhood(p parts, _ int64) {
	n := Neighbourhood{Record: p.id(), Setting: p.text(), Settlement: p.text(), HarmProne: p.flag(), Centre: p.id(), Clinic: p.id(),
		Boundary: p.flag(), County: p.text(), City: p.text(), Name: p.text()}
	if have := g.Neighbourhood; have == nil || compareIDs(n.Record, have.Record) < 0 {
		n.Boundary = n.Boundary || have != nil && have.Boundary
		g.Neighbourhood = &n
	} else {
		have.Boundary = have.Boundary || n.Boundary
	}
}

// ring reads corners.
func (p *parts) ring() []schemas.Point {
	text := p.text()
	if text == "" {
		return nil
	}
	var ring []schemas.Point
	for corner := range strings.SplitSeq(text, " ") {
		lat, lon, _ := strings.Cut(corner, ",")
		la, err1 := strconv.ParseInt(lat, 10, 32)
		lo, err2 := strconv.ParseInt(lon, 10, 32)
		if err1 != nil || err2 != nil {
			return nil
		}
		ring = append(ring, schemas.Point{LatE7: int32(la), LonE7: int32(lo)})
	}
	return ring
}

// profile shows the latest year's, of two the one with the greater id.
func (g *gathering) profile(p parts, _ int64) {
	x := Profile{Year: p.int()}
	p.id()
	x.Population, x.Female, x.Households = p.orUnknown(), p.orUnknown(), p.orUnknown()
	x.Age0to6, x.Age7to18, x.Age19to59, x.Age60up = p.orUnknown(), p.orUnknown(), p.orUnknown(), p.orUnknown()
	x.Services, x.Consulted, x.Filled, x.Needed = p.int(), p.orUnknown(), p.int(), p.int()
	g.profiles = append(g.profiles, x)
	if g.Profile == nil || x.Year >= g.Profile.Year {
		g.Profile = &x
	}
}

// orUnknown is a number, -1 if there is none.
func (p *parts) orUnknown() int64 {
	if n, ok := p.known(); ok {
		return n
	}
	return -1
}

// answered are the states in which the last submission was not sent back.
var answered = map[string]bool{"submitted": true, "county_reviewed": true, "approved": true, "published": true, "updating": true}

func (g *gathering) dossier(p parts, _ int64) {
	d := Dossier{Record: p.id(), Revision: p.int(), Assigned: p.day(), Due: p.day(), Status: p.text(), Submitted: p.day(), Approved: p.day(), Returns: p.int()}
	d.Submissions = d.Returns
	if answered[d.Status] || d.Submitted != 0 && d.Returns == 0 {
		d.Submissions++
	}
	if d.Status == "submitted" || d.Status == "county_reviewed" {
		d.Waits = d.Submitted
	}
	if g.Dossier == nil {
		g.Dossier, g.firstRevision = &d, d.Revision
		return
	}
	have := g.Dossier
	if d.Revision < g.firstRevision {
		have.Assigned, have.Due, g.firstRevision = d.Assigned, d.Due, d.Revision
	}
	have.Submitted, have.Approved = earlier(have.Submitted, d.Submitted), earlier(have.Approved, d.Approved)
	have.Returns += d.Returns
	have.Submissions += d.Submissions
	if d.Revision >= have.Revision {
		have.Record, have.Revision, have.Status, have.Waits = d.Record, d.Revision, d.Status, d.Waits
	}
}

// earlier is the earlier of two days, where 0 is none.
func earlier[T ~int32 | ~int64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

type blockRing struct {
	code string
	ring []schemas.Point
}

func (g *gathering) block(p parts, _ int64) {
	record, code := p.id(), p.text()
	g.blockCode(record, code)
	g.Blocks = append(g.Blocks, Block{Record: record, Code: code, Households: p.orUnknown()})
	if ring := p.ring(); len(ring) > 3 {
		g.blockRings = append(g.blockRings, blockRing{code, ring})
	}
}

func (g *gathering) blockCode(record ID, code string) {
	g.blockCodes[code] = true
	g.codeOf[record] = code
}

func (g *gathering) keyPerson(p parts, n int64) {
	g.Plan.KeyPersons += n
	if p.text() == "female" {
		g.women += n
	}
}

// capacityRound reads a round. All rounds are evidence for the dossier; the
// figures see those that no correction replaced.
func (g *gathering) capacityRound(p parts, _ int64) {
	event := p.id()
	p.id()
	r := CapacityRound{Instrument: p.text(), Round: p.int(), Held: p.day(), Scores: map[string]int64{}}
	p.int()
	for p.rest != "" {
		domain, score, _ := strings.Cut(p.text(), "=")
		if n, err := strconv.ParseInt(score, 10, 64); err == nil && within(n, 1, 5) {
			r.Scores[domain] = n
		}
	}
	g.capacity = append(g.capacity, r)
	if g.chains.counts(event) {
		g.Capacity = append(g.Capacity, r)
	}
}

// Domains is how many domains each instrument scores.
var Domains = map[string]int64{"laverack9": 9, "goodman9": 9, "rifkin5": 5, "liberato9": 9, "simple_s1": 5}

func (g *gathering) campaign(p parts, _ int64) {
	p.id()
	if n, ok := p.known(); ok && n > 0 {
		g.targets = append(g.targets, n)
	}
	decided, executed := p.id() != ID{}, p.id() != ID{}
	g.Plan.Campaign = g.Plan.Campaign || decided && executed
}

func (g *gathering) household(p parts, _ int64) {
	event := p.id()
	p.id()
	refused := p.flag()
	minutes, timed := p.known()
	answers, most := p.int(), p.int()
	if refused {
		return
	}
	g.households[g.chains.root(event)] = true
	if !g.chains.counts(event) {
		return
	}
	q, limits := &g.Quality, &g.settings.Data
	q.Surveys++
	if answers >= limits.StraightAnswers && 100*most >= limits.StraightShare*answers {
		q.Straight++
	}
	if timed {
		q.Timed++
		if minutes < limits.ShortMinutes {
			q.Short++
		}
	}
}

func (g *gathering) focusGroup(p parts, _ int64) {
	root := g.chains.root(p.id())
	p.id()
	if g.groups[root] == nil {
		g.groups[root] = map[string]bool{}
	}
	g.groups[root][p.text()] = true
}

// dossierSections say how far each section is, by what is there whoever asks: a
// chain of corrections counts once, for the best of its events, so that deleting
// a record never makes a dossier fuller.
//
// Source: domain description 4.1, targets and gates; each is a setting.
func (g *gathering) dossierSections() {
	t, gate := &g.settings.Targets, &g.settings.Gates
	area, _ := expr.AreaHa(g.ring).Round(0).Int64()
	if g.Neighbourhood != nil {
		g.Neighbourhood.AreaHa = area
	}
	codes := map[string]bool{}
	for _, b := range g.Blocks {
		codes[b.Code] = true
	}
	ratedLiving, rated := 0, map[string]bool{}
	for block := range g.rated {
		rated[g.codeOf[block]] = g.codeOf[block] != ""
	}
	for code := range codes {
		if rated[code] {
			ratedLiving++
		}
	}
	blocks, owed, done := int64(len(codes)), int64(len(g.blockCodes)), int64(ratedLiving)
	g.Plan.Blocks, g.Plan.Profiles = blocks, int64(len(g.profiles))
	members := int64(len(g.members))
	categories := map[string]bool{}
	for _, c := range g.assets {
		categories[c] = true
	}
	assets := int64(len(g.assets))
	took := g.tookPart()
	g.Fills = []Fill{
		g.profileFill(gate),
		{SectionBlocks, blocks, t.Blocks, blocks >= gate.Blocks && g.Neighbourhood != nil && g.Neighbourhood.Boundary},
		{SectionKeyPersons, g.Plan.KeyPersons, t.KeyPersons, g.Plan.KeyPersons >= gate.KeyPersons && g.women >= gate.Women},
		{SectionTeam, members, t.TeamMembers, members >= gate.TeamMembers},
		g.capacityFill(t),
		{SectionAssets, assets, t.Assets, assets >= gate.Assets && int64(len(categories)) >= gate.AssetCategories},
		g.surveyFill(t, gate),
		g.prioritiesFill(t),
		{SectionHarmMap, done, max(owed, 1), owed > 0 && 100*done >= gate.RatedBlocksShare*owed},
		{SectionParticipation, took, t.Residents, took >= gate.Residents},
	}
	g.Completeness = CompletenessOf(g.Fills, g.settings.Weights)
}

// profileFill is that of the fullest profile: filled of the fields that its form
// needs.
func (g *gathering) profileFill(gate *Gates) Fill {
	f := Fill{Section: SectionProfile, Target: 1}
	for _, x := range g.profiles {
		if x.Needed > 0 && x.Filled*f.Target > f.Done*x.Needed {
			f.Done, f.Target = x.Filled, x.Needed
		}
		f.Gate = f.Gate || x.Population >= 0 && x.Households >= 0 && x.Services >= gate.Services
	}
	return f
}

// capacityFill is that of the fullest round. An instrument with fewer domains
// than are aimed at is full when all of its own are scored.
func (g *gathering) capacityFill(t *Targets) Fill {
	f := Fill{Section: SectionCapacity, Target: t.Domains}
	for _, r := range g.capacity {
		done, all := int64(len(r.Scores)), Domains[r.Instrument]
		target := t.Domains
		if all > 0 {
			target = min(target, all)
		}
		if target > 0 && done*f.Target > f.Done*target {
			f.Done, f.Target = done, target
		}
		f.Gate = f.Gate || all > 0 && done >= all
	}
	return f
}

// surveyFill adds up households, informants and focus groups, each up to its own
// target. A campaign that asks fewer households than the province aims at may be
// measured by its own plan; the section is as far as by the most favourable one.
func (g *gathering) surveyFill(t *Targets, gate *Gates) Fill {
	womens := int64(0)
	for _, kinds := range g.groups {
		if kinds["women"] {
			womens++
		}
	}
	talks := min(int64(len(g.informants)), t.Informants) + min(int64(len(g.groups)), t.FocusGroups)
	best := Fill{Section: SectionNeedsSurvey, Target: 1}
	for _, households := range append(g.targets, t.Households) {
		households = min(households, t.Households)
		done, target := min(int64(len(g.households)), households)+talks, households+t.Informants+t.FocusGroups
		if best.Done == 0 || done*best.Target > best.Done*target {
			best.Done, best.Target = done, target
		}
	}
	best.Gate = 100*best.Done >= gate.SurveyShare*best.Target && womens >= gate.WomensGroups
	return best
}

// prioritiesFill is that of the approved round that ranks the most needs.
func (g *gathering) prioritiesFill(t *Targets) Fill {
	f := Fill{Section: SectionPriorities, Target: t.RankedNeeds}
	for _, r := range g.rounds {
		if r.approved {
			f.Done, f.Gate = max(f.Done, int64(len(g.ranked[r.id]))), true
		}
	}
	return f
}

// tookPart is how many residents took part: those of a profile, or those of all
// activities, whichever are more. Somebody who came twice counts twice.
func (g *gathering) tookPart() int64 {
	most, sum := int64(0), int64(0)
	for _, x := range g.profiles {
		most = max(most, x.Consulted)
	}
	for _, n := range g.consulted {
		sum += n
	}
	return max(most, sum)
}

// byRound orders rounds by instrument, number and day.
func byRound(a, b CapacityRound) int {
	return cmp.Or(cmp.Compare(a.Instrument, b.Instrument), cmp.Compare(a.Round, b.Round), cmp.Compare(a.Held, b.Held))
}
