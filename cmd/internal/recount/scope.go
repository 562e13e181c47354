package recount

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Query says what is asked: of which place with all that lies in it (0 for
// everywhere), on which day (since 1970), at which moment (Unix milliseconds), and
// for which Jalali months (0 for no bound).
type Query struct {
	Scope, Today, Now, From, To int64
}

// asked is the part of the world that a query is about.
type asked struct {
	Query
	w      *World
	all    []*record // what lies there, deleted records too
	places []int64
	set    settings
	days   calendar
	Sheet
}

// Figures reckons all figures.
func (w *World) Figures(q Query) Sheet {
	a := &asked{Query: q, w: w, Sheet: Sheet{}, set: shipped(), days: usualCalendar()}
	inside := map[int64]bool{}
	for _, n := range sortedKeys(w.places) {
		p := w.places[n]
		inside[n] = q.Scope == 0 || n == q.Scope || inside[p.In]
		if inside[n] {
			a.places = append(a.places, n)
		}
	}
	for _, r := range w.records {
		if inside[r.Place] {
			a.all = append(a.all, r)
		}
	}
	a.readSettings()
	a.dossiers()
	a.stages()
	a.clinics()
	a.conflicts()
	a.needs()
	a.services()
	a.harms()
	a.assets()
	a.capacity()
	a.plans()
	a.budget()
	a.devicesSeen()
	a.agreements()
	a.advocacy()
	a.participation()
	a.training()
	a.quality()
	return a.Sheet
}

// readSettings takes those of the province in which the scope lies.
func (a *asked) readSettings() {
	at := a.w.places[a.Scope]
	for at != nil && at.Kind != "province" {
		at = a.w.places[at.In]
	}
	if at == nil {
		return
	}
	for _, r := range a.w.records {
		if r.Form == "province_settings" && r.Place == at.Number && !r.Deleted {
			for name, v := range r.fields {
				if n, ok := v.(json.Number); ok {
					a.set[name], _ = n.Int64()
				}
			}
			a.days.read(r)
			return
		}
	}
}

// living are the records of a form that are there.
func (a *asked) living(form string) (found []*record) {
	for _, r := range a.all {
		if r.Form == form && !r.Deleted && r.fields != nil {
			found = append(found, r)
		}
	}
	return found
}

// at are those of a form in one place.
func (a *asked) at(place int64, form string) (found []*record) {
	for _, r := range a.living(form) {
		if r.Place == place {
			found = append(found, r)
		}
	}
	return found
}

// chains groups the events of a form by what corrects what, over deleted ones too.
func chains(events []*record) [][]*record {
	group := map[string]int{}
	for i, r := range events {
		group[r.ID] = i
	}
	up := make([]int, len(events))
	for i := range up {
		up[i] = i
	}
	find := func(i int) int {
		for up[i] != i {
			i = up[i]
		}
		return i
	}
	for i, r := range events {
		if j, ok := group[r.str("corrects_id")]; ok {
			up[find(i)] = find(j)
		}
	}
	byRoot := map[int][]*record{}
	for i, r := range events {
		byRoot[find(i)] = append(byRoot[find(i)], r)
	}
	var all [][]*record
	for _, root := range sortedKeys(byRoot) {
		all = append(all, byRoot[root])
	}
	return all
}

// alive are the living ones of a chain.
func alive(chain []*record) (all []*record) {
	for _, r := range chain {
		if !r.Deleted && r.fields != nil {
			all = append(all, r)
		}
	}
	return all
}

// events are those of a form that count: of each chain of corrections the one that
// no living event corrects, of several that with the greatest id.
func (a *asked) events(form string) (found []*record) {
	for _, chain := range a.chainsOf(form) {
		var best *record
		there := alive(chain)
		for _, r := range there {
			corrected := slices.ContainsFunc(there, func(x *record) bool { return x != r && x.str("corrects_id") == r.ID })
			if !corrected && (best == nil || r.ID > best.ID) {
				best = r
			}
		}
		if best != nil {
			found = append(found, best)
		}
	}
	return found
}

// chainsOf are all chains of a form, within each place.
func (a *asked) chainsOf(form string) (all [][]*record) {
	byPlace := map[int64][]*record{}
	for _, r := range a.all {
		if r.Form == form {
			byPlace[r.Place] = append(byPlace[r.Place], r)
		}
	}
	for _, p := range sortedKeys(byPlace) {
		all = append(all, chains(byPlace[p])...)
	}
	return all
}

// inMonths reports whether a day lies in the months that are asked for.
func (a *asked) inMonths(day int64) bool {
	m := monthOf(day)
	return (a.From == 0 || m >= a.From) && (a.To == 0 || m <= a.To)
}

// name is how a place is named in the sheet.
func (a *asked) name(place int64) string { return a.w.places[place].ID }

// profile is the neighbourhood's profile of the latest year, of two that with the
// greater id; nil if there is none.
func (a *asked) profile(place int64) *record {
	var best *record
	for _, r := range a.at(place, "neighbourhood_profile") {
		if best == nil || r.num("reference_year") > best.num("reference_year") || r.num("reference_year") == best.num("reference_year") && r.ID > best.ID {
			best = r
		}
	}
	return best
}

// population is known or not.
func (a *asked) population(place int64) (int64, bool) {
	p := a.profile(place)
	if p == nil || !p.has("population") || p.num("population") == 0 {
		return 0, false
	}
	return p.num("population"), true
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// settings are the province's numbers by the names of the form's fields.
type settings map[string]int64

// shipped are the values of the description, sections 2 to 6.
func shipped() settings {
	return settings{
		"weight_profile": 15, "weight_boundary_blocks": 5, "weight_key_persons": 10, "weight_local_team": 5, "weight_capacity": 15,
		"weight_assets": 15, "weight_needs_survey": 15, "weight_prioritised_needs": 10, "weight_harm_map": 5, "weight_participation": 5,
		"target_blocks": 8, "target_key_persons": 15, "target_team_members": 7, "target_domains": 9, "target_assets": 40,
		"target_households": 90, "target_informants": 5, "target_focus_groups": 2, "target_ranked_needs": 5, "target_residents": 30,
		"gate_services": 10, "gate_blocks": 1, "gate_key_persons": 5, "gate_women": 2, "gate_team_members": 3, "gate_assets": 15,
		"gate_asset_categories": 4, "gate_survey_share": 50, "gate_womens_groups": 1, "gate_rated_blocks_share": 80, "gate_residents": 10,
		"clinic_days": 15, "review_days": 14, "conflict_days": 7, "expiring_days": 60, "reply_days": 30, "stuck_days": 30, "risk_margin": 15,
		"plan_key_persons": 10, "plan_activities": 4, "plan_activity_types": 2, "plan_requests": 1, "plan_manager_visits": 1, "plan_items": 3,
		"plan_reviews": 1, "fresh_days": 3, "stale_days": 10, "silent_days": 14, "active_days": 30, "skew_amber_minutes": 10,
		"skew_red_minutes": 1440, "straight_share": 90, "straight_answers": 5, "short_minutes": 5, "burst_records": 10, "margin_metres": 300,
		"double_metres": 50, "double_similarity": 85, "top_needs": 3, "gap_red": 50, "confirm_informants": 3, "confirmed_weight": 2,
		"map_households": 10, "floor_rial": 220_000_000, "training_share": 12,
	}
}
