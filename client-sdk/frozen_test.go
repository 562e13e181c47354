package clientsdk

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// submitted is a device with a dossier that was submitted, and what it rests on.
func submitted(t *testing.T) (d *device, o *office, dossier, asset syncproto.RecordID) {
	t.Helper()
	d, o = newDevice(t), newOffice(t)
	asset = d.record("asset", assetJSON)
	d.record("block", `{"code": "B01", "households": 40}`)
	dossier = d.record("dossier", dossierJSON)
	for _, state := range []string{"collecting", "submitted"} {
		if _, err := d.Transition(ctx, dossier, "status", state, ""); err != nil {
			t.Fatal(err)
		}
	}
	o.sync(d)
	o.caught(d)
	place := d.Person().Place
	note := wire.GrantsNote{GrantSerial: 9}
	for _, c := range []string{"reference", "plain", "persons", "harm"} {
		note.Grants = append(note.Grants, wire.Grant{Scope: syncproto.ScopeOf(place, c), Place: place, Compartment: c, Rights: RightWrite | 1, Role: 40})
	}
	d.grant(note)
	return d, o, dossier, asset
}

func (d *device) snapshot(id syncproto.RecordID) Snapshot {
	d.Helper()
	s, err := d.Snapshot(ctx, id, "en")
	if err != nil {
		d.Fatal(err)
	}
	return s
}

// TestApprovalFreezes: whoever approves a dossier, by a step alone or by its form,
// writes the number, the formulas, the hash and the list of what was counted in one
// group; a later approval writes the next number, and leaves the first as it is.
func TestApprovalFreezes(t *testing.T) {
	d, o, id, asset := submitted(t)
	if s := d.snapshot(id); s.Number != 0 {
		t.Errorf("before the approval: %+v", s)
	}
	warnings, err := d.MayStep(ctx, id, "status", "approved")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range warnings {
		if strings.Contains(p.Message.En, "Freeze") {
			t.Errorf("warned of what is done at the approval: %s", p.Message.En)
		}
	}
	step, err := d.Transition(ctx, id, "status", "approved", "تأیید شد")
	if err != nil {
		t.Fatal(err)
	}
	ch, ops := d.change(step)
	if ch.Header.Verb != syncproto.VerbTransition || ch.Header.Group == (syncproto.GroupID{}) || ops["snapshot_hash"].Kind != syncproto.OpSet {
		t.Errorf("verb %v, group %v, operations %v", ch.Header.Verb, ch.Header.Group, ops)
	}
	if reason := syncproto.ReasonOf(ch.Ops); reason != "تأیید شد" {
		t.Errorf("the reason is %q", reason)
	}
	parts, err := d.List(ctx, Query{Form: workflow.SnapshotForm})
	if err != nil || len(parts.Rows) != 1 {
		t.Fatalf("the list of what was counted: %+v (%v)", parts, err)
	}
	s := d.snapshot(id)
	if s.Number != 1 || s.Counted != 2 || s.Formula != "1 shipped" || len(s.Hash) != 64 || !s.Agrees() {
		t.Errorf("after the approval: %+v", s)
	}
	o.sync(d)
	o.caught(d)
	if s := d.snapshot(id); !s.Agrees() {
		t.Errorf("at the server it is another: %+v", s)
	}

	d.edit(asset, "title_fa", "سالن نو")
	more := d.record("asset", strings.Replace(assetJSON, "سالن ورزشی دبستان", "کتابخانه", 1))
	got := d.snapshot(id)
	if !got.Whole || got.Agrees() || len(got.Changes) != 2 ||
		!slices.ContainsFunc(got.Changes, func(c SnapshotChange) bool {
			return c.Record == asset && c.How == workflow.Changed && c.Form == "asset" && c.Title != ""
		}) ||
		!slices.ContainsFunc(got.Changes, func(c SnapshotChange) bool { return c.Record == more && c.How == workflow.Added }) {
		t.Errorf("after an edit and a new asset: %+v", got.Changes)
	}
	if _, err := d.Delete(ctx, asset, ""); err != nil {
		t.Fatal(err)
	}
	if got := d.snapshot(id); !slices.ContainsFunc(got.Changes, func(c SnapshotChange) bool { return c.Record == asset && c.How == workflow.Gone }) {
		t.Errorf("after a deletion: %+v", got.Changes)
	}

	// The next revision, saved by its form.
	as := func(rank uint8) {
		place := d.Person().Place
		note := wire.GrantsNote{GrantSerial: 10 + uint64(rank)}
		for _, c := range []string{"reference", "plain"} {
			note.Grants = append(note.Grants, wire.Grant{Scope: syncproto.ScopeOf(place, c), Place: place, Compartment: c, Rights: RightWrite | 1, Role: rank})
		}
		d.grant(note)
	}
	step1 := func(rank uint8, to string) SaveResult {
		as(rank)
		draft := d.open(id)
		if err := draft.Step("status", to); err != nil {
			t.Fatal(err)
		}
		return d.mustSave(draft)
	}
	step1(10, "updating")
	if s := d.snapshot(id); s.Number != 1 {
		t.Errorf("a new revision takes the snapshot away: %+v", s)
	}
	example, err := os.ReadFile(filepath.Join("..", "schemas", "forms", "testdata", "examples", "4-capacity_assessment.json"))
	if err != nil {
		t.Fatal(err)
	}
	d.record("capacity_assessment", string(example))
	d.record("focus_group", `{"campaign_id": "019bc6a0-0007-7000-8000-000000000007", "held_on": "1405/08/05", "group_kind": "women", "participants": 8,
		"moderator": "019bc6a0-0102-7000-8000-000000000102", "note_taker": "019bc6a0-0102-7000-8000-000000000103", "themes": [{"code": "history", "note": "آب"}]}`)
	d.record("activity", `{"type": "public_meeting", "held_on": "1405/08/05", "topic": "شناسنامه", "participants_total": 30, "participants_women": 10, "participants_men": 20, "duration_min": 60, "facilitator_ids": ["019bc6a0-0102-7000-8000-000000000102"], "summary": "گفتگو", "place": "مسجد"}`)
	step1(10, "submitted")
	r := step1(40, "approved")
	if r.Change.IsZero() {
		t.Fatal("not approved again")
	}
	if s := d.snapshot(id); s.Number != 2 || s.Counted != 5 || !s.Agrees() {
		t.Errorf("approved again: %+v", s)
	}
}

// TestASnapshotIsNotBelievedBlindly: a list that somebody wrote into, or that is not
// here, is told; so is a device that does not hold all of the place, and a record
// that is no dossier.
func TestASnapshotIsNotBelievedBlindly(t *testing.T) {
	d, _, id, asset := submitted(t)
	if _, err := d.Transition(ctx, id, "status", "approved", ""); err != nil {
		t.Fatal(err)
	}
	parts, err := d.List(ctx, Query{Form: workflow.SnapshotForm})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Snapshot(ctx, asset, "en"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of an asset: %v", err)
	}
	list := parts.Rows[0].ID
	form, _ := d.forms.FormByName(workflow.SnapshotForm)
	f, _ := form.FieldByName("content")
	text := d.value(list, "content").Text()
	draft := d.open(list)
	if err := draft.SetValue(f.Name, schemas.TextValue(text[:len(text)-44])); err != nil {
		t.Fatal(err)
	}
	d.mustSave(draft)
	if s := d.snapshot(id); s.Whole || s.Agrees() || s.Counted != 1 {
		t.Errorf("with a line less: %+v", s)
	}
	if _, err := d.Delete(ctx, list, ""); err != nil {
		t.Fatal(err)
	}
	if s := d.snapshot(id); s.Whole || s.Agrees() {
		t.Errorf("without its list: %+v", s)
	}
}

// TestWhatIsNotHereIsNotFrozen: who has not got all of a place cannot say what was
// approved, and is told so.
func TestWhatIsNotHereIsNotFrozen(t *testing.T) {
	d := newDevice(t)
	id := d.record("dossier", dossierJSON)
	for _, state := range []string{"collecting", "submitted"} {
		if _, err := d.Transition(ctx, id, "status", state, ""); err != nil {
			t.Fatal(err)
		}
	}
	warnings, err := d.MayStep(ctx, id, "status", "approved")
	if err != nil || !slices.ContainsFunc(warnings, func(p schemas.Problem) bool { return strings.Contains(p.Message.En, "Freeze") }) {
		t.Errorf("warned of %v (%v)", warnings, err)
	}
	if _, err := d.Transition(ctx, id, "status", "approved", ""); err != nil {
		t.Fatal(err)
	}
	if s := d.snapshot(id); s.Number != 0 {
		t.Errorf("frozen all the same: %+v", s)
	}
}

// TestRanksAreFrozenWithTheirFormulas: the save that names the decision by which a round's
// ranks are approved says by which formulas and settings they were made; no other does.
func TestRanksAreFrozenWithTheirFormulas(t *testing.T) {
	d := newDevice(t)
	const needs = `"019bc6a0-0006-7000-8000-000000000006", "019bc6a0-0006-7000-8000-000000000007", "019bc6a0-0006-7000-8000-000000000008"`
	id := d.record("prioritisation_round", `{"method": "borda", "held_on": "2026-02-01", "need_ids": [`+needs+`], "voter_mix": [{"group": "women", "count": 12}],
		"result": [{"need_id": "019bc6a0-0006-7000-8000-000000000006", "score": 9.5, "rank": 1}]}`)
	if got := d.value(id, "result_formula_version"); !got.IsEmpty() {
		t.Errorf("not approved yet, and frozen by %q", got.Text())
	}
	d.edit(id, "approved_by_decision_id", "019bc6a0-0109-7000-8000-000000000109")
	shipped := indicators.ShippedValues()
	if got := d.value(id, "result_formula_version").Text(); got != workflow.FormulaOf(&shipped) {
		t.Errorf("frozen by %q, want %q", got, workflow.FormulaOf(&shipped))
	}
}
