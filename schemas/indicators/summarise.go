package indicators

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"mahalleh/schemas"
)

// Summarise makes the summary of a place. It is a pure function: the same
// counts and settings always give the same summary.
func Summarise(place ID, counts Counter, settings *Settings) Summary {
	s := Summary{Place: place, Formula: Version, Settings: settings.Version}
	g := &gathering{Summary: &s, settings: settings, chains: newChains()}
	g.made()
	keys := make([]string, 0, len(counts))
	for k, n := range counts {
		if n <= 0 {
			continue
		}
		keys = append(keys, k)
		kind, p := splitKey(k)
		switch {
		case events[kind]:
			g.chains.event(p.id(), p.id(), true)
		case kind == keyCorrects:
			g.chains.event(p.id(), p.id(), false)
		}
	}
	g.chains.decide()
	slices.Sort(keys)
	for _, k := range keys {
		kind, p := splitKey(k)
		if take, known := gatherers[kind]; known {
			take(g, p, counts[k])
		}
	}
	g.people()
	g.dossierSections()
	g.onMap()
	g.needs()
	g.plan()
	g.quality()
	return s
}

// gathering is a summary under way, with what only the whole decides.
type gathering struct {
	*Summary
	settings *Settings
	chains   *chains

	firstRevision int64
	ring          []schemas.Point
	profiles      []Profile
	blockCodes    map[string]bool // living or deleted
	codeOf        map[ID]string   // of living and deleted blocks
	blockRings    []blockRing
	rated         map[ID]bool
	women         int64
	members       map[ID]bool
	targets       []int64
	households    map[ID]bool // by chain: somebody answered
	informants    map[ID]bool
	groups        map[ID]map[string]bool
	consulted     map[ID]int64 // by chain of activities: who took part
	assets        map[ID]string
	used          map[ID]bool
	places        []assetPlace
	points        []schemas.Point
	needOf        map[ID]needAt
	rounds        []roundAt
	ranked        map[ID]map[ID]int64
	events        []located
	activityTypes map[string]bool
	months        map[int64]*Activity
	services      map[serviceAt]*Service
	centres       []centreAt
	bylaws        map[ID]bool
	meetings      map[ID]*meetingsAt
	plans         map[ID]bool
	followed      map[ID]bool
	paid          map[ID]int64 // by budget line
	stages        map[ID][]StageDays
	trained       map[ID]*Training
	hands         map[ID]*LastDay
	capacity      []CapacityRound
}

func (g *gathering) made() {
	g.blockCodes, g.codeOf, g.rated, g.members = map[string]bool{}, map[ID]string{}, map[ID]bool{}, map[ID]bool{}
	g.households, g.informants, g.groups, g.consulted = map[ID]bool{}, map[ID]bool{}, map[ID]map[string]bool{}, map[ID]int64{}
	g.assets, g.used, g.needOf, g.ranked = map[ID]string{}, map[ID]bool{}, map[ID]needAt{}, map[ID]map[ID]int64{}
	g.activityTypes, g.months, g.services = map[string]bool{}, map[int64]*Activity{}, map[serviceAt]*Service{}
	g.bylaws, g.meetings, g.plans, g.followed = map[ID]bool{}, map[ID]*meetingsAt{}, map[ID]bool{}, map[ID]bool{}
	g.paid, g.stages, g.trained, g.hands = map[ID]int64{}, map[ID][]StageDays{}, map[ID]*Training{}, map[ID]*LastDay{}
}

// events are the kinds of keys that begin with an event and what it corrects.
var events = map[string]bool{
	keyCapacity: true, keyHousehold: true, keyInterview: true, keyFocusGroup: true, keyActivity: true, keyAttendance: true,
	keyFollowUp: true, keyService: true, keyBudgetTxn: true,
}

// gatherers read the keys of each kind, in ascending order of the keys.
var gatherers = map[string]func(*gathering, parts, int64){
	keyRecord:        func(g *gathering, _ parts, n int64) { g.Quality.Records += n },
	keyWarnings:      func(g *gathering, _ parts, n int64) { g.Quality.Warnings += n },
	keyMissing:       func(g *gathering, _ parts, n int64) { g.Quality.Missing += n },
	keyRepeat:        func(g *gathering, _ parts, n int64) { g.Quality.Repeats += n - 1 },
	keyMinute:        (*gathering).minute,
	keyHand:          (*gathering).hand,
	keyConflict:      (*gathering).conflict,
	keyNeighbourhood: (*gathering).neighbourhood,
	keyBoundary:      func(g *gathering, p parts, _ int64) { g.ring = p.ring() },
	keyProfile:       (*gathering).profile,
	keyDossier:       (*gathering).dossier,
	keyBlock:         (*gathering).block,
	keyBlockGone:     func(g *gathering, p parts, _ int64) { g.blockCode(p.id(), p.text()) },
	keyKeyPerson:     (*gathering).keyPerson,
	keyTeam:          func(g *gathering, _ parts, n int64) { g.Plan.Teams += n },
	keyMember:        func(g *gathering, p parts, _ int64) { g.members[p.id()] = true },
	keyCapacity:      (*gathering).capacityRound,
	keyAsset:         func(g *gathering, p parts, _ int64) { g.assets[p.id()] = p.text() },
	keyAssetUsed:     func(g *gathering, p parts, _ int64) { g.used[p.id()] = true },
	keyAssetAt:       (*gathering).assetAt,
	keyCampaign:      (*gathering).campaign,
	keyHousehold:     (*gathering).household,
	keyInterview:     func(g *gathering, p parts, _ int64) { g.informants[g.chains.root(p.id())] = true },
	keyFocusGroup:    (*gathering).focusGroup,
	keyNeed:          (*gathering).need,
	keyRound:         (*gathering).round,
	keyRanked:        (*gathering).rank,
	keyHarm:          (*gathering).harm,
	keyHarmBlock:     func(g *gathering, p parts, _ int64) { g.rated[p.id()] = true },
	keyActivity:      (*gathering).activity,
	keyOrganisation:  (*gathering).organisation,
	keyAgreement:     (*gathering).agreement,
	keyFacilitator:   (*gathering).worker,
	keyAttendance:    (*gathering).attendance,
	keyCentre:        (*gathering).centre,
	keyBylaw:         (*gathering).bylaw,
	keyCommittee:     (*gathering).committee,
	keyMeeting:       (*gathering).meeting,
	keyDecision:      (*gathering).decision,
	keyPlan:          (*gathering).actionPlan,
	keyItem:          (*gathering).item,
	keyRequest:       (*gathering).request,
	keyFollowUp:      (*gathering).followUp,
	keyReview:        func(g *gathering, _ parts, n int64) { g.Plan.Reviews += n },
	keyService:       (*gathering).service,
	keyBudget:        (*gathering).budgetLine,
	keyBudgetTxn:     (*gathering).budgetTxn,
	keyEnrolment:     (*gathering).enrolment,
	keyStage:         (*gathering).stage,
	keyEvidence:      (*gathering).evidenceDay,
}

// compareIDs orders ids by their bytes.
func compareIDs(a, b ID) int { return bytes.Compare(a[:], b[:]) }

func (g *gathering) hand(p parts, _ int64) {
	person, day := p.id(), p.day()
	h := g.hands[person]
	if h == nil {
		h = &LastDay{Person: person, Day: day}
		g.hands[person] = h
	}
	h.Day = max(h.Day, day)
}

func (g *gathering) conflict(p parts, n int64) {
	c := OpenConflict{Form: p.text()}
	p.text()
	c.Class, c.Needed, c.Since, c.Count = p.text(), p.flag(), p.day(), n
	same := func(x OpenConflict) bool {
		return x.Form == c.Form && x.Class == c.Class && x.Needed == c.Needed && x.Since == c.Since
	}
	if i := slices.IndexFunc(g.Conflicts, same); i >= 0 {
		g.Conflicts[i].Count += n
		return
	}
	g.Conflicts = append(g.Conflicts, c)
}

// people orders what was gathered by person.
func (g *gathering) people() {
	for _, person := range slices.SortedFunc(maps.Keys(g.hands), compareIDs) {
		g.Hands = append(g.Hands, *g.hands[person])
	}
	for _, person := range slices.SortedFunc(maps.Keys(g.trained), compareIDs) {
		g.Trained = append(g.Trained, *g.trained[person])
	}
	slices.SortFunc(g.Conflicts, func(a, b OpenConflict) int {
		return cmp.Or(cmp.Compare(a.Form, b.Form), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Since, b.Since))
	})
}
