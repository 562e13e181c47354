package indicators

import (
	"cmp"
	"maps"
	"slices"

	"mahalleh/schemas/jalali"
)

type serviceAt struct {
	month    int64
	category string
}

type centreAt struct {
	id       ID
	active   bool
	steering bool
}

type meetingsAt struct {
	last jalali.Day
	n    int64
}

func (g *gathering) organisation(p parts, _ int64) {
	o := Organisation{Record: p.id(), Kind: p.text(), Selected: p.day()}
	willing, located, base, success := p.flag(), p.flag(), p.flag(), p.flag()
	// s0:23: willing, and located there or able to set up a base, and a record of
	// success.
	o.Capable = willing && (located || base) && success
	o.Name = p.text()
	g.Organisations = append(g.Organisations, o)
}

func (g *gathering) agreement(p parts, _ int64) {
	g.Agreements = append(g.Agreements, Agreement{Record: p.id(), State: p.text(), Programme: p.text(), Start: p.day(), End: p.day(),
		Confirmation: p.text(), Delivered: p.int(), Owed: p.int(), RenewedFrom: p.id(), Number: p.text()})
}

func (g *gathering) worker(p parts, _ int64) {
	g.Workers = append(g.Workers, Worker{Person: p.id(), Role: p.text(), From: p.day(), To: p.day(), Assigned: p.int()})
}

// attendance takes of a person's certificates the one that holds longest.
func (g *gathering) attendance(p parts, _ int64) {
	event := p.id()
	p.id()
	if !g.chains.counts(event) {
		return
	}
	person := p.id()
	p.id()
	certified, until := p.flag(), p.day()
	t := g.trained[person]
	if t == nil {
		t = &Training{Person: person}
		g.trained[person] = t
	}
	if !certified {
		return
	}
	if t.Certified && (t.Until == 0 || until == 0) {
		until = 0
	}
	t.Certified, t.Until = true, max(t.Until, until)
	if until == 0 {
		t.Until = 0
	}
}

func (g *gathering) centre(p parts, _ int64) {
	c := centreAt{id: p.id(), active: p.text() != "inactive", steering: p.id() != ID{}}
	g.centres = append(g.centres, c)
}

func (g *gathering) bylaw(p parts, _ int64) {
	if centre := p.id(); p.day() != 0 {
		g.bylaws[centre] = true
	}
}

func (g *gathering) committee(p parts, _ int64) {
	g.Committees = append(g.Committees, Committee{Record: p.id(), Kind: p.text(), Status: p.text(), Neighbourhood: p.id()})
}

func (g *gathering) meeting(p parts, _ int64) {
	p.id()
	committee, day := p.id(), p.day()
	m := g.meetings[committee]
	if m == nil {
		m = &meetingsAt{}
		g.meetings[committee] = m
	}
	m.n++
	m.last = max(m.last, day)
}

func (g *gathering) decision(p parts, _ int64) {
	g.Decisions = append(g.Decisions, Decision{Record: p.id(), Kind: p.text(), Subject: p.id(), Result: p.text(), Meeting: p.id()})
}

func (g *gathering) actionPlan(p parts, _ int64) {
	plan := p.id()
	p.int()
	g.plans[plan] = p.flag()
}

func (g *gathering) item(p parts, _ int64) {
	g.Items = append(g.Items, Item{Record: p.id(), Plan: p.id(), Need: p.id(), Start: p.day(), Due: p.day(), Weight: p.int(), Progress: p.int(), Status: p.text(), Code: p.text()})
}

// request gives a request that was sent and has no day for its reply the usual one.
func (g *gathering) request(p parts, _ int64) {
	r := Request{Record: p.id(), Programme: p.text(), Target: p.id(), State: p.text(), Sent: p.day(), Due: p.day(), Answered: p.day(), Decision: p.id()}
	if r.Due == 0 && r.Sent != 0 {
		r.Due = g.settings.due(r.Sent, g.settings.Clocks.ReplyDays)
	}
	g.Requests = append(g.Requests, r)
}

func (g *gathering) followUp(p parts, _ int64) {
	event := p.id()
	p.id()
	if !g.chains.counts(event) {
		return
	}
	g.followed[p.id()] = true
	p.day()
	if p.text() == "manager_visit" {
		g.Plan.ManagerVisits++
	}
}

// service takes deliveries; contacts and referrals are none.
func (g *gathering) service(p parts, _ int64) {
	event := p.id()
	p.id()
	if !g.chains.counts(event) {
		return
	}
	at := serviceAt{month: p.int(), category: p.text()}
	p.text()
	if kind := p.text(); kind != "service" {
		return
	}
	s := g.services[at]
	if s == nil {
		s = &Service{Month: at.month, Category: at.category}
		g.services[at] = s
	}
	s.Deliveries++
	s.Served += p.int()
	s.Women += p.int()
}

func (g *gathering) budgetLine(p parts, _ int64) {
	g.Budget = append(g.Budget, BudgetLine{Record: p.id(), Programme: p.text(), Item: p.text(), Neighbourhood: p.id(), Year: p.int(),
		Approved: p.int(), Allocated: p.orUnknown(), Required: p.orUnknown()})
}

// budgetTxn adds up payments less what came back. What was allocated stands in
// the line itself, and what is only promised is not spent.
func (g *gathering) budgetTxn(p parts, _ int64) {
	event := p.id()
	p.id()
	if !g.chains.counts(event) {
		return
	}
	line, kind, rial := p.id(), p.text(), p.int()
	switch kind {
	case "pay":
		g.paid[line] += rial
	case "return":
		g.paid[line] -= rial
	}
}

func (g *gathering) enrolment(p parts, _ int64) {
	g.Enrolments = append(g.Enrolments, Enrolment{Record: p.id(), Programme: p.text(), Executor: p.id(), Decision: p.id(), Started: p.day(), Ended: p.day(), Stage: p.text()})
}

func (g *gathering) stage(p parts, _ int64) {
	enrolment := p.id()
	g.stages[enrolment] = append(g.stages[enrolment], StageDays{Stage: p.text(), Opened: p.day(), Closed: p.day()})
}

func (g *gathering) evidenceDay(p parts, _ int64) { g.Plan.Last = max(g.Plan.Last, p.day()) }

// plan puts together what refers to one another.
func (g *gathering) plan() {
	for i := range g.Enrolments {
		g.Enrolments[i].Stages = g.stages[g.Enrolments[i].Record]
	}
	for i := range g.Committees {
		c := &g.Committees[i]
		if m := g.meetings[c.Record]; m != nil {
			c.Met, c.Meetings = m.last, m.n
		}
		if c.Status != "dissolved" {
			g.Plan.Monitoring = g.Plan.Monitoring || c.Kind == "monitoring"
		}
	}
	for _, c := range g.centres {
		g.Plan.Centre = g.Plan.Centre || c.active
		g.Plan.Bylaw = g.Plan.Bylaw || c.active && g.bylaws[c.id]
		g.Plan.Steering = g.Plan.Steering || c.active && c.steering
	}
	for _, r := range g.Requests {
		if r.Decision != (ID{}) && (r.Sent != 0 || g.followed[r.Record]) {
			g.Plan.PursuedRequests++
		}
	}
	for _, x := range g.Items {
		if g.plans[x.Plan] {
			g.Plan.Items++
		}
	}
	g.Plan.ActivityTypes = int64(len(g.activityTypes))
	for _, line := range slices.SortedFunc(maps.Keys(g.paid), compareIDs) {
		g.Payments = append(g.Payments, Payment{Line: line, Paid: g.paid[line]})
	}
	for _, s := range g.services {
		g.Services = append(g.Services, *s)
	}
	slices.SortFunc(g.Services, func(a, b Service) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Category, b.Category))
	})
}
