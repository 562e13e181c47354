package sqlitestore

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// placeSize is what an entry takes in a run: the id of its change and its chain
// hash.
const placeSize = 16 + 32

// entriesOf reads a run that begins at first.
func entriesOf(first uint64, places []byte) []store.Entry {
	run := make([]store.Entry, len(places)/placeSize)
	for i := range run {
		p := places[i*placeSize:]
		run[i] = store.Entry{Seq: first + uint64(i), Change: syncproto.ChangeID(p[:16]), Chain: syncproto.Hash(p[16:placeSize])}
	}
	return run
}

// Entry implements store.LogReader.
func (r *reader) Entry(log syncproto.LogID, seq uint64) (e store.Entry, err error) {
	num, err := r.numOf(log)
	if err == nil {
		err = r.c.one("SELECT first, places FROM entries WHERE log = ? AND first <= ? ORDER BY first DESC LIMIT 1", func(row *row) error {
			run := entriesOf(uint64(row.int()), row.blob())
			if row.err != nil {
				return row.err
			}
			if len(run) == 0 || seq > run[len(run)-1].Seq {
				return store.ErrNotFound
			}
			e = run[seq-run[0].Seq]
			return nil
		}, num, int64(seq))
	}
	if err != nil {
		return store.Entry{}, fmt.Errorf("entry %d of log %s: %w", seq, log, err)
	}
	return e, nil
}

// insertRun fails if the run would stand where another does: the one that begins
// last before its end must end before it begins.
const insertRun = `INSERT INTO entries (log, first, places) VALUES (?, CASE WHEN coalesce(
	(SELECT first + length(places) / 48 FROM entries WHERE log = ? AND first < ? ORDER BY first DESC LIMIT 1), 0) <= ? THEN ? END, ?)`

// AppendEntries implements store.LogWriter.
func (t *tx) AppendEntries(log syncproto.LogID, entries []store.Entry) error {
	num, err := t.intern(log)
	if err != nil {
		return fmt.Errorf("append to log %s: %w", log, err)
	}
	for len(entries) > 0 {
		first := entries[0].Seq
		n := 0
		places := make([]byte, 0, len(entries)*placeSize)
		for ; n < len(entries) && entries[n].Seq == first+uint64(n); n++ {
			places = append(append(places, entries[n].Change[:]...), entries[n].Chain[:]...)
		}
		from, end := int64(first), int64(first)+int64(n)
		if err := t.put(insertRun, num, num, end, from, from, places); err != nil {
			return fmt.Errorf("append entry %d to log %s: %w", first, log, err)
		}
		entries = entries[n:]
	}
	return nil
}

// Results implements store.LogReader.
func (r *reader) Results(log syncproto.LogID, from uint64, max int) (results []store.SeqResult, err error) {
	num, err := r.numOf(log)
	if isNotFound(err) {
		return nil, nil
	}
	if err == nil {
		results, err = r.results(num, from, max)
	}
	if err != nil {
		return nil, fmt.Errorf("results of log %s: %w", log, err)
	}
	return results, nil
}

func (r *reader) results(log int64, from uint64, max int) (results []store.SeqResult, err error) {
	var run []store.Entry
	err = r.each(`SELECT first, places FROM entries WHERE log = ? AND first >=
		coalesce((SELECT max(first) FROM entries WHERE log = ? AND first <= ?), 0) ORDER BY first`, func(row *row) error {
		for _, e := range entriesOf(uint64(row.int()), row.blob()) {
			if e.Seq >= from && len(run) < max {
				run = append(run, e)
			}
		}
		if row.err == nil && len(run) >= max {
			return errEnough
		}
		return nil
	}, log, log, int64(from))
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	ids := make(map[syncproto.ChangeID]syncproto.Result, len(run))
	for i := range run {
		ids[run[i].Change] = syncproto.Result{}
	}
	err = r.among(resultColumns, "changes", "id", "", bare(slices.Collect(maps.Keys(ids))), func(row *row) error {
		res, err := r.scanResult(row)
		ids[res.Change] = res
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, e := range run {
		if res := ids[e.Change]; res.Change == e.Change {
			results = append(results, store.SeqResult{Seq: e.Seq, Result: res})
		}
	}
	return results, nil
}
