package indicators

// neighbourhood takes the record with the smallest id, should two people have
// recorded the same.
func (g *gathering) neighbourhood(p parts, _ int64) {
	n := Neighbourhood{Record: p.id(), Setting: p.text(), Settlement: p.text(), HarmProne: p.flag(), Centre: p.id(), Clinic: p.id(),
		County: p.text(), City: p.text(), Name: p.text()}
	if g.Neighbourhood == nil {
		g.Neighbourhood = &n
	}
}

// profile takes the latest year's, of two the one with the greater id.
func (g *gathering) profile(p parts, _ int64) {
	x := Profile{Year: p.int()}
	p.id()
	x.Population, x.Female, x.Households = p.orUnknown(), p.orUnknown(), p.orUnknown()
	x.Age0to6, x.Age7to18, x.Age19to59, x.Age60up = p.orUnknown(), p.orUnknown(), p.orUnknown(), p.orUnknown()
	x.Services, x.Consulted, x.Filled, x.Needed = p.int(), p.orUnknown(), p.int(), p.int()
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
		have.Record, have.Revision, have.Status = d.Record, d.Revision, d.Status
	}
}

// earlier is the earlier of two days, where 0 is none.
func earlier[T ~int32 | ~int64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
