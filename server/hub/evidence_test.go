package hub_test

import (
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// evidenceCase is a step that asks whether the place has anything of some kind.
type evidenceCase struct {
	form, field string
	before      []values
	step        values
	// lacks is what is there but not enough, brings what was missing.
	lacks, brings func(p *phone, s *syncproto.RecordState)
}

func rows(t testing.TB, b *bench, form, list string, set ...values) schemas.Value {
	t.Helper()
	f, _ := b.forms.FormByName(form)
	l, _ := f.FieldByName(list)
	var items []schemas.Item
	for _, row := range set {
		item := schemas.Item{Fields: map[schemas.FieldID]schemas.Value{}}
		for name, v := range row {
			x, ok := l.FieldByName(name)
			if !ok {
				t.Fatalf("no field %s in %s", name, list)
			}
			item.Fields[x.ID] = v
		}
		items = append(items, item)
	}
	return schemas.ItemsValue(items)
}

func evidenceCases(t *testing.T, b *bench) map[string]evidenceCase {
	dossier := []values{{"status": code("assigned")}, {"status": code("collecting")}}
	capacity := func(p *phone, _ *syncproto.RecordState) {
		p.make(30, "capacity_assessment", values{"instrument": code("laverack9"), "round_no": schemas.IntValue(1), "held_on": schemas.DateValue(20_400),
			"scores": rows(t, b, "capacity_assessment", "scores", values{"domain": code("participation"), "consensus": schemas.IntValue(3)})})
	}
	asset := func(p *phone, _ *syncproto.RecordState) { p.make(31, "asset", newAsset("سالن")) }
	group := func(p *phone, _ *syncproto.RecordState) {
		p.make(32, "focus_group", values{"held_on": schemas.DateValue(20_400), "group_kind": code("women")})
	}
	residents := func(p *phone, _ *syncproto.RecordState) {
		p.make(33, "activity", values{"type": code("public_meeting"), "held_on": schemas.DateValue(20_400), "participants_total": schemas.IntValue(8)})
	}
	block := func(p *phone, _ *syncproto.RecordState) {
		p.make(34, "block", values{"code": schemas.TextValue("B01")})
	}
	all := func(some ...func(*phone, *syncproto.RecordState)) func(*phone, *syncproto.RecordState) {
		return func(p *phone, s *syncproto.RecordState) {
			for _, f := range some {
				f(p, s)
			}
		}
	}
	submit := values{"status": code("submitted")}
	centre := []values{{"status": code("planned")}}
	return map[string]evidenceCase{
		"dossier.none.capacity":      {"dossier", "status", dossier, submit, all(asset, group, residents), capacity},
		"dossier.none.assets":        {"dossier", "status", dossier, submit, all(capacity, group, residents), asset},
		"dossier.none.needs_survey":  {"dossier", "status", dossier, submit, all(capacity, asset, residents), group},
		"dossier.none.participation": {"dossier", "status", dossier, submit, all(capacity, asset, group), residents},
		"centre.blocks": {"local_development_centre", "status", centre, values{"status": code("active")}, func(p *phone, s *syncproto.RecordState) {
			p.make(35, "bylaw", values{"centre_id": ref(s.Record), "approved_on": schemas.DateValue(20_400)})
		}, block},
		"centre.statute": {"local_development_centre", "status", centre, values{"status": code("active")}, func(p *phone, s *syncproto.RecordState) {
			block(p, s)
			p.make(36, "bylaw", values{"centre_id": ref(s.Record)}) // not approved
		}, func(p *phone, s *syncproto.RecordState) {
			p.make(37, "bylaw", values{"centre_id": ref(s.Record), "approved_on": schemas.DateValue(20_400)})
		}},
		"plan.monitoring_group": {"programme_enrolment", "stage", []values{{"stage": code("clinic_selected")}}, values{"stage": code("monitoring")},
			func(p *phone, _ *syncproto.RecordState) { p.make(38, "committee", values{"kind": code("steering")}) },
			func(p *phone, _ *syncproto.RecordState) { p.make(39, "committee", values{"kind": code("monitoring")}) }},
	}
}

// A step that asks whether there is any at all waits for it, whatever else is there,
// and follows when it comes, from whichever device. Who sends both in one batch
// waits for nothing.
func TestAStepFollowsItsEvidence(t *testing.T) {
	for rule := range evidenceCases(t, newBench(t)) {
		t.Run(rule, func(t *testing.T) {
			b := newBench(t)
			c := evidenceCases(t, b)[rule]
			p, q := b.phone(1, "technical_manager"), b.phone(2, "technical_manager")
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			for _, set := range c.before {
				p.fill(c.form, s, set)
			}
			c.lacks(p, s)
			stays := b0(c.before, c.field)
			step := p.fill(c.form, s, c.step)
			p.mustPush(1)
			if got := b.rule(step.ID); got != rule || b.stateOf(c.form, s.Record) != stays {
				t.Fatalf("refused by %q, want %q; the state is %q", got, rule, b.stateOf(c.form, s.Record))
			}
			at := b.record(s.Record).State.Position
			c.brings(q, s)
			q.mustPush(1)
			want := c.step[c.field].Code()
			if got := b.stateOf(c.form, s.Record); got != want {
				t.Errorf("with what was missing the state is %q, want %q", got, want)
			}
			if row := b.record(s.Record); row.State.Position <= at && c.form == "local_development_centre" {
				t.Errorf("nobody hears of it: the record stands at %d", row.State.Position)
			}
			b.agrees("plain")
			b.agrees("reference")

			again := newBench(t)
			p = again.phone(1, "technical_manager")
			c = evidenceCases(t, again)[rule]
			s = syncproto.NewRecordState(syncproto.RecordID{9})
			for _, set := range c.before {
				p.fill(c.form, s, set)
			}
			c.lacks(p, s)
			c.brings(p, s)
			step = p.fill(c.form, s, c.step)
			p.mustPush(1)
			if got := again.rule(step.ID); got != "" || again.stateOf(c.form, s.Record) != want {
				t.Errorf("in one batch with all of it refused by %q", got)
			}
		})
	}
}

func b0(before []values, field string) string { return before[len(before)-1][field].Code() }

// agrees checks that a scope's sum is that of its records.
func (b *bench) agrees(compartment string) {
	b.t.Helper()
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		sc, err := r.Scope(b.scope(compartment))
		if err != nil {
			return nil
		}
		var sum [16]byte
		if err := r.Each(sc.ID, func(_ syncproto.RecordID, hash [16]byte) error { sum = syncproto.SumAdd(sum, hash); return nil }); err != nil {
			return err
		}
		if sum != sc.Sum {
			b.t.Errorf("the sum of %s is not that of its records", compartment)
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
}

// Whatever comes first, the step, what it stands on, or the decision and the text
// that was decided on: in the end it is taken.
func TestTheOrderOfEvidenceDoesNotMatter(t *testing.T) {
	var orders func(left []int) [][]int
	orders = func(left []int) [][]int {
		if len(left) == 0 {
			return [][]int{nil}
		}
		var all [][]int
		for i, x := range left {
			rest := append(append([]int{}, left[:i]...), left[i+1:]...)
			for _, o := range orders(rest) {
				all = append(all, append([]int{x}, o...))
			}
		}
		return all
	}
	for _, order := range orders([]int{0, 1, 2, 3}) {
		b := newBench(t)
		var phones []*phone
		for n := range 4 {
			phones = append(phones, b.phone(byte(n+1), "technical_manager"))
		}
		// Each wrote on what the others had written, which the server knew then.
		centre := phones[0].make(9, "local_development_centre", values{"status": code("planned")})
		letter := phones[0].make(10, "advocacy_request", request)
		phones[1].make(11, "block", values{"code": schemas.TextValue("B01")})
		phones[1].fill("advocacy_request", letter, values{"subject": schemas.TextValue("برق")})
		phones[2].make(12, "bylaw", values{"centre_id": ref(centre.Record), "approved_on": schemas.DateValue(20_400)})
		decision := phones[2].decide(13, "approve_request", letter, nil)
		phones[3].fill("local_development_centre", centre, values{"status": code("active")})
		phones[3].fill("advocacy_request", letter, values{"steering_decision_id": ref(decision.Record), "state": code("approved")})
		for _, n := range order {
			phones[n].mustPush(1)
		}
		if got, other := b.stateOf("local_development_centre", centre.Record), b.stateOf("advocacy_request", letter.Record); got != "active" || other != "approved" {
			t.Errorf("in the order %v the centre is %q and the request %q", order, got, other)
		}
	}
}

// Steps that wait for evidence are looked at again as long as there are not too many
// at their place; the others follow with the next change of their own record.
func TestStepsThatWaitAreBounded(t *testing.T) {
	const heldAt = 20 // as hub.maxHeldAt says
	b := newBench(t)
	p, q := b.phone(1, "technical_manager"), b.phone(2, "technical_manager")
	var centres []*syncproto.RecordState
	for n := range byte(heldAt + 5) {
		centre := p.make(100+n, "local_development_centre", values{"status": code("planned")})
		p.make(150+n, "bylaw", values{"centre_id": ref(centre.Record), "approved_on": schemas.DateValue(20_400)})
		p.fill("local_development_centre", centre, values{"status": code("active")})
		p.mustPush(1)
		centres = append(centres, centre)
	}
	active := func() (n int) {
		for _, c := range centres {
			if b.stateOf("local_development_centre", c.Record) == "active" {
				n++
			}
		}
		return n
	}
	if n := active(); n != 0 {
		t.Fatalf("%d centres are active without a block", n)
	}
	q.make(99, "block", values{"code": schemas.TextValue("B01")})
	q.mustPush(1)
	if n := active(); n != heldAt {
		t.Errorf("%d centres follow at once, want %d", n, heldAt)
	}
	for _, c := range centres {
		p.fill("local_development_centre", c, values{"name": schemas.TextValue("مرکز")})
	}
	p.mustPush(1)
	if n := active(); n != len(centres) {
		t.Errorf("%d centres are active after a change of each, want %d", n, len(centres))
	}
}

// BenchmarkStepsWithoutEvidence is the dearest a facilitator may send: a full batch
// of steps that all wait for evidence, at a place with very many records of the form
// that is asked for, none of which will do, and between them new ones.
func BenchmarkStepsWithoutEvidence(b *testing.B) {
	const records, steps = 3000, 240
	for b.Loop() {
		b.StopTimer()
		x := newBench(b)
		p := x.phone(1, "technical_manager")
		n := uint16(0)
		id := func() syncproto.RecordID { n++; return syncproto.RecordID{7, byte(n >> 8), byte(n)} }
		beside := func() {
			p.fill("activity", syncproto.NewRecordState(id()), values{"type": code("education"), "held_on": schemas.DateValue(20_400), "participants_total": schemas.IntValue(8)})
		}
		pushed := 0
		push := func() {
			if pushed == len(p.log) {
				return
			}
			p.mustPush(uint64(pushed) + 1)
			pushed = len(p.log)
		}
		for range records {
			if beside(); len(p.log) == pushed+syncproto.MaxBatchChanges {
				push()
			}
		}
		push()
		p.make(30, "capacity_assessment", values{"instrument": code("laverack9"), "round_no": schemas.IntValue(1), "held_on": schemas.DateValue(20_400),
			"scores": rows(b, x, "capacity_assessment", "scores", values{"domain": code("participation"), "consensus": schemas.IntValue(3)})})
		p.make(31, "asset", newAsset("سالن"))
		p.make(32, "focus_group", values{"held_on": schemas.DateValue(20_400), "group_kind": code("women")})
		var dossiers []*syncproto.RecordState
		for range steps {
			s := syncproto.NewRecordState(id())
			p.fill("dossier", s, values{"status": code("assigned")})
			p.fill("dossier", s, values{"status": code("collecting")})
			dossiers = append(dossiers, s)
		}
		push()
		for _, s := range dossiers {
			p.fill("dossier", s, values{"status": code("submitted")})
			beside()
		}
		b.StartTimer()
		push()
		b.StopTimer()
		if rule := x.rule(p.log[len(p.log)-2].ID); rule != "dossier.none.participation" {
			b.Fatalf("the last step is refused by %q", rule)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/batch")
}
