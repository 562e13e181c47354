package hub

import (
	"errors"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// TestLittleIsRememberedOfWhatIsLarge: of what a session pushes and is not told of
// yet, since it gives no credit, only so many bytes stay in memory.
func TestLittleIsRememberedOfWhatIsLarge(t *testing.T) {
	d := &Desk{log: syncproto.LogID{1}, own: newOwn()}
	for n := range 100 {
		id := syncproto.ChangeID{byte(n), 1}
		res := syncproto.Result{Change: id, Outcome: syncproto.Applied}
		ch := &syncproto.Change{ID: id, Header: syncproto.Header{Verb: syncproto.VerbEdit}, OpsBytes: make([]byte, 64<<10)}
		d.remember(Accepted{Log: d.log, Results: []store.SeqResult{{Seq: uint64(n + 1), Result: res}}, Taken: []Taken{{Here: true}}},
			[]opened{{id: id, change: ch, done: true}})
	}
	held := 0
	for _, c := range d.own.changes {
		held += len(c.change.OpsBytes)
	}
	if held == 0 || held > maxAhead || held != d.own.weight {
		t.Errorf("%d bytes are held, counted as %d; want some, at most %d", held, d.own.weight, maxAhead)
	}
	if d.own.forget(); d.own.weight != 0 {
		t.Errorf("what was forgotten weighs %d", d.own.weight)
	}
}

var errUnread = errors.New("the disk cannot be read")

// half is a store in which the second chain of acts cannot be read.
type half struct {
	store.Reader
	asked int
}

func (h *half) AuditAt(syncproto.ScopeID, uint64) (syncproto.Checkpoint, error) {
	if h.asked++; h.asked == 2 {
		return syncproto.Checkpoint{}, errUnread
	}
	return syncproto.Checkpoint{Count: 3}, nil
}

// TestActsThatWereNotTold: what was read and not said, because what came after it
// could not be read, is said the next time.
func TestActsThatWereNotTold(t *testing.T) {
	d := &Desk{acts: map[syncproto.ScopeID]uint64{}}
	scopes := []syncproto.ScopeID{{1}, {2}}
	if _, err := d.chains(&half{}, scopes); !errors.Is(err, errUnread) {
		t.Fatalf("got %v", err)
	}
	said, err := d.chains(&half{asked: 2}, scopes)
	if err != nil || len(said) != 2 {
		t.Errorf("then %d chains are told, %v; want both", len(said), err)
	}
}
