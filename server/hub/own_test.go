package hub_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/store"
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
	c.save(b.record(s.Record).State, map[string]schemas.Value{"condition": schemas.IntValue(2)})
	c.mustPush(2)
	a.save(b.record(s.Record).State, map[string]schemas.Value{"title_fa": schemas.TextValue("سالن نو")})
	a.mustPush(5)
	check("on a colleague's edit", at(6, 1), 0, a.log[4])
	check("the same in the middle of a load", session.ReadScopes{Scopes: []session.Start{{Scope: plain, From: 6}}, Pushed: 1}, 1)
}

// TestOwnChangesAreToldAlikeFromMemory: a session that remembers what it pushed
// is told the same as one that has the store look it up, whatever others do
// meanwhile.
func TestOwnChangesAreToldAlikeFromMemory(t *testing.T) {
	for seed := range uint64(20) {
		b := newBench(t)
		b.rng = rand.New(rand.NewPCG(seed, 1))
		a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
		desk := a.desk()
		var records []syncproto.RecordID
		pushed, at, byName := 0, uint64(0), 0
		edit := func(p *phone) {
			if len(records) == 0 || b.rng.IntN(3) == 0 {
				id := syncproto.RecordID{9, byte(len(records)), byte(b.rng.IntN(256))}
				records = append(records, id)
				p.save(syncproto.NewRecordState(id), newAsset("سالن"))
				return
			}
			s := syncproto.NewRecordState(records[b.rng.IntN(len(records))])
			err := b.store.View(b.ctx, func(r store.Reader) error {
				row, err := r.Record(s.Record)
				if err == nil {
					s = row.State
				}
				return err
			})
			if err != nil {
				return // it is only in a phone so far
			}
			if b.rng.IntN(4) == 0 && p == a {
				s = s.Clone()
				s.Latest = s.Created // the author did not see the last edits
			}
			p.save(s, map[string]schemas.Value{"condition": schemas.IntValue(int64(1 + b.rng.IntN(4)))})
		}
		for range 12 {
			for range 1 + b.rng.IntN(5) {
				edit(a)
			}
			if len(a.log) > pushed {
				a.bring(desk, uint64(pushed+1))
				pushed = len(a.log)
			}
			if n := len(c.log); b.rng.IntN(2) == 0 {
				edit(c)
				if len(c.log) > n {
					c.mustPush(uint64(n + 1))
				}
			}
			if b.rng.IntN(3) == 0 {
				continue // more comes before it is read
			}
			e := session.ReadScopes{Scopes: []session.Start{{Scope: b.scope("plain"), From: at, Since: at}}, Pushed: 1, MaxBytes: 1 << 20, Log: a.cert.Log}
			got, want := desk.Do(b.ctx, e).(session.ScopesRead), a.desk().Do(b.ctx, e).(session.ScopesRead)
			if !reflect.DeepEqual(got.Pages, want.Pages) || !reflect.DeepEqual(got.Heads, want.Heads) {
				t.Fatalf("seed %d: after %d the session is told %+v, another %+v", seed, at, got.Pages, want.Pages)
			}
			if len(got.Pages) > 0 {
				at = got.Pages[0].To
				byName += len(got.Pages[0].Own)
			}
		}
		if byName == 0 {
			t.Errorf("seed %d: nothing was told by name", seed)
		}
	}
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
