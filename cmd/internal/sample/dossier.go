package sample

import (
	"math"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// codeOf is the code that a field of a record shows, "" if it is empty.
func (w *world) codeOf(s *syncproto.RecordState, field string) string {
	form, _ := w.forms.Form(schemas.FormID(s.Form))
	f, ok := form.FieldByName(field)
	if !ok {
		w.fail("form %s has no field %s", form.Name, field)
		return ""
	}
	return merge.Content(form, s).Fields[f.ID].Code()
}

// sections are those of the dossier as the team counts them.
func (h *hood) sections() rows {
	c := &h.said
	target := func(n int) int { return max(1, int(math.Round(float64(n)*h.w.o.Scale))) }
	all := []struct {
		name         string
		weight       int
		done, target int
		gate         bool
	}{
		{"profile", 15, c.profile, 1, c.profile > 0},
		{"boundary_blocks", 5, c.blocks, 8, c.blocks > 0},
		{"key_persons", 10, c.key, target(15), c.key >= target(5)},
		{"local_team", 5, c.team, 7, c.team >= 3},
		{"capacity", 15, c.capacity, 9, c.capacity > 0},
		{"assets", 15, c.assets, target(40), c.assets >= target(15)},
		{"needs_survey", 15, c.households, target(90), c.households >= target(45) && c.groups > 0},
		{"prioritised_needs", 10, c.needs, 5, c.needs >= 5},
		{"harm_map", 5, min(c.harm, c.blocks), max(c.blocks, 1), c.harm >= c.blocks},
		{"participation", 5, c.residents, 30, c.residents >= 10},
	}
	var sections rows
	for _, s := range all {
		state := "not_started"
		switch {
		case s.done >= s.target && s.gate:
			state = "complete"
		case s.gate:
			state = "gate_met"
		case s.done > 0:
			state = "in_progress"
		}
		sections = append(sections, fields{"section": s.name, "state": state, "done": s.done, "target": s.target, "weight": s.weight,
			"gate_met": s.gate})
	}
	return sections
}

// doSections brings what the dossier says of its sections up to date.
func doSections(x *worker, t int64, _ int) {
	if d := x.opened[x.hood.dossier]; d != nil {
		x.edit(t, d, fields{"sections": x.hood.sections()})
	}
}

// doSubmit sends the dossier in.
func doSubmit(x *worker, t int64, _ int) {
	d := x.opened[x.hood.dossier]
	if d == nil || x.w.codeOf(d, "status") != "collecting" {
		return
	}
	x.edit(t, d, fields{"sections": x.hood.sections(), "submitted_by": x.hood.persons[manager], "submitted_on": today(t), "reviewed_by": nil,
		"reviewed_on": nil})
	x.step(t+minuteMS, d, "status", "submitted")
}

// doAgain takes a dossier that was returned up again, and sends it in some days
// later.
func doAgain(x *worker, t int64, _ int) {
	d := x.opened[x.hood.dossier]
	if d == nil || x.w.codeOf(d, "status") != "returned" {
		return
	}
	x.step(t, d, "status", "collecting")
}
