package localstore

import (
	"context"
	"fmt"

	"mahalleh/syncproto"
)

// remember keeps what stood where a change put something else.
func (t *tx) remember(ch *syncproto.Change, body []byte) error {
	if len(body) == 0 {
		return nil
	}
	sk, err := t.scope(ch.Header.Scope)
	if err != nil {
		return err
	}
	id, record := ch.ID, ch.Header.Record
	sealed, err := sk.key.seal(t.s.opt.Rand, bound("before", id[:], record[:]), body)
	if err != nil {
		return err
	}
	// Of what was erased nothing is kept, nor of a change that is there already.
	_, err = t.exec(`INSERT OR IGNORE INTO before (change, record, scope, body)
		SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM shadow WHERE record = ?2 AND gone = ?5)`, id[:], record[:], sk.n, sealed, goneErased)
	return err
}

// forgetBefore lets go of what stood before the changes of a record.
func (t *tx) forgetBefore(id syncproto.RecordID) error {
	_, err := t.exec("DELETE FROM before WHERE record = ?", id[:])
	return err
}

// trimBefore lets go of what stood before changes whose content went.
func (t *tx) trimBefore() error {
	_, err := t.exec("DELETE FROM before WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.change = before.change AND length(entry.body) > 0)")
	return err
}

// Before returns what NewChange.Before said for the own changes of a record that
// are kept, by change.
func (s *Store) Before(ctx context.Context, record syncproto.RecordID) (all map[syncproto.ChangeID][]byte, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		all = map[syncproto.ChangeID][]byte{}
		rows, err := q.QueryContext(ctx, "SELECT change, scope, body FROM before WHERE record = ?", record[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var change, sealed []byte
			var scope int64
			if err := rows.Scan(&change, &scope, &sealed); err != nil {
				return err
			}
			sk, err := k.of(scope)
			if err != nil {
				return err
			}
			body, err := sk.key.open(bound("before", change, record[:]), sealed)
			if err != nil {
				return err
			}
			all[syncproto.ChangeID(change)] = body
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read what stood before: %w", err)
	}
	return all, nil
}
