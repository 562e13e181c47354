package indicators

import (
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// SettingsForm is the name of the form that holds a province's settings: one
// record in the province's reference compartment, which travels to devices and
// has a history like everything else.
const SettingsForm = "province_settings"

// ShippedSettings is the version of the values that ship with the programs.
const ShippedSettings = "shipped"

// Settings are the values that no source of the programmes fixes: weights,
// targets, days, thresholds. Each is the province's; a device without a record
// of them uses those that ship, and a value that the record leaves empty is the
// shipped one. Figures and guards read them from here alone.
type Settings struct {
	// Version is that of the record they were read from, or ShippedSettings.
	Version string

	Weights Weights // of the dossier's sections, in percent
	Targets Targets
	Gates   Gates
	Course  Course
	Clocks  Clocks
	Plan    Plan
	Data    DataLimits
	Needs   NeedLimits
	Money   Money
	// Ranking are the weights of criteria in percent, by the codes of CRITERION;
	// empty while all weigh the same.
	Ranking map[string]int64
	// Calendar says which days count in ClinicDays, ReplyDays and ReviewDays.
	Calendar jalali.Calendar
}

// Targets are what is aimed at in each section of a dossier.
type Targets struct {
	Blocks, KeyPersons, TeamMembers, Domains, Assets            int64
	Households, Informants, FocusGroups, RankedNeeds, Residents int64
}

// Gates are what a section must have before the dossier can be submitted.
// Shares are in percent. That a round of capacity scores and one of priorities
// are there is asked in any case.
type Gates struct {
	Services, Blocks, KeyPersons, Women, TeamMembers int64
	Assets, AssetCategories                          int64
	SurveyShare, WomensGroups                        int64
	RatedBlocksShare, Residents                      int64
}

// Course says what the province asks for in the course of a dossier and of
// agreements.
type Course struct {
	Countersignature, CountyReview, CertificateRequired, AgreementYearEnd bool
}

// Clocks are lengths in days, DossierMonths in Jalali months; RiskMargin is in
// percent.
type Clocks struct {
	ClinicDays, DossierMonths, ReviewDays, ConflictDays      int64
	ExpiringDays, ExpiringDays2, ExpiringDays3, NoticeDays   int64
	ReplyDays, StuckDays, CouncilDays, RoundDays, RiskMargin int64
}

// Plan is the evidence that the stages of the empowerment plan need.
type Plan struct {
	KeyPersons, Activities, ActivityTypes, Requests, ManagerVisits int64
	Items, Reviews, NeedEvidenceKinds                              int64
}

// DataLimits are what counts as fresh, silent, hasty or doubtful.
type DataLimits struct {
	FreshDays, StaleDays, SilentDays, ActiveDays int64
	SkewAmberMinutes, SkewRedMinutes             int64
	StraightShare, StraightAnswers, ShortMinutes int64
	BurstRecords, MarginMetres                   int64
	DoubleMetres, DoubleSimilarity               int64
}

// NeedLimits are those of needs and harms; GapRed is in percent.
type NeedLimits struct {
	Top, GapRed, ConfirmInformants, ConfirmedWeight, MapHouseholds int64
}

// Money are amounts in rial and shares in percent.
type Money struct{ FloorRial, TrainingShare int64 }

// ShippedValues are the settings that ship with the programs.
//
// Source: domain description 2.11, 2.14, 4 and 6; most are choices of this
// project, and the form says of each where it comes from.
func ShippedValues() Settings {
	return Settings{
		Version: ShippedSettings,
		Weights: UsualWeights(),
		Targets: Targets{Blocks: 8, KeyPersons: 15, TeamMembers: 7, Domains: 9, Assets: 40,
			Households: 90, Informants: 5, FocusGroups: 2, RankedNeeds: 5, Residents: 30},
		Gates: Gates{Services: 10, Blocks: 1, KeyPersons: 5, Women: 2, TeamMembers: 3, Assets: 15, AssetCategories: 4,
			SurveyShare: 50, WomensGroups: 1, RatedBlocksShare: 80, Residents: 10},
		Course: Course{AgreementYearEnd: true},
		Clocks: Clocks{ClinicDays: 15, DossierMonths: 1, ReviewDays: 14, ConflictDays: 7, ExpiringDays: 60, ExpiringDays2: 30, ExpiringDays3: 7,
			NoticeDays: 30, ReplyDays: 30, StuckDays: 30, CouncilDays: 90, RoundDays: 90, RiskMargin: 15},
		Plan: Plan{KeyPersons: 10, Activities: 4, ActivityTypes: 2, Requests: 1, ManagerVisits: 1, Items: 3, Reviews: 1, NeedEvidenceKinds: 2},
		Data: DataLimits{FreshDays: 3, StaleDays: 10, SilentDays: 14, ActiveDays: 30, SkewAmberMinutes: 10, SkewRedMinutes: 1440,
			StraightShare: 90, StraightAnswers: 5, ShortMinutes: 5, BurstRecords: 10, MarginMetres: 300, DoubleMetres: 50, DoubleSimilarity: 85},
		Needs: NeedLimits{Top: 3, GapRed: 50, ConfirmInformants: 3, ConfirmedWeight: 2, MapHouseholds: 10},
		Money: Money{FloorRial: 220_000_000, TrainingShare: 12},
		Calendar: jalali.Calendar{Weekend: []jalali.Weekday{jalali.Thursday, jalali.Friday},
			Yearly: []jalali.YearDay{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 12}, {1, 13}, {3, 14}, {3, 15}, {11, 22}, {12, 29}}},
	}
}

// SettingsOf reads a record of SettingsForm. Of a record of another form, or
// none, it returns the shipped values.
func SettingsOf(r Record) Settings {
	s := ShippedValues()
	if r.Form == nil || r.Gone || r.Form.Name != SettingsForm {
		return s
	}
	read := &reader{Record: &r}
	s.Version = string(id(r.Version))
	for name, at := range s.numbers() {
		if v := read.value(name); v.Kind() == schemas.KindInt {
			*at = v.Int()
		}
	}
	for name, at := range s.choices() {
		if v := read.value(name); v.Kind() == schemas.KindBool {
			*at = v.Bool()
		}
	}
	for _, section := range Sections {
		if v := read.value("weight_" + string(section)); v.Kind() == schemas.KindInt {
			s.Weights[section] = v.Int()
		}
	}
	for _, w := range read.rows("ranking") {
		if s.Ranking == nil {
			s.Ranking = map[string]int64{}
		}
		s.Ranking[w.value("criterion").Code()] = w.value("weight").Int()
	}
	s.readCalendar(read)
	return s
}

// weekdays are the codes of WEEKDAY, in the order of jalali.Weekday.
var weekdays = []string{"saturday", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday"}

// readCalendar takes a weekend of the province's own instead of the shipped one, days
// of every year of its own instead of the shipped ones, and adds its single holidays:
// who writes down one feast does not lose Nowruz.
func (s *Settings) readCalendar(r *reader) {
	if days := r.value("weekend").Codes(); len(days) > 0 {
		s.Calendar.Weekend = nil
		for n, code := range weekdays {
			if slices.Contains(days, code) {
				s.Calendar.Weekend = append(s.Calendar.Weekend, jalali.Weekday(n))
			}
		}
	}
	var yearly []jalali.YearDay
	for _, w := range r.rows("holidays") {
		day := jalali.Day(w.value("day").Date())
		if !w.value("yearly").Bool() {
			s.Calendar.Holidays = append(s.Calendar.Holidays, day)
		} else if date, err := day.Date(); err == nil {
			yearly = append(yearly, jalali.YearDay{date.Month(), date.DayOfMonth()})
		}
	}
	if yearly != nil {
		s.Calendar.Yearly = yearly
	}
}

// due is the last day of so many days after a day. A calendar that leaves no working
// day counts every day.
func (s *Settings) due(start jalali.Day, n int64) jalali.Day {
	due, err := s.Calendar.After(start, int(n))
	if err != nil {
		return start + jalali.Day(n)
	}
	return due
}

// choices are the settings of yes or no, by the names of the form's fields.
func (s *Settings) choices() map[string]*bool {
	return map[string]*bool{
		"countersignature": &s.Course.Countersignature, "county_review": &s.Course.CountyReview,
		"certificate_required": &s.Course.CertificateRequired, "agreement_year_end": &s.Course.AgreementYearEnd,
		"working_days": &s.Calendar.WorkingDays,
	}
}

// Number is a setting that is a whole number, by the name of the form's field; false if
// there is none of that name.
func (s *Settings) Number(name string) (int64, bool) {
	at, ok := s.numbers()[name]
	if !ok {
		return 0, false
	}
	return *at, true
}

// numbers are the settings that are whole numbers, by the names of the form's
// fields.
func (s *Settings) numbers() map[string]*int64 {
	return map[string]*int64{
		"target_blocks":           &s.Targets.Blocks,
		"target_key_persons":      &s.Targets.KeyPersons,
		"target_team_members":     &s.Targets.TeamMembers,
		"target_domains":          &s.Targets.Domains,
		"target_assets":           &s.Targets.Assets,
		"target_households":       &s.Targets.Households,
		"target_informants":       &s.Targets.Informants,
		"target_focus_groups":     &s.Targets.FocusGroups,
		"target_ranked_needs":     &s.Targets.RankedNeeds,
		"target_residents":        &s.Targets.Residents,
		"gate_services":           &s.Gates.Services,
		"gate_blocks":             &s.Gates.Blocks,
		"gate_key_persons":        &s.Gates.KeyPersons,
		"gate_women":              &s.Gates.Women,
		"gate_team_members":       &s.Gates.TeamMembers,
		"gate_assets":             &s.Gates.Assets,
		"gate_asset_categories":   &s.Gates.AssetCategories,
		"gate_survey_share":       &s.Gates.SurveyShare,
		"gate_womens_groups":      &s.Gates.WomensGroups,
		"gate_rated_blocks_share": &s.Gates.RatedBlocksShare,
		"gate_residents":          &s.Gates.Residents,
		"clinic_days":             &s.Clocks.ClinicDays,
		"dossier_months":          &s.Clocks.DossierMonths,
		"review_days":             &s.Clocks.ReviewDays,
		"conflict_days":           &s.Clocks.ConflictDays,
		"expiring_days":           &s.Clocks.ExpiringDays,
		"expiring_days_2":         &s.Clocks.ExpiringDays2,
		"expiring_days_3":         &s.Clocks.ExpiringDays3,
		"notice_days":             &s.Clocks.NoticeDays,
		"reply_days":              &s.Clocks.ReplyDays,
		"stuck_days":              &s.Clocks.StuckDays,
		"council_days":            &s.Clocks.CouncilDays,
		"round_days":              &s.Clocks.RoundDays,
		"risk_margin":             &s.Clocks.RiskMargin,
		"plan_key_persons":        &s.Plan.KeyPersons,
		"plan_activities":         &s.Plan.Activities,
		"plan_activity_types":     &s.Plan.ActivityTypes,
		"plan_requests":           &s.Plan.Requests,
		"plan_manager_visits":     &s.Plan.ManagerVisits,
		"plan_items":              &s.Plan.Items,
		"plan_reviews":            &s.Plan.Reviews,
		"need_evidence_kinds":     &s.Plan.NeedEvidenceKinds,
		"fresh_days":              &s.Data.FreshDays,
		"stale_days":              &s.Data.StaleDays,
		"silent_days":             &s.Data.SilentDays,
		"active_days":             &s.Data.ActiveDays,
		"skew_amber_minutes":      &s.Data.SkewAmberMinutes,
		"skew_red_minutes":        &s.Data.SkewRedMinutes,
		"straight_share":          &s.Data.StraightShare,
		"straight_answers":        &s.Data.StraightAnswers,
		"short_minutes":           &s.Data.ShortMinutes,
		"burst_records":           &s.Data.BurstRecords,
		"margin_metres":           &s.Data.MarginMetres,
		"double_metres":           &s.Data.DoubleMetres,
		"double_similarity":       &s.Data.DoubleSimilarity,
		"top_needs":               &s.Needs.Top,
		"gap_red":                 &s.Needs.GapRed,
		"confirm_informants":      &s.Needs.ConfirmInformants,
		"confirmed_weight":        &s.Needs.ConfirmedWeight,
		"map_households":          &s.Needs.MapHouseholds,
		"floor_rial":              &s.Money.FloorRial,
		"training_share":          &s.Money.TrainingShare,
	}
}
