package sqlitestore

import (
	"os"
	"sync"
	"testing"

	"mahalleh/server/store"
)

// TestLongLogBeginsAnew: while saves follow each other, the write-ahead log is folded
// back beside them, and begins anew before it has grown much.
func TestLongLogBeginsAnew(t *testing.T) {
	s := newStore(t)
	s.long = 100
	d := newDevice(1)
	anew := 0
	for n := range 60 {
		var wg sync.WaitGroup
		select {
		case <-s.Grown():
			wg.Go(func() {
				f, err := s.Checkpoint(t.Context())
				if err != nil {
					t.Error(err)
				}
				if f.Truncated || f.Restarted {
					anew++
				}
			})
		default:
		}
		saveAll(t, s, d, n, n+1)
		wg.Wait()
	}
	if anew == 0 {
		t.Error("the log never began anew")
	}
	// Some dozen pages a save.
	if fi, err := os.Stat(s.path + "-wal"); err != nil || fi.Size() > 200*4200 {
		t.Errorf("the log has %d bytes (%v)", fi.Size(), err)
	}
	wantSound(t, s)
}

// TestLongLogWithAReader: a reader in the middle of a snapshot keeps the log; nobody
// waits for them, and the log begins anew once they are gone.
func TestLongLogWithAReader(t *testing.T) {
	s := newStore(t)
	s.long = 100
	d := newDevice(1)
	saveAll(t, s, d, 0, 3)
	err := s.View(t.Context(), func(store.Reader) error {
		saveAll(t, s, d, 3, 30)
		<-s.Grown()
		f, err := s.Checkpoint(t.Context())
		if f.Truncated || f.Restarted || f.Folded >= f.Pages {
			t.Errorf("with a reader behind: %+v", f)
		}
		saveAll(t, s, d, 30, 31)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.foldLast(t.Context(), Fold{})
	if err != nil || !f.Restarted || f.Folded != f.Pages {
		t.Errorf("without one: %+v, %v", f, err)
	}
	size := func() int64 {
		fi, err := os.Stat(s.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return fi.Size()
	}
	before := size()
	saveAll(t, s, d, 31, 34)
	if after := size(); after != before {
		t.Errorf("the log has %d bytes after %d, and should begin at its front", after, before)
	}
	wantSound(t, s)
}

// TestCheckpointHoldsNobodyUp: who waits to write keeps no connection meanwhile, for
// whoever closes the store has the turn and waits for them all.
func TestCheckpointHoldsNobodyUp(t *testing.T) {
	s := newStore(t)
	s.long = 10
	saveAll(t, s, newDevice(1), 0, 3)
	<-s.turn
	done := make(chan error)
	go func() {
		_, err := s.Checkpoint(t.Context())
		done <- err
	}()
	var all []*conn
	for range cap(s.readers) {
		all = append(all, <-s.readers)
	}
	for _, c := range all {
		s.readers <- c
	}
	select {
	case err := <-done:
		t.Errorf("the checkpoint did not wait (%v)", err)
	default:
	}
	s.turn <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
