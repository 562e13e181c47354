package sqlitestore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Check reads the whole database in one snapshot: the file's structure, every
// row, the chains of the logs against the headers of their changes, and the
// sums and heads of logs and scopes. An error means that the check could not
// be carried through.
func (s *Store) Check(ctx context.Context) (rep Report, err error) {
	err = s.view(ctx, func(r *reader) error { rep, err = check(r); return err })
	if err != nil {
		err = fmt.Errorf("check store: %w", err)
	}
	return rep, err
}

func check(r *reader) (Report, error) {
	var rep Report
	for _, step := range []func(*Report) error{
		r.checkFile, r.checkSchema, r.checkRows, r.checkChanges, r.checkLogs, r.checkRecords, r.checkAudit, r.checkCounters,
	} {
		if err := step(&rep); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

func (r *reader) checkFile(rep *Report) error {
	return r.each("PRAGMA integrity_check(100)", func(row *row) error {
		if s := row.text(); s != "ok" {
			rep.problem(Spot{Part: PartFile}, FaultStructure, "%s", s)
		}
		return nil
	})
}

// scanned runs the scanning of one row; what is wrong with it is a problem, and
// no reason to stop.
func scanned(rep *Report, row *row, where Spot, scan func() error) bool {
	err := scan()
	if err == nil {
		err = row.err
	}
	row.err = nil
	if err != nil {
		rep.problem(where, FaultUnreadable, "%v", err)
	}
	return err == nil
}

// headerOf takes the header out of a change's bytes; ok says that it is one.
func headerOf(body []byte) (header []byte, ok bool) {
	header, _, _, err := wire.SplitChange(body)
	return header, err == nil && len(header) > 0
}

func (r *reader) checkChanges(rep *Report) error {
	return r.each(changeColumns+"ORDER BY num", func(row *row) error {
		rep.Changes++
		var c store.Change
		var num int64
		if !scanned(rep, row, byNumber(PartChange, row.v[numColumn]), func() (err error) { c, num, err = r.scanChange(row); return err }) {
			return nil
		}
		where := Spot{PartChange, c.ID.String()}
		// Bytes that no client makes are kept in quarantine as they came.
		raw := c.Result.Outcome == syncproto.Quarantined || c.Result.Outcome == syncproto.Rejected
		header, ok := headerOf(c.Bytes)
		switch {
		case !ok && !raw:
			rep.problem(where, FaultUnreadable, "its bytes are not those of a change (number %d)", num)
		case ok && syncproto.IDOf(header) != c.ID && !raw:
			rep.problem(where, FaultMismatch, "its header is that of change %s", syncproto.IDOf(header))
		}
		if _, err := wire.DecodeChange(c.Bytes); err != nil && !raw {
			rep.problem(where, FaultUnreadable, "its content cannot be read: %v", err)
		}
		return nil
	})
}

// chainWalk follows the entries of one log.
type chainWalk struct {
	log   store.Log
	gaps  []store.Gap
	seq   uint64
	chain syncproto.Hash
	// sure says that chain is known at seq; after a gap it is not.
	sure bool
	// head is the chain at the log's received sequence, as far as it is known.
	head   syncproto.Hash
	headOK bool
}

func (r *reader) checkLogs(rep *Report) error {
	walks := map[int64]*chainWalk{}
	var order []int64
	err := r.each(logColumns+"ORDER BY num", func(row *row) error {
		rep.Logs++
		num, _ := row.v[0].(int64)
		w := &chainWalk{sure: true}
		if !scanned(rep, row, byNumber(PartLog, num), func() (err error) { w.log, err = r.scanLog(row); return err }) {
			return nil
		}
		w.chain = syncproto.ChainStart(w.log.ID)
		w.head, w.headOK = w.chain, w.log.Received == 0
		walks[num] = w
		order = append(order, num)
		return nil
	})
	if err != nil {
		return err
	}
	for _, num := range order {
		if walks[num].gaps, err = r.Gaps(walks[num].log.ID); err != nil {
			return err
		}
	}
	err = r.each("SELECT log, first, places FROM entries ORDER BY log, first", func(row *row) error {
		num := row.int()
		first, places := uint64(row.int()), row.blob()
		where := Spot{PartEntry, fmt.Sprintf("#%d:%d", num, first)}
		if !scanned(rep, row, where, func() error { return nil }) {
			return nil
		}
		w := walks[num]
		if w == nil {
			rep.problem(where, FaultMissing, "its log is not there")
			return nil
		}
		return r.checkRun(rep, w, entriesOf(first, places))
	})
	if err != nil {
		return err
	}
	for _, num := range order {
		walks[num].end(rep)
	}
	return nil
}

// checkRun takes the next run of the log.
func (r *reader) checkRun(rep *Report, w *chainWalk, run []store.Entry) error {
	bodies := make(map[syncproto.ChangeID][]byte, len(run))
	for i := range run {
		bodies[run[i].Change] = nil
	}
	there := map[syncproto.ChangeID]bool{}
	err := r.among("id, body", "changes", "id", "", bare(slices.Collect(maps.Keys(bodies))), func(row *row) error {
		id := syncproto.ChangeID(row.id())
		bodies[id], there[id] = row.blob(), true
		return nil
	})
	if err != nil {
		return err
	}
	for i := range run {
		rep.Entries++
		if e := &run[i]; !there[e.Change] {
			rep.problem(w.entry(e.Seq), FaultMissing, "its change %s is not there", e.Change)
		}
		w.step(rep, run[i], bodies[run[i].Change])
	}
	return nil
}

func (w *chainWalk) entry(seq uint64) Spot {
	return Spot{PartEntry, fmt.Sprintf("%s:%d", w.log.ID, seq)}
}

// step takes the next entry of the log.
func (w *chainWalk) step(rep *Report, e store.Entry, body []byte) {
	where := w.entry(e.Seq)
	if e.Seq <= w.seq {
		rep.problem(where, FaultTwice, "entry %d is there twice", e.Seq)
		return
	}
	if e.Seq != w.seq+1 {
		w.bridge(rep, e.Seq-1)
		w.sure = false
	}
	if header, ok := headerOf(body); ok && w.sure && syncproto.ChainNext(w.chain, header) != e.Chain {
		rep.problem(where, FaultChain, "chain hash does not follow from the change's header")
	}
	w.seq, w.chain, w.sure = e.Seq, e.Chain, true
	if e.Seq == w.log.Received {
		w.head, w.headOK = e.Chain, true
	}
}

// bridge looks whether the sequences after the last entry up to to were
// declared lost.
func (w *chainWalk) bridge(rep *Report, to uint64) {
	at := w.seq
	for _, g := range w.gaps {
		if g.From <= at+1 && g.To > at {
			at = g.To
		}
	}
	if at < to && at < w.log.Received {
		rep.problem(w.entry(at+1), FaultMissing, "entry %d is not there", at+1)
	}
}

func (w *chainWalk) end(rep *Report) {
	if w.seq < w.log.Received {
		w.bridge(rep, w.log.Received)
	}
	if w.headOK && w.head != w.log.Head {
		rep.problem(Spot{PartLog, w.log.ID.String()}, FaultChain, "its head is not the chain hash at %d", w.log.Received)
	}
	if w.log.BackupSafe > w.log.Received {
		rep.problem(Spot{PartLog, w.log.ID.String()}, FaultBehind, "safe up to %d, received up to %d", w.log.BackupSafe, w.log.Received)
	}
}

// tally is what the records of a scope amount to.
type tally struct {
	sum   [16]byte
	count uint64
	last  uint64
}

func (r *reader) checkRecords(rep *Report) error {
	tallies := map[int64]*tally{}
	at := func(place int64) *tally {
		t := tallies[place>>positionBits]
		if t == nil {
			t = &tally{}
			tallies[place>>positionBits] = t
		}
		t.last = max(t.last, positionOf(place))
		return t
	}
	err := r.each("SELECT place, open, hash, state, id, form, erased FROM records ORDER BY place", func(row *row) error {
		rep.Records++
		place, _ := row.v[0].(int64)
		var rec store.Record
		where := Spot{PartRecord, fmt.Sprintf("#%d:%d", place>>positionBits, positionOf(place))}
		if !scanned(rep, row, where, func() (err error) { rec, _, _, err = scanRecord(row); return err }) {
			return nil
		}
		s := rec.State
		where = Spot{PartRecord, s.Record.String()}
		home, err := r.idOf(place >> positionBits)
		if err != nil {
			rep.problem(where, FaultMissing, "%v", err)
		}
		if row.id() != s.Record || row.int() != int64(s.Form) || row.int() != yes(s.Erased) || home != s.Home || s.Position != positionOf(place) {
			rep.problem(where, FaultMismatch, "its columns differ from its state")
		}
		t := at(place)
		if s.Erased {
			return nil
		}
		if wire.StateHash(s) != rec.Hash {
			rep.problem(where, FaultMismatch, "its hash is not that of its state")
		}
		t.sum = syncproto.SumAdd(t.sum, rec.Hash)
		t.count++
		return nil
	})
	if err != nil {
		return err
	}
	err = r.each("SELECT place FROM marks", func(row *row) error { at(row.int()); return nil })
	if err != nil {
		return err
	}
	err = r.each(scopeColumns+"ORDER BY num", func(row *row) error {
		rep.Scopes++
		num, _ := row.v[0].(int64)
		var s store.Scope
		if !scanned(rep, row, byNumber(PartScope, num), func() (err error) { s, _, err = r.scanScope(row); return err }) {
			return nil
		}
		where := Spot{PartScope, s.ID.String()}
		t := tallies[num]
		if t == nil {
			t = &tally{}
		}
		delete(tallies, num)
		if t.sum != s.Sum || t.count != s.Count {
			rep.problem(where, FaultSum, "it counts %d records with sum %x, but %d are there with sum %x", s.Count, s.Sum, t.count, t.sum)
		}
		if t.last > s.Position {
			rep.problem(where, FaultBehind, "position %d is taken, its head is %d", t.last, s.Position)
		}
		if sum, err := r.SumAt(s.ID, s.Position); err != nil || sum != s.Sum {
			rep.problem(where, FaultSum, "the sum remembered at its head differs from it (error: %v)", err)
		}
		return nil
	})
	for num := range tallies {
		rep.problem(byNumber(PartScope, num), FaultMissing, "it has records or marks, but is not there")
	}
	return err
}

func (r *reader) checkAudit(rep *Report) error {
	key, err := r.auditKey()
	if err != nil {
		return err
	}
	chains := map[syncproto.ScopeID]syncproto.Hash{}
	return r.each("SELECT num, scope, at, by, act, subject, note, chain FROM audit ORDER BY num", func(row *row) error {
		rep.Acts++
		num := row.int()
		where := byNumber(PartAct, num)
		var e store.AuditEntry
		var chain syncproto.Hash
		ok := scanned(rep, row, where, func() error {
			scope, err := r.idOf(row.int())
			if err != nil {
				return err
			}
			e.Scope, e.At = scope, row.int()
			by, err := r.idOf(row.int())
			e.By, e.Act, e.Subject, e.Note = by, row.text(), row.text(), row.text()
			chain = row.hash()
			return err
		})
		e.Salt = store.AuditSalt(key, e.Scope, chains[e.Scope])
		if ok && syncproto.ActsNext(chains[e.Scope], e.Digest()) != chain {
			rep.problem(where, FaultChain, "chain hash does not follow from the acts before it")
		}
		chains[e.Scope] = chain
		return nil
	})
}

func (r *reader) checkCounters(rep *Report) error {
	var counter, last, numbered, distinct int64
	err := r.c.one("SELECT (SELECT ord FROM counters), coalesce(max(ord), 0), count(*), count(DISTINCT ord) FROM changes WHERE ord > 0", func(row *row) error {
		counter, last, numbered, distinct = row.int(), row.int(), row.int(), row.int()
		return nil
	})
	if err != nil {
		return err
	}
	if last > counter {
		rep.problem(Spot{Part: PartCounters}, FaultBehind, "change number %d was given out, the counter is at %d", last, counter)
	}
	if numbered != distinct {
		rep.problem(Spot{Part: PartCounters}, FaultTwice, "%d share their order with another", numbered-distinct)
	}
	return nil
}
