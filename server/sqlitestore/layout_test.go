package sqlitestore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"
)

// layouts are the tables for records that were weighed against each other
// before the first migration was written. The first one was taken.
var layouts = []struct{ name, schema string }{
	{
		"by number, index by place", `
		CREATE TABLE records (num INTEGER PRIMARY KEY, place INTEGER NOT NULL UNIQUE, id BLOB NOT NULL UNIQUE, hash BLOB, state BLOB) STRICT`,
	},
	{
		"by id, index by place", `
		CREATE TABLE records (id BLOB PRIMARY KEY, place INTEGER NOT NULL UNIQUE, hash BLOB, state BLOB) STRICT, WITHOUT ROWID`,
	},
	{
		"by place, index by id", `
		CREATE TABLE records (place INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, hash BLOB, state BLOB) STRICT`,
	},
}

// BenchmarkLayout writes 500 changes a commit, half of them new records, half
// edits of a random one, in 40 scopes, with synchronous=FULL; then it reads all
// in pages. Compare runs of the whole benchmark: a machine's disk has moods.
func BenchmarkLayout(b *testing.B) {
	const scopes, batch, page = 40, 500, 200
	for _, l := range layouts {
		b.Run(l.name, func(b *testing.B) {
			connector, err := sqlite.NewConnector(dsn(filepath.Join(b.TempDir(), "x.db"), "", nil))
			if err != nil {
				b.Fatal(err)
			}
			c, err := connect(context.Background(), connector, append(common[:], "journal_mode = wal", "wal_autocheckpoint = 4000", "cache_size = -65536"))
			if err != nil {
				b.Fatal(err)
			}
			defer c.close()
			check := func(err error) {
				if err != nil {
					b.Fatal(err)
				}
			}
			check(c.script(l.schema + `;
				CREATE TABLE changes (num INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, record BLOB, outcome INTEGER, log INTEGER, seq INTEGER, body BLOB) STRICT;
				CREATE INDEX changes_record ON changes (record, outcome);
				CREATE TABLE entries (log INTEGER, seq INTEGER, change BLOB, chain BLOB, PRIMARY KEY (log, seq)) STRICT, WITHOUT ROWID`))
			rng := rand.New(rand.NewPCG(1, 2))
			body, state := make([]byte, 300), make([]byte, 900)
			var heads [scopes]int64
			type made struct {
				id    []byte
				scope int64
			}
			var records []made
			n := int64(0)
			for b.Loop() {
				check(c.script("BEGIN IMMEDIATE"))
				log := n / batch % 50
				for range batch {
					n++
					h := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
					if n%2 == 1 {
						records = append(records, made{append(binary.BigEndian.AppendUint64(nil, uint64(n)), h[16:24]...), rng.Int64N(scopes)})
					}
					rec := records[len(records)-1]
					if n%2 == 0 {
						rec = records[rng.IntN(len(records))]
					}
					id, scope := rec.id, rec.scope
					heads[scope]++
					_, err := c.exec("INSERT INTO changes (id, record, outcome, log, seq, body) VALUES (?, ?, 1, ?, ?, ?)", h[:16], id, log, n, body)
					check(err)
					_, err = c.exec(`INSERT INTO records (place, id, hash, state) VALUES (?, ?, ?, ?)
						ON CONFLICT (id) DO UPDATE SET place = excluded.place, hash = excluded.hash, state = excluded.state`, scope<<40|heads[scope], id, h[:16], state)
					check(err)
					_, err = c.exec("INSERT INTO entries (log, seq, change, chain) VALUES (?, ?, ?, ?)", log, n, h[:16], h[:])
					check(err)
				}
				check(c.script("COMMIT"))
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
			b.ReportMetric(0, "ns/op")
			var pages int64
			check(c.one("PRAGMA page_count", func(r *row) error { pages = r.int(); return nil }))
			b.ReportMetric(float64(pages*4096)/float64(n), "B/change")

			read := 0
			before := b.Elapsed()
			b.StartTimer()
			for s := range int64(scopes) {
				for at := int64(0); at < heads[s]; at += page {
					check(c.each("SELECT id, hash, state FROM records WHERE place > ? AND place <= ? ORDER BY place", func(r *row) error {
						read += min(len(r.blob()), 1)
						return nil
					}, s<<40|at, s<<40|(at+page)))
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(read)/(b.Elapsed()-before).Seconds(), "records/s")
		})
	}
}
