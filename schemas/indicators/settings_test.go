package indicators

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/jalali"
)

func settingsRecord(t *testing.T, values map[string]any) Record {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	form, ok := pkg.FormByName(SettingsForm)
	if !ok {
		t.Fatal("there is no form of settings")
	}
	raw, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	r := Record{ID: ID{1}, Version: ID{2}, Form: form}
	if r.Values, err = schemas.DecodeJSON(form, pkg, raw); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestShippedSettingsAreWhatTheFormOffers holds both against each other: a
// record that takes everything the form offers is the shipped settings.
func TestShippedSettingsAreWhatTheFormOffers(t *testing.T) {
	r := settingsRecord(t, map[string]any{"province_code": "01"})
	pkg, _ := forms.Load()
	offers := schemas.Prefill(r.Form, pkg, r.Values, schemas.Env{})
	s := ShippedValues()
	numbers, choices := s.numbers(), s.choices()
	for _, f := range r.Form.Fields() {
		section, weight := strings.CutPrefix(f.Name, "weight_")
		offer := offers[f.ID]
		switch {
		case f.Name == "province_code" || f.Name == "decided_on" || f.Name == "basis" || f.Name == "ranking" || f.Name == "weekend" || f.Name == "holidays":
		case weight:
			if w := s.Weights[Section(section)]; offer.Int() != w {
				t.Errorf("%s offers %d, shipped is %d", f.Name, offer.Int(), w)
			}
		case numbers[f.Name] != nil:
			if offer.Int() != *numbers[f.Name] {
				t.Errorf("%s offers %d, shipped is %d", f.Name, offer.Int(), *numbers[f.Name])
			}
			delete(numbers, f.Name)
		case choices[f.Name] != nil:
			if offer.Kind() != schemas.KindBool || offer.Bool() != *choices[f.Name] {
				t.Errorf("%s offers %v, shipped is %v", f.Name, offer, *choices[f.Name])
			}
			delete(choices, f.Name)
		default:
			t.Errorf("nothing reads %s", f.Name)
		}
	}
	for name := range numbers {
		t.Errorf("the form has no %s", name)
	}
	for name := range choices {
		t.Errorf("the form has no %s", name)
	}
}

// TestEverySettingIsReadToItsOwnPlace gives each number a value of its own.
func TestEverySettingIsReadToItsOwnPlace(t *testing.T) {
	r := settingsRecord(t, map[string]any{"province_code": "01", "countersignature": true, "agreement_year_end": false,
		"ranking": []map[string]any{{"criterion": "equity", "weight": 40}}, "weight_assets": 20, "weight_capacity": 10})
	first, n := ShippedValues(), int64(1000)
	for name := range first.numbers() {
		f, _ := r.Form.FieldByName(name)
		r.Values.Fields[f.ID] = schemas.IntValue(n)
		n++
	}
	s := SettingsOf(r)
	seen := map[int64]bool{}
	for name, at := range s.numbers() {
		f, _ := r.Form.FieldByName(name)
		if *at != r.Values.Fields[f.ID].Int() || seen[*at] {
			t.Errorf("%s is %d", name, *at)
		}
		seen[*at] = true
	}
	if !s.Course.Countersignature || s.Course.AgreementYearEnd || s.Course.CountyReview || s.Ranking["equity"] != 40 ||
		s.Weights[SectionAssets] != 20 || s.Weights[SectionProfile] != 15 {
		t.Errorf("read as %s", strconv.Quote(s.Version))
	}
	if s.Version == ShippedSettings || s.Version != SettingsOf(r).Version {
		t.Errorf("the version is %q", s.Version)
	}
	r.Gone = true
	if s := SettingsOf(r); s.Version != ShippedSettings {
		t.Errorf("a deleted record gives %q", s.Version)
	}
}

// TestCalendarOfAProvince: the shipped holidays are those that the sun fixes; a
// province's single days come on top, its days of every year stand instead, as its
// weekend does.
func TestCalendarOfAProvince(t *testing.T) {
	shipped := ShippedValues().Calendar
	own := func(values map[string]any) jalali.Calendar {
		values["province_code"] = "01"
		return SettingsOf(settingsRecord(t, values)).Calendar
	}
	want := shipped
	if got := own(map[string]any{}); !reflect.DeepEqual(got, want) {
		t.Errorf("an empty table: %+v", got)
	}
	want.WorkingDays, want.Weekend = true, []jalali.Weekday{jalali.Friday}
	if got := own(map[string]any{"working_days": true, "weekend": []string{"friday"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("a weekend of one day: %+v", got)
	}
	feast, spring := map[string]any{"day": "2026-03-20", "occasion": "عید فطر"}, map[string]any{"day": "2026-03-21", "yearly": true}
	want = shipped
	want.Holidays = []jalali.Day{20532}
	if got := own(map[string]any{"holidays": []any{feast}}); !reflect.DeepEqual(got, want) {
		t.Errorf("a feast loses no day: %+v, want %+v", got, want)
	}
	want.Yearly = []jalali.YearDay{{1, 1}}
	if got := own(map[string]any{"holidays": []any{feast, spring}}); !reflect.DeepEqual(got, want) {
		t.Errorf("a day of every year: %+v, want %+v", got, want)
	}
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	list, _ := pkg.List("WEEKDAY")
	for n, item := range list.Items {
		if weekdays[n] != item.Code || jalali.Weekday(n).Fa() != item.Label.Fa {
			t.Errorf("day %d of the week is %s, the list says %s", n, weekdays[n], item.Code)
		}
	}
}

// TestDomainsOfInstruments holds how many domains an instrument scores against the
// list of domains, and the sections against theirs.
func TestDomainsOfInstruments(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	domains, _ := pkg.List("CAPDOMAIN")
	counted := map[string]int64{}
	for _, item := range domains.Items {
		for instrument := range strings.SplitSeq(item.Attrs["instruments"], ",") {
			counted[instrument]++
		}
	}
	instruments, _ := pkg.List("INSTRUMENT")
	for _, item := range instruments.Items {
		if Domains[item.Code] != counted[item.Code] || counted[item.Code] == 0 {
			t.Errorf("%s scores %d domains, the list says %d", item.Code, Domains[item.Code], counted[item.Code])
		}
	}
	for list, codes := range map[string][]string{"PLANSTAGE": PlanStages, "ASSETCAT": AssetCategoryCodes[:]} {
		of, _ := pkg.List(list)
		for i, item := range of.Items {
			if i >= len(codes) || codes[i] != item.Code {
				t.Fatalf("%s is %v, the list has %s at %d", list, codes, item.Code, i)
			}
		}
	}
}
