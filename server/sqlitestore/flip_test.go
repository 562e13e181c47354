package sqlitestore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// flips is how many single bits are flipped, one database each.
const flips = 150

// TestFlippedBitsAreFound flips single bits of a small database. What the check
// then calls sound must read as it was written: the bit was one of free space,
// or of what SQLite keeps for itself.
func TestFlippedBitsAreFound(t *testing.T) {
	seed := [2]uint64{1, 2}
	t.Logf("seed %v", seed)
	rng := rand.New(rand.NewPCG(seed[0], seed[1]))
	dir := t.TempDir()
	path := filepath.Join(dir, "whole.db")
	s := openAt(t, path)
	fillTables(t, s)
	want := dump(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Most of so small a database is empty pages, which hold zeros.
	var used []int
	for i, b := range whole {
		if b != 0 {
			used = append(used, i)
		}
	}
	found := 0
	for n := range flips {
		at := used[rng.IntN(len(used))]*8 + rng.IntN(8)
		whole[at/8] ^= 1 << (at % 8)
		path := filepath.Join(dir, fmt.Sprintf("%d.db", n))
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		whole[at/8] ^= 1 << (at % 8)
		got, sound := look(t, path)
		if sound && got != want {
			t.Errorf("bit %d of byte %d: the check calls it sound, and it reads otherwise:\n%s", at%8, at/8, firstDifference(got, want))
		}
		if !sound {
			found++
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d flips were found", found, flips)
}

// look opens a database that may be damaged; sound says that neither opening
// nor checking finds anything.
func look(t *testing.T, path string) (rows string, sound bool) {
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		return "", false
	}
	defer s.Close() // it may be too damaged to close in order
	rep, err := s.Check(t.Context())
	if err != nil || len(rep.Problems) > 0 {
		return "", false
	}
	return dump(t, s), true
}

// dump reads every value of every table.
func dump(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	err := s.view(t.Context(), func(r *reader) error {
		var tables []string
		err := r.each("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", func(row *row) error {
			tables = append(tables, row.text())
			return nil
		})
		if err != nil {
			return err
		}
		for _, table := range tables {
			columns, err := r.columns(table)
			if err != nil {
				return err
			}
			order := strings.Join(columns, ", ")
			err = r.each("SELECT "+order+" FROM "+table+" ORDER BY "+order, func(row *row) error {
				fmt.Fprintf(&b, "%s %x\n", table, row.v[:len(columns)])
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return fmt.Sprintf("%d rows, want %d", len(g), len(w))
}

// fillTables writes rows into every table.
func fillTables(t *testing.T, s *Store) {
	t.Helper()
	d := newDevice(1)
	saveAll(t, s, d, 0, 6)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		person := syncproto.PersonID{5}
		for _, f := range []func() error{
			func() error { return tx.PutMeta("a setting", []byte("its value")) },
			func() error { return tx.AddEra(store.Era{ID: syncproto.EraID{3}, Opened: 99}) },
			func() error {
				return tx.PutPlace(store.Place{ID: syncproto.PlaceID{7}, Number: 101, Kind: store.PlaceNeighbourhood, NameFa: "پیرسرا", NameEn: "Pirsara"})
			},
			func() error { return tx.PutPerson(store.Person{ID: person, Name: "مریم رضایی", Created: 7}) },
			func() error {
				return tx.PutGrant(store.Grant{Person: person, Place: syncproto.PlaceID{7}, Role: "facilitator", Serial: 8, From: 9})
			},
			func() error {
				return tx.PutDevice(store.Device{ID: syncproto.DeviceID{6}, Person: person, Key: [32]byte{1}, Noise: [32]byte{2}, Name: "گوشی", LastSeen: 12})
			},
			func() error { return tx.AddDevicePerson(syncproto.DeviceID{6}, person) },
			func() error {
				return tx.PutCode(store.Code{SecretHash: syncproto.Hash{4}, Person: person, Place: syncproto.PlaceID{7}, Created: 1, Expires: 2})
			},
			func() error {
				return tx.PutDecision(store.Quarantine{Change: syncproto.ChangeID{8}, Decision: "kept", By: person, At: 5, Note: "دوباره"})
			},
			func() error {
				return tx.Audit(store.AuditEntry{At: 3, By: person, Act: "granted", Subject: "x", Note: "y"})
			},
			func() error {
				return tx.PutLog(store.Log{ID: syncproto.LogID{9}, Device: syncproto.DeviceID{6}, Received: 3})
			},
			func() error { return tx.AddGap(syncproto.LogID{9}, store.Gap{From: 1, To: 3}) },
		} {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
