package formview

import (
	"slices"

	"mahalleh/schemas"
)

// Section is a part of a form under one heading. One of which nothing is asked is
// not Asked, and has a place on the page nevertheless.
type Section struct {
	ID, Label     string
	Asked         bool
	Filled, Total int
	// Wrong counts the fields in which something must be mended.
	Wrong int
	// Open: in a form that folds, it is where to begin, or holds what must be mended.
	Open bool
	// Next is the section that is asked after it, nil for none.
	Next   *Section `json:"-"`
	Fields []*Field `json:"-"`
}

func (d *drawing) section(section schemas.Section, fields []*schemas.Field, c schemas.SectionCompleteness) {
	out := &Section{ID: "s-" + section.Name, Label: section.Label.In(d.Lang()), Filled: c.Filled, Total: c.Total}
	d.why = ""
	for _, f := range fields {
		field := d.field(f, f.Name, -1, d.s.Values.Fields[f.ID], d.s.Assessment.Relevant(f.ID) && !f.ByProgram)
		out.Asked = out.Asked || field.Asked
		out.Wrong += field.wrongs()
		out.Fields = append(out.Fields, field)
	}
	d.out.Sections = append(d.out.Sections, out)
}

// wrongs counts the field, and those of its rows, in which something must be mended.
func (f *Field) wrongs() (n int) {
	if f.Wrong() {
		n++
	}
	for _, row := range f.Rows {
		for _, column := range row.Fields {
			n += column.wrongs()
		}
	}
	return n
}

// fold opens the first section that is not complete, and every one that holds what
// must be mended; each leads to the next.
func (d *drawing) fold() {
	all, questions := d.out.Sections, 0
	for _, f := range d.s.Form.Fields() {
		questions += 1 + len(f.Fields)
	}
	d.out.Folds = questions > longForm && len(all) > 1
	var first, last *Section
	begun := false
	for _, s := range all {
		if !s.Asked {
			continue
		}
		if last != nil {
			last.Next = s
		}
		last = s
		s.Open = s.Wrong > 0
		if first == nil {
			first = s
		}
		if !begun && !s.complete() {
			s.Open, begun = true, true
		}
	}
	if first != nil && !begun {
		first.Open = first.Open || !slices.ContainsFunc(all, func(s *Section) bool { return s.Open })
	}
}

// complete says that nothing in it is needed any more. One of which nothing is needed
// is, once something stands in it: it was seen.
func (s *Section) complete() bool {
	if s.Wrong > 0 || s.Total > 0 {
		return s.Wrong == 0 && s.Filled == s.Total
	}
	return slices.ContainsFunc(s.Fields, func(f *Field) bool { return f.Text != "" || len(f.Rows) > 0 || len(f.Files) > 0 })
}

// State is how the section stands: "wrong", "done", "part", or "free" where nothing is
// needed.
func (s *Section) State() string {
	switch {
	case s.Wrong > 0:
		return "wrong"
	case s.Total == 0:
		return "free"
	case s.Filled == s.Total:
		return "done"
	}
	return "part"
}

// HeadShows and NextShows tell what these parts show from what they showed.
func (s *Section) HeadShows() string {
	return Fingerprint([]any{s.Asked, s.Filled, s.Total, s.Wrong})
}
func (s *Section) NextShows() string {
	if s.Next == nil {
		return "-"
	}
	return s.Next.ID
}

// FirstWrong is the control of the first field in which something must be mended, ""
// for none.
func (f *Form) FirstWrong() string {
	for _, s := range f.Sections {
		if at := firstWrong(s.Fields); at != "" {
			return at
		}
	}
	return ""
}

func firstWrong(fields []*Field) string {
	for _, f := range fields {
		if f.Wrong() {
			return f.Control
		}
		for _, row := range f.Rows {
			if at := firstWrong(row.Fields); at != "" {
				return at
			}
		}
	}
	return ""
}
