package indicators

import "mahalleh/schemas/jalali"

// Combine makes all figures of a set of places: of one neighbourhood on a
// phone, of a province on the server, by the same code. It changes nothing, and
// the order of the summaries does not matter. Places that hold records of their
// own (the county's, the province's) are among the summaries.
func Combine(at Moment, summaries []Summary, settings *Settings) Figures {
	f := Figures{AsOf: at.Now, Today: at.Today, Formula: Version, Settings: settings.Version, Places: len(summaries)}
	c := &combining{Moment: at, settings: settings, all: inOrder(summaries)}
	for _, s := range c.all {
		if s.Formula != Version || s.Settings != settings.Version {
			f.Stale++
		}
		if s.Assigned() {
			c.assigned = append(c.assigned, s)
		}
	}
	lag := c.lag()
	for _, d := range definitions {
		x := Figure{ID: d.id, Title: textOf(d.id), Definition: textOf(d.id + ".definition"), Formula: Version, AsOf: at.Now, Lag: lag}
		d.make(c, &x)
		x.title()
		f.Figures = append(f.Figures, x)
	}
	return f
}

// combining is what the figures are made from.
type combining struct {
	Moment
	settings *Settings
	all      []*Summary // by county and name
	assigned []*Summary // those that owe a dossier: N of the formulas
}

// within reports whether a month is among those asked for.
func (m *Moment) within(month int64) bool {
	return (m.From == 0 || month >= m.From) && (m.To == 0 || month <= m.To)
}

// withinYear reports whether a part of a Jalali year is among those asked for.
func (m *Moment) withinYear(year int64) bool {
	return (m.From == 0 || year*100+12 >= m.From) && (m.To == 0 || year*100+1 <= m.To)
}

// definitions are the figures in their order. D24 to D27 belong to programmes
// that have no forms yet.
var definitions = []struct {
	id   string
	make func(*combining, *Figure)
}{
	{"D01", (*combining).coverage},
	{"D02", (*combining).onTime},
	{"D03", (*combining).overdue},
	{"D04", (*combining).atRisk},
	{"D05", (*combining).completeness},
	{"D06", (*combining).reviewTime},
	{"D07", (*combining).funnel},
	{"D08", (*combining).clinics},
	{"D09", (*combining).conflicts},
	{"D10", (*combining).priorities},
	{"D11", (*combining).serviceGap},
	{"D12", (*combining).harmMap},
	{"D13", (*combining).assets},
	{"D14", (*combining).capacity},
	{"D15", (*combining).actionPlans},
	{"D16", (*combining).budget},
	{"D17", (*combining).freshness},
	{"D18", (*combining).unsynced},
	{"D19", (*combining).clocks},
	{"D20", (*combining).agreements},
	{"D21", (*combining).advocacy},
	{"D22", (*combining).participation},
	{"D23", (*combining).training},
	{"D28", (*combining).quality},
}

// Filter chooses among places; an empty member lets all pass. Places that are no
// neighbourhoods pass only where nothing is asked for.
type Filter struct {
	County, Setting, Programme string
	Centre                     ID
}

// Select are the summaries that a filter lets pass.
func Select(summaries []Summary, f Filter) []Summary {
	var out []Summary
	for i := range summaries {
		if f.passes(&summaries[i]) {
			out = append(out, summaries[i])
		}
	}
	return out
}

func (f *Filter) passes(s *Summary) bool {
	n := s.Neighbourhood
	if n == nil {
		return f.County == "" && f.Setting == "" && f.Programme == "" && f.Centre == (ID{})
	}
	if f.County != "" && n.County != f.County || f.Setting != "" && n.Setting != f.Setting || f.Centre != (ID{}) && n.Centre != f.Centre && n.Clinic != f.Centre {
		return false
	}
	return f.Programme == "" || f.Programme == "dossier" && s.Dossier != nil || s.enrolment(f.Programme) != nil
}

// enrolment is the place's enrolment in a programme that has not ended, or else
// one that has.
func (s *Summary) enrolment(programme string) *Enrolment {
	var found *Enrolment
	for i := range s.Enrolments {
		if e := &s.Enrolments[i]; e.Programme == programme && (found == nil || found.Ended != 0 && e.Ended == 0) {
			found = e
		}
	}
	return found
}

// row is a row about a place.
func (s *Summary) row(cells ...Value) Row {
	r := Row{Place: s.Place, Cells: cells}
	if s.Neighbourhood != nil {
		r.Name = s.Neighbourhood.Name
	}
	return r
}

// days is how many days a day lies after another.
func days(from, to jalali.Day) int64 { return int64(to) - int64(from) }
