package syncws

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
)

// pair is a phone and the server's end, joined without a network.
type pair struct {
	e *end
	v *Conversation
	// hurt, if set, may change the n-th message, lose it (nil), or cut the line
	// after it.
	hurt func(n int, msg []byte) (arrives []byte, goesOn bool)
	n    int
	most int // batches that were under way at once
}

func (b *bench) join(p *phone) *pair {
	l := &pair{e: p.connect(), v: NewConversation(b.t.Context(), &b.s, fmt.Sprint("phone ", p.person[0]))}
	if b.besides {
		l.v.ring = func() {}
	}
	return l
}

func (l *pair) carry(msg []byte) ([]byte, bool) {
	l.n++
	if l.hurt == nil {
		return msg, true
	}
	return l.hurt(l.n, msg)
}

// exchange carries messages until none is left, or the line is cut; it returns
// false if it was.
func (l *pair) exchange() bool {
	for moved := true; moved; {
		moved = false
		if l.v.Busy() {
			l.settle()
		}
		if b := l.e.next(); b != nil {
			moved = true
			b, ok := l.carry(b)
			if b != nil {
				l.v.Feed(b)
			}
			if !ok || l.v.Cause() != nil {
				return false
			}
		}
		if b := l.v.Next(); b != nil {
			moved = true
			b, ok := l.carry(b)
			if b != nil {
				l.e.feed(b)
			}
			if !ok || l.e.err != nil {
				return false
			}
		}
		if !moved && len(l.v.pending) > 0 {
			moved = true
			l.settle()
		}
	}
	return true
}

// settle waits for the batches under way.
func (l *pair) settle() {
	l.most = max(l.most, len(l.v.pending))
	synctest.Wait()
	l.v.Settle()
}

func (l *pair) cut() {
	l.e.step(session.Disconnected{})
	l.v.Cut(errors.New("cut"))
}

// follow tells the conversations what the hub announces.
func (b *bench) follow(pairs ...*pair) func() {
	var events []hub.Event
	b.t.Cleanup(b.hub.Subscribe(func(e hub.Event) { events = append(events, e) }))
	return func() {
		for len(events) > 0 {
			e := events[0]
			events = events[1:]
			for _, l := range pairs {
				l.v.Tell(e)
				l.exchange()
			}
		}
	}
}

// inBubble runs a test with conversations that wait for each batch, and with
// those that go on meanwhile.
func inBubble(t *testing.T, f func(t *testing.T, b *bench)) {
	for _, besides := range []bool{false, true} {
		t.Run(map[bool]string{false: "waiting", true: "besides"}[besides], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.besides = besides
				f(t, b)
			})
		})
	}
}

// TestConversationTakesTwoBatchesAtOnce: while one batch is committed the next
// is opened, a third waits in the line, and the answers come in order.
func TestConversationTakesTwoBatchesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "facilitator")
		p.saveNew(1100) // more than two batches
		l := b.join(p)
		l.exchange()
		if want := map[bool]int{false: 0, true: maxPending}[b.besides]; l.most != want {
			t.Errorf("%d batches at once, want %d", l.most, want)
		}
		if !l.e.synced() || len(p.results) != 1100 {
			t.Errorf("synced %v, %d results", l.e.synced(), len(p.results))
		}
		p.has("plain", 1100)
	})
}

func TestConversationBetweenTwoPhones(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		one, two := b.phone(1, "facilitator"), b.phone(2, "facilitator")
		one.saveNew(40)
		l, m := b.join(one), b.join(two)
		told := b.follow(l, m)
		m.exchange()
		l.exchange()
		told()
		one.has("plain", 40)
		two.has("plain", 40)
		if !l.e.synced() || !m.e.synced() || len(one.results) != 40 {
			t.Errorf("synced %v, %v, %d results", l.e.synced(), m.e.synced(), len(one.results))
		}
		two.save(two.records[one.changes[0].Header.Record], "زمین")
		m.e.queued()
		m.exchange()
		told()
		one.has("plain", 40)
		for _, v := range []*Conversation{l.v, m.v} {
			if err := v.Idle(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestConversationCutAfterEveryMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		n := byte(1)
		fresh := func() *phone {
			n++
			p := b.phone(n, "facilitator")
			p.saveNew(6)
			return p
		}
		count := b.join(fresh())
		count.exchange()
		total := 6
		for at := 1; at <= count.n; at++ {
			for _, arrives := range []bool{true, false} {
				p := fresh()
				l := b.join(p)
				l.hurt = func(n int, msg []byte) ([]byte, bool) {
					if n == at && !arrives {
						return nil, false
					}
					return msg, n < at
				}
				l.exchange()
				l.cut()
				if _, ended := l.v.Ended(); !ended {
					t.Fatalf("cut at %d: the conversation goes on", at)
				}
				again := b.join(p)
				again.exchange()
				again.v.Tell(hub.Event{Scopes: map[syncproto.ScopeID]uint64{b.scope("plain"): 99}})
				again.exchange()
				total += 6
				if !again.e.synced() || len(p.results) != 6 {
					t.Fatalf("cut at %d (arrives %v): synced %v, %d results", at, arrives, again.e.synced(), len(p.results))
				}
				p.has("plain", total)
			}
		}
		if count.n < 8 {
			t.Errorf("only %d messages", count.n)
		}
	})
}

func TestConversationWithFlippedBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "facilitator")
		p.saveNew(6)
		for at := 1; at <= 8; at++ {
			l := b.join(p)
			l.hurt = func(n int, msg []byte) ([]byte, bool) {
				if n == at {
					msg = append([]byte(nil), msg...)
					msg[len(msg)-1] ^= 1
				}
				return msg, true
			}
			if l.exchange() {
				break // fewer messages, since earlier attempts got through in part
			}
			l.cut()
		}
		l := b.join(p)
		told := b.follow(l)
		l.exchange()
		told()
		if !l.e.synced() {
			t.Error("never synced")
		}
		p.has("plain", 6)
	})
}

func TestConversationTellsChangedResults(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		stranger, one, two := b.phone(3, "local_team"), b.phone(1, "facilitator"), b.phone(2, "facilitator")
		record := syncproto.NewRecordState(syncproto.RecordID{9})
		create := one.save(record, "سالن")
		seen := syncproto.NewRecordState(syncproto.RecordID{9})
		if _, err := merge.Apply(seen, create, nil); err != nil {
			t.Fatal(err)
		}
		child := two.save(seen, "زمین")
		foreign := stranger.save(syncproto.NewRecordState(syncproto.RecordID{8}), "باغ")
		s, m, l := b.join(stranger), b.join(two), b.join(one)
		told := b.follow(s, m)
		s.exchange()
		m.exchange()
		told()
		if got := two.results[child.ID].Outcome; got != syncproto.Parked {
			t.Fatalf("the child of an unknown parent is %d", got)
		}
		if got := stranger.results[foreign.ID].Outcome; got != syncproto.Quarantined {
			t.Fatalf("what is not allowed is %d", got)
		}
		l.exchange()
		told()
		if got := two.results[child.ID].Outcome; got != syncproto.Applied {
			t.Errorf("after the parent came, the child is told to be %d", got)
		}
		if err := b.hub.Release(t.Context(), foreign.ID, one.person, ""); err != nil {
			t.Fatal(err)
		}
		told()
		if got := stranger.results[foreign.ID].Outcome; got != syncproto.Applied {
			t.Errorf("after its release, the change is told to be %d", got)
		}
	})
}

// A change that was set aside in an earlier session is watched in the next one,
// which may stay open for days.
func TestConversationTellsChangedResultsOfEarlierSessions(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		stranger := b.phone(3, "local_team")
		foreign := stranger.save(syncproto.NewRecordState(syncproto.RecordID{8}), "باغ")
		first := b.join(stranger)
		first.exchange()
		first.cut()
		again := b.join(stranger)
		told := b.follow(again)
		again.exchange()
		if err := b.hub.Release(t.Context(), foreign.ID, stranger.person, ""); err != nil {
			t.Fatal(err)
		}
		told()
		if got := stranger.results[foreign.ID].Outcome; got != syncproto.Applied {
			t.Errorf("after its release, the change is told to be %d", got)
		}
	})
}

// What was kept out may be erased while its author is connected.
func TestConversationTellsErasureOfWhatWasKeptOut(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(3, "local_team")
		foreign := p.save(syncproto.NewRecordState(syncproto.RecordID{8}), "باغ")
		l := b.join(p)
		told := b.follow(l)
		l.exchange()
		if err := b.hub.Keep(t.Context(), foreign.ID, p.person, ""); err != nil {
			t.Fatal(err)
		}
		told()
		if got := p.results[foreign.ID].Outcome; got != syncproto.Rejected {
			t.Fatalf("what was kept out is told to be %s", got)
		}
		if err := b.hub.Erase(t.Context(), foreign.Header.Record); err != nil {
			t.Fatal(err)
		}
		told()
		if got := p.results[foreign.ID].Outcome; got != syncproto.Erased {
			t.Errorf("after the erasure it is told to be %s", got)
		}
	})
}

// A decision that a restored server has lost is lost for its author too.
func TestConversationTellsLostDecisions(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "local_team")
		foreign := p.save(syncproto.NewRecordState(syncproto.RecordID{8}), "باغ")
		l := b.join(p)
		l.exchange()
		l.cut()
		for _, told := range []syncproto.Outcome{syncproto.Rejected, syncproto.Applied} {
			p.results[foreign.ID] = syncproto.Result{Change: foreign.ID, Outcome: told}
			for scope, c := range p.cursors {
				c.Era = syncproto.EraID{9} // an opening of the server that the backup does not know
				p.cursors[scope] = c
			}
			l := b.join(p)
			l.exchange()
			l.cut()
			if got := p.results[foreign.ID].Outcome; got != syncproto.Quarantined {
				t.Errorf("its author believes that it is %s", got)
			}
		}
	})
}

func TestConversationTellsBackups(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "facilitator")
		p.saveNew(5)
		l := b.join(p)
		told := b.follow(l)
		l.exchange()
		told()
		if err := b.hub.MarkBackupSafe(t.Context(), map[syncproto.LogID]uint64{p.cert.Log: 4}); err != nil {
			t.Fatal(err)
		}
		told()
		if p.safe != 4 {
			t.Errorf("the phone thinks %d changes are in a backup, want 4", p.safe)
		}
	})
}

func TestConversationFollowsGrants(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "facilitator")
		p.saveNew(3)
		l := b.join(p)
		told := b.follow(l)
		l.exchange()
		told()
		p.has("plain", 3)
		b.update(func(tx store.Tx) error { return grant(tx, p.person, b.place, "facilitator", time.Now().UnixMilli()) })
		b.hub.AccessChanged()
		told()
		if len(p.records) != 0 || len(p.dropped) != 4 {
			t.Errorf("after the revocation the phone has %d records and dropped %d scopes", len(p.records), len(p.dropped))
		}
		b.update(func(tx store.Tx) error { return grant(tx, p.person, b.place, "facilitator", 0) })
		b.hub.AccessChanged()
		told()
		p.has("plain", 3)
	})
}

func TestConversationAlwaysHasADeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := b.phone(1, "facilitator")
		p.saveNew(3)
		l := b.join(p)
		l.hurt = func(n int, msg []byte) ([]byte, bool) {
			if _, ok := l.v.Deadline(); !ok {
				t.Errorf("no deadline at message %d", n)
			}
			return msg, true
		}
		l.exchange()
		// A wake-up that got lost is made good by the deadline.
		q := b.phone(2, "facilitator")
		q.saveNew(1)
		b.join(q).exchange()
		at, ok := l.v.Deadline()
		if !ok {
			t.Fatal("no deadline")
		}
		time.Sleep(time.Duration(at-time.Now().UnixMilli()) * time.Millisecond)
		l.v.Tick()
		l.exchange()
		p.has("plain", 4)
	})
}

func TestConversationGivesUpOnSilence(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		v := NewConversation(t.Context(), &b.s, "nobody")
		at, ok := v.Deadline()
		if !ok || at != time.Now().UnixMilli()+handshakeWithin {
			t.Fatalf("deadline %d, %v", at, ok)
		}
		v.Tick()
		if _, ended := v.Ended(); ended {
			t.Fatal("given up too early")
		}
		time.Sleep(handshakeWithin * time.Millisecond)
		v.Tick()
		if _, ended := v.Ended(); !ended || !errors.Is(v.Cause(), errNoChannel) {
			t.Errorf("ended %v, %v", ended, v.Cause())
		}
	})
}
