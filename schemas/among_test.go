package schemas_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "mahalleh/schemas"
	"mahalleh/schemas/forms"
)

const (
	hall     = `"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشی دبستان شهیدِ گمنام (نوبت عصر)"`
	hallHere = hall + `, "location": {"lat": 37.2511, "lon": 49.6124}`
	place    = `"neighbourhood_id": "019bc6a0-0102-7000-8000-000000000102"`
	other    = `"neighbourhood_id": "019bc6a0-0102-7000-8000-000000000103"`
)

// near is a hall of that title, so many metres north of hallHere.
func near(title string, metres float64) string {
	return fmt.Sprintf(`{"category": "physical", "subtype": "hall", "title_fa": %q, "location": {"lat": %.7f, "lon": 49.6124}}`, title, 37.2511+metres/111_195)
}

// TestAmong holds pairs of records against the rules of their forms.
func TestAmong(t *testing.T) {
	const spelled = "سالن ورزشي دبستان شهيد گمنام" // Arabic ye, no ezafe marks
	for _, test := range []struct {
		name, form, first, second string
		want                      bool
	}{
		{"the same hall 20 m away, spelled otherwise", "asset", `{` + hallHere + `}`, near(spelled, 20), true},
		{"49 m away", "asset", `{` + hallHere + `}`, near(spelled, 49), true},
		{"51 m away", "asset", `{` + hallHere + `}`, near(spelled, 51), false},
		{"another name", "asset", `{` + hallHere + `}`, near("کتابخانهٔ عمومی", 1), false},
		{"another subtype", "asset", `{` + hallHere + `}`, strings.Replace(near(spelled, 20), `"hall"`, `"library"`, 1), false},
		{"one without a place", "asset", `{` + hallHere + `}`, `{` + hall + `}`, false},
		{"both without a place", "asset", `{` + hall + `}`, `{` + hall + `}`, false},
		{"said to be a duplicate", "asset", `{` + hallHere + `, "duplicate_of": "02000000-0000-0000-0000-000000000000"}`, near(spelled, 20), false},

		{"two open revisions", "dossier", `{` + place + `, "revision_no": 1, "status": "collecting"}`, `{` + place + `, "revision_no": 2, "status": "returned"}`, true},
		{"one approved", "dossier", `{` + place + `, "revision_no": 1, "status": "approved"}`, `{` + place + `, "revision_no": 2, "status": "assigned"}`, false},
		{"one cancelled", "dossier", `{` + place + `, "status": "cancelled"}`, `{` + place + `, "status": "assigned"}`, false},
		{"one taken up again", "dossier", `{` + place + `, "status": "updating"}`, `{` + place + `, "status": "assigned"}`, true},
		{"another neighbourhood", "dossier", `{` + place + `, "status": "assigned"}`, `{` + other + `, "status": "assigned"}`, false},

		{"89 days", "capacity_assessment", `{"round_no": 1, "held_on": "2026-01-01"}`, `{"round_no": 2, "held_on": "2026-03-31"}`, true},
		{"90 days", "capacity_assessment", `{"round_no": 1, "held_on": "2026-01-01"}`, `{"round_no": 2, "held_on": "2026-04-01"}`, false},
		{"the later round held earlier", "capacity_assessment", `{"round_no": 2, "held_on": "2025-01-01"}`, `{"round_no": 1, "held_on": "2026-01-01"}`, true},
		{"one round in two instruments", "capacity_assessment", `{"instrument": "laverack9", "round_no": 1, "held_on": "2026-01-01"}`,
			`{"instrument": "simple_s1", "round_no": 1, "held_on": "2026-01-02"}`, false},
		{"a correction", "capacity_assessment", `{"round_no": 1, "held_on": "2026-01-01"}`,
			`{"round_no": 2, "held_on": "2026-01-01", "corrects_id": "01000000-0000-0000-0000-000000000000"}`, false},
		{"no date", "capacity_assessment", `{"round_no": 1}`, `{"round_no": 2, "held_on": "2026-03-31"}`, false},
		{"no number", "capacity_assessment", `{"held_on": "2026-03-30"}`, `{"round_no": 2, "held_on": "2026-03-31"}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			pkg, form := formNamed(t, test.form)
			a, b := decode(t, pkg, form, test.first), decode(t, pkg, form, test.second)
			rule := &form.Among[0]
			for _, got := range []bool{rule.Holds(form, ID{1}, a, ID{2}, b), rule.Holds(form, ID{2}, b, ID{1}, a)} {
				if got != test.want {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
			if found := meet(FileKeys(form, a), LookKeys(form, b)) && meet(FileKeys(form, b), LookKeys(form, a)); test.want && !found {
				t.Error("the index would not find one by the other")
			}
		})
	}
}

// TestAmongProblem: the warning is told in both languages, names the other
// record and never keeps a record from being sent.
func TestAmongProblem(t *testing.T) {
	_, form := formNamed(t, "capacity_assessment")
	p := AmongProblem(&form.Among[0], ID{2}, Text{Fa: "نوبت ۱", En: "Round 1"})
	held, _ := form.FieldByName("held_on")
	round, _ := form.FieldByName("round_no")
	if p.Rule != RuleAmong || p.Level != LevelWarning || p.Record != (ID{2}) || !Sendable([]Problem{p}) ||
		p.Field != held.ID || !slices.Equal(p.Others, []FieldID{round.ID}) ||
		!strings.Contains(p.Message.Fa, "«نوبت ۱»") || !strings.Contains(p.Message.En, "“Round 1”") {
		t.Errorf("the warning is %+v", p)
	}
}

// TestPeerKeysFindAllNear: whatever a rule flags stands under a key that is
// looked under, at every latitude and on both sides of the grid's lines.
func TestPeerKeysFindAllNear(t *testing.T) {
	_, form := formNamed(t, "asset")
	field := func(name string) FieldID {
		f, _ := form.FieldByName(name)
		return f.ID
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	asset := func(lat, lon float64) Record {
		return Record{Form: form.ID, Fields: map[FieldID]Value{field("subtype"): CodeValue("hall"), field("title_fa"): TextValue("سالن"),
			field("location"): PointValue(Point{LatE7: int32(lat), LonE7: int32(lon)})}}
	}
	flagged, found := 0, 0
	for range 20_000 {
		lat, lon := (r.Float64()*160-80)*1e7, (r.Float64()*358-179)*1e7
		a := asset(lat, lon)
		b := asset(lat+(r.Float64()-0.5)*12_000, lon+(r.Float64()-0.5)*40_000)
		near := meet(FileKeys(form, a), LookKeys(form, b))
		if near {
			found++
		}
		if form.Among[0].Holds(form, ID{1}, a, ID{2}, b) {
			flagged++
			if !near {
				t.Fatalf("%v and %v are near and not found", a.Fields[field("location")].Point(), b.Fields[field("location")].Point())
			}
		}
	}
	if flagged < 1000 || found == 20_000 {
		t.Errorf("%d pairs near, %d found of 20,000; want over a thousand, and not all", flagged, found)
	}
}

func formNamed(t *testing.T, name string) (*Package, *Form) {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	form, ok := pkg.FormByName(name)
	if !ok {
		t.Fatalf("no form %s", name)
	}
	return pkg, form
}

func decode(t *testing.T, pkg *Package, form *Form, text string) Record {
	t.Helper()
	r, err := DecodeJSON(form, pkg, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func meet(a, b []PeerKey) bool {
	return slices.ContainsFunc(a, func(k PeerKey) bool { return slices.Contains(b, k) })
}
