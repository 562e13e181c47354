package workflow

import (
	"reflect"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
)

// TestFactsOfASummary: every fact is taken from where the summary holds it.
func TestFactsOfASummary(t *testing.T) {
	met := day(t, "1404/10/20")
	f := FactsOf(&indicators.Summary{
		Fills:       []indicators.Fill{{Section: indicators.SectionAssets, Done: 3, Target: 40}, {Section: indicators.SectionTeam, Done: 7, Target: 7, Gate: true}},
		Workers:     []indicators.Worker{{Person: indicators.ID{1}}, {Person: indicators.ID{2}}},
		Trained:     []indicators.Training{{Person: indicators.ID{2}, Certified: true, Until: met}, {Person: indicators.ID{9}, Certified: true}},
		Conflicts:   []indicators.OpenConflict{{Needed: true, Count: 2}, {Count: 5}, {Needed: true, Count: 1}},
		Committees:  []indicators.Committee{{Record: indicators.ID{4}, Met: met}, {Record: indicators.ID{5}}},
		RankedNeeds: []indicators.ID{{6}},
		Items:       []indicators.Item{{Record: indicators.ID{20}, Need: indicators.ID{6}, Status: "done"}, {Record: indicators.ID{21}, Need: indicators.ID{6}}, {Need: indicators.ID{7}}},
		Plan: indicators.PlanEvidence{KeyPersons: 1, Teams: 2, Activities: 3, ActivityTypes: 4, Profiles: 5, Centre: true, Bylaw: true, Steering: true,
			Blocks: 6, PursuedRequests: 7, ManagerVisits: 8, Campaign: true, Round: true, Items: 9, Monitoring: true, Reviews: 10, Last: met},
	})
	for need, want := range map[byte][3]int64{6: {1, 2, 1}, 7: {0, 1, 0}, 8: {}} {
		ranked, known := f.NeedRanked(schemas.ID{need})
		items, done, told := f.NeedItems(schemas.ID{need})
		if ranked != (want[0] == 1) || items != want[1] || done != want[2] || !known || !told {
			t.Errorf("need %d: ranked %v, %d items, %d done", need, ranked, items, done)
		}
	}
	if done, target, gate := f.Section("assets"); done != 3 || target != 40 || gate {
		t.Errorf("assets: %d of %d, gate %v", done, target, gate)
	}
	if _, _, gate := f.Section("local_team"); !gate {
		t.Error("the team's gate is not seen")
	}
	if done, _, gate := f.Section("harm_map"); done != 0 || gate {
		t.Error("a section that is not there is full")
	}
	if f.Trained() != 1 || f.OpenConflicts() != 3 {
		t.Errorf("%d trained, %d conflicts, want 1 and 3", f.Trained(), f.OpenConflicts())
	}
	if f.Certified(met) != 1 || f.Certified(met+1) != 0 {
		t.Errorf("%d and %d certified, want 1 until the certificate ends", f.Certified(met), f.Certified(met+1))
	}
	if on, ok := f.LastMeeting(schemas.ID{4}); !ok || on != met {
		t.Errorf("met on %d, %v", on, ok)
	}
	if _, ok := f.LastMeeting(schemas.ID{5}); ok {
		t.Error("a committee that never met has a meeting")
	}
	want := PlanFacts{KeyPersons: 1, Teams: 2, Informing: 3, InformingKinds: 4, Profiles: 5, Centres: 1, Statutes: 1, Steering: 1, Blocks: 6,
		Pursued: 7, Visits: 8, Surveys: 1, Rounds: 1, PlanItems: 9, Monitoring: 1, Reviews: 10, LastEvidence: met}
	if got := f.Plan(); got != want {
		t.Errorf("plan %+v, want %+v", got, want)
	}
}

// TestSettingsOfAProvince: the values that ship are the guards' defaults, and each
// value of the record arrives.
func TestSettingsOfAProvince(t *testing.T) {
	shipped := indicators.ShippedValues()
	if got := SettingsOf(&shipped); !reflect.DeepEqual(got, Defaults()) {
		t.Errorf("%+v, want %+v", got, Defaults())
	}
	s := indicators.ShippedValues()
	s.Course = indicators.Course{Countersignature: true, CountyReview: true, CertificateRequired: true}
	s.Calendar = jalali.Calendar{WorkingDays: true, Weekend: []jalali.Weekday{jalali.Friday}}
	s.Clocks = indicators.Clocks{ClinicDays: 17, DossierMonths: 18, ExpiringDays: 1, ExpiringDays2: 2, ExpiringDays3: 3, NoticeDays: 4, ReplyDays: 5, ReviewDays: 6, CouncilDays: 7, StuckDays: 8}
	s.Plan = indicators.Plan{KeyPersons: 9, Activities: 10, ActivityTypes: 11, Requests: 12, ManagerVisits: 13, Items: 14, Reviews: 15, NeedEvidenceKinds: 16}
	want := &Settings{RenewalDays: []int{1, 2, 3}, ExpiringDays: 1, NoticeDays: 4, ReplyDays: 5, ReviewDays: 6, CouncilDays: 7, BlockedDays: 8,
		CountyReview: true, Countersign: true, Certificate: true, DossierMonths: 18, EvidenceKinds: 16, KeyPersons: 9, Informing: 10, InformingKinds: 11, Pursued: 12, Visits: 13, PlanItems: 14, Reviews: 15,
		Calendar: s.Calendar, SelectDays: 17}
	if got := SettingsOf(&s); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
