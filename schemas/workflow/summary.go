package workflow

import (
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
)

// FactsOf returns what guards ask about a neighbourhood from its summary: the same
// counts from which the committee's figures are made.
func FactsOf(s *indicators.Summary) Facts { return summarised{s} }

type summarised struct{ *indicators.Summary }

func (s summarised) Section(code string) (done, target int64, gate bool) {
	for _, f := range s.Fills {
		if string(f.Section) == code {
			return f.Done, f.Target, f.Gate
		}
	}
	return 0, 0, false
}

func (s summarised) Trained() int64 {
	return s.workersOf(func(indicators.Training) bool { return true })
}

func (s summarised) Certified(today jalali.Day) int64 {
	return s.workersOf(func(t indicators.Training) bool { return t.Holds(today) })
}

// workersOf counts the facilitators of whom a training is recorded that counts.
func (s summarised) workersOf(counts func(indicators.Training) bool) int64 {
	attended := map[indicators.ID]bool{}
	for _, t := range s.Summary.Trained {
		if counts(t) {
			attended[t.Person] = true
		}
	}
	n := int64(0)
	for _, w := range s.Workers {
		if attended[w.Person] {
			n++
		}
	}
	return n
}

func (s summarised) OpenConflicts() int64 {
	n := int64(0)
	for _, c := range s.Conflicts {
		if c.Needed {
			n += c.Count
		}
	}
	return n
}

func (s summarised) Plan() PlanFacts {
	p := s.Summary.Plan
	return PlanFacts{
		KeyPersons: p.KeyPersons, Teams: p.Teams, Informing: p.Activities, InformingKinds: p.ActivityTypes, Profiles: p.Profiles,
		Centres: one64(p.Centre), Statutes: one64(p.Bylaw), Blocks: p.Blocks, Steering: one64(p.Steering),
		Pursued: p.PursuedRequests, Visits: p.ManagerVisits, Surveys: one64(p.Campaign), Rounds: one64(p.Round),
		PlanItems: p.Items, Monitoring: one64(p.Monitoring), Reviews: p.Reviews, LastEvidence: p.Last,
	}
}

func one64(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (s summarised) NeedRanked(need schemas.ID) (ranked, known bool) {
	return slices.Contains(s.RankedNeeds, indicators.ID(need)), true
}

func (s summarised) NeedItems(need schemas.ID) (items, done int64, known bool) {
	for _, i := range s.Items {
		if i.Need == indicators.ID(need) {
			items++
			if i.Status == "done" {
				done++
			}
		}
	}
	return items, done, true
}

func (s summarised) LastMeeting(committee schemas.ID) (jalali.Day, bool) {
	for _, c := range s.Committees {
		if schemas.ID(c.Record) == committee {
			return c.Met, c.Met != 0
		}
	}
	return 0, false
}

// SettingsOf returns the guards' settings from the province's.
func SettingsOf(s *indicators.Settings) *Settings {
	own := Defaults()
	own.YearEnd, own.CountyReview, own.Countersign = s.Course.AgreementYearEnd, s.Course.CountyReview, s.Course.Countersignature
	own.RenewalDays = []int{int(s.Clocks.ExpiringDays), int(s.Clocks.ExpiringDays2), int(s.Clocks.ExpiringDays3)}
	own.ExpiringDays, own.NoticeDays = int(s.Clocks.ExpiringDays), int(s.Clocks.NoticeDays)
	own.ReplyDays, own.ReviewDays = int(s.Clocks.ReplyDays), int(s.Clocks.ReviewDays)
	own.CouncilDays, own.BlockedDays = int(s.Clocks.CouncilDays), int(s.Clocks.StuckDays)
	own.KeyPersons, own.Informing, own.InformingKinds = s.Plan.KeyPersons, s.Plan.Activities, s.Plan.ActivityTypes
	own.Pursued, own.Visits, own.PlanItems, own.Reviews = s.Plan.Requests, s.Plan.ManagerVisits, s.Plan.Items, s.Plan.Reviews
	own.EvidenceKinds = s.Plan.NeedEvidenceKinds
	own.Calendar, own.SelectDays, own.DossierMonths = s.Calendar, int(s.Clocks.ClinicDays), int(s.Clocks.DossierMonths)
	own.Certificate = s.Course.CertificateRequired
	return own
}
