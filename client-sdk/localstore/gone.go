package localstore

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// left lets go of a record that the scope does not hold any more, unless it
// has come elsewhere meanwhile, as soon as its own changes are received.
func (p *pull) left(c cursorRow, id syncproto.RecordID) error {
	r, found, err := readShadow(p.t.ctx, p.t, id)
	if err != nil || !found || r.scope != c.n || r.gone != goneNot {
		return err
	}
	pending, err := p.t.pendingOf(id)
	if err != nil {
		return err
	}
	if pending {
		p.weigh(&r, false)
		_, err := p.t.exec("UPDATE shadow SET gone = ? WHERE n = ?", goneLeft, r.n)
		p.t.touch(id)
		return err
	}
	return p.letGo(&r)
}

func (p *pull) letGo(r *shadowRow) error {
	if err := p.empty(r, goneAway); err != nil {
		return err
	}
	_, err := p.t.exec("UPDATE entry SET overlay = 0 WHERE record = ? AND overlay = 1", r.record[:])
	return err
}

// erased forgets a record: its state, its drafts, what the logs say of it as
// soon as a backup holds them. The row stays, so that nothing brings it back.
func (p *pull) erased(c cursorRow, id syncproto.RecordID) error {
	r, found, err := readShadow(p.t.ctx, p.t, id)
	if err != nil {
		return err
	}
	if found {
		if err := p.empty(&r, goneErased); err != nil {
			return err
		}
	} else if _, err := p.t.exec(`INSERT INTO shadow (record, scope, position, load, gone, hash, state)
		VALUES (?, ?, 0, ?, ?, zeroblob(16), x'')`, id[:], c.n, c.load, goneErased); err != nil {
		return err
	}
	return p.t.forgetRecord(id)
}

// forgetRecord forgets what the device's own work says of an erased record.
func (t *tx) forgetRecord(id syncproto.RecordID) error {
	t.touch(id)
	if _, err := t.exec("DELETE FROM draft WHERE record = ?", id[:]); err != nil {
		return err
	}
	if err := t.forgetBefore(id); err != nil {
		return err
	}
	marks := "overlay = 0, redact = 1"
	if planted.Bug("the own log keeps what was erased") {
		marks = "overlay = 0"
	}
	if _, err := t.exec("UPDATE entry SET "+marks+" WHERE record = ?", id[:]); err != nil {
		return err
	}
	if err := t.spoilSnapshot(); err != nil {
		return err
	}
	return t.redactDue()
}

// sweep ends a first load: what an older load had brought and this one did
// not is no longer in the scope.
func (p *pull) sweep(c cursorRow) error {
	rows, err := p.t.QueryContext(p.t.ctx, "SELECT record FROM shadow WHERE scope = ? AND load < ? AND gone = ?", c.n, c.load, goneNot)
	if err != nil {
		return translate(err)
	}
	ids, err := scanRecords(rows)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, _, err := readShadow(p.t.ctx, p.t, id)
		if err != nil {
			return err
		}
		if err := p.empty(&r, goneAway); err != nil {
			return err
		}
		if err := p.makeAnew(id); err != nil {
			return err
		}
	}
	return nil
}

// makeAnew lets own changes make a record whose state went: those that the
// server has to be sent again, and those that it applied after what the device
// has caught up to, which a later page brings.
func (p *pull) makeAnew(id syncproto.RecordID) error {
	_, err := p.t.exec("UPDATE entry SET overlay = (outcome = 0 OR "+outcomeInState+` AND EXISTS (SELECT 1 FROM scope
		WHERE scope.id = entry.res_scope AND length(key) > 0 AND caught < entry.res_position)) WHERE record = ?`, id[:])
	return err
}
