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

// shown returns the state that own changes are laid over; one that does not
// exist if none is held.
func (r *shadowRow) shown(k *keyring) (*syncproto.RecordState, error) {
	if r.held() {
		return r.open(k)
	}
	state := syncproto.NewRecordState(r.record)
	state.Erased = r.gone == goneErased
	return state, nil
}

// readShadows reads the rows that a query of all columns finds.
func readShadows(ctx context.Context, q querier, query string, args ...any) (map[syncproto.RecordID]*shadowRow, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", translate(err))
	}
	defer rows.Close()
	found := map[syncproto.RecordID]*shadowRow{}
	for rows.Next() {
		var r shadowRow
		var id, hash []byte
		if err := rows.Scan(&r.n, &id, &r.scope, &r.position, &r.load, &r.gone, &hash, &r.state); err != nil {
			return nil, fmt.Errorf("read records: %w", translate(err))
		}
		copy(r.record[:], id)
		copy(r.hash[:], hash)
		found[r.record] = &r
	}
	return found, translate(rows.Err())
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
	// writes says whether this device wrote anything, once that was asked.
	writes bool
	asked  bool
}

func newPull(t *tx, k *keyring) *pull {
	return &pull{t: t, k: k, sums: map[int64]scopeSum{}}
}

// seal makes the sealed state of a row from a record's bytes.
func (p *pull) seal(r *shadowRow, whole []byte) error {
	sk, err := p.k.of(r.scope)
	if err != nil {
		return err
	}
	r.state, err = sk.key.seal(p.t.s.opt.Rand, bound("record", r.record[:]), whole)
	return err
}

// fresh brings a record of which nothing is here yet, and of which nobody on
// this device has to be told anything: most of a first load. False says that it
// must go the long way. whole is the state as it came, in its one form.
func (p *pull) fresh(c cursorRow, state *syncproto.RecordState, whole []byte, position uint64) (_ bool, err error) {
	for _, cell := range state.Cells {
		if len(cell.Candidates) > 1 {
			return false, nil // perhaps a conflict
		}
	}
	if own, err := p.wrote(state.Record); err != nil || own {
		return false, err
	}
	r := shadowRow{record: state.Record, scope: c.n, position: position, load: c.load, gone: goneNot}
	if r.hash, err = wire.HashOfWhole(whole); err != nil {
		return false, err
	}
	if err := p.seal(&r, whole); err != nil {
		return false, err
	}
	res, err := p.t.exec(`INSERT INTO shadow (record, scope, position, load, gone, hash, state) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (record) DO NOTHING`, r.record[:], r.scope, int64(r.position), r.load, r.gone, r.hash[:], r.state)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	p.weigh(&r, true)
	p.t.fresh = append(p.t.fresh, r.record)
	return true, nil
}

// wrote says whether this device wrote changes or drafts of a record.
func (p *pull) wrote(id syncproto.RecordID) (yes bool, err error) {
	if !p.asked {
		err := p.t.row("SELECT EXISTS (SELECT 1 FROM entry) OR EXISTS (SELECT 1 FROM draft)").Scan(&p.writes)
		if err != nil {
			return false, translate(err)
		}
		p.asked = true
	}
	if !p.writes {
		return false, nil
	}
	err = p.t.row("SELECT EXISTS (SELECT 1 FROM entry WHERE record = ?1) OR EXISTS (SELECT 1 FROM draft WHERE record = ?1)", id[:]).Scan(&yes)
	return yes, translate(err)
}

// store writes a row with its state.
func (p *pull) store(r *shadowRow, state *syncproto.RecordState) error {
	r.hash = wire.StateHash(state)
	if err := p.seal(r, wire.AppendRecord(nil, state, 0)); err != nil {
		return err
	}
	_, err := p.t.exec(`INSERT INTO shadow (record, scope, position, load, gone, hash, state) VALUES (?, ?, ?, ?, ?, ?, ?)
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
	if err == nil {
		err = p.t.forgetBefore(r.record)
	}
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
