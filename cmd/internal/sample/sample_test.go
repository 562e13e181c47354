package sample

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/workflow"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// noErasures keeps nothing: in a sample nobody is erased.
type noErasures struct{}

func (noErasures) Add(hub.Erasure) error       { return nil }
func (noErasures) All() ([]hub.Erasure, error) { return nil, nil }

// small are options of a small sample in a store of its own.
func small(t *testing.T, hoods int, scale float64) Options {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "server.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	start, err := jalali.New(1404, 10, 26)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Store: st, Erasures: noErasures{}, Clock: func() int64 { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).UnixMilli() },
		Province: "01", Neighbourhoods: hoods, Months: 1, Start: start,
		Seed: 7, Scale: scale, Fold: func(ctx context.Context) error { _, err := st.Checkpoint(ctx); return err }}
}

// Every record is one that its form lets pass, as its author saved it; every state is
// one that its machine leads to, by a step that the author may take; no texts have
// slots left open, and what is typed is clean.
func TestEveryRecordIsValid(t *testing.T) {
	o := small(t, 3, 0.3)
	o.Months = 3
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen, known := map[string]int{}, records{}
	o.inspect = func(d *device, form *schemas.Form, id recordID, r schemas.Record, version schemas.ID, day jalali.Day) {
		seen[form.Name]++
		for _, p := range schemas.Assess(form, pkg, r, schemas.Env{Today: int32(day), TestMode: true}).Problems {
			if p.Level == schemas.LevelIncomplete || p.Level == schemas.LevelError {
				t.Errorf("%s: field %d, %s: %s", form.Name, p.Field, p.Rule, p.Message.En)
			}
		}
		known.judge(t, pkg, d, form, id, r, version, day)
		known[schemas.ID(id)] = r
		text, err := schemas.EncodeJSON(form, r)
		if err != nil {
			t.Error(err)
		}
		if i := strings.IndexAny(string(text), "يك"); i >= 0 {
			t.Errorf("%s keeps an Arabic letter: %.80s", form.Name, text[i:])
		}
		for _, v := range r.Fields {
			if s := v.Text(); strings.ContainsAny(s, "{}") {
				t.Errorf("%s: a slot is open in %q", form.Name, s)
			} else if clean, err := persian.CleanMultiline(s); err != nil || clean != s {
				t.Errorf("%s: %q is not clean", form.Name, s)
			}
		}
	}
	if _, err := Make(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"household_response", "ballot", "agreement", "advocacy_request", "referral", "measurement", "monitoring_review",
		"action_item", "bylaw", "budget_txn"} {
		if seen[name] == 0 {
			t.Errorf("no %s was made", name)
		}
	}
}

// records are those made until now.
type records map[schemas.ID]schemas.Record

// Record implements workflow.Records.
func (known records) Record(id schemas.ID) (schemas.Record, bool) {
	r, ok := known[id]
	return r, ok
}

// judge holds a record's state against its machine.
func (known records) judge(t *testing.T, pkg *schemas.Package, d *device, form *schemas.Form, id recordID, r schemas.Record, version schemas.ID, day jalali.Day) {
	m, ok := workflow.Of(form.Name)
	if !ok {
		return
	}
	f, _ := form.FieldByName(m.Field)
	before, to := known[schemas.ID(id)], r.Fields[f.ID].Code()
	if to == "" || before.Fields[f.ID].Code() == to {
		return
	}
	v := workflow.Judge(m, &workflow.Case{Forms: pkg, ID: schemas.ID(id), Before: before, After: r, To: to, Version: version, Records: known,
		Settings: workflow.Defaults(), Today: day,
		Actor: workflow.Actor{Roles: workflow.RolesOf(d.rank)}})
	if no, refused := v.Refused(); refused {
		t.Errorf("%s: %s to %s by rank %d: %s", form.Name, before.Fields[f.ID].Code(), to, d.rank, no.Message.En)
	}
}

// What the committee approved is frozen as a device freezes it: the list beside each
// approved dossier has the hash that the dossier names, and the formulas and the
// decision's version are the ones of that day; the ranks of a round that was approved
// stand in it with theirs.
func TestWhatWasApprovedIsFrozen(t *testing.T) {
	o := small(t, 12, 0.2)
	o.Months = 2
	if _, err := Make(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	read := func(form string) map[schemas.ID]func(string) schemas.Value {
		t.Helper()
		f, _ := pkg.FormByName(form)
		all := map[schemas.ID]func(string) schemas.Value{}
		err := o.Store.View(t.Context(), func(r store.Reader) error {
			rows, err := r.Records(store.Filter{Form: uint32(f.ID), Max: 10_000})
			for _, row := range rows {
				record := merge.Content(f, row.State)
				all[schemas.ID(row.State.Record)] = func(name string) schemas.Value {
					field, _ := f.FieldByName(name)
					return record.Fields[field.ID]
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	parts := map[schemas.ID][]string{}
	for _, p := range read(workflow.SnapshotForm) {
		if p("part").Int() != 1 {
			t.Error("a list of several parts: read them in their order")
		}
		parts[p("dossier_id").Ref()] = append(parts[p("dossier_id").Ref()], p("content").Text())
	}
	decisions, approved := read("decision"), 0
	for id, d := range read("dossier") {
		if d("approved_by_decision_id").IsEmpty() {
			continue
		}
		approved++
		content, err := workflow.DecodeCounted(parts[id])
		if err != nil || len(content) < 20 {
			t.Errorf("a dossier counts %d records (%v)", len(content), err)
			continue
		}
		again, err := workflow.Freeze(1, formula(), content)
		if err != nil || again.Hash != d("snapshot_hash").Text() || again.Formula != d("snapshot_formula_version").Text() || d("snapshot_number").Int() != 1 {
			t.Errorf("the dossier names %q of %q, the list is %+v (%v)", d("snapshot_hash").Text(), d("snapshot_formula_version").Text(), again, err)
		}
		if made := decisions[d("approved_by_decision_id").Ref()]; made == nil || len(made("subject_version").Text()) != 32 {
			t.Error("its decision names no version")
		}
	}
	ranked := 0
	for _, r := range read("prioritisation_round") {
		if !r("approved_by_decision_id").IsEmpty() {
			ranked++
			if len(r("result").Items()) == 0 || r("result_formula_version").Text() != formula() {
				t.Errorf("a round was approved with %d ranks by the formulas %q", len(r("result").Items()), r("result_formula_version").Text())
			}
		}
	}
	if approved == 0 || ranked == 0 {
		t.Errorf("%d dossiers and %d rounds were approved; the test tests nothing", approved, ranked)
	}
}

// The same seed makes the same content, and a store that a server could have
// written; another seed makes another.
func TestSameSeedSameContent(t *testing.T) {
	var first *Made
	for i, seed := range []uint64{7, 7, 8} {
		o := small(t, 2, 0.15)
		o.Seed = seed
		made, err := Make(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := o.Store.(*sqlitestore.Store).Check(t.Context())
		if err != nil || len(rep.Problems) > 0 {
			t.Fatalf("the store is not sound: %v, %v", rep.Problems, err)
		}
		if int(rep.Changes) != made.Changes {
			t.Errorf("the store holds %d changes, %d were made", rep.Changes, made.Changes)
		}
		switch {
		case i == 0:
			first = made
		case (made.Content == first.Content) != (seed == 7):
			t.Errorf("seed %d: the content is %x, that of the first %x", seed, made.Content, first.Content)
		}
	}
}

// No step of the sample is one that the server's guards keep from being taken.
func TestTheServerTakesEveryStep(t *testing.T) {
	o := small(t, 6, 0.3)
	o.Months = 3
	if _, err := Make(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, out := range []syncproto.Outcome{syncproto.Applied, syncproto.Merged, syncproto.Conflicted} {
		var after syncproto.ChangeID
		for more := true; more; {
			err := o.Store.View(t.Context(), func(r store.Reader) error {
				rows, err := r.ByOutcome(out, nil, after, 1000)
				for _, row := range rows {
					after = row.ID
					for _, c := range row.Result.Cells {
						if rule, is := workflow.RuleOf(uint8(c.Reason)); is {
							told[rule.Name]++
						}
					}
				}
				more = len(rows) > 0
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(told) > 0 {
		t.Errorf("steps were not taken: %v", told)
	}
}
