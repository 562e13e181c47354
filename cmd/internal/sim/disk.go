package sim

import (
	"context"
	"errors"
	"io"

	"mahalleh/server/store"
)

// serverDisk is the server's store as the hub sees it: a transaction may be
// undone and run again, as with any store that is shared, and there may be no
// space.
type serverDisk struct {
	store.Store
	s *server
}

func (s *server) disk() store.Store { return &serverDisk{Store: s.store, s: s} }

// errUndone makes a transaction run again.
var errUndone = errors.New("undone")

// poisonedTx is a transaction that makes the program fail when it writes what a
// certain change made of a record.
type poisonedTx struct {
	store.Tx
	s *server
}

// PutRecord implements store.Tx.
func (t poisonedTx) PutRecord(r store.Record) error {
	if t.s.poison[r.State.Latest] {
		t.s.w.note("poison", r.State.Latest)
		panic("this change is poison")
	}
	return t.Tx.PutRecord(r)
}

// Update implements store.Store.
func (d *serverDisk) Update(ctx context.Context, f func(store.Tx) error) error {
	if work := f; len(d.s.poison) > 0 {
		f = func(tx store.Tx) error { return work(poisonedTx{tx, d.s}) }
	}
	fails := func(reason error) error {
		return d.Store.Update(ctx, func(tx store.Tx) error {
			if err := f(tx); err != nil {
				return err
			}
			return reason
		})
	}
	if d.s.full && d.s.talking {
		return fails(store.ErrFull)
	}
	if d.s.w.chance(8) {
		d.s.w.note("transaction runs again")
		if err := fails(errUndone); !errors.Is(err, errUndone) {
			return err
		}
	}
	return d.Store.Update(ctx, f)
}

// spent is randomness that ends after some bytes: what needs more fails in the
// midst, and must leave nothing behind.
type spent struct {
	io.Reader
	d *device
}

var errSpent = errors.New("nothing left")

func (s spent) Read(b []byte) (int, error) {
	if s.d.left >= 0 {
		if s.d.left < len(b) {
			return 0, errSpent
		}
		s.d.left -= len(b)
	}
	return s.Reader.Read(b)
}
