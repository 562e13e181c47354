package workflow

import (
	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
)

// Facts are what guards ask about the neighbourhood besides the record itself: its
// summary, as the figures know it.
type Facts interface {
	// Section says how far a section of the dossier is (a code of DOSSIERSECTION),
	// what is aimed at, and whether what it must have is there.
	Section(code string) (done, target int64, gate bool)
	// Trained is the number of the neighbourhood's facilitators of whom a training
	// is recorded.
	Trained() int64
	// Certified is the number of those whose certificate holds on a day.
	Certified(today jalali.Day) int64
	// OpenConflicts is the number of conflicts that wait for a person in fields
	// that the dossier needs.
	OpenConflicts() int64
	// Plan is what the stages of the empowerment plan rest on.
	Plan() PlanFacts
	// NeedRanked says whether an approved round of prioritisation ranked a need;
	// known is false where nobody can say.
	NeedRanked(need schemas.ID) (ranked, known bool)
	// NeedItems is the number of action items for a need, and how many are done;
	// known is false where nobody can say.
	NeedItems(need schemas.ID) (items, done int64, known bool)
	// LastMeeting is the day of a committee's last meeting, false if there was none.
	LastMeeting(committee schemas.ID) (jalali.Day, bool)
}

// PlanFacts are counts that the stages of the empowerment plan rest on.
type PlanFacts struct {
	KeyPersons int64
	Teams      int64
	// Informing are activities that inform (s0:31), InformingKinds of how many types.
	Informing, InformingKinds int64
	// Profiles are profiles of the neighbourhood without a gap.
	Profiles int64
	// Centres are local development centres, Statutes approved ones, Blocks and
	// Steering the blocks and steering committees.
	Centres, Statutes, Blocks, Steering int64
	// Pursued are requests that were approved and sent, Visits those of managers.
	Pursued, Visits int64
	// Surveys are campaigns that a decision of the steering committee rests under
	// and whose executor is named.
	Surveys int64
	// Rounds are approved rounds of prioritisation.
	Rounds int64
	// PlanItems are the items of approved action plans.
	PlanItems int64
	// Monitoring are monitoring groups, Reviews their signed reviews.
	Monitoring, Reviews int64
	// LastEvidence is the day of the newest of all these; zero if there is none.
	LastEvidence jalali.Day
}

// Records looks at the records that a record names.
type Records interface {
	// Record is the record of an id as it stands, false if it is not known here or
	// was deleted.
	Record(id schemas.ID) (schemas.Record, bool)
}

// Actor is who takes a step.
type Actor struct {
	// Roles are what the actor may be at the record's place.
	Roles []Role
	// Office marks the office's own acts, and those of somebody whose roles are not
	// known here yet: nobody asks whether they may.
	Office bool
}

// Settings are the values of a province that no document states. Numbers of days
// are calendar days; those of SelectDays, ReplyDays and ReviewDays are days that the
// calendar counts.
type Settings struct {
	// Calendar says which days count.
	Calendar jalali.Calendar
	// DossierMonths are the Jalali months of T2, one where the province says nothing
	// else (s1:9).
	DossierMonths int
	// SelectDays are those of T1, 15 where the province says nothing else (s0:25).
	SelectDays int
	// YearEnd ends an agreement with its Jalali year (the reading chosen of s2:59);
	// otherwise it ends twelve months after its start.
	YearEnd bool
	// RenewalDays are how long before an agreement's end its renewal is warned of,
	// ExpiringDays from when on it counts as expiring, NoticeDays how long before
	// a termination notice is given.
	RenewalDays  []int
	ExpiringDays int
	NoticeDays   int
	// ReplyDays and ReviewDays are how long a reply to a request and the
	// committee's review of a dossier may take.
	ReplyDays, ReviewDays int
	// CouncilDays is how long after its last meeting a council still counts as active.
	CouncilDays int
	// BlockedDays is how long a plan may be without new evidence.
	BlockedDays int
	// EvidenceKinds is how many kinds of evidence verify a need.
	EvidenceKinds int64
	// CountyReview and Countersign: the county looks at a dossier before the
	// committee does; the technical manager submits it.
	CountyReview, Countersign bool
	// Certificate: a facilitator who begins a dossier holds a valid certificate.
	Certificate bool
	// What the stages of the empowerment plan need.
	KeyPersons, Informing, InformingKinds, Pursued, Visits, PlanItems, Reviews int64
	// Quiet are rules of which the province does not want to be warned. A rule
	// that refuses cannot be silenced.
	Quiet []string
}

// Defaults are the settings with which a province begins.
func Defaults() *Settings {
	return &Settings{
		YearEnd: true, DossierMonths: 1, SelectDays: 15, RenewalDays: []int{60, 30, 7}, ExpiringDays: 60, NoticeDays: 30,
		ReplyDays: 30, ReviewDays: 14, CouncilDays: 90, BlockedDays: 30, EvidenceKinds: 2,
		KeyPersons: 10, Informing: 4, InformingKinds: 2, Pursued: 1, Visits: 1, PlanItems: 3, Reviews: 1,
		Calendar: indicators.ShippedValues().Calendar,
	}
}
