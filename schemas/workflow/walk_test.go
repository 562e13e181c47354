package workflow

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
)

// drawn are the courses as the description of the programmes draws them, written
// down without looking at the machines: "from > to" of what is stored. What is
// derived is not stored, so nothing leads there.
const drawn = `
dossier:
 > assigned
assigned > collecting
collecting > submitted
submitted > returned
returned > collecting
submitted > county_reviewed
submitted > approved
county_reviewed > returned
county_reviewed > approved
approved > published
approved > updating
published > updating
updating > submitted
assigned, collecting, submitted, returned, county_reviewed, updating > suspended, cancelled
suspended > collecting, cancelled
agreement:
 > draft
draft > signed
signed > active
active > notice
notice > terminated
active > renewed
need:
 > proposed
proposed > verified
verified > prioritised
prioritised > in_plan
in_plan > met
proposed, verified, prioritised, in_plan > dropped
action_item:
 > planned
planned > running
running > done, stopped
planned > stopped
advocacy_request:
 > draft
draft > approved, sent
approved > sent
sent > answered
answered > met, partly_met, refused
refused, partly_met, sent > escalated
escalated > answered
committee:
 > proposed, formed
proposed > formed
proposed, formed > dissolved
`

// edges reads drawn: of each form, what leads where.
func edges(t *testing.T) map[string]map[[2]string]bool {
	t.Helper()
	all := map[string]map[[2]string]bool{}
	form := ""
	for _, line := range strings.Split(strings.TrimSpace(drawn), "\n") {
		if name, ok := strings.CutSuffix(line, ":"); ok {
			form = name
			all[form] = map[[2]string]bool{}
			continue
		}
		from, to, ok := strings.Cut(line, ">")
		if !ok {
			t.Fatalf("line %q", line)
		}
		for _, f := range strings.Split(from, ",") {
			for _, x := range strings.Split(to, ",") {
				all[form][[2]string{strings.TrimSpace(f), strings.TrimSpace(x)}] = true
			}
		}
	}
	return all
}

// walker takes random steps with random contents, and keeps what it knows by itself
// of how a record came to its state.
type walker struct {
	t   *testing.T
	rng *rand.Rand
	// decision is what the committee decided, about which version.
	kind, result, of string
	about            schemas.ID
	present          bool
	version          schemas.ID
	facts            *told
	content          fields
	made             map[string]known
}

func (w *walker) yes() bool { return w.rng.IntN(2) == 0 }

func (w *walker) pick(of ...string) string { return of[w.rng.IntN(len(of))] }

// TestNoForbiddenStateIsReached walks at random over every machine and state: each
// step that is not refused must be drawn, and must have what the programme's own
// documents ask for.
func TestNoForbiddenStateIsReached(t *testing.T) {
	const seed = 14041026
	t.Logf("seed %d", seed)
	drawn := edges(t)
	pkg := allForms(t)
	for form, allowed := range drawn {
		m, ok := Of(form)
		if !ok {
			t.Fatalf("no machine of %s", form)
		}
		list, _ := pkg.List(m.List)
		seen, made := map[[2]string]bool{}, map[string]known{}
		taken, refused := 0, 0
		for walk := range 50 {
			w := &walker{t: t, rng: rand.New(rand.NewPCG(seed, uint64(walk))), made: made}
			now := w.beginning(form)
			for range 50 {
				if s := w.state(m, now); s != "" && len(m.Next(s)) == 0 {
					now = w.beginning(form)
				}
				w.world(form)
				to := list.Items[w.rng.IntN(len(list.Items))].Code
				if next := m.Next(w.state(m, now)); len(next) > 0 && w.rng.IntN(3) > 0 {
					// Twice, so that a walk does not end before it has begun.
					if to = next[w.rng.IntN(len(next))].To; len(m.Next(to)) == 0 || to == "suspended" {
						to = next[w.rng.IntN(len(next))].To
					}
				}
				from, _ := now[m.Field].(string)
				q := question{form: form, now: now, decides: w.content, to: to, facts: w.facts, version: w.version,
					actor: []Role{Role(w.pick("facilitator", "technical_manager", "county", "province", "clinic"))},
					today: w.pick("1404/08/01", "1404/12/10", "1405/01/15"), records: w.records()}
				mm, c := q.ask(t)
				if f, no := Judge(mm, c).Refused(); no {
					refused++
					if f.Message.Fa == "" {
						t.Fatalf("%s %s > %s: refused by %s without a word", form, from, to, f.Rule)
					}
					continue
				}
				if from != to {
					if !allowed[[2]string{from, to}] {
						t.Fatalf("walk %d, %s: %s > %s is not drawn", walk, form, from, to)
					}
					w.hold(form, from, to, now.with(w.content), q.today)
					seen[[2]string{from, to}] = true
					taken++
				}
				now = now.with(w.content).with(fields{m.Field: to})
			}
		}
		if taken == 0 || refused == 0 {
			t.Errorf("%s: %d steps taken, %d refused: the walk says nothing", form, taken, refused)
		}
		for e := range allowed {
			if !seen[e] {
				t.Errorf("%s: no walk took %s > %s", form, e[0], e[1])
			}
		}
	}
}

// state is a state from which the walker aims at what follows: the stored one, of
// an agreement also what its end makes of it.
func (w *walker) state(m *Machine, now fields) string {
	s, _ := now[m.Field].(string)
	if m.Form == "agreement" && s == "active" {
		s = w.pick("active", "expired")
	}
	return s
}

func (w *walker) beginning(form string) fields {
	switch form {
	case "dossier":
		return someDossier
	case "agreement":
		return someAgreement.with(fields{"programme": w.pick(base, base, "comprehensive")})
	case "advocacy_request":
		return someRequest.with(fields{"programme": w.pick(empowerment, empowerment, base, "comprehensive")})
	case "need":
		return fields{"title_fa": "آب"}
	case "action_item":
		return fields{"code": "A1.1"}
	}
	return fields{"kind": "cb_council", "quorum_rule": "all"}
}

// world draws everything that a guard may look at.
func (w *walker) world(form string) {
	w.facts = full()
	for _, s := range DossierSections {
		if w.rng.IntN(12) == 0 {
			w.facts.sections[s] = section{0, 10, false}
		}
	}
	w.kind, w.result = w.pick("approve_dossier", "approve_request", "approve_request"), w.pick("approved", "approved", "rejected")
	if form == "dossier" {
		w.kind = w.pick("approve_dossier", "approve_dossier", "return_dossier")
	}
	w.of, w.present = w.pick("steering", "steering", "county_wg"), w.yes()
	w.about, w.version = schemas.ID{byte(w.rng.IntN(2))}, schemas.ID{byte(w.rng.IntN(2))}
	w.content = fields{}
	maybe := func(name string, value any) {
		w.content[name] = nil
		if w.rng.IntN(3) > 0 {
			w.content[name] = value
		}
	}
	switch form {
	case "dossier":
		maybe("approved_by_decision_id", uuid(aDecision))
		maybe("submitted_on", "1404/11/20")
	case "agreement":
		maybe("notice_on", "1404/08/01")
		maybe("terminated_on", w.pick("1404/07/01", "1404/09/15"))
		maybe("deciders", three[:1+w.rng.IntN(3)])
		maybe("confirmed_result", w.pick("approved", "approved", "rejected"))
		maybe("deliverables", sixCommitments()[:5+w.rng.IntN(2)])
	case "advocacy_request":
		maybe("steering_decision_id", uuid(aDecision))
		maybe("sent_on", "1404/07/01")
	}
}

func sixCommitments() []fields {
	var all []fields
	for _, c := range []string{"needs_prioritised", "assets_identified", "harm_map", "participatory_plan", "collective_action", "advocacy"} {
		all = append(all, fields{"commitment": c, "state": "not_started"})
	}
	return all
}

func (w *walker) records() known {
	if !w.present {
		return nil
	}
	key := w.kind + w.of + w.result + hexID(w.about)
	if w.made[key] == nil {
		w.made[key] = decided(w.t, w.kind, w.of, fields{"result": w.result, "subject_version": hexID(w.about)})
	}
	return w.made[key]
}

// hold says what must be true of a step that was taken, by the documents' words.
func (w *walker) hold(form, from, to string, after fields, today string) {
	t := w.t
	t.Helper()
	programme, _ := after["programme"].(string)
	named := func(field string) bool { return after[field] != nil && w.present }
	switch {
	case form == "dossier" && to == "submitted":
		for _, s := range []string{"capacity", "assets", "needs_survey", "participation"} {
			if w.facts.sections[s].done == 0 {
				t.Fatalf("submitted without anything of %s (s1:9)", s)
			}
		}
	case form == "dossier" && to == "approved" && named("approved_by_decision_id"):
		if w.kind != "approve_dossier" || w.result != "approved" || w.about != w.version {
			t.Fatalf("approved by a decision that says something else: %s %s", w.kind, w.result)
		}
	case form == "advocacy_request" && to == "sent" && programme == empowerment:
		if from != "approved" || !named("steering_decision_id") || w.kind != "approve_request" || w.result != "approved" || w.of != "steering" || w.about != w.version {
			t.Fatalf("a request under the empowerment plan was sent from %s unapproved (s0:37)", from)
		}
	case form == "agreement" && programme == base && to == "active":
		if list, _ := after["deliverables"].([]fields); len(list) != 6 {
			t.Fatalf("a base began with %d commitments (s2:25-37)", len(list))
		}
	case form == "agreement" && programme == base && to == "terminated":
		d, _ := after["deciders"].([]fields)
		if len(d) != 3 || after["notice_on"] == nil || after["terminated_on"] != "1404/09/15" {
			t.Fatal("a base's agreement was ended without notice or without three deciders (s2:61)")
		}
	case form == "agreement" && to == "renewed":
		if today != "1405/01/15" {
			t.Fatalf("renewed on %s, before its year was over (s2:59)", today)
		}
		if programme == base && after["confirmed_result"] != "approved" {
			t.Fatal("renewed unconfirmed (s2:59)")
		}
	}
}

// TestStagesOverlap: the plan's stage may go on to any later stage and back, and
// ends in closed.
func TestStagesOverlap(t *testing.T) {
	for i, from := range Stages {
		for j, to := range Stages {
			if _, ok := plan.step(from, to); ok != (i != j) {
				t.Errorf("%s > %s: %v", from, to, ok)
			}
		}
		if _, ok := plan.step(from, "closed"); !ok {
			t.Errorf("%s cannot be closed", from)
		}
	}
	if next := plan.Next("closed"); len(next) != 0 {
		t.Errorf("from closed steps lead to %v", next)
	}
	if !slices.Contains(plan.States(), "closed") {
		t.Error("closed is no state")
	}
}
