package localstore

import (
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// restored makes a device whose record stands at the third position, and a
// server put back from a backup that knows one record of another device only.
// The device's new first load has brought that one.
func restored(t *testing.T) (b *box, g *fakeServer, id syncproto.RecordID, made *syncproto.Change) {
	t.Helper()
	b = newBox(t)
	f := newServer(t)
	first, second := b.newRecord(), b.newRecord()
	f.other(first, formPlace, plain, map[uint32]syncproto.Value{10: text("یک")})
	f.other(second, formPlace, plain, map[uint32]syncproto.Value{10: text("دو")})
	id = b.newRecord()
	made = b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("سه")})
	f.sync(b, plain, persons)
	f.same(b, plain)

	g = newServer(t)
	g.era = syncproto.EraID{2}
	g.other(first, formPlace, plain, map[uint32]syncproto.Value{10: text("یک")})
	err := b.SetReceived(ctx, syncproto.LogID{}, 0)
	check(t, err)
	check(t, b.ResetCursor(ctx, plain))
	page := g.page(plain, 0, false)
	err = b.ApplyPage(ctx, &page)
	check(t, err)
	return b, g, id, made
}

// The server has lost an own record, gets it again while the device loads, and
// names it: the copy of the time before must not pass for that of this load.
func TestOwnChangeByNameDuringANewLoad(t *testing.T) {
	b, g, id, made := restored(t)
	results := g.push(b)
	head := g.head(plain)
	check(t, b.ApplyCaught(ctx, &wire.Caught{Era: g.era, Received: 1, Results: results, Heads: []wire.Head{head},
		Pages: []wire.Page{{Scope: plain, Era: g.era, From: 1, To: 2, Own: []syncproto.ChangeID{made.ID}}}}))
	a := differing(t, b, []wire.Head{head})
	if len(a.Differ) != 0 {
		t.Errorf("the end of the load: %+v, want that nothing differs", a)
	}
	if got := b.text(id, 10); got != "سه" {
		t.Errorf("the record shows %q", got)
	}
	g.same(b, plain)
}

// The same, and the load ends before the position at which the server took the
// record in again: what holds it comes with the next page.
func TestNewLoadEndsBeforeWhatWasAcknowledged(t *testing.T) {
	b, g, id, _ := restored(t)
	head := g.head(plain)
	err := b.SaveAck(ctx, syncproto.LogID{}, 1, g.push(b))
	check(t, err)
	err = b.ApplyCaught(ctx, &wire.Caught{Era: g.era, Heads: []wire.Head{head}})
	check(t, err)
	if got := b.text(id, 10); got != "سه" {
		t.Errorf("between the load's end and the next page the record shows %q", got)
	}
	g.catchUp(b, nil, plain)
	g.same(b, plain)
}
