package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// The values of shadow.gone.
const (
	goneNot    = 0 // the server's state is held
	goneLeft   = 1 // it left its scope; own changes are still to be received
	goneErased = 2 // erased: only the row remains
	goneAway   = 3 // let go; the row only keeps its number
)

// shadowRow is the server's state of a record as the file holds it.
type shadowRow struct {
	n        int64
	record   syncproto.RecordID
	scope    int64
	position uint64
	load     int64
	gone     int
	hash     [16]byte
	state    []byte // sealed
}

func readShadow(ctx context.Context, q querier, id syncproto.RecordID) (r shadowRow, found bool, err error) {
	r.record = id
	var hash []byte
	err = q.QueryRowContext(ctx, "SELECT n, scope, position, load, gone, hash, state FROM shadow WHERE record = ?", id[:]).
		Scan(&r.n, &r.scope, &r.position, &r.load, &r.gone, &hash, &r.state)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read record: %w", translate(err))
	}
	copy(r.hash[:], hash)
	return r, true, nil
}

// goneWaiting is of records that left and wait, in SQL; an index follows it.
var goneWaiting = fmt.Sprintf("gone = %d", goneLeft)

// held reports whether the row holds a state of the server's.
func (r *shadowRow) held() bool { return r.gone == goneNot || r.gone == goneLeft }

func (r *shadowRow) open(k *keyring) (*syncproto.RecordState, error) {
	sk, err := k.of(r.scope)
	if err != nil {
		return nil, err
	}
	plain, err := sk.key.open(bound("record", r.record[:]), r.state)
	if err != nil {
		return nil, fmt.Errorf("record %v: %w", r.record, err)
	}
	state, _, err := wire.DecodeRecord(plain)
	if err != nil {
		return nil, fmt.Errorf("record %v: %w: %w", r.record, ErrCorrupt, err)
	}
	return state, nil
}

// scopeSum is what a transaction changes of a scope's sums.
type scopeSum struct {
	sum   [16]byte
	count int64
}

// weigh takes a row in or out of its scope's sum. Only rows that the server
// holds in the scope too are weighed.
func (p *pull) weigh(r *shadowRow, in bool) {
	if r.gone != goneNot {
		return
	}
	d := p.sums[r.scope]
	if in {
		d.sum, d.count = syncproto.SumAdd(d.sum, r.hash), d.count+1
	} else {
		d.sum, d.count = syncproto.SumSub(d.sum, r.hash), d.count-1
	}
	p.sums[r.scope] = d
}

// pull brings what the server sent into the file, within one transaction.
type pull struct {
	t    *tx
	k    *keyring
	sums map[int64]scopeSum
	out  Applied
}

func newPull(t *tx, k *keyring) *pull {
	return &pull{t: t, k: k, sums: map[int64]scopeSum{}}
}

// store writes a row with its state.
func (p *pull) store(r *shadowRow, state *syncproto.RecordState) error {
	sk, err := p.k.of(r.scope)
	if err != nil {
		return err
	}
	r.hash = wire.StateHash(state)
	r.state, err = sk.key.seal(p.t.s.opt.Rand, bound("record", r.record[:]), wire.AppendRecord(nil, state, 0))
	if err != nil {
		return err
	}
	_, err = p.t.exec(`INSERT INTO shadow (record, scope, position, load, gone, hash, state) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (record) DO UPDATE SET scope = excluded.scope, position = excluded.position, load = excluded.load,
			gone = excluded.gone, hash = excluded.hash, state = excluded.state`,
		r.record[:], r.scope, int64(r.position), r.load, r.gone, r.hash[:], r.state)
	if err != nil {
		return err
	}
	p.weigh(r, true)
	p.t.touch(r.record)
	return nil
}

// empty takes the state out of a row that stays as what gone says.
func (p *pull) empty(r *shadowRow, gone int) error {
	p.weigh(r, false)
	r.gone = gone
	_, err := p.t.exec("UPDATE shadow SET gone = ?, hash = zeroblob(16), state = x'' WHERE n = ?", gone, r.n)
	p.t.touch(r.record)
	return err
}

// settle writes what the transaction changed of the sums.
func (p *pull) settle() error {
	for n, d := range p.sums {
		var sum []byte
		if err := p.t.row("SELECT sum FROM scope WHERE n = ?", n).Scan(&sum); err != nil {
			return fmt.Errorf("read sum: %w", missing(err, ErrCorrupt))
		}
		if len(sum) != 16 {
			return fmt.Errorf("sum of scope %d: %w", n, ErrCorrupt)
		}
		next := syncproto.SumAdd([16]byte(sum), d.sum)
		if _, err := p.t.exec("UPDATE scope SET sum = ?, count = count + ? WHERE n = ?", next[:], d.count, n); err != nil {
			return err
		}
	}
	clear(p.sums)
	return nil
}
