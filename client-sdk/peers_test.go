package clientsdk

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// TestRepeatedRecordIsFlagged: two blocks of one code both stand, offline as
// after a sync, and each says that it repeats another until one is gone.
func TestRepeatedRecordIsFlagged(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	flagged := func(problems []schemas.Problem) bool {
		return slices.ContainsFunc(problems, func(p schemas.Problem) bool { return p.Rule == schemas.RuleRepeated })
	}
	first := d.mustSave(d.begin("block", `{"code": "B01"}`))
	if flagged(first.Problems) {
		t.Error("a single record is flagged")
	}
	second := d.mustSave(d.begin("block", `{"code": "B۰۱"}`))
	if !second.Saved || !flagged(second.Problems) {
		t.Errorf("saved %v, problems %s; want it saved and flagged", second.Saved, sayAll(second.Problems))
	}
	o.sync(d)
	d.restart()
	if !flagged(d.get(first.Record).Problems) || !flagged(d.get(second.Record).Problems) {
		t.Error("after a sync they are not both flagged")
	}
	if _, err := d.Delete(ctx, second.Record, ""); err != nil {
		t.Fatal(err)
	}
	if flagged(d.get(first.Record).Problems) || flagged(d.get(second.Record).Problems) {
		t.Error("still flagged after one was deleted")
	}
}

// amongOf are the warnings that name another record.
func amongOf(problems []schemas.Problem) (all []schemas.Problem) {
	for _, p := range problems {
		if p.Rule == schemas.RuleAmong {
			all = append(all, p)
		}
	}
	return all
}

// TestRulesAmongRecordsWarn: a form's rule over several records warns while the
// form is filled, when it is saved and when either record is shown, names the
// other, and ends with its cause. The save is never refused.
func TestRulesAmongRecordsWarn(t *testing.T) {
	const neighbourhood = `"neighbourhood_id": "019bc6a0-0102-7000-8000-000000000102", "assigned_on": "2026-01-01", "due_on": "2026-02-01"`
	const scores = `"participants_total": 12, "participants_women": 6, "participants_men": 6, "scores": [{"domain": "participation", "consensus": 3},
		{"domain": "leadership", "consensus": 3}, {"domain": "resource_mobilisation", "consensus": 3}, {"domain": "links", "consensus": 3}, {"domain": "skills", "consensus": 3}]`
	for _, x := range []struct{ name, form, first, second, mend, with string }{
		{"double asset", "asset", assetJSON, `{"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشي دبستان",
			"location": {"lat": 37.2512, "lon": 49.6124}}`, "title_fa", "کتابخانه"},
		{"open revisions", "dossier", `{"revision_no": 1, "status": "assigned", ` + neighbourhood + `}`,
			`{"revision_no": 2, "status": "assigned", ` + neighbourhood + `}`, "neighbourhood_id", "019bc6a0-0102-7000-8000-000000000103"},
		{"rounds", "capacity_assessment", `{"instrument": "simple_s1", "round_no": 1, "held_on": "2026-01-01", ` + scores + `}`,
			`{"instrument": "simple_s1", "round_no": 2, "held_on": "2026-02-01", ` + scores + `}`, "held_on", "2026-06-01"},
	} {
		t.Run(x.name, func(t *testing.T) {
			d, o := newDevice(t), newOffice(t)
			first := d.mustSave(d.begin(x.form, x.first))
			if len(amongOf(first.Problems)) > 0 {
				t.Error("a single record is flagged")
			}
			draft := d.begin(x.form, x.second)
			if got := amongOf(draft.Problems()); len(got) != 1 || got[0].Record != schemas.ID(first.Record) {
				t.Errorf("while it is filled: %+v", got)
			}
			second := d.mustSave(draft)
			got := amongOf(second.Problems)
			if len(got) != 1 || got[0].Level != schemas.LevelWarning {
				t.Fatalf("problems %s; want one warning", sayAll(second.Problems))
			}
			if title := d.get(first.Record).Title; title == "" || !strings.Contains(got[0].Message.Fa, title) || strings.Contains(got[0].Message.En, "{") {
				t.Errorf("%+v does not name %q", got[0].Message, title)
			}
			o.sync(d)
			d.restart()
			for a, b := range map[syncproto.RecordID]syncproto.RecordID{first.Record: second.Record, second.Record: first.Record} {
				if got := amongOf(d.get(a).Problems); len(got) != 1 || got[0].Record != schemas.ID(b) {
					t.Errorf("shown after a sync: %+v, want the other named", got)
				}
			}
			if r := d.edit(second.Record, x.mend, x.with); len(amongOf(r.Problems)) > 0 {
				t.Errorf("mended and flagged still: %s", sayAll(r.Problems))
			}
			if got := amongOf(d.get(first.Record).Problems); len(got) > 0 {
				t.Errorf("the other is flagged still: %+v", got)
			}
		})
	}
}

// TestPeersAreFoundByKeys: what a save asks about its peers does not grow with
// the number of records.
func TestPeersAreFoundByKeys(t *testing.T) {
	d := newDevice(t)
	form, _ := d.forms.FormByName("asset")
	for n := range 60 {
		d.record("asset", fmt.Sprintf(`{"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشی", "location": {"lat": %.4f, "lon": 49.6124}}`, 37.2+float64(n)/1000))
	}
	draft := d.begin("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشی", "location": {"lat": 37.2202, "lon": 49.6124}}`)
	ids, err := d.store.Peers(ctx, draft.scope, schemas.LookKeys(form, draft.Values()), draft.record, maxPeers)
	if err != nil || len(ids) != 1 {
		t.Errorf("%d records are looked at, %v; want the one near by", len(ids), err)
	}
}

// BenchmarkSaveAmongMany saves assets where 20,000 are known, 5 of them near.
func BenchmarkSaveAmongMany(b *testing.B) {
	d := newDevice(b)
	asset := func(n int) string {
		return fmt.Sprintf(`{"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشی %d", "location": {"lat": %.5f, "lon": %.5f}}`,
			n, 37.2+float64(n%200)/2500, 49.6+float64(n/200)/2500)
	}
	for n := range 20_000 {
		d.record("asset", asset(n))
	}
	var problems, saves time.Duration
	n := 0
	for b.Loop() {
		draft := d.begin("asset", asset(n%20_000))
		start := time.Now()
		draft.Problems()
		problems += time.Since(start)
		start = time.Now()
		d.mustSave(draft)
		saves += time.Since(start)
		n++
	}
	b.ReportMetric(float64(problems.Microseconds())/float64(n), "problems-µs")
	b.ReportMetric(float64(saves.Microseconds())/float64(n), "save-µs")
}

// TestRulesOfOnePlaceAndOfAll: an asset at the border of two neighbourhoods is
// one asset, and two neighbourhoods of a city have two names; a block's code is
// its neighbourhood's own.
func TestRulesOfOnePlaceAndOfAll(t *testing.T) {
	const neighbourhood = `{"name_fa": "چشمه‌سر", "setting": "fringe", "settlement_type": "informal", "harm_prone": false, "province_code": "01",
		"county": "رشت", "city_or_village": "رشت", "responsible_centre_id": "019bc6a0-0102-7000-8000-000000000103", "clinic_id": "019bc6a0-0102-7000-8000-000000000104", "facilitator_ids": ["019bc6a0-0102-7000-8000-000000000102"]}`
	d := newDevice(t)
	here, there := d.Person().Place, syncproto.PlaceID{7}
	var grants []wire.Grant
	for _, place := range []syncproto.PlaceID{here, there} {
		for _, c := range []string{"plain", "reference"} {
			grants = append(grants, wire.Grant{Scope: syncproto.ScopeOf(place, c), Place: place, Compartment: c, Rights: 1 | RightWrite})
		}
	}
	d.grant(wire.GrantsNote{GrantSerial: 1, Grants: grants})
	for _, x := range []struct {
		form, fields string
		everywhere   bool
	}{
		{"asset", assetJSON, true},
		{"neighbourhood", neighbourhood, true},
		{"block", `{"code": "B01"}`, false},
	} {
		first := d.record(x.form, x.fields)
		draft, err := d.NewAt(ctx, x.form, there)
		if err != nil {
			t.Fatal(err)
		}
		if err := draft.SetJSON([]byte(x.fields)); err != nil {
			t.Fatal(err)
		}
		flagged := slices.ContainsFunc(d.mustSave(draft).Problems, func(p schemas.Problem) bool { return p.Record == schemas.ID(first) })
		if flagged != x.everywhere {
			t.Errorf("%s of another place flagged: %v, want %v", x.form, flagged, x.everywhere)
		}
	}
}
