package recount

import (
	"fmt"
	"math"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/persian"
)

// quality reckons D28, without the harm map. What a form says of a record, its
// warnings and empty needed fields, is asked of the form.
func (a *asked) quality() {
	pkg, err := forms.Load()
	if err != nil {
		panic(err)
	}
	type tally struct{ records, warnings, missing, repeats, doubles int64 }
	total, places := &tally{}, map[int64]*tally{}
	var surveys, straight, timed, short, points, outside int64
	seen := map[string]bool{}
	minutes := map[string]int64{}
	for _, r := range a.all {
		form, ok := pkg.FormByName(r.Form)
		if r.Deleted || !ok || r.Compartment == "harm" || r.Form == "dossier_snapshot" {
			continue
		}
		t := tally{records: 1}
		value, err := schemas.DecodeJSON(form, pkg, r.Raw)
		if err != nil {
			panic(fmt.Sprintf("record %s: %v", r.ID, err))
		}
		last := int64(0)
		for _, w := range r.standing() {
			last = max(last, w.when)
		}
		for _, p := range schemas.Assess(form, pkg, value, schemas.Env{Today: int32(tehranDay(last))}).Problems {
			switch p.Level {
			case schemas.LevelMissing:
				t.missing++
			case schemas.LevelWarning:
				t.warnings++
			}
		}
		if key := repeatKey(r); key != "" {
			if seen[key] {
				t.repeats++
			}
			seen[key] = true
		}
		if r.Form == "asset" && a.doubled(r) {
			t.doubles++
		}
		for _, x := range []*tally{total, pick(places, r.Place)} {
			x.records += t.records
			x.warnings += t.warnings
			x.missing += t.missing
			x.repeats += t.repeats
			x.doubles += t.doubles
		}
		minutes[fmt.Sprint(r.Place, "|", r.author(), "|", floor(r.made(), 60))]++
	}
	for _, r := range slices.Concat(a.living("asset"), a.events("activity")) {
		p, ok := r.point("location")
		line := a.boundary(r.Place)
		if !ok || line == nil || r.has("duplicate_of") {
			continue
		}
		points++
		if away(p, line) > float64(a.set["margin_metres"]) {
			outside++
		}
	}
	for _, r := range a.events("household_response") {
		if r.yes("refused") {
			continue
		}
		answers := map[string]int64{}
		n, most := int64(0), int64(0)
		for _, x := range r.rows("services_problem") {
			answers[fmt.Sprint(x.value("severity"))]++
			n++
			most = max(most, answers[fmt.Sprint(x.value("severity"))])
		}
		surveys++
		if n >= a.set["straight_answers"] && 100*most >= a.set["straight_share"]*n {
			straight++
		}
		if r.has("duration_min") {
			timed++
			if r.num("duration_min") < a.set["short_minutes"] {
				short++
			}
		}
	}
	bursts := int64(0)
	for _, n := range minutes {
		if n >= a.set["burst_records"] {
			bursts++
		}
	}
	a.count("D28.records", total.records)
	a.ratio("D28.warnings_per_100", total.warnings, total.records, 100)
	a.ratio("D28.missing_per_100", total.missing, total.records, 100)
	a.count("D28.repeats", total.repeats)
	a.count("D28.doubles", total.doubles)
	a.share("D28.straight_share", straight, surveys)
	a.share("D28.short_share", short, timed)
	a.share("D28.outside_share", outside, points)
	a.count("D28.bursts", bursts)
	for n, t := range places {
		key := "D28.by_place|" + a.name(n) + "|"
		a.ratio(key+"warnings_per_100", t.warnings, t.records, 100)
		a.ratio(key+"missing_per_100", t.missing, t.records, 100)
		a.count(key+"suspects", t.repeats+t.doubles)
		a.count(key+"records", t.records)
	}
}

// tellsApart are the fields that tell the records of a form apart at a place.
var tellsApart = map[string][]string{
	"dossier": {"neighbourhood_id", "revision_no"}, "indicator": {"code"}, "neighbourhood_profile": {"reference_year"}, "block": {"code"},
	"action_item": {"plan_id", "code"}, "agreement": {"number"}, "ballot": {"round_id", "voter_token"}, "programme_enrolment": {"neighbourhood_id", "programme"},
	"training_attendance": {"course_id", "person_id"}, "neighbourhood": {"name_fa", "county", "city_or_village"}, "province_settings": {"province_code"},
}

// repeatKey is equal for records that repeat one another.
func repeatKey(r *record) string {
	names, ok := tellsApart[r.Form]
	if !ok || r.has("corrects_id") || r.has("duplicate_of") {
		return ""
	}
	key := fmt.Sprint(r.Form, "|", r.Place)
	for _, name := range names {
		key += fmt.Sprint("|", persian.Fold(fmt.Sprint(r.value(name))))
	}
	return key
}

// doubled reports whether an asset is near and alike to one with a smaller id.
func (a *asked) doubled(r *record) bool {
	here, ok := r.point("location")
	if !ok || r.has("duplicate_of") {
		return false
	}
	return slices.ContainsFunc(a.at(r.Place, "asset"), func(x *record) bool {
		there, ok := x.point("location")
		return ok && x.ID < r.ID && !x.has("duplicate_of") && x.str("subtype") == r.str("subtype") &&
			metres(here, there) < float64(a.set["double_metres"]) &&
			100*persian.Similarity(x.str("title_fa"), r.str("title_fa")) >= float64(a.set["double_similarity"])
	})
}

// author is who made a record.
func (r *record) author() string {
	for _, c := range r.History {
		if c.Verb == "create" {
			return c.By.ID
		}
	}
	return ""
}

// point is a place in degrees.
type point struct{ lat, lon float64 }

func pointOf(m map[string]any) (point, bool) {
	x := row{m}
	lat, lon := x.exact("lat"), x.exact("lon")
	if lat == nil || lon == nil {
		return point{}, false
	}
	a, _ := lat.Float64()
	b, _ := lon.Float64()
	return point{a, b}, true
}

func (r row) point(name string) (point, bool) {
	m, ok := r.fields[name].(map[string]any)
	if !ok {
		return point{}, false
	}
	return pointOf(m)
}

func (r row) polygon(name string) (line []point) {
	list, _ := r.fields[name].([]any)
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			if p, ok := pointOf(m); ok {
				line = append(line, p)
			}
		}
	}
	return line
}

func (a *asked) boundary(n int64) []point {
	for _, r := range a.at(n, "neighbourhood") {
		if line := r.polygon("boundary"); line != nil {
			return line
		}
	}
	return nil
}

// metres is how far two points are from one another, on a sphere.
func metres(a, b point) float64 {
	const radius, rad = 6371008.8, math.Pi / 180
	h := math.Pow(math.Sin((b.lat-a.lat)*rad/2), 2) + math.Cos(a.lat*rad)*math.Cos(b.lat*rad)*math.Pow(math.Sin((b.lon-a.lon)*rad/2), 2)
	return 2 * radius * math.Asin(math.Sqrt(h))
}

// inside reports whether a point lies in a polygon, by the ray to the east.
func inside(p point, line []point) bool {
	in := false
	for i := range line {
		a, b := line[i], line[(i+1)%len(line)]
		if (a.lat > p.lat) != (b.lat > p.lat) && p.lon < (b.lon-a.lon)*(p.lat-a.lat)/(b.lat-a.lat)+a.lon {
			in = !in
		}
	}
	return in
}

// away is how far a point is from a polygon in metres, 0 inside.
func away(p point, line []point) float64 {
	if inside(p, line) {
		return 0
	}
	nearest := math.Inf(1)
	wide := math.Cos(p.lat * math.Pi / 180)
	for i := range line {
		a, b := line[i], line[(i+1)%len(line)]
		dx, dy := (b.lon-a.lon)*wide, b.lat-a.lat
		t := 0.0
		if dx != 0 || dy != 0 {
			t = min(max(((p.lon-a.lon)*wide*dx+(p.lat-a.lat)*dy)/(dx*dx+dy*dy), 0), 1)
		}
		nearest = min(nearest, metres(p, point{a.lat + t*(b.lat-a.lat), a.lon + t*(b.lon-a.lon)}))
	}
	return nearest
}
