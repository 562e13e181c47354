package localstore

import (
	"fmt"

	"mahalleh/syncproto"
)

// inState says whether an outcome means that the change's operations are in
// the server's state of the record.
func inState(o syncproto.Outcome) bool {
	switch o {
	case syncproto.Applied, syncproto.Merged, syncproto.Conflicted, syncproto.Duplicate:
		return true
	}
	return false
}

// outcomeInState is inState in SQL.
var outcomeInState = fmt.Sprintf("outcome IN (%d, %d, %d, %d)", syncproto.Applied, syncproto.Merged, syncproto.Conflicted, syncproto.Duplicate)

// mustOverlay says whether a change with this result is not yet in the
// server's state as it is held here.
func (p *pull) mustOverlay(record syncproto.RecordID, res *syncproto.Result) (bool, error) {
	if !inState(res.Outcome) {
		return false, nil
	}
	r, found, err := readShadow(p.t.ctx, p.t, record)
	if err != nil || found && r.gone == goneErased {
		return false, err
	}
	if sk := p.k.scopes[r.scope]; found && r.held() && sk != nil && sk.id == res.Scope && res.Position <= r.position {
		return false, nil
	}
	return p.ahead(res.Scope, res.Position)
}

// ahead reports whether the device has not caught up to a position of a scope
// that it holds. Once it has, what was applied there is in the record, wherever
// that has moved since. A page alone does not say so: it may end between a
// change and somebody's later one, and the record comes with the next.
func (p *pull) ahead(scope syncproto.ScopeID, position uint64) (bool, error) {
	if p.k.byID[scope] == nil {
		return false, nil // never will
	}
	c, err := p.cursor(scope)
	return c.caught < position, err
}

// reached ends the overlay of changes applied in a scope up to a position that
// the device has caught up to.
func (p *pull) reached(scope syncproto.ScopeID, position uint64) error {
	const where = "overlay = 1 AND res_scope = ? AND res_position BETWEEN 1 AND ? AND "
	if err := p.t.touchEntries(where+outcomeInState, scope[:], int64(position)); err != nil {
		return err
	}
	_, err := p.t.exec("UPDATE entry SET overlay = 0 WHERE "+where+outcomeInState, scope[:], int64(position))
	return err
}

// contains looks which own changes of a record are in the state that a page
// just brought: those whose version stands in it, and those before them in the
// same log, for a log is judged in order; those applied in its scope up to the
// row's position; and those applied elsewhere, once that scope is caught up.
func (p *pull) contains(r *shadowRow, state *syncproto.RecordState) error {
	own, err := p.ownResults(r.record)
	if err != nil {
		return err
	}
	standing := map[int64]int64{} // log -> place of its last change that stands
	for _, e := range own {
		if _, stands := state.Versions[e.change]; stands || state.Latest == e.change || state.Created == e.change {
			standing[e.at>>seqBits] = e.at
		}
	}
	for _, e := range own {
		overlay := false
		switch {
		case e.at == standing[e.at>>seqBits]:
		case e.outcome == 0:
			overlay = e.at > standing[e.at>>seqBits]
		case inState(e.outcome):
			if overlay = e.position > r.position; e.scope != state.Home {
				if overlay, err = p.ahead(e.scope, e.position); err != nil {
					return err
				}
			}
		}
		if overlay == e.overlay {
			continue
		}
		if _, err := p.t.exec("UPDATE entry SET overlay = ? WHERE at = ?", overlay, e.at); err != nil {
			return err
		}
	}
	return nil
}

// ownResult is what is known of an own change.
type ownResult struct {
	at       int64
	change   syncproto.ChangeID
	outcome  syncproto.Outcome
	scope    syncproto.ScopeID
	position uint64
	overlay  bool
}

func (p *pull) ownResults(id syncproto.RecordID) (own []ownResult, err error) {
	rows, err := p.t.QueryContext(p.t.ctx, "SELECT at, change, outcome, res_scope, res_position, overlay FROM entry WHERE record = ? ORDER BY at", id[:])
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e ownResult
		var change, scope []byte
		if err := rows.Scan(&e.at, &change, &e.outcome, &scope, &e.position, &e.overlay); err != nil {
			return nil, translate(err)
		}
		copy(e.change[:], change)
		copy(e.scope[:], scope)
		own = append(own, e)
	}
	return own, translate(rows.Err())
}

// caughtUp ends the overlay of changes that were in every state that this
// session has sent, see SetReceived: all of them are here now.
func (p *pull) caughtUp() error {
	const where = "overlay = 1 AND res_position = 0 AND "
	if err := p.t.touchEntries(where + outcomeInState); err != nil {
		return err
	}
	_, err := p.t.exec("UPDATE entry SET overlay = 0 WHERE " + where + outcomeInState)
	return err
}
