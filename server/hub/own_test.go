package hub_test

import (
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// reader answers what a phone's session reads.
func (p *phone) reader() func(session.ReadScopes) session.ScopesRead {
	p.b.t.Helper()
	b := p.b
	desk := p.desk()
	return func(e session.ReadScopes) session.ScopesRead {
		b.t.Helper()
		e.MaxBytes, e.Log = 1<<20, p.cert.Log
		ev, ok := desk.Do(b.ctx, e).(session.ScopesRead)
		if !ok || len(ev.Pages) != 1 {
			b.t.Fatalf("read %+v", ev)
		}
		return ev
	}
}

// TestOwnChangesComeBackByName: of what a session pushed, and nobody else
// touched, only the names come back; of all else the record.
func TestOwnChangesComeBackByName(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	plain := b.scope("plain")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	first := b.record(s.Record).State
	a.save(first, map[string]schemas.Value{"condition": schemas.IntValue(4)})
	a.mustPush(2)
	read := a.reader()
	at := func(since, pushed uint64) session.ReadScopes {
		return session.ReadScopes{Scopes: []session.Start{{Scope: plain, From: since, Since: since}}, Pushed: pushed}
	}
	check := func(name string, e session.ReadScopes, records int, own ...*syncproto.Change) {
		t.Helper()
		p := read(e).Pages[0]
		var want []syncproto.ChangeID
		for _, ch := range own {
			want = append(want, ch.ID)
		}
		if !slices.Equal(p.Own, want) || len(p.Records) != records {
			t.Errorf("%s: %d records and own changes %v, want %d and %v", name, len(p.Records), p.Own, records, want)
		}
	}
	check("made and edited", at(0, 1), 0, a.log[0], a.log[1])
	check("edited", at(1, 1), 0, a.log[1])
	check("edited, made in an earlier session", at(1, 2), 0, a.log[1])
	check("made in an earlier session, which never heard of it", at(0, 2), 1)
	check("all of it in an earlier session", at(1, 0), 1)

	seen := b.record(s.Record).State
	c.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	c.mustPush(1)
	check("a colleague's later edit", at(1, 1), 1)
	check("a colleague's edit alone", at(2, 1), 1)
	a.save(seen, map[string]schemas.Value{"title_fa": schemas.TextValue("سالن ورزش")})
	same(t, outcomes(a.mustPush(3)), []syncproto.Outcome{syncproto.Merged})
	check("merged with a colleague's", at(3, 1), 1)
	a.save(b.record(s.Record).State, map[string]schemas.Value{"title_fa": schemas.TextValue("سالن")})
	a.mustPush(4)
	check("on what the colleague left", at(4, 1), 0, a.log[3])
	check("and what was merged before it", at(3, 1), 1)
	check("the same in the middle of a load", session.ReadScopes{Scopes: []session.Start{{Scope: plain, From: 4}}, Pushed: 1}, 1)
}

// TestPagesOfALongCatchUpAreOfOneBase: a record is sent as what changed since
// the device last caught up, not since the page before.
func TestPagesOfALongCatchUpAreOfOneBase(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	for n := int64(2); n <= 3; n++ {
		set := map[string]schemas.Value{"condition": schemas.IntValue(n)}
		if n == 3 {
			set = map[string]schemas.Value{"title_fa": schemas.TextValue("سالن ورزش")}
		}
		a.save(b.record(s.Record).State, set)
		a.mustPush(uint64(n))
	}
	ev := c.reader()(session.ReadScopes{Scopes: []session.Start{{Scope: b.scope("plain"), From: 2, Since: 1}}})
	got, delta, err := wire.DecodeRecord(ev.Pages[0].Records[0])
	if err != nil || !delta {
		t.Fatalf("delta %v, %v", delta, err)
	}
	if _, ok := got.Cells[syncproto.CellKey{Field: fieldOf(t, b, "condition")}]; !ok {
		t.Error("what changed before the page's beginning is left out")
	}
}
