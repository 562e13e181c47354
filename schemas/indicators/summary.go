package indicators

import "mahalleh/schemas/jalali"

// Summary is what the figures and the guards need to know of one place, made
// from its counts. It does not know what day it is: dates are in it, and the day
// comes with [Combine]. A place is a neighbourhood, or a county or province that
// holds records of its own (courses, budgets, organisations); of those
// Neighbourhood is nil.
//
// A summary holds counts that are not published: it is as protected as the
// records. Lists are in the order of their first members.
type Summary struct {
	Place ID
	// Formula is the version of the formulas, Settings that of the settings.
	Formula  int
	Settings string

	Neighbourhood *Neighbourhood `json:",omitzero"`
	// Profile is that of the latest reference year, nil without one.
	Profile *Profile `json:",omitzero"`
	// Dossier is nil where none was assigned.
	Dossier *Dossier `json:",omitzero"`
	// Fills say how far each section of the dossier is, Completeness what that
	// comes to; they are there whether or not a dossier was assigned.
	Fills        []Fill
	Completeness Completeness

	Capacity []CapacityRound `json:",omitempty"`
	Assets   Assets
	// Needs are by category, ranked by the latest approved round; Ranked says that
	// there is one.
	Needs  []NeedCategory `json:",omitempty"`
	Ranked bool
	// RankedNeeds are the needs that an approved round ranked, in the order of ids.
	RankedNeeds []ID        `json:",omitempty"`
	Harm        []HarmCount `json:",omitempty"`
	Blocks      []Block     `json:",omitempty"`
	Activities  []Activity  `json:",omitempty"`
	// MappedBlocks counts the blocks with a boundary.
	MappedBlocks int64

	Plan       PlanEvidence
	Enrolments []Enrolment  `json:",omitempty"`
	Items      []Item       `json:",omitempty"`
	Requests   []Request    `json:",omitempty"`
	Agreements []Agreement  `json:",omitempty"`
	Services   []Service    `json:",omitempty"`
	Budget     []BudgetLine `json:",omitempty"`
	// Payments are by line, which may stand at another place.
	Payments []Payment `json:",omitempty"`

	Organisations []Organisation `json:",omitempty"`
	Committees    []Committee    `json:",omitempty"`
	Decisions     []Decision     `json:",omitempty"`
	Workers       []Worker       `json:",omitempty"`
	Trained       []Training     `json:",omitempty"`
	// Hands are who wrote here, and their last day.
	Hands []LastDay `json:",omitempty"`

	Conflicts []OpenConflict `json:",omitempty"`
	Quality   Quality

	// Operations are what the server or the device itself knows beside the
	// records; nil where nobody said. Summarise leaves it nil.
	Operations *Operations `json:",omitzero"`
}

// Neighbourhood says which one it is, for rows and filters.
type Neighbourhood struct {
	Record              ID
	Name, County, City  string
	Setting, Settlement string
	HarmProne           bool
	Centre, Clinic      ID
	// Boundary says that it has a valid one, of AreaHa hectares.
	Boundary bool
	AreaHa   int64
}

// Profile is the population of one Jalali year. What is not known is -1.
type Profile struct {
	Year                                  int64
	Population, Female, Households        int64
	Age0to6, Age7to18, Age19to59, Age60up int64
	Services, Consulted                   int64
	Filled, Needed                        int64
}

// Dossier is the course of a neighbourhood's dossier over its revisions. Days
// are 0 where there is none.
type Dossier struct {
	// Record, Revision and Status are of the latest revision.
	Record   ID
	Revision int64
	Status   string
	// Assigned and Due are of the first revision, Submitted and Approved the
	// first days over all of them.
	Assigned, Due, Submitted, Approved jalali.Day
	// Waits is the day of the submission that nobody has decided on yet.
	Waits jalali.Day
	// Returns and Submissions are over all revisions. A day on which several
	// sections were sent back is one return.
	Returns, Submissions int64
}

// Assigned reports whether the neighbourhood counts among those that owe a
// dossier: not while it is suspended, and not after it was cancelled.
func (s *Summary) Assigned() bool {
	return s.Neighbourhood != nil && s.Dossier != nil && s.Dossier.Status != "suspended" && s.Dossier.Status != "cancelled"
}

// CapacityRound is one round of an instrument.
type CapacityRound struct {
	Instrument string
	Round      int64
	Held       jalali.Day
	// Scores are by domain, from 1 to 5.
	Scores map[string]int64
}

// Assets are how many a place has in each category, in the order of
// AssetCategoryCodes, and how many of them an action item uses.
type Assets struct {
	Counts [AssetCategories]int64
	Used   int64
}

// AssetCategoryCodes are the codes of the list ASSETCAT.
var AssetCategoryCodes = [AssetCategories]string{"individual", "association", "institution", "physical", "economic", "culture_story"}

// NeedCategory is a category of needs at a place: how many needs, how many people
// they affect, the best rank of one of them in the latest approved round, 0 if
// none was ranked, and how many of that round's first needs are of it.
type NeedCategory struct {
	Category                   string
	Needs, Affected, Rank, Top int64
}

// HarmCount is how many ratings of one kind of harm above "none" were written in
// a Jalali month in one cell of the map. Sum is of their intensities,
// ConfirmedSum of those that are confirmed, Informants the most who stand behind
// one of them.
type HarmCount struct {
	Month                                             int64
	Code, Cell                                        string
	Ratings, Confirmed, Sum, ConfirmedSum, Informants int64
}

// Block is a living block. Households is -1 if nobody counted them.
type Block struct {
	Record     ID
	Code       string // folded
	Households int64
}

// Activity is what took place in a Jalali month.
type Activity struct {
	Month                                           int64
	Events, Total, Women, Under18, Elders, Disabled int64
	// Blocks are the codes of the blocks, of those with a boundary, in which
	// something took place.
	Blocks []string `json:",omitempty"`
}

// PlanEvidence is what the stages of the empowerment plan are judged by.
type PlanEvidence struct {
	KeyPersons, Teams, Activities, ActivityTypes int64
	Profiles                                     int64
	Centre, Bylaw, Steering                      bool
	Blocks, PursuedRequests, ManagerVisits       int64
	// Campaign says that one was decided by the steering committee and has an
	// executor.
	Campaign, Round bool
	Items           int64 // of approved plans
	Monitoring      bool
	Reviews         int64
	Last            jalali.Day // the day of the newest of all these records
}

// Enrolment is a neighbourhood in a programme.
type Enrolment struct {
	Record, Executor, Decision ID
	Programme, Stage           string
	Started, Ended             jalali.Day
	Stages                     []StageDays `json:",omitempty"`
}

// StageDays are when a stage was opened and closed.
type StageDays struct {
	Stage          string
	Opened, Closed jalali.Day
}

// Item is one item of an action plan.
type Item struct {
	Record, Plan     ID
	Need             ID `json:",omitzero"`
	Code, Status     string
	Start, Due       jalali.Day
	Weight, Progress int64
}

// Request is an advocacy request. Late is whether it is over its day is for
// whoever knows the day; Due is sent plus the usual days where nobody gave one.
type Request struct {
	Record, Target, Decision ID
	Programme, State         string
	Sent, Due, Answered      jalali.Day
}

// Agreement is one year's agreement with an organisation.
type Agreement struct {
	Record, RenewedFrom                    ID
	Number, State, Programme, Confirmation string
	Start, End                             jalali.Day
	Delivered, Owed                        int64
}

// Service is what was delivered in a Jalali month for one category of needs.
type Service struct {
	Month, Deliveries, Served, Women int64
	Category                         string
}

// BudgetLine is a line of credit. Allocated and Required are -1
// where nobody said.
type BudgetLine struct {
	Record, Neighbourhood               ID
	Programme, Item                     string
	Year, Approved, Allocated, Required int64
}

// Payment is what was paid on a line, less what came back.
type Payment struct {
	Line ID
	Paid int64
}

// Organisation is a clinic, centre, base or office.
type Organisation struct {
	Record     ID
	Kind, Name string
	Selected   jalali.Day
	Capable    bool
}

// Committee is a committee with its last meeting, 0 without one.
type Committee struct {
	Record, Neighbourhood ID
	Kind, Status          string
	Met                   jalali.Day
	Meetings              int64
}

// Decision is what a meeting decided.
type Decision struct {
	Record, Subject, Meeting ID
	Kind, Result             string
}

// Worker is a person's part in a centre.
type Worker struct {
	Person   ID
	Role     string
	From, To jalali.Day
	Assigned int64
}

// Training is a person who attended a course: the last day to which a
// certificate holds, 0 if one holds for ever; Certified says that there is one.
type Training struct {
	Person    ID
	Certified bool
	Until     jalali.Day
}

// LastDay is a person's last day of writing.
type LastDay struct {
	Person ID
	Day    jalali.Day
}

// OpenConflict counts the fields of one form and class whose second value was
// written on a day. Needed says that a dossier needs the field.
type OpenConflict struct {
	Form, Class string
	Needed      bool
	Since       jalali.Day
	Count       int64
}

// Quality is what is said of the records as such; harm ratings are not among
// them.
type Quality struct {
	Records, Warnings, Missing int64
	// Repeats counts records that say the same as one before them, Doubles assets
	// that may be another's.
	Repeats, Doubles int64
	// Surveys are the households that answered, Straight those with the same
	// answer nearly everywhere, Timed those whose duration is known, Short those
	// that took too little time.
	Surveys, Straight, Timed, Short int64
	// Located counts assets and activities with a place, where the neighbourhood
	// has a boundary; Outside those beyond it.
	Located, Outside int64
	// Bursts counts the minutes in which one person recorded very many.
	Bursts int64
}

// Operations are what is known of a place beside its records.
type Operations struct {
	// Changes counts the changes that were applied, Merged those that met others
	// and were put together without a person, Opened the conflicts that opened.
	Changes, Merged, Opened int64
	Devices                 []Device `json:",omitempty"`
	// People say of authors which record of a person is theirs, where the two ids
	// differ.
	People []Identity `json:",omitempty"`
	// Lags are the hours from writing to arriving of the changes of the last 30
	// days, how many of each.
	Lags []Lag `json:",omitempty"`
}

// Device is one device that writes at a place. Times are Unix milliseconds, 0
// if not known.
type Device struct {
	ID, Person ID
	Name       string
	LastSync   int64
	// Queue is how many changes it had not sent when it last said so, at
	// Reported, Oldest when the first of them was saved. Queue is -1 if it never did.
	Queue, Reported, Oldest int64
	// Skew is the server's clock less its own, in milliseconds, when it last
	// greeted; false in SkewKnown if it never did.
	Skew      int64
	SkewKnown bool
}

// Identity says that an author is the person of a record.
type Identity struct{ Author, Person ID }

// Lag is how many changes took so many hours.
type Lag struct{ Hours, Changes int64 }
