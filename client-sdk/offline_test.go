package clientsdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// TestMonthsOffline records for four months without a line, with restarts,
// and then sends it all.
func TestMonthsOffline(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	began := d.clock.now
	var ids []syncproto.RecordID
	for day := range 120 {
		title := fmt.Sprintf("پایگاه %s", persian.ToPersianDigits(fmt.Sprint(day+1)))
		ids = append(ids, d.record("asset", strings.Replace(assetJSON, "سالن ورزشی دبستان", title, 1)))
		if day%10 == 9 {
			d.edit(ids[day/2], "condition", fmt.Sprint(1+day%5))
			d.restart()
		}
		d.clock.pass(24 * time.Hour)
	}
	s, err := d.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.Pending < 120 || !s.Oldest.Equal(began) || !s.LastContact.IsZero() || s.LeaseSet || s.Records[localstore.SyncPending] != 120 {
		t.Errorf("status is %+v", s)
	}
	if n, err := d.Count(ctx, Query{Form: "asset"}); err != nil || n != 120 {
		t.Errorf("counted %d, %v", n, err)
	}
	rows, err := d.Find(ctx, "پایگاه 77")
	if err != nil || len(rows) != 1 || rows[0].ID != ids[76] {
		t.Errorf("found %+v, %v; want the 77th by plain digits", rows, err)
	}
	p, err := d.PendingOf(ctx, ids[4])
	if err != nil || len(p) != 2 || p[0].Verb != "create" || p[1].Verb != "edit" {
		t.Errorf("pending of one record is %+v, %v", p, err)
	}
	o.sync(d)
	if s, err = d.Status(ctx); err != nil || s.Pending != 0 || s.Received < 120 || s.Records[localstore.SyncApplied] != 120 {
		t.Errorf("after the sync: %+v, %v", s, err)
	}
}

func TestExportCanBeReadBack(t *testing.T) {
	d := newDevice(t)
	r := d.mustSave(d.begin("need", needJSON))
	var out bytes.Buffer
	if n, err := d.ExportPending(ctx, &out); err != nil || n != 1 {
		t.Fatalf("exported %d, %v", n, err)
	}
	var p PendingChange
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	ch, err := wire.DecodeChange(p.Raw)
	if err != nil || ch.ID != r.Change {
		t.Errorf("raw is %v, %v", ch, err)
	}
	if p.Form != "need" || p.Verb != "create" || p.Record != r.Record.String() || p.Author != d.Person().ID.String() {
		t.Errorf("line is %+v", p)
	}
	i := slices.IndexFunc(p.Fields, func(f PendingField) bool { return f.Field == "title_fa" })
	if i < 0 || p.Fields[i].Do != "set" || string(p.Fields[i].Value) != `"کم‌آبی"` {
		t.Errorf("fields are %+v", p.Fields)
	}
	if _, err := d.ExportSealed(ctx, &out, nil); err == nil {
		t.Error("sealed for a recovery key that nobody knows")
	}
}

func TestListInPersianOrder(t *testing.T) {
	d := newDevice(t)
	for _, title := range []string{"یخچال", "پارک", "گلخانه", "آب‌انبار", "چاه", "ژاله"} {
		d.record("asset", strings.Replace(assetJSON, "سالن ورزشی دبستان", title, 1))
		d.clock.pass(time.Minute)
	}
	var got []string
	q := Query{Form: "asset", Max: 4}
	pages := 0
	for {
		p, err := d.List(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, r := range p.Rows {
			got = append(got, strings.Split(r.Title, titleGap)[0])
		}
		if q.After = p.Next; q.After == "" {
			break
		}
	}
	if want := []string{"آب‌انبار", "پارک", "چاه", "ژاله", "گلخانه", "یخچال"}; !slices.Equal(got, want) || pages != 2 {
		t.Errorf("in %d pages %v, want %v", pages, got, want)
	}
	if p, err := d.List(ctx, Query{Latest: true, Max: 1}); err != nil || !strings.HasPrefix(p.Rows[0].Title, "ژاله") {
		t.Errorf("latest is %+v, %v", p.Rows, err)
	}
	if _, err := d.List(ctx, Query{After: "zz"}); !errors.Is(err, ErrBadCursor) {
		t.Errorf("bad cursor: %v", err)
	}
	if _, err := d.List(ctx, Query{Form: "ship"}); !errors.Is(err, ErrUnknownForm) {
		t.Errorf("unknown form: %v", err)
	}
}

func TestReferences(t *testing.T) {
	d := newDevice(t)
	asset := d.record("asset", assetJSON)
	need := d.record("need", strings.Replace(needJSON, "019bc6a0-0003-7000-8000-000000000003", asset.String(), 1))
	p, err := d.List(ctx, Query{RefersTo: asset})
	if err != nil || len(p.Rows) != 1 || p.Rows[0].ID != need {
		t.Errorf("what refers to the asset is %+v, %v", p.Rows, err)
	}
	if label, err := d.Label(ctx, asset, "en"); err != nil || !strings.HasPrefix(label, "سالن ورزشی دبستان"+titleGap) {
		t.Errorf("label is %q, %v", label, err)
	}
	if label, err := d.Label(ctx, syncproto.RecordID{9}, "fa"); err != nil || label != "" {
		t.Errorf("label of an unknown record is %q, %v", label, err)
	}
}

func TestClock(t *testing.T) {
	d := newDevice(t)
	real := d.clock.now.AddDate(0, 0, 400)
	if err := d.store.NoteServerTime(ctx, real); err != nil {
		t.Fatal(err)
	}
	if err := d.opened(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := d.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !s.ClockWrong || s.ClockBehind != real.Sub(d.clock.now) || !s.LastContact.Equal(real) {
		t.Errorf("clock wrong %v, behind %v, contact %v", s.ClockWrong, s.ClockBehind, s.LastContact)
	}
	if got := d.Today(); got != d.tehran.Day(real) {
		t.Errorf("today is %v, want the server's", got)
	}
	ch, _ := d.change(d.mustSave(d.begin("asset", assetJSON)).Change)
	if !ch.Header.Corrected || ch.Header.AuthorTime() != real.UnixMilli() {
		t.Errorf("the change says %d", ch.Header.AuthorTime())
	}
}

func TestLease(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	draft := d.begin("asset", assetJSON)
	if err := d.store.SetSetting(ctx, "server", []byte(`{"Lease": 7200, "LeaseFrom": 0}`)); err != nil {
		t.Fatal(err)
	}
	if err := d.opened(ctx); err != nil {
		t.Fatal(err)
	}
	d.clock.now = d.clock.now.AddDate(30, 0, 0) // a clock proves nothing
	if _, err := d.Record(ctx, id); err != nil {
		t.Errorf("read within the lease: %v", err)
	}
	d.clock.pass(2 * time.Hour)
	for what, err := range map[string]error{
		"read":    second(d.Record(ctx, id)),
		"list":    second(d.List(ctx, Query{})),
		"edit":    second(d.Edit(ctx, id)),
		"history": second(d.History(ctx, id)),
		"preview": second(d.Preview(ctx, id)),
	} {
		if !errors.Is(err, ErrLeaseOver) {
			t.Errorf("%s: got %v, want %v", what, err, ErrLeaseOver)
		}
	}
	d.mustSave(draft)
	if _, err := d.New(ctx, "asset"); err != nil {
		t.Errorf("new form: %v", err)
	}
	s, err := d.Status(ctx)
	if err != nil || !s.LeaseSet || s.Lease > 0 || s.Pending != 2 {
		t.Errorf("status is %+v, %v", s, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestTroubles(t *testing.T) {
	d := newDevice(t)
	r := d.mustSave(d.begin("asset", assetJSON))
	l := &listener{Store: sessionstore.New(d.store, sessionstore.Options{}), client: d.Client, heard: map[syncproto.ChangeID]syncproto.Result{}}
	err := l.CommitResults(ctx, session.CommitResults{Received: 1, Results: []syncproto.Result{
		{Change: r.Change, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonForbidden}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Troubles) != 1 || s.Troubles[0].Title == "" || s.Troubles[0].Reason != syncproto.ReasonForbidden || s.Troubles[0].Record != r.Record {
		t.Errorf("troubles are %+v", s.Troubles)
	}
	// Said again at the next contact, it is no news.
	again := &listener{Store: l.Store, client: d.Client, heard: map[syncproto.ChangeID]syncproto.Result{}}
	for _, reason := range []syncproto.Reason{syncproto.ReasonForbidden, syncproto.ReasonRevoked} {
		err := again.CommitResults(ctx, session.CommitResults{Received: 1, Results: []syncproto.Result{{Change: r.Change, Outcome: syncproto.Quarantined, Reason: reason}}})
		if want := reason != syncproto.ReasonForbidden; err != nil || (len(again.heard) > 0) != want {
			t.Errorf("reason %d: %v, heard %v", reason, err, again.heard)
		}
	}
	// It may come with pages as well.
	late := &listener{Store: l.Store, client: d.Client, heard: map[syncproto.ChangeID]syncproto.Result{}}
	told := []syncproto.Result{{Change: r.Change, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonRevoked}}
	if _, err := late.CommitCaught(ctx, session.CommitCaught{Caught: wire.Caught{Received: 1, Results: told}}); err != nil || len(late.heard) > 0 {
		t.Errorf("with the end of catching up: %v, heard %v", err, late.heard)
	}
	page := wire.Page{Scope: syncproto.ScopeOf(d.Person().Place, "plain"), Received: 1, Results: told}
	if err := late.CommitPage(ctx, session.CommitPage{Page: page}); err != nil || len(late.heard) > 0 {
		t.Errorf("with a page: %v, heard %v", err, late.heard)
	}
	// The author still reads what was written.
	got := d.get(r.Record)
	if got.Sync != localstore.SyncQuarantined || len(got.Aside) != 1 || got.Title == "" {
		t.Errorf("record is %+v", got)
	}
	// Nor is it when the scope is gone from the device, and the answer with it.
	if _, err := d.store.DropScope(ctx, page.Scope); err != nil {
		t.Fatal(err)
	}
	if err := late.CommitResults(ctx, session.CommitResults{Received: 1, Results: told}); err != nil || len(late.heard) > 0 {
		t.Errorf("after the scope is gone: %v, heard %v", err, late.heard)
	}
}

func TestPeopleAndPlaces(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	place := d.Person().Place
	d.grant(wire.GrantsNote{GrantSerial: 3,
		Grants: []wire.Grant{{Scope: syncproto.ScopeOf(place, "plain"), Place: place, Compartment: "plain", Rights: 3}},
		Places: []wire.Place{{ID: place, NameFa: "گلستان"}}, People: []wire.Person{{ID: personOf("ali"), Name: "علی"}}})
	id := d.record("asset", assetJSON)
	o.sync(d)
	o.other(d, id, "ali", map[string]string{"condition": "1"})
	o.sync(d)
	if who := d.get(id).LastChange(); who.Name != "علی" || who.Mine {
		t.Errorf("changed last by %+v, want ali", who)
	}
	s, err := d.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Scopes, func(x ScopeInfo) bool { return x.Compartment == "plain" })
	if i < 0 || s.Scopes[i].PlaceName.Fa != "گلستان" || !s.Scopes[i].Write || !s.Scopes[i].Granted || s.Scopes[i].Records != 1 {
		t.Errorf("scopes are %+v", s.Scopes)
	}
}

// TestAuthorBeforeAndAfterContact holds that what a person recorded under the
// id of the typed code is the person's own afterwards.
func TestAuthorBeforeAndAfterContact(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("asset", assetJSON)
	before := d.Person().ID
	o.sync(d)
	identity, err := d.store.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	identity.Person, identity.Provisional, identity.Name, identity.Confirmed = personOf("zahra"), false, "زهرا", true
	if err := d.store.SetIdentity(ctx, identity); err != nil {
		t.Fatal(err)
	}
	d.restart()
	if who := d.get(id).Who("condition", [16]byte{}); len(who) != 1 || who[0].Author != before || !who[0].Mine || who[0].Name != "زهرا" {
		t.Errorf("written by %+v, want this device's person", who)
	}
	_, ops := d.change(d.edit(id, "condition", "1").Change)
	if len(ops["condition"].Names) != 1 {
		t.Errorf("the edit names %v, want the value before", ops["condition"].Names)
	}
	o.sync(d)
	if c := d.get(id).Conflicts; len(c) != 0 {
		t.Errorf("in conflict with oneself: %+v", c)
	}
}

// TestBoundary draws the neighbourhood and records an asset outside it.
func TestBoundary(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("neighbourhood", `{"name_fa": "گلستان", "boundary": [{"lat": 37.25, "lon": 49.61}, {"lat": 37.26, "lon": 49.61},
		{"lat": 37.26, "lon": 49.62}, {"lat": 37.25, "lon": 49.62}, {"lat": 37.25, "lon": 49.61}]}`)
	for _, f := range draft.Form().Fields() {
		for _, p := range draft.Problems() {
			if p.Field == f.ID && p.Level == schemas.LevelIncomplete {
				d.fill(draft, f)
			}
		}
	}
	d.mustSave(draft)
	for _, test := range []struct {
		name   string
		lat    string
		inside bool
	}{
		{"inside", "37.2551", true},
		{"a kilometre off", "37.27", false},
	} {
		asset := d.begin("asset", strings.Replace(assetJSON, "37.2511", test.lat, 1))
		warned := slices.ContainsFunc(asset.Problems(), func(p schemas.Problem) bool { return p.Rule == schemas.RuleConstraint && p.Field == 14 })
		if warned == test.inside {
			t.Errorf("%s: warned %v: %s", test.name, warned, sayAll(asset.Problems()))
		}
	}
}

// fill gives a field something that fits.
func (d *device) fill(draft *Draft, f *schemas.Field) {
	d.Helper()
	text := "گیلان"
	switch f.Type {
	case schemas.TypeCode:
		list, _ := d.forms.List(f.List)
		text = list.Items[0].Code
	case schemas.TypeReference, schemas.TypeReferences:
		text = "019bc6a0-0003-7000-8000-000000000003"
	case schemas.TypeInteger:
		text = "1"
	case schemas.TypeBoolean:
		text = "خیر"
	}
	d.set(draft, f.Name, text)
}

// TestEndOfSync looks at what a caller is told for each way in which a run of
// the syncer can end.
func TestEndOfSync(t *testing.T) {
	for _, test := range []struct {
		name   string
		result syncer.Result
		want   error
	}{
		{"caught up", syncer.Result{Outcome: syncer.CaughtUp}, nil},
		{"no network", syncer.Result{Outcome: syncer.NotReachable, Err: fmt.Errorf("x: %w", wsdial.ErrNoNetwork)}, ErrNoNetwork},
		{"nobody answers", syncer.Result{Outcome: syncer.NotReachable, Err: wsdial.ErrTimeout}, ErrNotReachable},
		{"a sign-in page answers", syncer.Result{Outcome: syncer.NotReachable, Err: wsdial.ErrNotMahalleh}, ErrWrongServer},
		{"the line broke", syncer.Result{Outcome: syncer.NotReachable, Code: session.CloseLost}, ErrNotReachable},
		{"another server", syncer.Result{Outcome: syncer.WrongServer, Err: session.ErrWrongServer}, ErrWrongServer},
		{"an older server", syncer.Result{Outcome: syncer.Incompatible, Code: session.CloseProtocolNew}, ErrIncompatible},
		{"wrong code", syncer.Result{Outcome: syncer.Refused, Code: session.CloseBadCode}, ErrBadCode},
		{"used code", syncer.Result{Outcome: syncer.Refused, Code: session.CloseUsedCode}, ErrUsedCode},
		{"unknown device", syncer.Result{Outcome: syncer.Refused, Code: session.CloseUnknownDevice}, ErrRefused},
		{"revoked", syncer.Result{Outcome: syncer.Refused, Code: session.CloseRevoked}, ErrRefused},
		{"the server's disk is full", syncer.Result{Outcome: syncer.Refused, Code: session.CloseFull}, ErrBusy},
		{"own disk full", syncer.Result{Outcome: syncer.StoreFailed, Err: fmt.Errorf("%w: %w", syncer.ErrFull, localstore.ErrFull)}, ErrDiskFull},
		{"locked meanwhile", syncer.Result{Outcome: syncer.StoreFailed, Err: fmt.Errorf("%w: %w", syncer.ErrFatal, localstore.ErrLocked)}, ErrLocked},
		{"the peer broke the protocol", syncer.Result{Outcome: syncer.Refused, Code: session.CloseMalformed}, ErrNotUnderstood},
	} {
		if err := endOf(ctx, syncer.Once, test.result); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	stopped := syncer.Result{Outcome: syncer.Stopped}
	if err := endOf(over, syncer.Watch, stopped); err != nil {
		t.Errorf("a watch that was ended: %v", err)
	}
	if err := endOf(over, syncer.Once, stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("a sync that was ended: %v", err)
	}
}

func TestFailedSyncLosesNothing(t *testing.T) {
	var asked []string
	d := newDevice(t, func(o *Options) {
		o.Dial = func(_ context.Context, addresses []string) (Pipe, error) {
			asked = addresses
			return nil, &wsdial.BusyError{After: time.Hour}
		}
	})
	d.record("asset", assetJSON)
	_, err := d.Sync(ctx, nil)
	if key, args := Explain(err); key != "sdk.error.busy" || args["after"] != time.Hour {
		t.Errorf("got %s %v, want a wait of an hour", key, args)
	}
	if !slices.Equal(asked, d.opt.Addresses) {
		t.Errorf("asked %v, want each address once", asked)
	}
	if s, err := d.Status(ctx); err != nil || s.Pending != 1 {
		t.Errorf("pending %d, %v; want what was there", s.Pending, err)
	}
	if err := d.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sync(ctx, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("sync of a locked device: %v", err)
	}
}
