package indicators_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/indicators"
)

// world makes up records of every form that refer to one another, without asking
// whether they make sense: figures must be sums whatever people write.
type world struct {
	rng  *rand.Rand
	pkg  *schemas.Package
	pool map[string][]indicators.ID
	days [2]int32
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{rng: rand.New(rand.NewPCG(seed, 4)), pkg: pkg, pool: map[string][]indicators.ID{}, days: [2]int32{20460, 20560}}
	for _, f := range pkg.Forms() {
		for range 6 {
			w.pool[f.Name] = append(w.pool[f.Name], w.id())
		}
	}
	return w
}

func (w *world) id() (x indicators.ID) {
	for i := range x {
		x[i] = byte(w.rng.IntN(256))
	}
	return x
}

func (w *world) ref(formNames []string) indicators.ID {
	if len(formNames) == 0 {
		return w.id()
	}
	pool := w.pool[formNames[w.rng.IntN(len(formNames))]]
	if len(pool) == 0 {
		return w.id()
	}
	return pool[w.rng.IntN(len(pool))]
}

// value makes up a value of a field, seldom none.
func (w *world) value(f *schemas.Field) schemas.Value {
	if w.rng.IntN(5) == 0 {
		return schemas.Value{}
	}
	code := func() string {
		list, _ := w.pkg.List(f.List)
		return list.Items[w.rng.IntN(len(list.Items))].Code
	}
	switch f.Type {
	case schemas.TypeText, schemas.TypeLongText:
		return schemas.TextValue([]string{"کوی لاله", "B01", "b01", "سالن ورزشی|دبستان"}[w.rng.IntN(4)])
	case schemas.TypeInteger, schemas.TypeCounter:
		return schemas.IntValue(int64(1 + w.rng.IntN(12)))
	case schemas.TypeMoney:
		return schemas.IntValue(int64(w.rng.IntN(400)) * 1_000_000)
	case schemas.TypeJalaliYear:
		return schemas.IntValue(int64(1402 + w.rng.IntN(3)))
	case schemas.TypeDecimal:
		return schemas.DecimalValue(schemas.Decimal{Mantissa: int64(w.rng.IntN(100)), Scale: 1})
	case schemas.TypeDate:
		return schemas.DateValue(w.days[0] + w.rng.Int32N(w.days[1]-w.days[0]))
	case schemas.TypeBoolean:
		return schemas.BoolValue(w.rng.IntN(2) == 0)
	case schemas.TypeCode, schemas.TypeState:
		return schemas.CodeValue(code())
	case schemas.TypeCodes:
		return schemas.CodesValue(code(), code())
	case schemas.TypeReference:
		return schemas.RefValue(w.ref(f.Forms))
	case schemas.TypeReferences:
		return schemas.RefsValue(w.ref(f.Forms), w.ref(f.Forms))
	case schemas.TypePoint:
		return schemas.PointValue(w.point())
	case schemas.TypePolygon:
		a := w.point()
		const side = 30_000
		b, c, d := a, a, a
		b.LatE7, c.LatE7, c.LonE7, d.LonE7 = b.LatE7+side, c.LatE7+side, c.LonE7+side, d.LonE7+side
		return schemas.PolygonValue([]schemas.Point{a, b, c, d, a})
	case schemas.TypeList:
		var rows []schemas.Item
		for range w.rng.IntN(10) {
			rows = append(rows, schemas.Item{ID: w.id(), Fields: w.fields(f.Fields)})
		}
		return schemas.ItemsValue(rows)
	}
	return schemas.Value{}
}

func (w *world) point() schemas.Point {
	return schemas.Point{LatE7: 372_500_000 + w.rng.Int32N(60_000), LonE7: 496_100_000 + w.rng.Int32N(60_000)}
}

func (w *world) fields(fields []*schemas.Field) map[schemas.FieldID]schemas.Value {
	all := map[schemas.FieldID]schemas.Value{}
	for _, f := range fields {
		if v := w.value(f); !v.IsEmpty() {
			all[f.ID] = v
		}
	}
	return all
}

// record makes up a record of a form, a new one or one of the pool.
func (w *world) record(form *schemas.Form, id indicators.ID) indicators.Record {
	r := indicators.Record{ID: id, Version: w.id(), Form: form, Values: schemas.Record{Form: form.ID, Fields: w.fields(form.Fields())}}
	r.Made = int64(w.days[0]+w.rng.Int32N(w.days[1]-w.days[0])) * 86_400_000
	r.Hands = []indicators.Hand{{Person: w.ref([]string{"person"}), Time: r.Made}, {Person: w.ref([]string{"person"}), Time: r.Made + 86_400_000}}
	if f := form.Fields(); w.rng.IntN(4) == 0 {
		r.Conflicts = []indicators.Conflict{{Field: f[w.rng.IntN(len(f))].ID, Since: r.Made}}
	}
	r.Judge(w.pkg)
	return r
}

// records are the pool's records of the forms, each once.
func (w *world) records(names ...string) []indicators.Record {
	var all []indicators.Record
	for _, f := range w.pkg.Forms() {
		if len(names) > 0 && !slices.Contains(names, f.Name) {
			continue
		}
		for _, id := range w.pool[f.Name] {
			all = append(all, w.record(f, id))
		}
	}
	return all
}

func sumOf(records []indicators.Record) indicators.Counter {
	c := indicators.Counter{}
	for _, r := range records {
		c.Add(indicators.Contribution(r))
	}
	return c
}

// TestCountsKnowNoOrder lets records of every form come, change and go in random
// orders; what is left always counts as if it had come first and alone, and
// summary and figures are the same to the last byte.
func TestCountsKnowNoOrder(t *testing.T) {
	settings := indicators.ShippedValues()
	place := indicators.ID{1}
	for seed := range uint64(12) {
		w := newWorld(t, seed)
		final := w.records()
		counter := indicators.Counter{}
		kept := map[indicators.ID]indicators.Counts{}
		put := func(r indicators.Record) {
			counter.Subtract(kept[r.ID])
			kept[r.ID] = indicators.Contribution(r)
			counter.Add(kept[r.ID])
		}
		for range 3 * len(final) {
			r := final[w.rng.IntN(len(final))]
			switch w.rng.IntN(4) {
			case 0:
				r.Gone = true
			case 1:
				r.Form = nil // erased
			default:
				r = w.record(r.Form, r.ID)
			}
			put(r)
		}
		for _, i := range w.rng.Perm(len(final)) {
			put(final[i])
		}
		want := sumOf(final)
		if !reflect.DeepEqual(counter, want) {
			t.Fatalf("seed %d: %d keys after a history, %d alone", seed, len(counter), len(want))
		}
		a, b := indicators.Summarise(place, counter, &settings), indicators.Summarise(place, want, &settings)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: summaries differ", seed)
		}
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var again indicators.Summary
		if err := json.Unmarshal(raw, &again); err != nil {
			t.Fatal(err)
		}
		other := indicators.Summarise(indicators.ID{2}, sumOf(newWorld(t, seed+100).records()), &settings)
		at := indicators.Moment{Today: 20_500, Now: 20_500 * 86_400_000}
		x := figuresJSON(t, indicators.Combine(at, []indicators.Summary{a, other}, &settings))
		if y := figuresJSON(t, indicators.Combine(at, []indicators.Summary{other, again}, &settings)); x != y {
			t.Fatalf("seed %d: figures depend on the order of the places, or on how a summary was kept", seed)
		}
		counter.Subtract(sumCounts(want))
		if len(counter) != 0 {
			t.Fatalf("seed %d: %d keys are left when everything was taken out", seed, len(counter))
		}
	}
}

func sumCounts(c indicators.Counter) indicators.Counts {
	var all indicators.Counts
	for k, n := range c {
		all = append(all, indicators.Count{Key: k, N: n})
	}
	return all
}

func figuresJSON(t *testing.T, f indicators.Figures) string {
	t.Helper()
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// dossierForms are the forms that a dossier is made of.
var dossierForms = []string{"neighbourhood", "neighbourhood_profile", "dossier", "block", "key_person", "local_team", "team_member", "capacity_assessment", "asset",
	"survey_campaign", "household_response", "key_informant_interview", "focus_group", "need", "prioritisation_round", "harm_rating", "activity"}

// TestDeletingNeverCompletes deletes records of made-up dossiers one after the
// other: completeness never rises, and no gate that was open closes.
func TestDeletingNeverCompletes(t *testing.T) {
	fell := 0
	for seed := range uint64(40) {
		w := newWorld(t, 1000+seed)
		// Small targets, so that deletions matter.
		settings := indicators.ShippedValues()
		settings.Targets = indicators.Targets{Blocks: 5, KeyPersons: 5, TeamMembers: 4, Domains: 5, Assets: 5, Households: 5, Informants: 4, FocusGroups: 3, RankedNeeds: 4, Residents: 20}
		settings.Gates = indicators.Gates{Services: 3, Blocks: 3, KeyPersons: 3, Women: 2, TeamMembers: 3, Assets: 3, AssetCategories: 2, SurveyShare: 50, WomensGroups: 1,
			RatedBlocksShare: 50, Residents: 10}
		records := w.records(dossierForms...)
		counter := sumOf(records)
		before := indicators.Summarise(indicators.ID{1}, counter, &settings).Completeness
		for _, i := range w.rng.Perm(len(records)) {
			counter.Subtract(indicators.Contribution(records[i]))
			records[i].Gone = true
			counter.Add(indicators.Contribution(records[i]))
			after := indicators.Summarise(indicators.ID{1}, counter, &settings).Completeness
			if after.Percent > before.Percent {
				t.Fatalf("seed %d: deleting a %s raised completeness from %s to %s", 1000+seed, records[i].Form.Name, before.Percent, after.Percent)
			}
			for _, open := range before.Open {
				if !slices.Contains(after.Open, open) {
					t.Fatalf("seed %d: deleting a %s met the gate of %s", 1000+seed, records[i].Form.Name, open)
				}
			}
			if after.Percent < before.Percent {
				fell++
			}
			before = after
		}
	}
	if fell < 500 {
		t.Errorf("only %d deletions mattered", fell)
	}
}
