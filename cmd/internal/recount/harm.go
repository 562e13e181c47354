package recount

import "fmt"

// harmCell is what is published at once: a kind of harm in a neighbourhood in a
// Jalali month.
type harmCell struct {
	place, month int64
	harm         string
}

// harmCount is what is known of a cell; sure is the sum of the confirmed ones.
type harmCount struct{ ratings, confirmed, sum, sure int64 }

// harms reckons D12 without its map.
func (a *asked) harms() {
	cells := map[harmCell]*harmCount{}
	for _, r := range a.living("harm_rating") {
		day := tehranDay(r.made())
		if r.num("intensity") == 0 || !a.inMonths(day) {
			continue
		}
		at := harmCell{r.Place, monthOf(day), r.str("harm_code")}
		if cells[at] == nil {
			cells[at] = &harmCount{}
		}
		c := cells[at]
		c.ratings++
		c.sum += r.num("intensity")
		if r.str("observed_by") == "official" || r.str("observed_by") == "informants" && r.num("informants_n") >= a.set["confirm_informants"] {
			c.confirmed++
			c.sure += r.num("intensity")
		}
	}
	type tally struct{ ratings, hidden, weight, sum, confirmed int64 }
	total := &tally{}
	harms, places, months := map[string]*tally{}, map[int64]*tally{}, map[int64]*tally{}
	for at, c := range cells {
		limit := limitOf(at.harm)
		shown := c.ratings >= limit
		sure := shown && (c.confirmed == 0 || c.confirmed >= limit) && (c.confirmed == c.ratings || c.ratings-c.confirmed >= limit)
		// Confirmed ratings weigh more where it is published how many they are.
		weight, sum := c.ratings, c.sum
		if sure {
			weight += (a.set["confirmed_weight"] - 1) * c.confirmed
			sum += (a.set["confirmed_weight"] - 1) * c.sure
		}
		for _, t := range []*tally{total, pick(harms, at.harm), pick(places, at.place), pick(months, at.month)} {
			if !shown {
				t.hidden++
				continue
			}
			t.ratings += c.ratings
			t.weight += weight
			t.sum += sum
			if _, known := a.population(at.place); known && sure {
				t.confirmed += c.confirmed
			}
		}
		key := fmt.Sprintf("D12.harm_cells|%s|%s|%d-%02d|", a.name(at.place), at.harm, at.month/100, at.month%100)
		a.word(key+"month", fmt.Sprintf("%d-%02d", at.month/100, at.month%100))
		few := "<5"
		if limit > 5 {
			few = "*"
		}
		switch {
		case !shown:
			a.word(key+"ratings", few)
			a.word(key+"confirmed_ratings", "*")
		case sure:
			a.count(key+"ratings", c.ratings)
			a.count(key+"confirmed_ratings", c.confirmed)
		default:
			a.count(key+"ratings", c.ratings)
			if c.confirmed == 0 || c.confirmed >= limit {
				few = "*"
			}
			a.word(key+"confirmed_ratings", few)
		}
	}
	residents := int64(0)
	for _, n := range a.places {
		p, _ := a.population(n)
		residents += p
	}
	say := func(key string, t *tally, residents int64) {
		a.count(key+"ratings", t.ratings)
		a.count(key+"hidden_cells", t.hidden)
		a.ratio(key+"intensity", t.sum, t.weight, 1)
		a.ratio(key+"per_1000", t.confirmed, residents, 1000)
	}
	say("D12.", total, residents)
	for h, t := range harms {
		say("D12.by_harm|"+h+"|", t, residents)
	}
	for n, t := range places {
		p, _ := a.population(n)
		say("D12.by_place|"+a.name(n)+"|", t, p)
	}
	for m, t := range months {
		key := fmt.Sprintf("D12.by_month|%d-%02d|", m/100, m%100)
		a.count(key+"ratings", t.ratings)
		a.count(key+"hidden_cells", t.hidden)
	}
	a.yearChange(total.ratings)
}

// yearChange is the change against the same months of the year before.
func (a *asked) yearChange(now int64) {
	if a.From == 0 || a.To == 0 {
		a.word("D12.year_change", "")
		return
	}
	cells := map[harmCell]int64{}
	for _, r := range a.living("harm_rating") {
		m := monthOf(tehranDay(r.made()))
		if r.num("intensity") > 0 && m >= a.From-100 && m <= a.To-100 {
			cells[harmCell{r.Place, m, r.str("harm_code")}]++
		}
	}
	before := int64(0)
	for at, n := range cells {
		if n >= limitOf(at.harm) {
			before += n
		}
	}
	a.count("D12.year_change", now-before)
}

// limitOf is from which count on a kind of harm is published (3.4 and 6).
func limitOf(harm string) int64 {
	if harm == "suicide" {
		return 10
	}
	return 5
}

func pick[K comparable, V any](m map[K]*V, k K) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

// conflicts reckons D09, without the harm map.
func (a *asked) conflicts() {
	byForm := map[string][]int64{}
	var all []int64
	var changes, merged, opened int64
	for _, r := range a.all {
		if r.Compartment == "harm" {
			continue
		}
		for _, c := range r.History {
			if c.counts() {
				changes++
			}
			switch c.Outcome {
			case "merged":
				merged++
			case "conflict":
				opened++
			}
		}
		for _, c := range r.Conflicts {
			var times []int64
			for _, o := range append(c.Others, c.Shown) {
				times = append(times, stampOf(o.When))
			}
			second, _ := rank(times, int64(200/len(times)))
			age := max(a.Today-tehranDay(second), 0)
			byForm[r.Form] = append(byForm[r.Form], age)
			all = append(all, age)
		}
	}
	say := func(key string, ages []int64) {
		late := int64(0)
		for _, age := range ages {
			if age > a.set["conflict_days"] {
				late++
			}
		}
		a.count(key+"open", int64(len(ages)))
		a.percentile(key+"age_p50", ages, 50)
		a.percentile(key+"age_p90", ages, 90)
		a.percentile(key+"age_max", ages, 100)
		a.count(key+"late_conflicts", late)
	}
	say("D09.", all)
	for form, ages := range byForm {
		say("D09.by_form|"+form+"|", ages)
	}
	a.share("D09.auto_rate", merged, merged+opened)
	a.ratio("D09.per_1000_changes", opened, changes, 1000)
}

// devicesSeen reckons D17, D18 and D19, and how late changes came in.
func (a *asked) devicesSeen() {
	const hour, day = 3600, 86400
	now := a.Now / 1000
	inScope := map[int64]bool{}
	for _, n := range a.places {
		inScope[n] = true
	}
	working := map[int64]bool{}
	for _, n := range a.places {
		for _, d := range a.at(n, "dossier") {
			switch d.str("status") {
			case "approved", "published", "suspended", "cancelled":
			default:
				working[n] = true
			}
		}
		for _, e := range a.at(n, "programme_enrolment") {
			if end, ended := e.date("ended_on"); !ended || end >= a.Today {
				working[n] = true
			}
		}
	}
	var skews []int64
	var green, yellow, red, never, silent, queue, waiting, told, oldest, amber, off int64
	n := int64(0)
	for _, d := range a.w.devices {
		home, active := int64(0), false
		for _, p := range a.w.people {
			if p.ID != d.Person {
				continue
			}
			for _, g := range p.Grants {
				if g.Revoked == "" && inScope[g.Place] {
					active = active || working[g.Place]
					if home == 0 || g.Place < home {
						home = g.Place
					}
				}
			}
		}
		if home == 0 || d.Revoked != "" {
			continue
		}
		n++
		key := "|" + d.ID + "|" + a.name(home) + "|"
		seen := stampOf(d.LastSeen)
		if seen == 0 {
			never++
			a.word("D17.device_list"+key+"sync_age", "")
			a.word("D17.device_list"+key+"signal", "blank")
			a.count("D17.device_list"+key+"silent", 0)
			a.word("D18.device_list"+key+"queue", "")
			a.word("D18.device_list"+key+"oldest_hours", "")
			a.word("D18.device_list"+key+"told_hours", "")
			a.word("D19.device_list"+key+"skew_minutes", "")
			a.word("D19.device_list"+key+"signal", "blank")
			continue
		}
		age := max(floor(now-seen, day), 0)
		signal := "red"
		switch {
		case now-seen <= a.set["fresh_days"]*day:
			signal = "green"
			green++
		case now-seen <= a.set["stale_days"]*day:
			signal = "yellow"
			yellow++
		default:
			red++
		}
		quiet := int64(0)
		if now-seen > a.set["silent_days"]*day && active {
			quiet = 1
		}
		silent += quiet
		a.count("D17.device_list"+key+"sync_age", age)
		a.word("D17.device_list"+key+"signal", signal)
		a.count("D17.device_list"+key+"silent", quiet)

		told++
		queue += d.Unsent
		a.count("D18.device_list"+key+"queue", d.Unsent)
		a.count("D18.device_list"+key+"told_hours", max(floor(now-seen, hour), 0))
		if d.Unsent > 0 {
			waiting++
			wait := max(floor(now-stampOf(d.OldestUnsent), hour), 0)
			oldest = max(oldest, wait)
			a.count("D18.device_list"+key+"oldest_hours", wait)
		} else {
			a.word("D18.device_list"+key+"oldest_hours", "")
		}

		minutes := -d.ClockAhead / 60_000
		skews = append(skews, minutes)
		a.count("D19.device_list"+key+"skew_minutes", minutes)
		ms := max(d.ClockAhead, -d.ClockAhead)
		switch {
		case ms > a.set["skew_red_minutes"]*60_000:
			off++
			a.word("D19.device_list"+key+"signal", "red")
		case ms > a.set["skew_amber_minutes"]*60_000:
			amber++
			a.word("D19.device_list"+key+"signal", "yellow")
		default:
			a.word("D19.device_list"+key+"signal", "green")
		}
	}
	a.count("D17.devices", n)
	a.count("D17.green", green)
	a.count("D17.yellow", yellow)
	a.count("D17.red", red)
	a.count("D17.never_synced", never)
	a.count("D17.silent", silent)
	a.count("D18.queue", queue)
	a.count("D18.devices_waiting", waiting)
	a.count("D18.devices_told", told)
	a.count("D18.oldest_hours", oldest)
	a.count("D19.devices", told)
	a.percentile("D19.skew_median", skews, 50)
	a.count("D19.amber_clocks", amber)
	a.count("D19.red_clocks", off)

	var lags []int64
	for _, r := range a.all {
		for _, c := range r.History {
			got := stampOf(c.Received)
			if !c.counts() || r.Compartment == "harm" || tehranDay(now)-tehranDay(got) >= 30 {
				continue
			}
			lags = append(lags, max(floor(got-stampOf(c.When), hour), 0))
		}
	}
	a.percentile("D17.lag_p50", lags, 50)
	a.percentile("D17.lag_p90", lags, 90)
	for _, id := range figureIDs {
		a.percentile(id+".lag", lags, 50)
	}
}

var figureIDs = []string{"D01", "D02", "D03", "D04", "D05", "D06", "D07", "D08", "D09", "D10", "D11", "D12", "D13", "D14", "D15", "D16",
	"D17", "D18", "D19", "D20", "D21", "D22", "D23", "D28"}
