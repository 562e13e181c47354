package localstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Part is the kind of thing that a check found damaged.
type Part string

// The parts.
const (
	PartFile   Part = "file"
	PartSchema Part = "schema"
	PartTable  Part = "table"
	PartLog    Part = "log"
	PartChange Part = "change"
	PartRecord Part = "record"
	PartScope  Part = "scope"
	PartDraft  Part = "draft"
	PartIndex  Part = "index"
)

// Parts are all parts.
func Parts() []Part {
	return []Part{PartFile, PartSchema, PartTable, PartLog, PartChange, PartRecord, PartScope, PartDraft, PartIndex}
}

// Problem is one thing that is wrong with a store.
type Problem struct {
	Part Part
	// Ref says which one of its kind: by id, by log and sequence, or by name;
	// empty where there is only one.
	Ref string
	// What is the whole of it in English, for developers.
	What string
}

func (p Problem) String() string {
	if p.Ref == "" {
		return string(p.Part) + ": " + p.What
	}
	return string(p.Part) + " " + p.Ref + ": " + p.What
}

// Check reads everything there is and returns what does not hold: the file's own
// structure and its tables, every row's checksum, the chains of the logs, that
// each sealed row opens and is what its bookkeeping says, the scopes' sums, and
// that the index lists what is there. An error says that checking itself failed.
func (s *Store) Check(ctx context.Context) (problems []Problem, err error) {
	c := &checker{ctx: ctx}
	err = s.open(ctx, func(q querier, k *keyring) error {
		c.q, c.k = q, k
		for _, part := range []func() error{c.file, c.schema, c.everyRow, c.logs, c.entries, c.records, c.drafts} {
			if err := part(); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(c.problems) == 0 {
		err = s.catchUp(ctx) // a damaged record would make the index fail
	}
	if err == nil {
		err = s.withIndex(func(x *index) error {
			if x.behind.Load() {
				return nil
			}
			var rows int
			if err := x.db.QueryRowContext(ctx, "SELECT count(*) FROM row").Scan(&rows); err != nil {
				return err
			}
			if rows != len(c.shown) {
				c.say(PartIndex, "", "the index lists %d records, %d are there", rows, len(c.shown))
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("check store: %w", err)
	}
	for _, p := range s.noticed {
		if !slices.Contains(c.problems, p) {
			c.say(p.Part, p.Ref, "when the device was opened, %s", p.What)
		}
	}
	return c.problems, nil
}

type checker struct {
	ctx      context.Context
	q        querier
	k        *keyring
	problems []Problem
	// shown are the records that the index must list.
	shown map[syncproto.RecordID]bool
}

// maxProblems bounds what is told: a damaged page makes a problem of each of its
// rows, and nobody reads more.
const maxProblems = 1000

func (c *checker) say(part Part, ref, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, Problem{part, ref, fmt.Sprintf(format, args...)})
	}
}

// inLog names a place in a log.
func inLog(log syncproto.LogID, seq uint64) string { return fmt.Sprintf("%v:%d", log, seq) }

func (c *checker) file() error {
	rows, err := c.q.QueryContext(c.ctx, "PRAGMA integrity_check")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			c.say(PartFile, "", "%s", line)
		}
	}
	return rows.Err()
}

// logs checks that each log is whole from its first kept change to its head.
func (c *checker) logs() error {
	rows, err := c.q.QueryContext(c.ctx, `SELECT id, first, head_seq, (SELECT count(*) FROM entry WHERE at > log.n << ?1 AND at < (log.n + 1) << ?1),
		(SELECT chain FROM entry WHERE at = (log.n << ?1) + log.head_seq), head, first_prev FROM log`, seqBits)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, chain, head, firstPrev []byte
		var first, headSeq, kept uint64
		if err := rows.Scan(&id, &first, &headSeq, &kept, &chain, &head, &firstPrev); err != nil {
			return err
		}
		if kept != headSeq+1-first {
			c.say(PartLog, fmt.Sprintf("%x", id), "it keeps %d changes from %d to %d", kept, first, headSeq)
		}
		if kept == 0 {
			chain = firstPrev
		}
		if string(chain) != string(head) {
			c.say(PartLog, fmt.Sprintf("%x", id), "it does not end in its head")
		}
	}
	return rows.Err()
}

func (c *checker) entries() error {
	rows, err := c.q.QueryContext(c.ctx, `SELECT at, entry.scope, change, record, chain, body, log.id, log.first, log.first_prev
		FROM entry JOIN log ON log.n = entry.at >> ? ORDER BY at`, seqBits)
	if err != nil {
		return err
	}
	defer rows.Close()
	var prev syncproto.Hash
	for rows.Next() {
		var e ownEntry
		var change, record, chain, log, firstPrev []byte
		var first uint64
		if err := rows.Scan(&e.at, &e.scope, &change, &record, &chain, &e.body, &log, &first, &firstPrev); err != nil {
			return err
		}
		copy(e.change[:], change)
		copy(e.log[:], log)
		seq := seqOf(e.at)
		if seq == first {
			copy(prev[:], firstPrev)
		}
		ch, err := e.open(c.k)
		switch {
		case err != nil:
			c.say(PartChange, inLog(e.log, seq), "%v", err)
		case ch == nil:
		case ch.ID != e.change || string(ch.Header.Record[:]) != string(record):
			c.say(PartChange, inLog(e.log, seq), "it is another one than its row says")
		case syncproto.ChainNext(prev, ch.HeaderBytes) != syncproto.Hash(chain):
			c.say(PartChange, inLog(e.log, seq), "it does not continue the chain")
		}
		copy(prev[:], chain)
	}
	return rows.Err()
}

func (c *checker) records() error {
	c.shown = map[syncproto.RecordID]bool{}
	sums := map[int64]scopeSum{}
	rows, err := c.q.QueryContext(c.ctx, "SELECT record, scope, gone, hash, state FROM shadow")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r shadowRow
		var record, hash []byte
		if err := rows.Scan(&record, &r.scope, &r.gone, &hash, &r.state); err != nil {
			return err
		}
		copy(r.record[:], record)
		copy(r.hash[:], hash)
		if !r.held() {
			continue
		}
		state, err := r.open(c.k)
		if err != nil {
			c.say(PartRecord, r.record.String(), "%v", err)
			continue
		}
		c.shown[r.record] = true
		if wire.StateHash(state) != r.hash {
			c.say(PartRecord, r.record.String(), "it has another hash than its row says")
		}
		if r.gone == goneNot {
			d := sums[r.scope]
			sums[r.scope] = scopeSum{syncproto.SumAdd(d.sum, r.hash), d.count + 1}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return c.sums(sums)
}

func (c *checker) sums(want map[int64]scopeSum) error {
	rows, err := c.q.QueryContext(c.ctx, "SELECT n, id, sum, count FROM scope")
	if err != nil {
		return err
	}
	for rows.Next() {
		var n, count int64
		var id, sum []byte
		if err := rows.Scan(&n, &id, &sum, &count); err != nil {
			rows.Close()
			return err
		}
		if w := want[n]; string(w.sum[:]) != string(sum) || w.count != count {
			c.say(PartScope, fmt.Sprintf("%x", id), "it has another sum than its records")
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	// Own changes and drafts make records that the server does not hold yet.
	rows, err = c.q.QueryContext(c.ctx, "SELECT record FROM entry WHERE overlay = 1 UNION SELECT record FROM draft")
	if err != nil {
		return err
	}
	ids, err := scanRecords(rows)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h, err := readHeld(c.ctx, c.q, c.k, id, false)
		if err != nil {
			c.say(PartRecord, id.String(), "%v", err)
		} else if !h.State.Erased && (h.State.Exists() || h.Draft) {
			c.shown[id] = true
		}
	}
	return nil
}

func (c *checker) drafts() error {
	return errors.Join(c.sealed(PartDraft, "draft", "SELECT id, record, scope, body FROM draft"),
		c.sealed(PartChange, "before", "SELECT change, record, scope, body FROM before"))
}

// sealed checks that rows open that are bound to what they are, an id and a record.
func (c *checker) sealed(part Part, what, query string) error {
	rows, err := c.q.QueryContext(c.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, record, body []byte
		var scope int64
		if err := rows.Scan(&id, &record, &scope, &body); err != nil {
			return err
		}
		sk, err := c.k.of(scope)
		if err == nil {
			_, err = sk.key.open(bound(what, id, record), body)
		}
		if err != nil {
			c.say(part, fmt.Sprintf("%x", id), "%v", err)
		}
	}
	return rows.Err()
}
