package figures

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// What a server lost or counted twice is told by the reckoning that kill, drills,
// deadline-day and soak end with.
func TestReckoningTellsWhatIsLostAndDoubled(t *testing.T) {
	harm := func(f func(tx store.Tx, row *store.Change, rec *store.Record) error) func(*testing.T, *world, syncproto.ChangeID) {
		return func(t *testing.T, w *world, id syncproto.ChangeID) {
			t.Helper()
			s, err := sqlitestore.Open(w.ctx, sqlitestore.Options{Path: filepath.Join(w.dir, serverName)})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Update(w.ctx, func(tx store.Tx) error {
				row, err := tx.Change(id)
				if err != nil {
					return err
				}
				rec, err := tx.Record(row.Record)
				if err != nil {
					return err
				}
				return f(tx, &row, &rec)
			})
			if err = errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name          string
		harm          func(*testing.T, *world, syncproto.ChangeID)
		made          func([]syncproto.ChangeID) []syncproto.ChangeID
		lost, doubled int
	}{
		{"nothing", nil, nil, 0, 0},
		{"a change that is not there", nil, func(ids []syncproto.ChangeID) []syncproto.ChangeID { return append(ids, syncproto.ChangeID{7}) }, 1, 0},
		{"a change that was saved twice", nil, func(ids []syncproto.ChangeID) []syncproto.ChangeID { return append(ids, ids[0]) }, 0, 1},
		{"a change that was not applied", harm(func(tx store.Tx, row *store.Change, rec *store.Record) error {
			row.Order, row.Result = 0, syncproto.Result{Change: row.ID, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonMalformed}
			if err := tx.PutChange(*row); err != nil {
				return err
			}
			rec.State.Number--
			return tx.PutRecord(*rec)
		}), nil, 1, 0},
		{"a change that was counted twice", harm(func(tx store.Tx, _ *store.Change, rec *store.Record) error {
			rec.State.Number++
			return tx.PutRecord(*rec)
		}), nil, 0, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &run{Env: Env{Memory: t.TempDir(), Progress: func(string, int, int) {}}, figure: &Figure{Name: "checks"}}
			w := &world{r: r, ctx: t.Context(), keyFile: phoneKey}
			if err := w.begin(); err != nil {
				t.Fatal(err)
			}
			defer w.close()
			if err := w.fill(3); err != nil {
				t.Fatal(err)
			}
			made := w.changes(t)
			// The reckoning has the server's data to itself.
			w.cancel()
			if err := errors.Join(w.hub.Close(), w.server.Close()); err != nil {
				t.Fatal(err)
			}
			w.cancel, w.hub, w.server = nil, nil, nil
			if test.harm != nil {
				test.harm(t, w, made[0])
			}
			if test.made != nil {
				made = test.made(made)
			}
			c, err := reckon(w.ctx, filepath.Join(w.dir, serverName), []*phone{{ctx: w.ctx, store: w.device, made: made}})
			if err != nil {
				t.Fatal(err)
			}
			if c.lost != test.lost || c.doubled != test.doubled || len(c.problems) != test.lost+test.doubled {
				t.Errorf("%d lost, %d doubled, %q; want %d and %d", c.lost, c.doubled, c.problems, test.lost, test.doubled)
			}
		})
	}
}

// changes are those that the server has applied.
func (w *world) changes(t *testing.T) (ids []syncproto.ChangeID) {
	t.Helper()
	err := w.server.View(w.ctx, func(r store.Reader) error {
		scopes, err := r.Scopes()
		for _, s := range scopes {
			err = errors.Join(err, r.Each(s.ID, func(id syncproto.RecordID, _ [16]byte) error {
				rows, err := r.History(id)
				for _, row := range rows {
					ids = append(ids, row.ID)
				}
				return err
			}))
		}
		return err
	})
	if err != nil || len(ids) == 0 {
		t.Fatalf("%d changes, %v", len(ids), err)
	}
	return ids
}

// A server whose memory, threads or open files grow fails soak and deadline-day; one
// that stands still, however it trembles, does not.
func TestProvinceTellsWhatGrows(t *testing.T) {
	goal := func(f *Figure, name string) Goal {
		i := slices.IndexFunc(f.Goals, func(g Goal) bool { return g.Value == name })
		return f.Goals[i]
	}
	memory := func(s sample) float64 { return s.memory }
	tests := []struct {
		name string
		// in an hour, and besides in the last quarter
		memory, descriptors, goroutines, rush float64
		fails                                 []string
	}{
		{"stands still", 0, 0, 0, 0, nil},
		{"loses memory", 1.2, 0, 0, 0, []string{"soak.memory"}},
		{"loses files", 0, 12, 0, 0, []string{"soak.descriptors"}},
		{"loses goroutines", 0, 0, 24, 0, []string{"soak.goroutines"}},
		{"keeps what comes in a rush", 0, 0, 0, 150, []string{"soak.memory", "deadline-day.growth"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := &province{}
			const n = 720 // every ten seconds of two hours
			for i := range n {
				at := time.Duration(i) * 10 * time.Second
				s := sample{at: at, memory: 100 + float64(i%3) + test.memory*at.Hours(), descriptors: 60 + float64(i%2) + test.descriptors*at.Hours(),
					goroutines: 500 + float64(i%5) + test.goroutines*at.Hours()}
				if late := float64(i)/n - 0.75; late > 0 {
					s.memory += test.rush * late * 4
				}
				p.samples = append(p.samples, s)
			}
			before, after := p.rush()
			var failed []string
			for name, got := range map[string]float64{
				"soak.memory":         p.slope(soakWarm, memory),
				"soak.descriptors":    p.rise(func(s sample) float64 { return s.descriptors }),
				"soak.goroutines":     p.rise(func(s sample) float64 { return s.goroutines }),
				"deadline-day.growth": after - before,
			} {
				f := soak()
				if name == "deadline-day.growth" {
					f = deadlineDay()
				}
				if !goal(f, name).Reached(got) {
					failed = append(failed, name)
				}
			}
			slices.Sort(failed)
			slices.Sort(test.fails)
			if !slices.Equal(failed, test.fails) {
				t.Errorf("it fails %q, want %q", failed, test.fails)
			}
		})
	}
}
