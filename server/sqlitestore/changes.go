package sqlitestore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// appendResult writes what columns do not hold of a result, nothing for most: an
// acknowledgement message with this one result, so that stored results are read as
// long as sent ones are.
func appendResult(b []byte, r syncproto.Result) []byte {
	r.Change, r.Scope, r.Outcome, r.Position = syncproto.ChangeID{}, syncproto.ScopeID{}, 0, 0
	if r.Reason == 0 && r.WaitsFor.IsZero() && len(r.Cells) == 0 {
		return b
	}
	return wire.AppendMessage(b, &wire.Ack{Results: []syncproto.Result{r}})
}

func decodeResult(b []byte) (syncproto.Result, error) {
	if len(b) == 0 {
		return syncproto.Result{}, nil
	}
	m, err := wire.DecodeMessage(wire.MsgAck, b)
	if err != nil {
		return syncproto.Result{}, fmt.Errorf("decode result: %w: %w", store.ErrCorrupt, err)
	}
	ack, ok := m.(*wire.Ack)
	if !ok || len(ack.Results) != 1 {
		return syncproto.Result{}, fmt.Errorf("decode result: %w", store.ErrCorrupt)
	}
	return ack.Results[0], nil
}

// resultColumns are what scanResult reads.
const resultColumns = "id, outcome, result_scope, position, result"

func (r *reader) scanResult(row *row) (syncproto.Result, error) {
	id, outcome, scope, position := row.id(), syncproto.Outcome(row.int()), row.int(), row.int()
	res, err := decodeResult(row.blob())
	if err != nil {
		return res, fmt.Errorf("change %s: %w", syncproto.ChangeID(id), err)
	}
	res.Change, res.Outcome, res.Position = id, outcome, uint64(position)
	res.Scope, err = r.idOf(scope)
	return res, err
}

const (
	changeFields  = resultColumns + ", num, record, scope, author, device, log, seq, received, ord, body"
	changeColumns = "SELECT " + changeFields + " FROM changes "
	// numColumn and scopeColumn are where these stand in it.
	numColumn, scopeColumn = 5, 7
)

// scanChange reads changeColumns; num is the order of receipt.
func (r *reader) scanChange(row *row) (c store.Change, num int64, err error) {
	if c.Result, err = r.scanResult(row); err != nil {
		return c, 0, err
	}
	c.ID = c.Result.Change
	num = row.int()
	c.Record = row.id()
	var ids [4][16]byte
	for i := range ids {
		if ids[i], err = r.idOf(row.int()); err != nil {
			return c, num, err
		}
	}
	c.Scope, c.Author, c.Device, c.Log = ids[0], ids[1], ids[2], ids[3]
	c.Seq, c.Received = uint64(row.int()), row.int()
	c.Order = uint64(row.int())
	c.Bytes = row.blob()
	return c, num, nil
}

// Change implements store.ChangeReader.
func (r *reader) Change(id syncproto.ChangeID) (c store.Change, err error) {
	err = r.c.one(changeColumns+"WHERE id = ?", func(row *row) error { c, _, err = r.scanChange(row); return err }, id[:])
	if err != nil {
		return store.Change{}, fmt.Errorf("change %s: %w", id, err)
	}
	return c, nil
}

// Changes implements store.ChangeReader.
func (r *reader) Changes(ids []syncproto.ChangeID) (list []store.Change, err error) {
	err = r.among(changeFields, "changes", "id", "", bare(ids), func(row *row) error {
		c, _, err := r.scanChange(row)
		list = append(list, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%d changes: %w", len(ids), err)
	}
	return list, nil
}

// bare takes the meaning off ids.
func bare[ID ~[16]byte](ids []ID) [][16]byte {
	out := make([][16]byte, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

// Outcome implements store.ChangeReader.
func (r *reader) Outcome(id syncproto.ChangeID) (o syncproto.Outcome, err error) {
	err = r.c.one("SELECT outcome FROM changes WHERE id = ?", func(row *row) error { o = syncproto.Outcome(row.int()); return nil }, id[:])
	if err != nil {
		return 0, fmt.Errorf("change %s: %w", id, err)
	}
	return o, nil
}

// received is a change with its number in the order of receipt.
type received struct {
	change store.Change
	num    int64
}

// scanReceived reads changeColumns.
func (r *reader) scanReceived(list *[]received) func(*row) error {
	return func(row *row) error {
		c, num, err := r.scanChange(row)
		*list = append(*list, received{c, num})
		return err
	}
}

func changesOf(list []received) []store.Change {
	all := make([]store.Change, len(list))
	for i := range list {
		all[i] = list[i].change
	}
	return all
}

// History implements store.ChangeReader.
func (r *reader) History(record syncproto.RecordID) ([]store.Change, error) {
	var found []received
	if err := r.each(changeColumns+"WHERE record = ?", r.scanReceived(&found), record[:]); err != nil {
		return nil, fmt.Errorf("history of %s: %w", record, err)
	}
	slices.SortFunc(found, func(a, b received) int {
		// Order less one wraps to the last place for those that were not applied.
		return cmp.Or(cmp.Compare(a.change.Order-1, b.change.Order-1), cmp.Compare(a.num, b.num))
	})
	return changesOf(found), nil
}

// Waiting implements store.ChangeReader.
func (r *reader) Waiting(records []syncproto.RecordID, o syncproto.Outcome) ([]store.Change, error) {
	var found []received
	table, rest := "changes", " AND outcome = ?"
	if o > syncproto.Conflicted {
		table, rest = "changes INDEXED BY changes_waiting", " AND outcome = ? AND outcome > 3"
	}
	if err := r.among(changeFields, table, "record", rest, bare(records), r.scanReceived(&found), int64(o)); err != nil {
		return nil, fmt.Errorf("waiting changes of %d records: %w", len(records), err)
	}
	slices.SortFunc(found, func(a, b received) int { return cmp.Compare(a.num, b.num) })
	return changesOf(found), nil
}

// ByOutcome implements store.ChangeReader.
func (r *reader) ByOutcome(o syncproto.Outcome, scopes []syncproto.ScopeID, after syncproto.ChangeID, max int) ([]store.Change, error) {
	list, err := r.byOutcome(o, scopes, after, max)
	if err != nil {
		return nil, fmt.Errorf("changes with outcome %s: %w", o, err)
	}
	return list, nil
}

func (r *reader) byOutcome(o syncproto.Outcome, scopes []syncproto.ScopeID, after syncproto.ChangeID, max int) (list []store.Change, err error) {
	from := int64(0)
	if !after.IsZero() {
		err := r.c.one("SELECT num FROM changes WHERE id = ?", func(row *row) error { from = row.int(); return nil }, after[:])
		if err != nil {
			return nil, fmt.Errorf("after %s: %w", after, err)
		}
	}
	in, err := r.scopeSet(scopes)
	if err != nil || max <= 0 {
		return nil, err
	}
	// The index of the rarer outcomes serves only a condition that names them.
	sql := changeColumns + "WHERE outcome = ? AND num > ? ORDER BY num"
	if o > syncproto.Merged {
		sql = changeColumns + "WHERE outcome = ? AND outcome > 2 AND num > ? ORDER BY num"
	}
	err = r.each(sql, func(row *row) error {
		if scope, ok := row.v[scopeColumn].(int64); in != nil && ok && !in[scope] {
			return nil
		}
		c, _, err := r.scanChange(row)
		if list = append(list, c); err == nil && len(list) == max {
			err = errEnough
		}
		return err
	}, int64(o), from)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// SetAside implements store.ChangeReader.
func (r *reader) SetAside(device syncproto.DeviceID, max int) (list []store.Change, err error) {
	num, err := r.numOf(device)
	if isNotFound(err) || err == nil && max <= 0 {
		return nil, nil
	}
	if err == nil {
		err = r.each(changeColumns+"WHERE device = ? AND outcome > 3 ORDER BY num", func(row *row) error {
			// Columns are counted as in changeColumns.
			if o, ok := row.v[1].(int64); ok && o != int64(syncproto.Parked) && o != int64(syncproto.Quarantined) && o != int64(syncproto.Erased) {
				return nil
			}
			c, _, err := r.scanChange(row)
			if list = append(list, c); err == nil && len(list) == max {
				err = errEnough
			}
			return err
		}, num)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("what is set aside of device %s: %w", device, err)
	}
	return list, nil
}

// errEnough ends an answer early.
var errEnough = errors.New("enough")

// scopeSet turns scopes into their numbers; nil stays nil, for all scopes.
func (r *reader) scopeSet(scopes []syncproto.ScopeID) (map[int64]bool, error) {
	if scopes == nil {
		return nil, nil
	}
	set := make(map[int64]bool, len(scopes))
	for _, s := range scopes {
		num, err := r.numOf(s)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		set[num] = true
	}
	return set, nil
}

// Decisions implements store.ChangeReader.
func (r *reader) Decisions(id syncproto.ChangeID) (list []store.Quarantine, err error) {
	err = r.each("SELECT decision, by, at, note, instead FROM decisions WHERE change = ? ORDER BY num", func(row *row) error {
		q := store.Quarantine{Change: id, Decision: row.text()}
		by, err := r.idOf(row.int())
		q.By, q.At, q.Note, q.Instead = by, row.int(), row.text(), row.id()
		list = append(list, q)
		return err
	}, id[:])
	if err != nil {
		return nil, fmt.Errorf("decisions about %s: %w", id, err)
	}
	return list, nil
}

// PutChange implements store.ChangeWriter.
func (t *tx) PutChange(c store.Change) error {
	var nums [5]int64
	for i, id := range [...][16]byte{c.Scope, c.Author, c.Device, c.Log, c.Result.Scope} {
		var err error
		if nums[i], err = t.intern(id); err != nil {
			return fmt.Errorf("put change %s: %w", c.ID, err)
		}
	}
	query := `INSERT INTO changes (id, record, outcome, scope, author, device, log, seq, received, ord, result_scope, position, result, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET record = excluded.record, outcome = excluded.outcome, scope = excluded.scope,
			author = excluded.author, device = excluded.device, log = excluded.log, seq = excluded.seq,
			received = excluded.received, ord = excluded.ord,
			result_scope = excluded.result_scope, position = excluded.position, result = excluded.result, body = excluded.body`
	if planted.Bug("a change's bytes are written once") {
		query = strings.Replace(query, "body = excluded.body", "body = changes.body", 1)
	}
	err := t.put(query,
		c.ID[:], c.Record[:], int64(c.Result.Outcome), nums[0], nums[1], nums[2], nums[3], int64(c.Seq), c.Received,
		int64(c.Order), nums[4], int64(c.Result.Position), bytesOrNull(appendResult(nil, c.Result)), bytesOrNull(c.Bytes))
	if err != nil {
		return fmt.Errorf("put change %s: %w", c.ID, err)
	}
	return nil
}

// PutDecision implements store.ChangeWriter.
func (t *tx) PutDecision(q store.Quarantine) error {
	by, err := t.intern(q.By)
	if err == nil {
		err = t.put("INSERT INTO decisions (change, decision, by, at, note, instead) VALUES (?, ?, ?, ?, ?, ?)",
			q.Change[:], q.Decision, by, q.At, q.Note, q.Instead[:])
	}
	if err != nil {
		return fmt.Errorf("put decision about %s: %w", q.Change, err)
	}
	return nil
}
