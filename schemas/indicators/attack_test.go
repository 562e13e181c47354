package indicators_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"mahalleh/schemas/forms"
	"mahalleh/schemas/indicators"
)

// The attacker has everything that D12 publishes, under every choice of
// neighbourhoods, every period and on several days, and solves for the cells that
// are "<5". Whatever names a number of ratings is taken for a sum over all cells
// that it speaks of: if hidden cells went into any of them, subtraction would
// find them.

// harmWorld is a small province with ratings that grow from day to day.
type harmWorld struct {
	places []*place
	made   map[hidden]int
}

// hidden names a cell on a day.
type hidden struct {
	day, place  int
	code, month string
}

const attackDays = 3

var (
	attackCodes  = []string{"poverty", "theft", "suicide"}
	attackMonths = []string{"1404/10/15", "1404/11/15"}
	// attackQuiet: on the last day nothing was written in the first places.
	attackQuiet = 2
)

// shownFrom is from how many ratings on a kind of harm may be published.
func shownFrom(code string) int {
	if code == "suicide" {
		return 10
	}
	return 5
}

// draw makes the places as they stand on a day: cells grow by what each day adds.
func draw(t *testing.T, rng *rand.Rand) []harmWorld {
	t.Helper()
	var days []harmWorld
	counts := map[hidden]int{}
	for day := range attackDays {
		w := harmWorld{made: map[hidden]int{}}
		for i := range 4 {
			p := newPlace(t, byte(i+1))
			p.add(1, "neighbourhood", neighbourhood(fmt.Sprintf("محلهٔ %d", i+1), []string{"رشت", "انزلی"}[i%2]))
			p.add(2, "neighbourhood_profile", map[string]any{"reference_year": 1404, "data_basis": "census", "population": 1000, "households": 300})
			p.add(3, "block", map[string]any{"code": "B01", "households": 60})
			p.add(4, "harm_rating", map[string]any{"harm_code": "poverty", "unit": "block", "block_id": ref(3), "intensity": 0, "observed_by": "official"})
			n := 10
			for _, code := range attackCodes {
				for _, month := range attackMonths {
					at := hidden{0, i, code, month}
					if day < attackDays-1 || i >= attackQuiet {
						counts[at] += rng.IntN(shownFrom(code) - 1)
					}
					w.made[hidden{day, i, code, month}] = counts[at]
					for range counts[at] {
						n++
						p.records = append(p.records, p.harm(n, code, month, 1+rng.IntN(4), rng.IntN(5)))
					}
				}
			}
			w.places = append(w.places, p)
		}
		days = append(days, w)
	}
	return days
}

// harm is a rating of the place's block.
func (p *place) harm(n int, code, month string, intensity, informants int) indicators.Record {
	v := map[string]any{"harm_code": code, "unit": "block", "block_id": ref(3), "intensity": intensity, "observed_by": "informants", "informants_n": informants}
	return p.record(n, "harm_rating", month, v)
}

// equation says that some cells less others add up to a number.
type equation struct {
	cells []hidden
	less  []hidden
	sum   int64
}

// published are all equations of a day: under each choice of places and each
// period, the number for all, by kind, by place and by month.
func published(t *testing.T, w harmWorld, day int, total func(x indicators.Figure, cells []hidden, value string) (int64, bool)) []equation {
	t.Helper()
	var all []equation
	settings := indicators.ShippedValues()
	var summaries []indicators.Summary
	for _, p := range w.places {
		summaries = append(summaries, p.summary())
	}
	for choice := 1; choice < 1<<len(summaries); choice++ {
		for _, period := range [][2]int64{{0, 0}, {140410, 140410}, {140411, 140411}, {140410, 140411}} {
			var chosen []indicators.Summary
			var cells []hidden
			for i := range summaries {
				if choice>>i&1 == 0 {
					continue
				}
				chosen = append(chosen, summaries[i])
				for _, code := range attackCodes {
					for k, month := range attackMonths {
						if m := int64(140410 + k); (period[0] == 0 || m >= period[0]) && (period[1] == 0 || m <= period[1]) {
							cells = append(cells, hidden{day, i, code, month})
						}
					}
				}
			}
			f := indicators.Combine(indicators.Moment{From: period[0], To: period[1]}, chosen, &settings)
			x, _ := f.Figure("D12")
			say := func(key string, of func(hidden) bool) {
				var part []hidden
				for _, c := range cells {
					if of(c) {
						part = append(part, c)
					}
				}
				if sum, ok := total(x, part, key); ok {
					all = append(all, equation{cells: part, sum: sum})
				}
			}
			say("all", func(hidden) bool { return true })
			for _, code := range attackCodes {
				say("by_harm "+code, func(c hidden) bool { return c.code == code })
			}
			for i := range summaries {
				say(fmt.Sprintf("by_place محلهٔ %d", i+1), func(c hidden) bool { return c.place == i })
			}
			for k, month := range attackMonths {
				say(fmt.Sprintf("by_month 1404-%d", 10+k), func(c hidden) bool { return c.month == month })
			}
		}
	}
	return all
}

// asPublished reads a number of ratings off the figure.
func asPublished(x indicators.Figure, _ []hidden, key string) (int64, bool) {
	if key == "all" {
		v, ok := x.Value("ratings")
		return v.Number.Mantissa, ok
	}
	var table, row string
	fmt.Sscanf(key, "%s", &table)
	row = key[len(table)+1:]
	for _, r := range x.Table(table).Rows {
		if r.Code == row || r.Name == row {
			return r.Cells[0].Number.Mantissa, true
		}
	}
	return 0, false
}

// prime is what the attacker reckons modulo; numbers are far smaller.
const prime = 1_000_000_007

// solve brings equations into reduced form and returns the unknowns that have
// one solution only.
func solve(equations []equation, unknown []hidden, known map[hidden]int64) map[hidden]int64 {
	column := map[hidden]int{}
	for i, u := range unknown {
		column[u] = i
	}
	width := len(unknown)
	pivots := make([][]int64, width)
	for _, e := range equations {
		row := make([]int64, width+1)
		row[width] = e.sum
		for _, c := range e.cells {
			if i, is := column[c]; is {
				row[i]++
			} else {
				row[width] -= known[c]
			}
		}
		for _, c := range e.less {
			if i, is := column[c]; is {
				row[i]--
			} else {
				row[width] += known[c]
			}
		}
		for i := range row {
			row[i] = (row[i]%prime + prime) % prime
		}
		for i := range width {
			if row[i] == 0 {
				continue
			}
			if pivots[i] == nil {
				scale(row, inverse(row[i]))
				pivots[i] = row
				break
			}
			reduce(row, pivots[i], row[i])
		}
	}
	for i := width - 1; i >= 0; i-- {
		for k := range i {
			if pivots[i] != nil && pivots[k] != nil {
				reduce(pivots[k], pivots[i], pivots[k][i])
			}
		}
	}
	found := map[hidden]int64{}
	for i, row := range pivots {
		if row != nil && slices.IndexFunc(row[i+1:width], func(n int64) bool { return n != 0 }) < 0 {
			found[unknown[i]] = row[width]
		}
	}
	return found
}

func reduce(row, by []int64, times int64) {
	for i := range row {
		row[i] = ((row[i]-times*by[i])%prime + prime) % prime
	}
}

func scale(row []int64, by int64) {
	for i := range row {
		row[i] = row[i] * by % prime
	}
}

func inverse(n int64) int64 {
	out := int64(1)
	for e := int64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			out = out * n % prime
		}
		n = n * n % prime
	}
	return out
}

// attack is how many hidden cells the attacker finds.
func attack(t *testing.T, days []harmWorld, total func(indicators.Figure, []hidden, string) (int64, bool)) (cells, found int) {
	t.Helper()
	var equations []equation
	var unknown []hidden
	known := map[hidden]int64{}
	truth := map[hidden]int{}
	for day, w := range days {
		for c, n := range w.made {
			truth[c] = n
			if n > 0 && n < shownFrom(c.code) {
				unknown = append(unknown, c)
			} else {
				known[c] = int64(n) // shown, or seen not to be there
			}
		}
		equations = append(equations, published(t, w, day, total)...)
		// Whoever sees that a place was quiet knows that its cells did not change.
		for c := range w.made {
			if day == attackDays-1 && c.place < attackQuiet {
				before := c
				before.day--
				equations = append(equations, equation{cells: []hidden{c}, less: []hidden{before}})
			}
		}
	}
	slices.SortFunc(unknown, func(a, b hidden) int { return slices.Compare([]string{fmt.Sprint(a)}, []string{fmt.Sprint(b)}) })
	for c, n := range solve(equations, unknown, known) {
		if int64(truth[c]) == n {
			found++
		}
	}
	return len(unknown), found
}

// TestNothingHiddenIsFound lets the attacker loose on totals that count hidden
// cells, where cells fall, and on what is published, where none does.
func TestNothingHiddenIsFound(t *testing.T) {
	const worlds = 4
	cells, leaked, found := 0, 0, 0
	for seed := range uint64(worlds) {
		days := draw(t, rand.New(rand.NewPCG(seed, 7)))
		everything := func(_ indicators.Figure, part []hidden, _ string) (int64, bool) {
			sum := 0
			for _, c := range part {
				sum += days[c.day].made[c]
			}
			return int64(sum), true
		}
		_, n := attack(t, days, everything)
		leaked += n
		all, n := attack(t, days, asPublished)
		cells += all
		if found += n; n > 0 {
			t.Errorf("seed %d: %d of %d hidden cells are found", seed, n, all)
		}
	}
	if cells < 20*worlds || leaked < cells/2 {
		t.Errorf("%d hidden cells, of which totals with them would give %d away: the attacker does not bite", cells, leaked)
	}
}

// TestHiddenCellsTouchNothing draws the cells that are not shown anew, with other
// ratings, intensities and informants: no byte of any figure changes.
func TestHiddenCellsTouchNothing(t *testing.T) {
	settings := indicators.ShippedValues()
	hiddenCells := 0
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 8))
		var first, second []indicators.Summary
		for i := range 4 {
			a, b := newPlace(t, byte(i+1)), newPlace(t, byte(i+1))
			for _, p := range []*place{a, b} {
				p.add(1, "neighbourhood", neighbourhood(fmt.Sprintf("محلهٔ %d", i+1), "رشت"))
				p.add(2, "neighbourhood_profile", map[string]any{"reference_year": 1404, "data_basis": "census", "population": 1000, "households": 300})
				p.add(3, "block", map[string]any{"code": "B01", "households": 60})
				p.add(4, "dossier", dossier("collecting", nil))
			}
			n := 10
			for _, code := range attackCodes {
				for _, month := range attackMonths {
					ratings := rng.IntN(shownFrom(code) + 4)
					for range ratings {
						n++
						r := a.harm(n, code, month, 1+rng.IntN(4), rng.IntN(5))
						a.records = append(a.records, r)
						if ratings >= shownFrom(code) {
							b.records = append(b.records, r)
						}
					}
					if ratings > 0 && ratings < shownFrom(code) {
						hiddenCells++
						for range 1 + rng.IntN(shownFrom(code)-1) {
							n++
							b.records = append(b.records, b.harm(n, code, month, 1+rng.IntN(4), rng.IntN(5)))
						}
					}
				}
			}
			first, second = append(first, a.summary()), append(second, b.summary())
		}
		for _, at := range []indicators.Moment{{Today: day(t, "1404/11/20")}, {Today: day(t, "1404/12/20"), From: 140411, To: 140411}} {
			x, y := indicators.Combine(at, first, &settings), indicators.Combine(at, second, &settings)
			for i := range x.Figures {
				a, b := figuresJSON(t, indicators.Figures{Figures: x.Figures[i : i+1]}), figuresJSON(t, indicators.Figures{Figures: y.Figures[i : i+1]})
				if a != b {
					t.Errorf("seed %d: %s tells of hidden cells:\n%s\n%s", seed, x.Figures[i].ID, a, b)
				}
			}
		}
	}
	if hiddenCells < 30 {
		t.Errorf("only %d cells were hidden", hiddenCells)
	}
}

// TestHarmIsPublishedFrom holds the kinds of harm against the code list: what it says
// is published from ten on is not published with nine, in whatever way.
func TestHarmIsPublishedFrom(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	list, _ := pkg.List("HARM")
	settings := indicators.ShippedValues()
	for _, item := range list.Items {
		limit := 5
		if k := item.Attrs["k_min"]; k != "" {
			limit, _ = strconv.Atoi(k)
		}
		for n := 1; n <= limit; n++ {
			p := newPlace(t, 1)
			p.add(1, "neighbourhood", neighbourhood("پیرسرا", "رشت"))
			p.add(3, "block", map[string]any{"code": "B01", "households": 60})
			for i := range n {
				p.records = append(p.records, p.harm(10+i, item.Code, "1404/11/15", 2, 3))
			}
			all := indicators.Combine(indicators.Moment{Today: day(t, "1404/11/20")}, []indicators.Summary{p.summary()}, &settings)
			f, _ := all.Figure("D12")
			total, _ := f.Value("ratings")
			row := f.Table("harm_cells").Rows[0]
			want := "*"
			switch {
			case n == limit:
				want = strconv.Itoa(n)
			case limit == 5:
				want = "<5"
			}
			if got := row.Cells[1].String(); got != want || (total.Number.Mantissa != 0) != (n == limit) {
				t.Errorf("%d of %s: the cell says %s, want %s; the total %s", n, item.Code, got, want, total)
			}
		}
	}
}
