package sqlitestore

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// BenchmarkSave is the store's part of taking in changes: 500 a commit, each
// with its outcome looked up, record read, state, change, entry, log and scope
// written; half of them new records, 40 scopes.
func BenchmarkSave(b *testing.B) {
	for _, batch := range []int{1, 100, 500} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			s := newStore(b)
			d := newDevice(1)
			d.scopes = 40
			text := strings.Repeat("متن ", 40)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				err := s.Update(context.Background(), func(tx store.Tx) error {
					for range batch {
						n++
						if err := d.save(tx, n-n%2*(n/2), text); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkPage reads a scope of 4,000 records in pages of 64 KiB.
func BenchmarkPage(b *testing.B) {
	s := newStore(b)
	d := newDevice(1)
	d.scopes = 1
	text := strings.Repeat("متن ", 40)
	const records = 4000
	err := s.Update(context.Background(), func(tx store.Tx) error {
		for n := range records {
			if err := d.save(tx, n, text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	home := syncproto.ScopeOf(fakeID("place", 0), "plain")
	read := 0
	for b.Loop() {
		err := s.View(context.Background(), func(r store.Reader) error {
			for at, more := uint64(0), true; more; {
				var recs []store.Record
				var err error
				if recs, _, at, more, err = r.Page(home, at, store.ToHead, syncproto.MaxPage); err != nil {
					return err
				}
				read += len(recs)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(0, "ns/op")
}
