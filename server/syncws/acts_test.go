package syncws

import (
	"testing"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// act notes an act in a scope and tells of it.
func (b *bench) act(what string, scope syncproto.ScopeID) {
	b.t.Helper()
	err := b.hub.Store().Update(b.t.Context(), func(tx store.Tx) error {
		return access.Note(tx, store.AuditEntry{At: 1, Act: what}, scope)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.hub.ActsNoted(scope)
}

// Acts in a scope of the session are told while it stands and at its next
// beginning, with what joins them to those told before; those of other scopes
// never are.
func TestConversationTellsOfActs(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "facilitator")
		mine, foreign := b.scope("plain"), syncproto.ScopeID{0xee}
		p.saveNew(1)
		b.act("first", mine)
		l := b.join(p)
		told := b.follow(l)
		l.exchange()
		told()
		if len(p.acts) != 1 || len(p.acts[0].Chains) != 1 || len(p.acts[0].Chains[0].Links) != 0 {
			t.Fatalf("a new device is told %+v", p.acts)
		}
		first := p.acts[0].Chains[0]
		b.act("elsewhere", foreign)
		told()
		b.act("second", mine)
		told()
		if len(p.acts) != 2 || len(p.acts[1].Chains) != 1 {
			t.Fatalf("after two acts, one of them in another scope, it is told %+v", p.acts)
		}
		second := p.acts[1].Chains[0]
		if second.Scope != mine || second.From != 1 || len(second.Links) != 1 || syncproto.ActsNext(first.Head, second.Links[0]) != second.Head {
			t.Errorf("%+v does not follow from %+v", second, first)
		}
		l.cut()
		b.act("third", mine)
		p.acts = nil
		hold(p, mine, 2)
		l = b.join(p)
		l.exchange()
		want := syncproto.ActsKnown([]syncproto.Checkpoint{{Scope: mine, Count: 2, Head: second.Head}})
		if p.known != want || len(p.acts) != 1 || len(p.acts[0].Chains) != 1 || p.acts[0].Chains[0].From != 2 {
			t.Errorf("a device that holds two is told %x and %+v, want %x and the third", p.known, p.acts, want)
		}
		// More than there is, as after a restore: told how it stands.
		l.cut()
		p.acts = nil
		hold(p, mine, 9)
		l = b.join(p)
		l.exchange()
		if len(p.acts) != 1 || len(p.acts[0].Chains) != 1 || p.acts[0].Chains[0].Count != 3 || len(p.acts[0].Chains[0].Links) != 0 {
			t.Errorf("a device that holds nine is told %+v", p.acts)
		}
	})
}

// hold makes the phone say in its next Hello of how many acts it holds the
// checkpoint.
func hold(p *phone, scope syncproto.ScopeID, n uint64) {
	p.holds = map[syncproto.ScopeID]uint64{scope: n}
}

// The scope is one the device may not read: what it names of it is left out,
// whether there are acts or not.
func TestActsOfForeignScopesAreNotTold(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "facilitator")
		foreign := syncproto.ScopeID{0xee}
		p.cursors[foreign] = wire.Cursor{Scope: foreign}
		p.holds = map[syncproto.ScopeID]uint64{foreign: 1}
		for _, there := range []bool{false, true} {
			if there {
				b.act("there", foreign)
			}
			p.acts = nil
			l := b.join(p)
			l.exchange()
			if len(p.acts) != 0 || p.known != [16]byte{} {
				t.Errorf("there %v: it is told %x and %+v", there, p.known, p.acts)
			}
			l.cut()
			p.cursors[foreign] = wire.Cursor{Scope: foreign}
		}
	})
}
