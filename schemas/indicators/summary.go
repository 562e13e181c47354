package indicators

import (
	"slices"

	"mahalleh/schemas/jalali"
)

// Summary is what the figures need to know of one place, made from its counts.
// It does not know what day it is: dates are in it, and the day comes with
// [Combine]. A place is a neighbourhood, or a county or province that holds
// records of its own (courses, budgets, organisations); of those
// Neighbourhood is nil.
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
	Assets  Assets

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
	// Returns and Submissions are over all revisions.
	Returns, Submissions int64
}

// Assigned reports whether the neighbourhood counts among those that owe a
// dossier: not while it is suspended, and not after it was cancelled.
func (s *Summary) Assigned() bool {
	return s.Neighbourhood != nil && s.Dossier != nil && s.Dossier.Status != "suspended" && s.Dossier.Status != "cancelled"
}

// Assets are how many a place has in each category, in the order of
// AssetCategoryCodes, and how many of them an action item uses.
type Assets struct {
	Counts [AssetCategories]int64
	Used   int64
}

// AssetCategoryCodes are the codes of the list ASSETCAT.
var AssetCategoryCodes = [AssetCategories]string{"individual", "association", "institution", "physical", "economic", "culture_story"}

// Operations are what is known of a place beside its records.
type Operations struct {
	// Changes counts the changes that were applied, Merged those that met others
	// and were put together without a person, Opened the conflicts that opened.
	Changes, Merged, Opened int64
	Devices                 []Device `json:",omitempty"`
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

// Lag is how many changes took so many hours.
type Lag struct{ Hours, Changes int64 }

// Summarise makes the summary of a place. It is a pure function: the same
// counts and settings always give the same summary.
func Summarise(place ID, counts Counter, settings *Settings) Summary {
	s := Summary{Place: place, Formula: Version, Settings: settings.Version}
	g := gathering{Summary: &s, used: map[ID]bool{}, assets: map[ID]string{}}
	keys := make([]string, 0, len(counts))
	for k, n := range counts {
		if n > 0 {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		kind, p := splitKey(k)
		if take, known := gatherers[kind]; known {
			take(&g, p, counts[k])
		}
	}
	g.sum()
	return s
}

// gathering is a summary under way, with what only the whole decides.
type gathering struct {
	*Summary
	used          map[ID]bool
	assets        map[ID]string
	firstRevision int64
}

// gatherers read the keys of each kind, in ascending order of the keys.
var gatherers = map[string]func(*gathering, parts, int64){
	keyNeighbourhood: (*gathering).neighbourhood,
	keyProfile:       (*gathering).profile,
	keyDossier:       (*gathering).dossier,
	keyAsset:         func(g *gathering, p parts, _ int64) { g.assets[p.id()] = p.text() },
	keyAssetUsed:     func(g *gathering, p parts, _ int64) { g.used[p.id()] = true },
}

// sum puts together what stands in several kinds of keys.
func (g *gathering) sum() {
	for asset, category := range g.assets {
		if i := slices.Index(AssetCategoryCodes[:], category); i >= 0 {
			g.Assets.Counts[i]++
			if g.used[asset] {
				g.Assets.Used++
			}
		}
	}
}
