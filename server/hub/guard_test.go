package hub_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

type values = map[string]schemas.Value

func code(s string) schemas.Value { return schemas.CodeValue(s) }
func ref(id syncproto.RecordID) schemas.Value {
	return schemas.RefValue(schemas.ID(id))
}

// fill saves a record of a form with values, a state among them, as a client does
// that asks no guard; s has it from then on.
func (p *phone) fill(form string, s *syncproto.RecordState, set values) *syncproto.Change {
	p.b.t.Helper()
	f, ok := p.b.forms.FormByName(form)
	if !ok {
		p.b.t.Fatalf("no form %q", form)
	}
	before := merge.Content(f, s)
	after := before.Clone()
	for name, v := range set {
		x, ok := f.FieldByName(name)
		if !ok {
			p.b.t.Fatalf("no field %q", name)
		}
		after.Fields[x.ID] = v
	}
	seq := uint64(len(p.log) + 1)
	edit := merge.Edit{Form: f, Opened: s, Before: before, After: after, Author: p.person,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(p.cert.Log, seq, n) }}
	verb := syncproto.VerbEdit
	if !s.Exists() {
		verb = syncproto.VerbCreate
	}
	ch := p.writeForm(f.ID, verb, s, p.b.scope(string(f.Compartment)), edit.Ops())
	if _, err := merge.Apply(s, ch, alone{}); err != nil {
		p.b.t.Fatal(err)
	}
	return ch
}

// alone knows of no other change.
type alone struct{}

func (alone) Standing(syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	return merge.Unknown, nil, nil
}

// make saves a new record.
func (p *phone) make(n byte, form string, set values) *syncproto.RecordState {
	p.b.t.Helper()
	s := syncproto.NewRecordState(syncproto.RecordID{n, byte(len(p.log)), p.person[0]})
	p.fill(form, s, set)
	return s
}

// stateOf is the state that stands in a record at the server.
func (b *bench) stateOf(form string, id syncproto.RecordID) string {
	b.t.Helper()
	m, _ := workflow.Of(form)
	f, _ := b.forms.FormByName(form)
	x, _ := f.FieldByName(m.Field)
	s, _ := merge.Look(b.record(id).State, syncproto.CellKey{Field: uint32(x.ID)}).Value.AsText()
	return s
}

// rule is the rule that a change's author is told, "" if none is.
func (b *bench) rule(id syncproto.ChangeID) string {
	b.t.Helper()
	res := b.row(id).Result
	for _, c := range res.Cells {
		if c.Reason >= syncproto.FirstRule {
			r, ok := workflow.RuleOf(uint8(c.Reason))
			if !ok || res.Outcome != syncproto.Merged {
				b.t.Errorf("change %s is %+v", id, res)
			}
			return r.Name
		}
	}
	return ""
}

var request = values{"programme": code("empowerment_plan"), "subject": schemas.TextValue("آب"), "state": code("draft")}

func with(base values, more values) values {
	all := values{}
	for k, v := range base {
		all[k] = v
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// A client of somebody's own asks no guard. What no rule allows is not taken, the
// rule is told, and everything else of the change is applied.
func TestNoStepThatARuleForbids(t *testing.T) {
	agreement := values{"programme": code("social_health_base"), "number": schemas.TextValue("۱"), "start_on": schemas.DateValue(20_400), "end_on": schemas.DateValue(20_800), "state": code("draft")}
	for name, c := range map[string]struct {
		form, role string
		// steps are saved one after the other, the last of them is refused.
		steps []values
		rule  string
		stays string
	}{
		"a state in which nothing begins": {"advocacy_request", "facilitator", []values{with(request, values{"state": code("sent")})}, "no_step", ""},
		"a step that is none":             {"advocacy_request", "facilitator", []values{request, {"state": code("met")}}, "no_step", "draft"},
		"a step into what the day makes":  {"agreement", "province", []values{agreement, {"state": code("expired")}}, "no_step", "draft"},
		"another role's step":             {"dossier", "facilitator", []values{{"status": code("assigned")}, {"status": code("suspended")}}, "not_your", "assigned"},
		"a facilitator signs":             {"agreement", "facilitator", []values{agreement, {"state": code("signed")}}, "not_your", "draft"},
		"sent unapproved":                 {"advocacy_request", "facilitator", []values{request, {"state": code("sent")}}, "request.unapproved", "draft"},
		"approved without a decision":     {"advocacy_request", "facilitator", []values{request, {"state": code("approved")}}, "request.decision", "draft"},
		"active without its commitments":  {"agreement", "province", []values{agreement, {"state": code("signed")}, {"state": code("active")}}, "agreement.commitments", "signed"},
		"no clinic that is capable":       {"programme_enrolment", "province", []values{{"programme": code("empowerment_plan"), "stage": code("clinic_selected")}, {"stage": code("monitoring")}}, "plan.monitoring_group", "clinic_selected"},
		"a centre without blocks":         {"local_development_centre", "facilitator", []values{{"status": code("planned")}, {"status": code("active")}}, "centre.blocks", "planned"},
		"a dossier of nothing":            {"dossier", "facilitator", []values{{"status": code("assigned")}, {"status": code("collecting")}, {"status": code("submitted")}}, "dossier.none.capacity", "collecting"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p := b.phone(1, c.role)
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			var last *syncproto.Change
			for i, set := range c.steps {
				if i == len(c.steps)-1 && c.form == "advocacy_request" {
					set = with(set, values{"letter_no": schemas.TextValue("۷")})
				}
				last = p.fill(c.form, s, set)
			}
			p.mustPush(1)
			if got := b.rule(last.ID); got != c.rule {
				t.Errorf("refused by %q, want %q: %+v", got, c.rule, b.row(last.ID).Result)
			}
			if got := b.stateOf(c.form, s.Record); got != c.stays {
				t.Errorf("the state is %q, want %q", got, c.stays)
			}
			now := b.record(s.Record)
			if now.State.Latest != last.ID || now.State.Number != uint64(len(c.steps)) || !merge.Alive(now.State) {
				t.Errorf("the rest of the change was not applied: %+v", now.State)
			}
			if c.form == "advocacy_request" {
				if v, _ := b.held(s.Record, fieldOfForm(t, b, c.form, "letter_no")); v != syncproto.Text("۷") {
					t.Errorf("the other field holds %v", v)
				}
			}
		})
	}
}

func fieldOfForm(t *testing.T, b *bench, form, name string) uint32 {
	t.Helper()
	f, _ := b.forms.FormByName(form)
	x, ok := f.FieldByName(name)
	if !ok {
		t.Fatalf("form %s has no field %s", form, name)
	}
	return uint32(x.ID)
}

// A record that was begun where nothing begins has no state, and begins after all.
func TestWhatBeganWronglyBegins(t *testing.T) {
	b := newBench(t)
	p := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	p.fill("advocacy_request", s, with(request, values{"state": code("sent")}))
	p.mustPush(1)
	seen := b.record(s.Record).State
	p.fill("advocacy_request", seen, values{"state": code("draft")})
	p.mustPush(2)
	if got := b.stateOf("advocacy_request", s.Record); got != "draft" {
		t.Errorf("the state is %q, want draft", got)
	}
}

// Whoever holds the role takes the step; so does the office's own person at the
// place above.
func TestTheRoleIsThatOfThePlace(t *testing.T) {
	b := newBench(t)
	p, boss := b.phone(1, "facilitator"), b.phone(2, "province")
	s := p.make(9, "dossier", values{"status": code("assigned")})
	p.mustPush(1)
	boss.fill("dossier", b.record(s.Record).State, values{"status": code("suspended")})
	boss.mustPush(1)
	if got := b.stateOf("dossier", s.Record); got != "suspended" {
		t.Errorf("the state is %q, want suspended", got)
	}
}

// Who takes a step is asked where its author saw the record, so that the answer does
// not depend on whether the step or a move to another place arrives first: a server that
// was put back is sent them in another order.
func TestAStepAndAMoveInEitherOrder(t *testing.T) {
	for _, moveFirst := range []bool{false, true} {
		b := newBench(t)
		other, _ := b.elsewhere()
		p, boss := b.phone(1, "technical_manager"), b.phone(2, "technical_manager")
		b.grantAt(other, boss, "technical_manager")
		s := p.make(9, "programme_enrolment", values{"stage": code("clinic_selected")})
		p.mustPush(1)
		seen := b.record(s.Record).State
		step := p.fill("programme_enrolment", seen.Clone(), values{"stage": code("trust_building")})
		f, _ := b.forms.FormByName("programme_enrolment")
		boss.writeForm(f.ID, syncproto.VerbMove, seen, b.scope(string(f.Compartment)),
			[]syncproto.Op{merge.MoveOp(seen, syncproto.ScopeOf(other, string(f.Compartment))), merge.Presence(seen, boss.person, true, false)})
		if moveFirst {
			boss.mustPush(1)
		}
		p.mustPush(2)
		if !moveFirst {
			boss.mustPush(1)
		}
		if row := b.record(s.Record); row.State.Home != syncproto.ScopeOf(other, string(f.Compartment)) {
			t.Fatalf("move first %t: the record did not move", moveFirst)
		}
		if got := b.stateOf("programme_enrolment", s.Record); got != "trust_building" {
			t.Errorf("move first %t: the stage is %q, want trust_building; refused by %q", moveFirst, got, b.rule(step.ID))
		}
	}
}

// decide makes a decision on a record as it stands at the server.
func (p *phone) decide(n byte, kind string, s *syncproto.RecordState, set values) *syncproto.RecordState {
	p.b.t.Helper()
	form, _ := p.b.forms.Form(schemas.FormID(s.Form))
	v := merge.VersionDecided(form, s)
	return p.make(n, "decision", with(values{"kind": code(kind), "subject_ref": ref(s.Record), "result": code("approved"),
		"subject_version": schemas.TextValue(hex.EncodeToString(v[:]))}, set))
}

// A decision that is about something else, that did not approve, of another version,
// or of another committee lets no step pass; the right one does, whichever log
// brings it.
func TestADecisionIsHeldAgainstTheRecord(t *testing.T) {
	b := newBench(t)
	p, q := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	s := p.make(9, "advocacy_request", request)
	council := p.make(10, "committee", values{"kind": code("cb_council")})
	steering := p.make(11, "committee", values{"kind": code("steering")})
	met := p.make(12, "meeting", values{"committee_id": ref(council.Record)})
	sat := p.make(13, "meeting", values{"committee_id": ref(steering.Record)})
	p.mustPush(1)
	now := b.record(s.Record).State
	sure := values{"meeting_id": ref(sat.Record)}
	for rule, decision := range map[string]*syncproto.RecordState{
		"request.decision_other":  p.decide(20, "approve_request", now, with(sure, values{"subject_ref": ref(met.Record)})),
		"request.decision_result": p.decide(21, "approve_request", now, with(sure, values{"result": code("rejected")})),
		"request.decision_stale":  p.decide(22, "approve_request", now, with(sure, values{"subject_version": schemas.TextValue("00112233445566778899aabbccddeeff")})),
		"request.decided_by":      p.decide(23, "approve_request", now, values{"meeting_id": ref(met.Record)}),
	} {
		from := uint64(len(p.log))
		step := p.fill("advocacy_request", now.Clone(), values{"steering_decision_id": ref(decision.Record), "state": code("approved")})
		p.push(1)
		if got := b.rule(step.ID); got != rule || from == 0 {
			t.Errorf("refused by %q, want %q", got, rule)
		}
		now = b.record(s.Record).State
	}
	right := p.decide(30, "approve_request", now, sure)
	p.mustPush(uint64(len(p.log)))
	step := q.fill("advocacy_request", b.record(s.Record).State, values{"steering_decision_id": ref(right.Record), "state": code("approved")})
	q.mustPush(1)
	if got := b.stateOf("advocacy_request", s.Record); got != "approved" || b.rule(step.ID) != "" {
		t.Errorf("the state is %q, refused by %q", got, b.rule(step.ID))
	}
	// What was approved is sent as it was approved.
	changed := q.fill("advocacy_request", b.record(s.Record).State, values{"subject": schemas.TextValue("برق"), "state": code("sent")})
	q.mustPush(2)
	if got := b.rule(changed.ID); got != "request.decision_stale" || b.stateOf("advocacy_request", s.Record) != "approved" {
		t.Errorf("sent with another subject: refused by %q, the state is %q", got, b.stateOf("advocacy_request", s.Record))
	}
}

// What a step stands on may come after it from devices that send again what a server
// lost: the step stays applied. What was there is not forgotten over a restart
// either.
func TestAnAppliedStepStaysAppliedOverARestore(t *testing.T) {
	b := newBench(t)
	p, q := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	s := p.make(9, "local_development_centre", values{"status": code("planned")})
	p.mustPush(1)
	b.close()
	path := filepath.Join(b.dir, "server.db")
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b.open()
	q.make(10, "block", values{"code": schemas.TextValue("B01")})
	q.make(11, "bylaw", values{"centre_id": ref(s.Record), "approved_on": schemas.DateValue(20_400)})
	q.mustPush(1)
	step := p.fill("local_development_centre", b.record(s.Record).State, values{"status": code("active")})
	p.mustPush(2)
	if b.stateOf("local_development_centre", s.Record) != "active" {
		t.Fatal("the step was not applied at first")
	}
	b.close()
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	p.mustPush(2)
	if got := b.rule(step.ID); got != "centre.blocks" {
		t.Fatalf("before its evidence came again it was refused by %q", got)
	}
	b.close()
	b.open()
	q.mustPush(1)
	if got := b.stateOf("local_development_centre", s.Record); got != "active" {
		t.Errorf("with all of it sent again the state is %q, want active", got)
	}
}

// Somebody else's step from the same state ends one that waits.
func TestAnotherStepEndsOneThatWaits(t *testing.T) {
	b := newBench(t)
	p := b.phone(1, "technical_manager")
	s := p.make(9, "programme_enrolment", values{"stage": code("clinic_selected")})
	seen := s.Clone()
	p.fill("programme_enrolment", s, values{"stage": code("monitoring")})
	p.fill("programme_enrolment", seen, values{"stage": code("trust_building")})
	p.make(10, "committee", values{"kind": code("monitoring")})
	p.mustPush(1)
	if got := b.stateOf("programme_enrolment", s.Record); got != "trust_building" {
		t.Errorf("the stage is %q, want trust_building", got)
	}
}

// Who releases a change that was set aside has decided who takes its step, not
// whether it may be taken.
func TestAReleasedStepIsAskedForNoRole(t *testing.T) {
	b := newBench(t)
	p, guest := b.phone(1, "technical_manager"), b.phone(2, "")
	s := p.make(9, "advocacy_request", request)
	p.mustPush(1)
	sent := guest.fill("advocacy_request", s.Clone(), values{"state": code("sent")})
	other := p.make(10, "advocacy_request", values{"programme": code("comprehensive"), "state": code("draft")})
	p.mustPush(2)
	free := guest.fill("advocacy_request", other.Clone(), values{"state": code("sent")})
	guest.mustPush(1)
	for _, ch := range []*syncproto.Change{sent, free} {
		if err := b.hub.Release(b.ctx, ch.ID, p.person, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.rule(sent.ID); got != "request.unapproved" {
		t.Errorf("refused by %q", got)
	}
	if got := b.stateOf("advocacy_request", other.Record); got != "sent" {
		t.Errorf("the released step left the state %q, want sent", got)
	}
}
