package indicators

// Section is a part of the neighbourhood's dossier, a code of the list DOSSIERSECTION.
type Section string

// The ten sections, in the order of the dossier.
const (
	SectionProfile       Section = "profile"
	SectionBlocks        Section = "boundary_blocks"
	SectionKeyPersons    Section = "key_persons"
	SectionTeam          Section = "local_team"
	SectionCapacity      Section = "capacity"
	SectionAssets        Section = "assets"
	SectionNeedsSurvey   Section = "needs_survey"
	SectionPriorities    Section = "prioritised_needs"
	SectionHarmMap       Section = "harm_map"
	SectionParticipation Section = "participation"
)

// Fill is how far a section is: how much of what is aimed at is there, and
// whether what it must have is.
type Fill struct {
	Section Section
	Done    int64
	Target  int64
	Gate    bool
}

// Weights are the sections' shares of the whole in percent. They are a setting of
// the province and add up to 100.
type Weights map[Section]int64

// UsualWeights are those that a province begins with.
//
// Source: the parts are those of s1:9; the weights are a choice of this project.
func UsualWeights() Weights {
	return Weights{
		SectionProfile: 15, SectionBlocks: 5, SectionKeyPersons: 10, SectionTeam: 5, SectionCapacity: 15,
		SectionAssets: 15, SectionNeedsSurvey: 15, SectionPriorities: 10, SectionHarmMap: 5, SectionParticipation: 5,
	}
}

// Completeness is how far a dossier is.
type Completeness struct {
	// Percent is C = Σ w·min(1, done/target), 0 to 100.
	Percent Micro
	// Complete says that every section has what it must have. However full a
	// dossier is, C alone never makes it complete.
	Complete bool
	// Open are the sections that lack what they must have.
	Open []Section
}

// CompletenessOf reckons with the fills of all sections that have a weight; a
// section without fill is empty. A target of zero counts as reached, for nothing
// is aimed at.
//
// Source: the parts are those of s1:9; the formula is a choice of this project.
func CompletenessOf(fills []Fill, weights Weights) Completeness {
	var c Completeness
	of := map[Section]Fill{}
	for _, f := range fills {
		of[f.Section] = f
	}
	for _, s := range Sections {
		w, weighs := weights[s]
		if !weighs {
			continue
		}
		f := of[s]
		share := One
		if f.Target > 0 && f.Done < f.Target {
			share, _ = Ratio(max(f.Done, 0), f.Target)
		} else if f.Section == "" {
			share = 0
		}
		c.Percent += Micro(w) * share
		if !f.Gate {
			c.Open = append(c.Open, s)
		}
	}
	c.Complete = len(c.Open) == 0
	return c
}

// Sections are all sections in their order.
var Sections = []Section{
	SectionProfile, SectionBlocks, SectionKeyPersons, SectionTeam, SectionCapacity,
	SectionAssets, SectionNeedsSurvey, SectionPriorities, SectionHarmMap, SectionParticipation,
}
