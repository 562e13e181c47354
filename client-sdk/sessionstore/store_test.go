package sessionstore

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas/forms"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

var ctx = context.Background()

// clock stands still.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time        { return c.now }
func (c *clock) Uptime() time.Duration { return time.Hour }
func (c *clock) pass(d time.Duration)  { c.now = c.now.Add(d) }
func scope(n byte) syncproto.ScopeID   { return syncproto.ScopeID{n} }
func grants(scopes ...byte) (g []wire.Grant) {
	for _, n := range scopes {
		g = append(g, wire.Grant{Scope: scope(n), Rights: 3})
	}
	return g
}

// newStore is the session's view of a fresh device that records in scope 1.
func newStore(t *testing.T, keep time.Duration) (*Store, *localstore.Store, *clock) {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	codec, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	key := []byte("0123456789abcdef0123456789abcdef")
	local, err := localstore.Create(ctx, localstore.Options{Path: filepath.Join(t.TempDir(), "device.db"), Clock: c,
		Rand: rand.NewChaCha8(sha256.Sum256([]byte(t.Name()))), Packages: pkg},
		localstore.Setup{Identity: localstore.Identity{Person: syncproto.PersonID{7}, Scopes: []syncproto.ScopeID{scope(1)}},
			Credentials: []localstore.Credential{{KeyFile: key}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
	return New(local, Options{Codec: codec, Package: pkg.Version, Keep: keep}), local, c
}

// TestLastGrantRevokedWhileAway holds that a device which was away while its
// last right was taken knows so after the next greeting.
func TestLastGrantRevokedWhileAway(t *testing.T) {
	s, local, _ := newStore(t, 0)
	greet := func(serial uint64, g []wire.Grant) wire.GrantsNote {
		t.Helper()
		w := session.SaveWelcome{Welcome: wire.Welcome{GrantSerial: serial, Grants: g}}
		log, _, err := s.current(ctx)
		if err != nil {
			t.Fatal(err)
		}
		w.Welcome.ReceivedHead = log.Head
		if _, err := s.SaveWelcome(ctx, w); err != nil {
			t.Fatal(err)
		}
		note, err := Grants(ctx, local)
		if err != nil {
			t.Fatal(err)
		}
		return note
	}
	if n := greet(3, grants(1, 2)); n.GrantSerial != 3 || len(n.Grants) != 2 {
		t.Errorf("after the first greeting it knows %+v", n)
	}
	// The server leaves out what the device has.
	if n := greet(3, nil); n.GrantSerial != 3 || len(n.Grants) != 2 {
		t.Errorf("after a greeting without news it knows %+v", n)
	}
	if n := greet(4, nil); n.GrantSerial != 4 || len(n.Grants) != 0 {
		t.Errorf("after the last right was taken it knows %+v", n)
	}
	h, err := s.ReadHello(ctx)
	if err != nil || len(h.Scopes) != 0 || h.Hello.Grants != 4 {
		t.Errorf("the next greeting names %d scopes of serial %d, %v; want none of 4", len(h.Scopes), h.Hello.Grants, err)
	}
}

// TestEnrolmentAsksForTheGrantsAnew: a device that enrolled once more may be of
// somebody else, at a server whose serial of grants has not moved meanwhile.
func TestEnrolmentAsksForTheGrantsAnew(t *testing.T) {
	s, local, _ := newStore(t, 0)
	if err := s.SaveGrants(ctx, session.SaveGrants{Grants: wire.GrantsNote{GrantSerial: 3, Grants: grants(1, 2)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveEnrolment(ctx, session.SaveEnrolment{Enrolled: wire.Enrolled{Person: syncproto.PersonID{8}}}); err != nil {
		t.Fatal(err)
	}
	h, err := s.ReadHello(ctx)
	if err != nil || h.Hello.Grants != 0 {
		t.Errorf("the greeting names the grants of serial %d, %v; want none", h.Hello.Grants, err)
	}
	if n, err := Grants(ctx, local); err != nil || len(n.Grants) != 2 {
		t.Errorf("until the server answers it knows %+v, %v", n, err)
	}
}

// TestAncestorsThatFit: a database that was copied very often names those logs
// first that the server may have to be sent again.
func TestAncestorsThatFit(t *testing.T) {
	var all []localstore.LogStatus
	add := func(n int, l localstore.LogStatus) {
		for range n {
			l.Log = syncproto.LogID{byte(len(all) + 1)}
			all = append(all, l)
		}
	}
	add(2, localstore.LogStatus{First: 1, HeadSeq: 3, Received: 3, ResultsFrom: 4})                // the oldest, received
	add(3, localstore.LogStatus{First: 4, HeadSeq: 3, Received: 3, BackupSafe: 3, ResultsFrom: 4}) // nothing is kept
	add(wire.MaxAncestors-3, localstore.LogStatus{First: 1, HeadSeq: 3, ResultsFrom: 1})
	add(4, localstore.LogStatus{First: 1, HeadSeq: 3, Received: 3, BackupSafe: 3, ResultsFrom: 4})
	got := named(all)
	if len(got) != wire.MaxAncestors || got[0].Log != all[0].Log || got[wire.MaxAncestors-1].Log != all[len(all)-1].Log {
		t.Errorf("names %d logs, from %v to %v", len(got), got[0].Log, got[len(got)-1].Log)
	}
	for i := range all {
		all[i].First, all[i].BackupSafe = 1, 0
	}
	if got := named(all); len(got) != wire.MaxAncestors || got[0].Log != all[len(all)-wire.MaxAncestors].Log {
		t.Errorf("of logs that no backup holds it names %d, from %v", len(got), got[0].Log)
	}
}

// TestLetsGoOfWhatABackupHolds holds that own changes leave the device once a
// verified backup of the server holds them and they were kept for a while, at
// the greeting and in a session, and that a server put back from an older backup
// is told of the gap and gets all that comes later.
func TestLetsGoOfWhatABackupHolds(t *testing.T) {
	s, local, c := newStore(t, time.Hour)
	var log syncproto.LogID
	save := func() *syncproto.Change {
		t.Helper()
		made, err := local.Append(ctx, func(at localstore.At) (localstore.Saving, error) {
			log = at.Log
			h := syncproto.Header{Verb: syncproto.VerbCreate, Record: syncproto.RecordID{byte(at.Seq)}, Form: 1, Scope: scope(1), Author: syncproto.PersonID{7}}
			return localstore.Saving{Changes: []localstore.NewChange{{Header: h}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return made[0]
	}
	first := func() uint64 {
		t.Helper()
		logs, err := local.Logs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return logs[0].First
	}
	var results []syncproto.Result
	head := syncproto.ChainStart(log)
	for range 4 {
		ch := save()
		if len(results) == 0 {
			head = syncproto.ChainStart(log)
		}
		head = syncproto.ChainNext(head, ch.HeaderBytes)
		results = append(results, syncproto.Result{Change: ch.ID, Outcome: syncproto.Applied, Scope: scope(1), Position: uint64(len(results) + 1)})
	}
	if err := s.CommitResults(ctx, session.CommitResults{Log: log, Received: 4, Results: results}); err != nil {
		t.Fatal(err)
	}
	state := func(era byte) {
		t.Helper()
		p := wire.Page{Scope: scope(1), Era: syncproto.EraID{era}, To: 4}
		if _, err := s.CommitCaught(ctx, session.CommitCaught{Caught: wire.Caught{Era: p.Era, Pages: []wire.Page{p},
			Heads: []wire.Head{{Scope: scope(1), Position: 4}}}}); err != nil {
			t.Fatal(err)
		}
	}
	state(1)
	if err := s.MarkBackupSafe(ctx, session.MarkBackupSafe{Log: log, Seq: 2}); err != nil {
		t.Fatal(err)
	}
	if n := first(); n != 1 {
		t.Errorf("just saved, it keeps changes from %d on, want 1", n)
	}
	c.pass(2 * time.Hour)
	if err := s.MarkBackupSafe(ctx, session.MarkBackupSafe{Log: log, Seq: 2}); err != nil {
		t.Fatal(err)
	}
	if n := first(); n != 3 {
		t.Errorf("later it keeps changes from %d on, want 3", n)
	}
	greet := session.SaveWelcome{Welcome: wire.Welcome{Received: 4, ReceivedHead: head, BackupSafe: 3}}
	if w, err := s.SaveWelcome(ctx, greet); err != nil || w.Contradicted {
		t.Fatalf("welcome: %+v, %v", w, err)
	}
	if n := first(); n != 4 {
		t.Errorf("after a greeting it keeps changes from %d on, want 4", n)
	}
	// The server comes back from a backup older than the one it spoke of.
	greet = session.SaveWelcome{Welcome: wire.Welcome{Received: 1, ReceivedHead: syncproto.Hash{1}}}
	if w, err := s.SaveWelcome(ctx, greet); err != nil || w.Contradicted {
		t.Fatalf("welcome of the older server: %+v, %v", w, err)
	}
	save()
	gap, err := s.ReadBatch(ctx, session.ReadBatch{Log: log, From: 2, MaxBytes: 1 << 20, First: true})
	if err != nil || gap.Batch != nil || gap.From != 2 || gap.To != 3 || gap.Head == (syncproto.Hash{}) {
		t.Errorf("from 2: %+v, %v; want a gap up to 3", gap, err)
	}
	rest, err := s.ReadBatch(ctx, session.ReadBatch{Log: log, From: 4, MaxBytes: 1 << 20, First: true})
	if err != nil || rest.Batch == nil || rest.To != 5 {
		t.Errorf("from 4: up to %d, %v; want a batch up to 5", rest.To, err)
	}
}

// TestMendedRecordStandsAtTheServersPosition holds that an own change which
// somebody had replaced before the record was repaired is not laid over it.
func TestMendedRecordStandsAtTheServersPosition(t *testing.T) {
	s, local, _ := newStore(t, time.Hour)
	id := syncproto.RecordID{9}
	header := func(by byte) syncproto.Header {
		return syncproto.Header{Verb: syncproto.VerbCreate, Record: id, Form: 1, Scope: scope(1), Author: syncproto.PersonID{by}}
	}
	alive := func(h syncproto.Header) []syncproto.Op {
		return []syncproto.Op{merge.Presence(syncproto.NewRecordState(id), h.Author, true, false)}
	}
	var log syncproto.LogID
	made, err := local.Append(ctx, func(at localstore.At) (localstore.Saving, error) {
		log = at.Log
		return localstore.Saving{Changes: []localstore.NewChange{{Header: header(7), Ops: alive(header(7))}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.CommitResults(ctx, session.CommitResults{Log: log, Received: 1,
		Results: []syncproto.Result{{Change: made[0].ID, Outcome: syncproto.Applied, Scope: scope(1), Position: 7}}})
	if err != nil {
		t.Fatal(err)
	}
	// What the server holds since position 8 says nothing of it any more. The
	// cursor stands at zero: no page has come yet.
	h := header(8)
	h.OriginLog, h.OriginSeq = syncproto.LogID{99}, 1
	other, err := wire.NewChange(h, [16]byte{1}, alive(h))
	if err != nil {
		t.Fatal(err)
	}
	state := syncproto.NewRecordState(id)
	if _, err := merge.Apply(state, other, nil); err != nil {
		t.Fatal(err)
	}
	mend := session.MendRecords{Scope: scope(1), Position: 8, Records: [][]byte{wire.AppendRecord(nil, state, 0)}}
	if _, err := s.MendRecords(ctx, mend); err != nil {
		t.Fatal(err)
	}
	if h, err := local.State(ctx, id); err != nil || h.Over != 0 || !h.State.Exists() {
		t.Errorf("after the repair %d changes are laid over, %v, want none", h.Over, err)
	}
}
