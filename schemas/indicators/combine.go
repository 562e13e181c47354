package indicators

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
	all      []*Summary // ascending by name and place
	assigned []*Summary // those that owe a dossier: N of the formulas
}

// definitions are the figures in their order.
var definitions = []struct {
	id   string
	make func(*combining, *Figure)
}{
	{"D01", (*combining).coverage},
	{"D13", (*combining).assets},
}
