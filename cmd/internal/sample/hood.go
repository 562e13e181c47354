package sample

import (
	"fmt"
	"math"
	"math/rand/v2"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// fate is how a neighbourhood's dossier goes.
type fate int

const (
	early  fate = iota // submitted some days before it is due
	onDue              // submitted in the last days
	late               // not ready on the due day
	silent             // its devices fall silent
	idle               // nobody has begun
)

// fates are how many of a hundred neighbourhoods go which way.
var fates = []int{early: 50, onDue: 17, late: 20, silent: 8, idle: 5}

// hood is a neighbourhood while its records are made.
type hood struct {
	w      *world
	n      int
	county *county
	place  store.Place
	rng    *rand.Rand
	name   string

	setting, settlement string
	harmProne           bool
	fate                fate
	// ready is on which day after the assignment the dossier can be submitted.
	ready float64
	crew  [3]*device
	team  [3]*worker

	people     people
	centre     schemas.Point
	half       int32 // half of the side of its boundary, in units of 1e-7 degrees
	households int
	blocks     int
	method     string // of its prioritisation
	// plans are the programmes beside the dossier.
	base, empowered bool

	// ids of records that others refer to before they are there
	dossier, record, office, campaign, steering, localTeam, plan, enrolment recordID
	persons, facilitators                                                   [3]recordID

	// stages are those of the plan that have been opened, with their days.
	stages rows
	shared [pools][]recordID
	said   counters
	// taste is how much this neighbourhood needs what, by category.
	taste map[string]float64
}

// counters are what the team says of the dossier's sections.
type counters struct{ blocks, key, team, capacity, assets, households, groups, needs, harm, residents, profile int }

// people is a neighbourhood's population.
type people struct{ all, male, female, small, school, grown, old int }

// The pools of records that others refer to.
const (
	poolBlock = iota
	poolAsset
	poolEvidence // households, interviews, groups, harm ratings
	poolNeed
	poolPerson
	poolIndicator
	poolRequest
	poolItem
	pools
)

// poolSize bounds a pool: what is older is referred to no more.
const poolSize = 300

// makeHood decides what kind of neighbourhood the n-th is.
func (w *world) makeHood(n int, c *county, f fate) *hood {
	h := &hood{w: w, n: n, county: c, rng: rand.New(rand.NewPCG(w.o.Seed, uint64(n)+1)), fate: f}
	h.name, h.setting = placeName(n)
	rng := h.rng
	switch h.setting {
	case "rural":
		h.settlement = pick(rng, "formal", "rural_core", "informal")
	case "fringe":
		h.settlement = pick(rng, "informal", "informal", "worn_out")
	default:
		h.settlement = pick(rng, "formal", "worn_out", "historic", "public_housing")
	}
	h.harmProne = h.setting == "fringe" || rng.IntN(3) == 0
	h.households = int(min(max(math.Exp(math.Log(1300)+0.7*rng.NormFloat64()), 70), 10_000))
	h.people = populate(rng, h.households)
	h.blocks = 8 + rng.IntN(9)
	// Neighbourhoods stand side by side in a county, counties in a province.
	base := capitals[w.o.Province]
	col, row := int32(n/len(w.counties))%12, int32(n/len(w.counties))/12
	h.centre = schemas.Point{LatE7: base[0] + int32(c.n%4)*2_600_000 + row*200_000, LonE7: base[1] + int32(c.n/4)*2_600_000 + col*200_000}
	h.half = 20_000 + int32(rng.IntN(30_000))
	h.method = []string{"borda", "dot_vote", "hanlon_opr"}[weigh(rng, 60, 25, 15)]
	h.base, h.empowered = n%4 == 1, n%5 == 2
	switch f {
	case early:
		h.ready = 17 + rng.Float64()*7
	case onDue:
		h.ready = 24.6 + rng.Float64()*5
	case late, idle:
		h.ready = 36 + rng.Float64()*24
	case silent:
		h.ready = 26
	}
	h.taste = map[string]float64{}
	for i, c := range needCategories {
		h.taste[c] = rng.ExpFloat64() * needWeights[i]
	}
	return h
}

// populate makes a population of as many households, by sex and age.
func populate(rng *rand.Rand, households int) people {
	p := people{all: int(float64(households) * (2.7 + 0.9*rng.Float64()))}
	p.male = int(float64(p.all) * (0.48 + 0.04*rng.Float64()))
	p.female = p.all - p.male
	share := func(of float64) int { return int(float64(p.all) * of * (0.85 + 0.3*rng.Float64())) }
	p.small, p.school, p.old = share(0.10), share(0.19), share(0.115)
	p.grown = p.all - p.small - p.school - p.old
	return p
}

// scope is a place's plain compartment and so on: forms know theirs.
func (h *hood) id() syncproto.PlaceID { return h.place.ID }

// point is somewhere in the neighbourhood.
func (h *hood) point(rng *rand.Rand, accuracy int) schemas.Point {
	within := func() int32 { return int32(rng.IntN(int(2*h.half))) - h.half }
	return schemas.Point{LatE7: h.centre.LatE7 + within(), LonE7: h.centre.LonE7 + within(), AccuracyDM: uint32(accuracy * 10)}
}

// boundary is the neighbourhood's, drawn by hand.
func (h *hood) boundary(rng *rand.Rand) []schemas.Point {
	corner := func(lat, lon int32) schemas.Point {
		by := func() int32 { return int32(rng.IntN(int(h.half / 4))) }
		return schemas.Point{LatE7: h.centre.LatE7 + lat*(h.half+by()), LonE7: h.centre.LonE7 + lon*(h.half+by())}
	}
	ring := []schemas.Point{corner(-1, -1), corner(-1, 1), corner(1, 1), corner(1, -1)}
	return append(ring, ring[0])
}

// blockCode is the code of the i-th block.
func blockCode(i int) string { return fmt.Sprintf("B%02d", i+1) }

// scaled is how many records are made where a typical neighbourhood has so many.
func (h *hood) scaled(n int) int {
	size := 0.8 + 0.2*math.Log(float64(h.households)/400+1)
	return max(1, int(math.Round(float64(n)*h.w.o.Scale*size*(0.85+0.3*h.rng.Float64()))))
}

// dayOf is a moment of the day that comes so many days after the assignment, when
// people are at work.
func (h *hood) dayOf(days float64) int64 {
	d := h.w.start + jalali.Day(math.Floor(days))
	return moment(d, 8, 30) + int64(h.rng.IntN(10*60))*minuteMS + int64(h.rng.IntN(60_000))
}

// capitals are where the provinces' capitals lie, in units of 1e-7 degrees, to a
// tenth of a degree.
var capitals = func() map[string][2]int32 {
	tenths := map[string][2]int32{"00": {341, 497}, "01": {369, 493}, "02": {365, 527}, "03": {380, 463}, "04": {375, 450}, "05": {343, 467},
		"06": {313, 485}, "07": {294, 525},
		"08": {302, 568}, "09": {361, 593}, "10": {325, 515}, "11": {293, 605}, "12": {352, 469}, "13": {347, 484}, "14": {322, 507}, "15": {334,
			483}, "16": {336, 463}, "17": {306, 514},
		"18": {288, 509}, "19": {366, 484}, "20": {355, 533}, "21": {319, 543}, "22": {272, 562}, "23": {356, 513}, "24": {382, 482}, "25": {346,
			508}, "26": {362, 499}, "27": {368, 543},
		"28": {374, 572}, "29": {328, 591}, "30": {358, 509}}
	all := map[string][2]int32{}
	for code, p := range tenths {
		all[code] = [2]int32{p[0] * 1_000_000, p[1] * 1_000_000}
	}
	return all
}()
