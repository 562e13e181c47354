package localstore

import (
	"errors"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

func TestPushAndPull(t *testing.T) {
	b, f := newBox(t), newServer(t)
	own, theirs := b.newRecord(), b.newRecord()
	b.save(own, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	b.save(own, formPlace, plain, map[uint32]syncproto.Value{11: text("یادداشت")})
	f.other(theirs, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")})
	if a := f.sync(b, plain, persons); len(a.Differ) != 0 {
		t.Errorf("scopes that differ: got %v, want none", a.Differ)
	}
	f.same(b, plain, persons)

	// Others change one field, we another, and a delta brings theirs.
	b.save(own, formPlace, plain, map[uint32]syncproto.Value{11: text("از ما")})
	f.other(own, formPlace, plain, map[uint32]syncproto.Value{10: text("از دیگری")})
	if got, want := b.text(own, 10), "الف"; got != want {
		t.Errorf("before syncing the name is %q, want %q", got, want)
	}
	if a := f.sync(b, plain, persons); len(a.Differ) != 0 {
		t.Errorf("scopes that differ: got %v, want none", a.Differ)
	}
	if got, want := b.text(own, 10)+"/"+b.text(own, 11), "از دیگری/از ما"; got != want {
		t.Errorf("after syncing the record shows %q, want %q", got, want)
	}
	f.same(b, plain, persons)
	h, err := b.State(ctx, own)
	if err != nil {
		t.Fatal(err)
	}
	if h.Sync != SyncMerged {
		t.Errorf("sync state: got %v, want merged", h.Sync)
	}
	b.reopenStore()
	f.same(b, plain, persons)
}

// TestOwnChangesByName: the server names an own change instead of sending back
// what it made of the record.
func TestOwnChangesByName(t *testing.T) {
	b, f := newBox(t), newServer(t)
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("از پیش")})
	f.sync(b, plain, persons)
	id := b.newRecord()
	logs, err := b.Logs(ctx)
	check(t, err)
	log := logs[len(logs)-1].Log
	caught := func(results []syncproto.Result, own ...syncproto.ChangeID) pulled {
		t.Helper()
		from := uint64(0)
		cursors, err := b.Scopes(ctx)
		check(t, err)
		for _, c := range cursors {
			if c.Scope == plain {
				from = c.Position
			}
		}
		c := &wire.Caught{Era: f.era, Received: f.held[log], Results: results, Heads: []wire.Head{f.head(plain)},
			Pages: []wire.Page{{Scope: plain, Era: f.era, From: from, To: f.position[plain], Own: own}}}
		check(t, b.ApplyCaught(ctx, c))
		return differing(t, b, c.Heads)
	}
	made := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	edited := b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("یادداشت")})
	if a := caught(f.push(b), made.ID, edited.ID); len(a.Differ) != 0 {
		t.Errorf("made and edited: %+v", a)
	}
	f.same(b, plain)
	again := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ب"), 11: syncproto.None()})
	results := f.push(b)
	if err := b.SaveAck(ctx, syncproto.LogID{}, f.held[log], results); err != nil {
		t.Fatal(err)
	}
	if a := caught(nil, again.ID); len(a.Differ) != 0 {
		t.Errorf("edited again, acknowledged before: %+v", a)
	}
	f.same(b, plain)
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}

	// By accident the server names one that does not follow from what is here.
	f.other(id, formPlace, plain, map[uint32]syncproto.Value{12: text("از دیگری")})
	late := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("پ")})
	if a := caught(f.push(b), late.ID, syncproto.ChangeID{1}); len(a.Differ) != 1 {
		t.Errorf("what does not follow: %+v, want the scope to differ", a)
	}
}

// A result may come long before the page that brings the record, and a page
// long before the result: the own change must be shown once, all the time.
func TestOwnEchoDoesNotLookNew(t *testing.T) {
	for _, c := range []struct {
		name               string
		resultFirst, known bool
	}{
		{"new record, page first", false, false},
		{"new record, result first", true, false},
		{"known record, page first", false, true},
		{"known record, result first", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, f := newBox(t), newServer(t)
			id := b.newRecord()
			if c.known {
				f.other(id, formPlace, plain, map[uint32]syncproto.Value{10: text("صفر")})
				f.sync(b, plain)
			}
			from := f.position[plain]
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("یک")})
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("دو")})
			results := f.push(b)
			ack := func() {
				if err := b.SaveAck(ctx, syncproto.LogID{}, 2, results); err != nil {
					t.Fatal(err)
				}
			}
			page := func() {
				p := f.page(plain, from, c.known)
				if err := b.ApplyPage(ctx, &p); err != nil {
					t.Fatal(err)
				}
			}
			steps := []func(){page, ack}
			if c.resultFirst {
				steps = []func(){ack, page}
			}
			for i, step := range steps {
				step()
				h, err := b.State(ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				view := merge.Look(h.State, syncproto.CellKey{Field: 10})
				if s, _ := view.Value.AsText(); s != "دو" || len(view.Others) != 0 {
					t.Errorf("after step %d: shows %q with %d others, want «دو» alone", i, s, len(view.Others))
				}
			}
			f.same(b, plain)
		})
	}
}

func TestPageOutOfOrderChangesNothing(t *testing.T) {
	b, f := newBox(t), newServer(t)
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	p := f.page(plain, 0, false)
	if err := b.ApplyPage(ctx, &p); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*wire.Page){
		"again":         func(*wire.Page) {},
		"with a hole":   func(p *wire.Page) { p.From, p.To = 5, 6 },
		"going back":    func(p *wire.Page) { p.From, p.To = 1, 0 },
		"other scope":   func(p *wire.Page) { p.From, p.Scope = 0, persons },
		"broken record": func(p *wire.Page) { p.From, p.To, p.Records = 1, 2, [][]byte{{1, 2, 3}} },
	} {
		q := p
		change(&q)
		if err := b.ApplyPage(ctx, &q); !errors.Is(err, ErrOrder) && !errors.Is(err, ErrBadPage) {
			t.Errorf("page %s: got %v, want a refusal", name, err)
		}
	}
	if a := f.sync(b, plain); len(a.Differ) != 0 {
		t.Errorf("scopes that differ: got %v, want none", a.Differ)
	}
	f.same(b, plain)
}

func TestRecordLeavesAndComesBack(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain, persons)
	move := func(to syncproto.ScopeID) {
		s := f.records[id]
		h := syncproto.Header{Verb: syncproto.VerbMove, Record: id, Form: formPlace, Scope: s.Home, Author: syncproto.PersonID{9},
			Base: s.Latest, OriginLog: syncproto.LogID{98}, OriginSeq: uint64(len(f.changes) + 1)}
		ch, err := wire.NewChange(h, [16]byte{2}, []syncproto.Op{merge.MoveOp(s, to)})
		if err != nil {
			t.Fatal(err)
		}
		f.take(ch)
	}
	elsewhere := syncproto.ScopeID{5}
	move(elsewhere)
	// An own edit that is still on the way keeps the copy.
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("هنوز در راه")})
	f.catchUp(b, nil, plain, persons)
	if got, want := b.text(id, 11), "هنوز در راه"; got != want {
		t.Errorf("a record that left with a pending edit shows %q, want %q", got, want)
	}
	if a := f.sync(b, plain, persons); len(a.Differ) != 0 {
		t.Errorf("scopes that differ: got %v, want none", a.Differ)
	}
	if ok, err := b.Exists(ctx, id); err != nil || ok {
		t.Errorf("record that left: exists %v, %v, want false", ok, err)
	}
	move(plain)
	if a := f.sync(b, plain, persons); len(a.Differ) != 0 {
		t.Errorf("scopes that differ: got %v, want none", a.Differ)
	}
	if got, want := b.text(id, 11), "هنوز در راه"; got != want {
		t.Errorf("after coming back it shows %q, want %q", got, want)
	}
	f.same(b, plain, persons)
}

func TestQuarantinedChangeIsAsideAndReleased(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain)
	f.refuse[id] = true
	ch := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")})
	f.sync(b, plain)
	h, err := b.State(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if h.Sync != SyncQuarantined || len(h.Aside) != 1 || b.text(id, 10) != "الف" {
		t.Errorf("quarantined: sync %v, aside %v, shows %q; want quarantined, one, «الف»", h.Sync, h.Aside, b.text(id, 10))
	}
	written, err := b.AsWritten(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := merge.Look(written.State, syncproto.CellKey{Field: 10}).Value.AsText(); s != "ب" {
		t.Errorf("as written it shows %q, want «ب»", s)
	}
	f.refuse[id] = false
	delete(f.changes, ch.ID)
	f.catchUp(b, []syncproto.Result{f.take(ch)}, plain)
	if got, want := b.text(id, 10), "ب"; got != want {
		t.Errorf("released: shows %q, want %q", got, want)
	}
	f.same(b, plain)
}

// A page may end between an own change and somebody's later one: the record
// comes with the next page, and the own change is shown until then.
func TestPageEndsBetweenTwoChangesOfARecord(t *testing.T) {
	for _, known := range []bool{false, true} {
		name := map[bool]string{false: "new record", true: "known record"}[known]
		t.Run(name, func(t *testing.T) {
			b, f := newBox(t), newServer(t)
			id := b.newRecord()
			if known {
				f.other(id, formPlace, plain, map[uint32]syncproto.Value{11: text("پیش")})
				f.sync(b, plain)
			}
			from := f.position[plain]
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("از ما")})
			results := f.push(b)
			between := f.position[plain]
			f.other(id, formPlace, plain, map[uint32]syncproto.Value{11: text("از دیگری")})
			// What the server sends of the record's two changes: nothing yet.
			page := wire.Page{Scope: plain, Era: f.era, From: from, To: between, Received: 1, Results: results}
			err := b.ApplyPage(ctx, &page)
			check(t, err)
			for _, when := range []string{"after the page", "after opening again"} {
				if got := b.text(id, 10); got != "از ما" {
					t.Errorf("%s: shows %q, want «از ما»", when, got)
				}
				b.reopenStore()
			}
			f.catchUp(b, nil, plain)
			f.same(b, plain)
		})
	}
}
