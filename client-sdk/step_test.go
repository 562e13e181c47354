package clientsdk

import (
	"errors"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

const (
	requestJSON = `{"programme": "empowerment_plan", "subject": "آب", "asked": "لولهٔ نو", "state": "draft",
		"target_org_id": "019bc6a0-0003-7000-8000-000000000003"}`
	dossierJSON = `{"neighbourhood_id": "019bc6a0-0001-7000-8000-000000000001", "revision_no": 1,
		"assigned_on": "1405/08/01", "due_on": "1405/09/01", "status": "assigned"}`
)

// refusedBy is the rule for which a step was not taken.
func refusedBy(err error) string {
	var step *StepError
	if errors.Is(err, ErrStepRefused) && errors.As(err, &step) && step.Message.Fa != "" && step.Message.En != "" {
		return step.Rule
	}
	return ""
}

func (d *device) decide(subject syncproto.RecordID) syncproto.RecordID {
	d.Helper()
	return d.record("decision", `{"meeting_id": "019bc6a0-0701-7000-8000-000000000701", "kind": "approve_request", "text": "تصویب شد", "result": "approved",
		"subject_ref": "`+subject.String()+`"}`)
}

// TestAStepIsRefused: what the programme's own document forbids is not saved, and
// the rule is named; in another programme the same only warns.
func TestAStepIsRefused(t *testing.T) {
	d := newDevice(t)
	id := d.record("advocacy_request", requestJSON)
	_, err := d.Transition(ctx, id, "state", "sent", "")
	if got := refusedBy(err); got != "request.unapproved" {
		t.Errorf("sent unapproved: %v", err)
	}
	var step *StepError
	if errors.As(err, &step); step == nil || step.Source != "s0:37" || step.Level != workflow.Refuse {
		t.Errorf("%+v does not name its source", step)
	}
	if _, err := d.MayStep(ctx, id, "state", "sent"); refusedBy(err) != "request.unapproved" {
		t.Errorf("asked beforehand: %v", err)
	}
	if _, err := d.Transition(ctx, id, "state", "met", ""); refusedBy(err) != workflow.RuleNoStep {
		t.Errorf("a step that is none: %v", err)
	}
	if got := d.value(id, "state").Code(); got != "draft" {
		t.Errorf("the state is %s, want draft", got)
	}
	elsewhere := d.open(id)
	d.set(elsewhere, "programme", "comprehensive")
	d.mustSave(elsewhere)
	warnings, err := d.MayStep(ctx, id, "state", "sent")
	if err != nil || !slices.ContainsFunc(warnings, func(p schemas.Problem) bool {
		return p.Rule == schemas.RuleStep && p.Level == schemas.LevelWarning && p.Field != 0
	}) {
		t.Errorf("in another programme: %v, %v", warnings, err)
	}
	if _, err := d.Transition(ctx, id, "state", "sent", ""); err != nil {
		t.Error(err)
	}
}

// TestARecordBeginsAtItsBeginning: a record is not made in the middle of its course,
// and nothing typed is lost by trying.
func TestARecordBeginsAtItsBeginning(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("advocacy_request", requestJSON)
	d.set(draft, "state", "sent")
	if _, err := draft.Save(ctx); refusedBy(err) != workflow.RuleNoStep {
		t.Errorf("begun as sent: %v", err)
	}
	// It is on the disk, too: whoever ends the program here goes on later.
	if kept, err := d.Drafts(ctx); err != nil || len(kept) != 1 || kept[0].ID != draft.ID() {
		t.Errorf("after the refusal the drafts are %v (%v), want what was typed", kept, err)
	}
	d.set(draft, "state", "draft")
	if r := d.mustSave(draft); r.Change.IsZero() {
		t.Error("not saved after the state was mended")
	}
}

// TestAStepWithItsFields: a draft steps and sets fields in one change, whose guards
// see both; its warnings come with the form's.
func TestAStepWithItsFields(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("advocacy_request", requestJSON)
	decision := d.decide(id)
	draft := d.open(id)
	if err := draft.Step("subject", "approved"); !errors.Is(err, ErrUnknownField) {
		t.Errorf("a step of a text: %v", err)
	}
	if err := draft.Step("state", "nonsense"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a step to nothing: %v", err)
	}
	if err := draft.Step("state", "approved"); err != nil {
		t.Fatal(err)
	}
	if _, err := draft.Save(ctx); refusedBy(err) != "request.decision" {
		t.Errorf("approved without a decision: %v", err)
	}
	if err := draft.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	draft, err := d.OpenDraft(ctx, draft.ID())
	if err != nil {
		t.Fatal(err)
	}
	d.set(draft, "steering_decision_id", decision.String())
	r := d.mustSave(draft)
	ch, ops := d.change(r.Change)
	if _, to, ok := ops["state"].Value.AsTransition(); !ok || to != "approved" || len(ops["state"].Names) != 1 || ch.Header.Verb != syncproto.VerbTransition {
		t.Errorf("verb %v, operation %+v", ch.Header.Verb, ops["state"])
	}
	if ref, ok := ops["steering_decision_id"].Value.AsRef(); !ok || ref != decision {
		t.Errorf("the decision is not in the change: %+v", ops)
	}
	o.sync(d)
	if res := o.results[r.Change]; res.Outcome != syncproto.Applied {
		t.Errorf("the server says %v", res)
	}
	send := d.open(id)
	if err := send.Step("state", "sent"); err != nil {
		t.Fatal(err)
	}
	sent := d.mustSave(send)
	if !slices.ContainsFunc(sent.Problems, func(p schemas.Problem) bool { return p.Rule == schemas.RuleStep && p.Level == schemas.LevelWarning }) {
		t.Errorf("sent without a date, and nothing warns:%s", sayAll(sent.Problems))
	}
}

// TestADecisionBindsAVersion: what was changed after the decision is not what was
// decided on, whoever changed it.
func TestADecisionBindsAVersion(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("advocacy_request", requestJSON)
	o.sync(d)
	decision := d.decide(id)
	if v := d.value(decision, "subject_version").Text(); len(v) != 32 {
		t.Fatalf("the decision names the version %q", v)
	}
	approve := func(decision syncproto.RecordID) error {
		draft := d.open(id)
		d.set(draft, "steering_decision_id", decision.String())
		if err := draft.Step("state", "approved"); err != nil {
			t.Fatal(err)
		}
		_, err := draft.Save(ctx)
		return err
	}
	o.other(d, id, "ali", map[string]string{"asked": "لولهٔ بزرگ‌تر"})
	o.sync(d)
	if err := approve(decision); refusedBy(err) != "request.decision_stale" {
		t.Errorf("approved after ali changed it: %v", err)
	}
	anew := d.decide(id)
	both := d.open(id)
	d.set(both, "steering_decision_id", anew.String())
	d.set(both, "asked", "چیزی که کسی تصویب نکرد")
	if err := both.Step("state", "approved"); err != nil {
		t.Fatal(err)
	}
	if _, err := both.Save(ctx); refusedBy(err) != "request.decision_stale" {
		t.Errorf("changed and approved at once: %v", err)
	}
	if err := approve(anew); err != nil {
		t.Errorf("decided anew: %v", err)
	}
	// And the approved text is what is sent.
	d.edit(id, "asked", "چیز دیگر")
	if _, err := d.Transition(ctx, id, "state", "sent", ""); refusedBy(err) != "request.decision_stale" {
		t.Errorf("sent with another text: %v", err)
	}
}

// caught ends a sync as the server does: with the heads of all scopes.
func (o *office) caught(d *device) {
	o.Helper()
	scopes, err := d.store.Scopes(ctx)
	if err != nil {
		o.Fatal(err)
	}
	c := &wire.Caught{Era: syncproto.EraID{1}}
	for _, s := range scopes {
		c.Heads = append(c.Heads, wire.Head{Scope: s.Scope, Position: s.Position, Sum: s.Held, Count: s.Count})
	}
	if err := d.store.ApplyCaught(ctx, c); err != nil {
		o.Fatal(err)
	}
}

// TestGuardsKnowTheNeighbourhood: what a dossier rests on is counted from the
// device's records once it has been in touch; before, nothing is held against
// anybody.
func TestGuardsKnowTheNeighbourhood(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("dossier", dossierJSON)
	if _, err := d.Transition(ctx, id, "status", "collecting", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.MayStep(ctx, id, "status", "submitted"); err != nil {
		t.Errorf("before the first contact: %v", err)
	}
	o.sync(d)
	if _, err := d.MayStep(ctx, id, "status", "submitted"); err != nil {
		t.Errorf("before the last pages: %v", err)
	}
	o.caught(d)
	if _, err := d.Transition(ctx, id, "status", "submitted", ""); refusedBy(err) != "dossier.none.capacity" {
		t.Errorf("an empty dossier: %v", err)
	}
}

// TestWhoMayStep: a role takes its own steps. Before the server has said who the
// person is, nobody asks.
func TestWhoMayStep(t *testing.T) {
	d := newDevice(t)
	id := d.record("dossier", dossierJSON)
	place := d.Person().Place
	as := func(rank uint8) {
		d.grant(wire.GrantsNote{GrantSerial: 1 + uint64(rank), Grants: []wire.Grant{
			{Scope: syncproto.ScopeOf(place, "plain"), Place: place, Compartment: "plain", Rights: RightWrite | 1, Role: rank}}})
	}
	as(30)
	if _, err := d.Transition(ctx, id, "status", "collecting", ""); refusedBy(err) != workflow.RuleNotYour {
		t.Errorf("the county collects: %v", err)
	}
	if field, to := d.open(id).Steps(); field != "status" || slices.Contains(to, "collecting") {
		t.Errorf("the county is shown the steps %v of %s", to, field)
	}
	as(10)
	if _, to := d.open(id).Steps(); !slices.Equal(to, []string{"collecting"}) {
		t.Errorf("a facilitator is shown the steps %v", to)
	}
	if _, to := d.begin("dossier", `{}`).Steps(); !slices.Equal(to, []string{"assigned"}) {
		t.Errorf("a dossier begins as %v", to)
	}
	if field, to := d.begin("asset", `{}`).Steps(); field != "" || to != nil {
		t.Errorf("an asset has the steps %v", to)
	}
	if _, err := d.Transition(ctx, id, "status", "collecting", ""); err != nil {
		t.Errorf("a facilitator: %v", err)
	}
	if _, err := d.Transition(ctx, id, "status", "suspended", ""); refusedBy(err) != workflow.RuleNotYour {
		t.Errorf("a facilitator suspends: %v", err)
	}
}

// refusing is a server that does not let steps pass.
type refusing struct{ rule syncproto.Reason }

func (r *refusing) MayStep(_, _ *syncproto.RecordState, _ *syncproto.Step) (merge.Answer, error) {
	return merge.Answer{Rule: r.rule, Waits: true}, nil
}

// TestTheServerRefusesAStep: the author is told by which rule, from which source, and
// what to do; that the rest was taken; and nothing of it any more once the step was
// taken after all. A rule of a newer server is one that is not known here.
func TestTheServerRefusesAStep(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("dossier", dossierJSON)
	o.sync(d)
	r := &refusing{rule: syncproto.Reason(workflow.NumberOf("dossier.none.assets"))}
	o.guard = r
	step, err := d.Transition(ctx, id, "status", "collecting", "")
	if err != nil {
		t.Fatal(err)
	}
	o.sync(d)
	if got := d.value(id, "status").Code(); got != "assigned" {
		t.Errorf("the state is %s, want assigned", got)
	}
	told := func() *Verdict {
		all, err := d.History(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(e Entry) bool { return e.Change == step })
		if i < 0 || all[i].Verdict == nil {
			t.Fatalf("nothing is told of the step: %+v", all)
		}
		return all[i].Verdict
	}
	v := told()
	if v.Outcome != syncproto.Merged || !v.StepRefused() || len(v.Cells) != 1 {
		t.Fatalf("told %+v", v)
	}
	c := v.Cells[0]
	if c.Path != "status" || c.Rule.Name != "dossier.none.assets" || c.Rule.Source != "s1:9" || c.Rule.Says.Fa == "" || c.Rule.Says.En == "" || ReasonKey(c.Reason) != "sdk.reason.rule" {
		t.Errorf("told %+v (%s)", c, ReasonKey(c.Reason))
	}
	r.rule = syncproto.ReasonNone
	if freed, _, err := merge.Free(o.records[id], o, r); err != nil || len(freed) != 1 || freed[0] != step {
		t.Fatalf("freed %v (%v)", freed, err)
	}
	o.position[o.records[id].Home]++
	o.sync(d)
	if v := told(); d.value(id, "status").Code() != "collecting" || v.StepRefused() {
		t.Errorf("taken after all, the state is %s, told %+v", d.value(id, "status").Code(), v)
	}
	if key := ReasonKey(255); key != "sdk.reason.unknown" {
		t.Errorf("a rule of a newer server is %s", key)
	}
}
