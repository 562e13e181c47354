package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func testMeta(t *testing.T, s store.Store) {
	eras := []store.Era{{ID: id("era", 2), Opened: 7}, {ID: id("era", 1), Opened: 5}}
	update(t, s, func(tx store.Tx) {
		_, err := tx.Meta("key")
		wantMissing(t, "meta", err)
		must(tx.PutMeta("key", []byte("old")))
		must(tx.PutMeta("key", []byte("new")))
		must(tx.PutMeta("empty", nil))
		for _, e := range eras {
			must(tx.AddEra(e))
		}
		if err := tx.AddEra(eras[0]); err == nil {
			t.Error("an era was added twice")
		}
	})
	view(t, s, func(r store.Reader) {
		if got := must1(r.Meta("key")); string(got) != "new" {
			t.Errorf("meta is %q, want %q", got, "new")
		}
		if got, err := r.Meta("empty"); len(got) != 0 || err != nil {
			t.Errorf("empty meta is %q, error %v", got, err)
		}
		_, err := r.Meta("Key")
		wantMissing(t, "meta of another case", err)
		if got := must1(r.Eras()); !reflect.DeepEqual(got, eras) {
			t.Errorf("eras are %v, want %v", got, eras)
		}
	})
}

func testLogs(t *testing.T, s store.Store) {
	a, b, c := newBook(1), newBook(2), newBook(3)
	c.device = a.device
	update(t, s, func(tx store.Tx) {
		_, err := tx.Log(a.log)
		wantMissing(t, "log", err)
		for _, x := range []*book{a, b, c} {
			must(tx.PutLog(x.row()))
		}
		must(tx.AddGap(b.log, store.Gap{From: 5, To: 9}))
		must(tx.AddGap(b.log, store.Gap{From: 1, To: 4}))
		must(tx.AddGap(b.log, store.Gap{From: 5, To: 9}))
	})
	changed := b.row()
	changed.Cert, changed.Received, changed.BackupSafe, changed.LastSeen = nil, 9, 3, 8
	update(t, s, func(tx store.Tx) { must(tx.PutLog(changed)) })
	view(t, s, func(r store.Reader) {
		if got := must1(r.Log(a.log)); !reflect.DeepEqual(got, a.row()) {
			t.Errorf("log is %+v, want %+v", got, a.row())
		}
		if got := must1(r.Log(b.log)); !reflect.DeepEqual(got, changed) {
			t.Errorf("changed log is %+v, want %+v", got, changed)
		}
		if got := must1(r.Logs(a.device)); len(got) != 2 {
			t.Errorf("%d logs of the device, want 2", len(got))
		}
		if got := must1(r.Logs(syncproto.DeviceID{})); len(got) != 3 {
			t.Errorf("%d logs, want 3", len(got))
		}
		if got := must1(r.Logs(id("device", 99))); len(got) != 0 {
			t.Errorf("%d logs of an unknown device", len(got))
		}
		want := []store.Gap{{From: 1, To: 4}, {From: 5, To: 9}}
		if got := must1(r.Gaps(b.log)); !reflect.DeepEqual(got, want) {
			t.Errorf("gaps are %v, want %v", got, want)
		}
		if got := must1(r.Gaps(a.log)); len(got) != 0 {
			t.Errorf("gaps are %v, want none", got)
		}
		if got := must1(r.Gaps(id("log", 99))); len(got) != 0 {
			t.Errorf("gaps of an unknown log are %v", got)
		}
		_, err := r.Log(id("log", 99))
		wantMissing(t, "unknown log", err)
	})
}

func testEntries(t *testing.T, s store.Store) {
	b := newBook(1)
	var want []store.Entry
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		for n := range 5 {
			c, e := b.change(recordID(n), scopeID(1), "x")
			must(tx.PutChange(c))
			want = append(want, e)
		}
		must(tx.AppendEntries(b.log, want[:2]))
		must(tx.AppendEntries(b.log, want[2:]))
		must(tx.AppendEntries(b.log, nil))
		// After a stretch that was lost, and around another.
		after := []store.Entry{}
		for n := range 4 {
			if n%2 == 0 {
				must(tx.AddGap(b.log, store.Gap{From: b.seq + 1, To: b.seq + 2}))
				b.seq += 2
			}
			c, e := b.change(recordID(n), scopeID(1), "y")
			must(tx.PutChange(c))
			after = append(after, e)
		}
		must(tx.AppendEntries(b.log, after))
		want = append(want, after...)
		must(tx.PutLog(b.row()))
	})
	for name, again := range map[string][]store.Entry{
		"the last one": want[8:], "the first one": want[:1], "one of the middle": want[3:4], "several": want[1:5],
		"one, and one before it": {{Seq: 7, Change: want[4].Change}, want[5]},
		"one, and one after it":  {want[8], {Seq: want[8].Seq + 1, Change: want[4].Change}},
	} {
		refused(t, s, "a place of a log was written twice: "+name, func(tx store.Tx) error { return tx.AppendEntries(b.log, again) })
	}
	view(t, s, func(r store.Reader) {
		for _, w := range want {
			if got := must1(r.Entry(b.log, w.Seq)); got != w {
				t.Errorf("entry %d is %+v, want %+v", w.Seq, got, w)
			}
		}
		for _, seq := range []uint64{0, 6, 7, 10, 11, 14, 99} {
			_, err := r.Entry(b.log, seq)
			wantMissing(t, fmt.Sprintf("entry %d", seq), err)
		}
		_, err := r.Entry(id("log", 2), 1)
		wantMissing(t, "entry of an unknown log", err)
		for from := uint64(1); from < 15; from++ {
			var seqs, wanted []uint64
			for _, got := range must1(r.Results(b.log, from, 4)) {
				seqs = append(seqs, got.Seq)
			}
			for _, w := range want {
				if w.Seq >= from && len(wanted) < 4 {
					wanted = append(wanted, w.Seq)
				}
			}
			if !slices.Equal(seqs, wanted) {
				t.Errorf("results from %d on are those of %v, want %v", from, seqs, wanted)
			}
		}
	})
}

// testResults has a second log that carries a change of the first again, as a
// device does whose database was restored from a copy.
func testResults(t *testing.T, s store.Store) {
	a, b := newBook(1), newBook(2)
	full := syncproto.Result{
		Outcome: syncproto.Conflicted, Scope: scopeID(1), Position: 77,
		Cells: []syncproto.CellResult{
			{Cell: syncproto.CellKey{Field: 10}, Reason: syncproto.ReasonDistinct},
			{Cell: syncproto.CellKey{Field: 11, Item: id("item", 1), Sub: 3}, Reason: syncproto.ReasonPlain},
			{Cell: syncproto.CellKey{Field: 12, Element: syncproto.Code("water")}, Reason: syncproto.ReasonUnion},
		},
	}
	parked := syncproto.Result{Outcome: syncproto.Parked, Reason: syncproto.ReasonWaitsContent, WaitsFor: id("change", 5)}
	var want []store.SeqResult
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		for n, res := range []syncproto.Result{full, parked, {Outcome: syncproto.Applied}} {
			c, e := a.change(recordID(n), scopeID(1), "x")
			res.Change = c.ID
			c.Result = res
			must(tx.PutChange(c))
			must(tx.AppendEntries(a.log, []store.Entry{e}))
			want = append(want, store.SeqResult{Seq: e.Seq, Result: res})
			if n == 1 {
				b.seq++
				must(tx.AppendEntries(b.log, []store.Entry{b.entry(c)}))
			}
		}
		c, e := b.change(recordID(9), scopeID(2), "x")
		must(tx.PutChange(c))
		must(tx.AppendEntries(b.log, []store.Entry{e}))
		must(tx.PutLog(a.row()))
		must(tx.PutLog(b.row()))
	})
	view(t, s, func(r store.Reader) {
		for _, c := range []struct {
			name string
			from uint64
			max  int
			want []store.SeqResult
		}{
			{"all", 1, 10, want},
			{"from the middle", 2, 10, want[1:]},
			{"two of them", 1, 2, want[:2]},
			{"beyond the end", 4, 10, nil},
		} {
			if got := must1(r.Results(a.log, c.from, c.max)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
			}
		}
		got := must1(r.Results(b.log, 1, 10))
		if len(got) != 2 || !reflect.DeepEqual(got[0], store.SeqResult{Seq: 1, Result: want[1].Result}) {
			t.Errorf("second log: got %+v, want the first log's result first", got)
		}
		if got := must1(r.Results(id("log", 9), 1, 10)); len(got) != 0 {
			t.Errorf("unknown log: got %+v", got)
		}
	})
	// What becomes of the change later is what both logs are told.
	update(t, s, func(tx store.Tx) {
		c := must1(tx.Change(want[1].Result.Change))
		c.Result.Outcome, c.Result.Reason, c.Result.WaitsFor = syncproto.Merged, 0, syncproto.ChangeID{}
		c.Order = must1(tx.NextOrder())
		must(tx.PutChange(c))
	})
	view(t, s, func(r store.Reader) {
		x, y := must1(r.Results(a.log, 2, 1)), must1(r.Results(b.log, 1, 1))
		if x[0].Result.Outcome != syncproto.Merged || !reflect.DeepEqual(x[0].Result, y[0].Result) {
			t.Errorf("results are %+v and %+v, want both merged", x, y)
		}
	})
}

func testCopies(t *testing.T, s store.Store) {
	b := newBook(1)
	value, cert := []byte("value"), []byte("certificate")
	var c store.Change
	state := newState(recordID(1), scopeID(1), "text")
	key := syncproto.CellKey{Field: 10}
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		must(tx.PutMeta("key", value))
		var e store.Entry
		c, e = b.change(recordID(1), scopeID(1), "x")
		raw := c
		raw.Bytes = bytes.Clone(c.Bytes)
		must(tx.PutChange(raw))
		entries := []store.Entry{e}
		must(tx.AppendEntries(b.log, entries))
		row := b.row()
		row.Cert = cert
		must(tx.PutLog(row))
		apply(tx, state, 0)
		// What the caller does with its own afterwards changes nothing.
		clear(value)
		clear(cert)
		clear(raw.Bytes)
		clear(entries)
		state.Cells[key].Candidates[0].Value = syncproto.Text("other")
		clear(state.Versions)
	})
	check := func(r store.Reader) {
		t.Helper()
		meta, change, rec := must1(r.Meta("key")), must1(r.Change(c.ID)), must1(r.Record(recordID(1)))
		log := must1(r.Log(b.log))
		if string(meta) != "value" || !bytes.Equal(change.Bytes, c.Bytes) || string(log.Cert) != "certificate" {
			t.Errorf("stored bytes changed: %q, %x, %q", meta, change.Bytes, log.Cert)
		}
		if got := rec.State.Cells[key].Candidates[0].Value; got != syncproto.Text("text") || len(rec.State.Versions) != 1 {
			t.Errorf("stored state changed: %+v", rec.State)
		}
		clear(meta)
		clear(change.Bytes)
		clear(log.Cert)
		clear(rec.State.Cells)
	}
	view(t, s, func(r store.Reader) { check(r); check(r) })
	update(t, s, func(tx store.Tx) { check(tx); check(tx) })
}
