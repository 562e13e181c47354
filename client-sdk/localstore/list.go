package localstore

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// Row is a record in a list.
type Row struct {
	Record syncproto.RecordID
	Form   uint32
	Scope  syncproto.ScopeID
	// Title is made of the form's title fields, in Persian, with plain digits;
	// empty for a form that is not known here and for a record that is only a draft.
	Title string
	Sync  Sync
	// Conflicts counts the cells that a person must settle.
	Conflicts int
	// Deleted: the record stands as deleted. Draft: a form was begun on it.
	Deleted, Draft bool
	// Changed is when its last version was saved, Unix milliseconds by its
	// author's corrected clock.
	Changed int64
}

// Order is the order of a list.
type Order uint8

// The orders.
const (
	ByTitle   Order = 0 // as a Persian reader sorts
	ByChanged Order = 1 // the latest first
)

// Filter narrows a list; the zero Filter lists all records that stand.
type Filter struct {
	Form   uint32              // 0: all
	Scopes []syncproto.ScopeID // nil: all
	// RefersTo lists records that refer to this one, by Field or, if that is 0,
	// by any field.
	RefersTo syncproto.RecordID
	Field    uint32
	// Text must be found in titles or searched fields, every word of it; the
	// last word need only begin so.
	Text string
	// Attention lists records whose Sync is at least this.
	Attention Sync
	// States lists records of which the Sync is one of these, nil for all.
	States []Sync
	// Conflicts lists records with open conflicts only, Drafts those with a
	// draft; Deleted lists deleted ones too, Gone no others.
	Conflicts, Drafts, Deleted, Gone bool
	Order                            Order
	// After is Listing.Next of the page before, Max how many rows to return,
	// 0 for DefaultRows.
	After string
	Max   int
}

const (
	// DefaultRows and MaxRows are what one page of a list holds: a few screens.
	DefaultRows = 50
	MaxRows     = 1000
)

// ErrBadCursor says that Filter.After is none that a list gave.
var ErrBadCursor = errors.New("not a place in a list")

// Listing is one page of a list.
type Listing struct {
	Rows []Row
	// Next is where the next page begins, "" after the last.
	Next string
}

// List returns records by title, form, scope, reference, text or state.
func (s *Store) List(ctx context.Context, f Filter) (Listing, error) {
	limit := f.Max
	if limit <= 0 {
		limit = DefaultRows
	}
	limit = min(limit, MaxRows)
	where, args, err := f.where()
	if err != nil {
		return Listing{}, fmt.Errorf("list: %w", err)
	}
	order := "sortkey, record"
	if f.Order == ByChanged {
		order = "changed DESC, record"
	}
	if f.After != "" {
		cond, place, err := f.place()
		if err != nil {
			return Listing{}, fmt.Errorf("list: %w", err)
		}
		where, args = where+" AND "+cond, append(args, place...)
	}
	if err := s.catchUpFor(ctx, &f); err != nil {
		return Listing{}, fmt.Errorf("list: %w", err)
	}
	var out Listing
	var last []byte
	err = s.withIndex(func(x *index) error {
		rows, err := x.db.QueryContext(context.WithoutCancel(ctx), `SELECT record, form, scope, title, sync, conflicts, alive, draft, changed, sortkey
			FROM row WHERE `+where+" ORDER BY "+order+" LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r Row
			var record, scope, sortkey []byte
			var alive bool
			if err := rows.Scan(&record, &r.Form, &scope, &r.Title, &r.Sync, &r.Conflicts, &alive, &r.Draft, &r.Changed, &sortkey); err != nil {
				return err
			}
			if len(out.Rows) == limit {
				out.Next = f.mark(&out.Rows[limit-1], last)
				break
			}
			copy(r.Record[:], record)
			copy(r.Scope[:], scope)
			r.Deleted = !alive
			out.Rows, last = append(out.Rows, r), sortkey
		}
		return rows.Err()
	})
	if err != nil {
		return Listing{}, fmt.Errorf("list: %w", err)
	}
	return out, nil
}

// Count returns how many records a list would hold in all; After and Max are
// not looked at.
func (s *Store) Count(ctx context.Context, f Filter) (n int, err error) {
	where, args, err := f.where()
	if err == nil {
		err = s.catchUpFor(ctx, &f)
	}
	if err == nil {
		err = s.withIndex(func(x *index) error {
			return x.db.QueryRowContext(context.WithoutCancel(ctx), "SELECT count(*) FROM row WHERE "+where, args...).Scan(&n)
		})
	}
	if err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}

// Tally returns how many records of each form a list would hold in all; After and
// Max are not looked at.
func (s *Store) Tally(ctx context.Context, f Filter) (forms map[uint32]int, err error) {
	where, args, err := f.where()
	if err == nil {
		err = s.catchUpFor(ctx, &f)
	}
	if err == nil {
		err = s.withIndex(func(x *index) error {
			forms = map[uint32]int{}
			rows, err := x.db.QueryContext(context.WithoutCancel(ctx), "SELECT form, count(*) FROM row WHERE "+where+" GROUP BY form", args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var form uint32
				var n int
				if err := rows.Scan(&form, &n); err != nil {
					return err
				}
				forms[form] = n
			}
			return rows.Err()
		})
	}
	if err != nil {
		return nil, fmt.Errorf("count by form: %w", err)
	}
	return forms, nil
}

// Find returns records that hold every word of a text, by title.
func (s *Store) Find(ctx context.Context, text string, max int) ([]Row, error) {
	l, err := s.List(ctx, Filter{Text: text, Max: max})
	return l.Rows, err
}

// filedAt is the scope under which the index files a key; none for one that
// holds everywhere.
func filedAt(scope syncproto.ScopeID, key schemas.PeerKey) []byte {
	if key.Everywhere {
		return []byte{}
	}
	return scope[:]
}

// Peers returns the records that stand and are filed under one of the keys, in a
// scope or everywhere as the key says, without one, the latest changed first.
// Right after a first load some are not found yet: who saves a form does not
// wait until all were looked at.
func (s *Store) Peers(ctx context.Context, scope syncproto.ScopeID, keys []schemas.PeerKey, without syncproto.RecordID, max int) (ids []syncproto.RecordID, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var args []any
	for i := range keys {
		args = append(args, filedAt(scope, keys[i]), keys[i].Digest[:])
	}
	query := peersQuery(len(keys))
	s.catchUpSome(ctx)
	err = s.withIndex(func(x *index) error {
		rows, err := x.db.QueryContext(context.WithoutCancel(ctx), query, append(args, without[:], max)...)
		if err != nil {
			return err
		}
		ids, err = scanRecords(rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find peers: %w", err)
	}
	return ids, nil
}

func peersQuery(keys int) string {
	return "SELECT record FROM row WHERE n IN (SELECT n FROM peer WHERE (scope, key) IN (VALUES (?, ?)" + strings.Repeat(", (?, ?)", keys-1) +
		")) AND alive = 1 AND record <> ? ORDER BY changed DESC, record LIMIT ?"
}

// withIndex runs f, which only reads, over the index; again if the index had to
// be made anew first.
func (s *Store) withIndex(f func(*index) error) error {
	err := s.readIndex(f)
	if err == nil || errors.Is(err, ErrLocked) {
		return err
	}
	s.write.Lock()
	defer s.write.Unlock()
	if s.index == nil {
		return ErrLocked
	}
	if s.index.stale != nil {
		return s.index.stale // it was tried already
	}
	s.mendIndex(context.Background())
	return s.readIndex(f)
}

func (s *Store) readIndex(f func(*index) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.index == nil {
		return ErrLocked
	}
	if s.index.stale != nil {
		return s.index.stale
	}
	return f(s.index)
}

// whole says whether a record may be listed that just came for the first time
// and that nothing of this device belongs to: it has no conflict, and waits for
// nobody.
func (f *Filter) whole() bool {
	return !f.Conflicts && f.Attention == 0 && (f.States == nil || slices.Contains(f.States, SyncNone))
}

func (f *Filter) where() (string, []any, error) {
	conds := []string{"1"}
	var args []any
	add := func(cond string, more ...any) {
		conds = append(conds, cond)
		args = append(args, more...)
	}
	if f.Form != 0 {
		add("form = ?", f.Form)
	}
	if len(f.Scopes) > syncproto.MaxScopes {
		return "", nil, fmt.Errorf("%d scopes, at most %d: %w", len(f.Scopes), syncproto.MaxScopes, ErrBadCursor)
	}
	if f.Scopes != nil {
		var scopes []any
		for i := range f.Scopes {
			scopes = append(scopes, f.Scopes[i][:])
		}
		add("scope IN (?"+strings.Repeat(", ?", max(0, len(scopes)-1))+")", append(scopes, make([]any, max(0, 1-len(scopes)))...)...)
	}
	if !f.RefersTo.IsZero() {
		if f.Field != 0 {
			add("n IN (SELECT n FROM link WHERE target = ? AND field = ?)", f.RefersTo[:], f.Field)
		} else {
			add("n IN (SELECT n FROM link WHERE target = ?)", f.RefersTo[:])
		}
	}
	if f.Text != "" {
		if match := persian.MatchQuery(f.Text, true); match != "" {
			add("n IN (SELECT rowid FROM words WHERE words MATCH ?)", match)
		} else {
			add("0")
		}
	}
	if f.Attention > 0 {
		add("sync >= ?", f.Attention)
	}
	if f.States != nil {
		var states []any
		for _, s := range f.States {
			states = append(states, s)
		}
		add("sync IN (NULL"+strings.Repeat(", ?", len(states))+")", states...)
	}
	if f.Conflicts {
		add("conflicts > 0")
	}
	if f.Drafts {
		add("draft = 1")
	}
	switch {
	case f.Gone:
		add("alive = 0")
	case !f.Deleted:
		add("alive = 1")
	}
	return strings.Join(conds, " AND "), args, nil
}

// mark names the place after a row: the order's key, then the record.
func (f *Filter) mark(r *Row, sortkey []byte) string {
	b := append([]byte{byte(f.Order)}, r.Record[:]...)
	if f.Order == ByChanged {
		return hex.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(r.Changed)))
	}
	return hex.EncodeToString(append(b, sortkey...))
}

func (f *Filter) place() (cond string, args []any, err error) {
	b, err := hex.DecodeString(f.After)
	if err != nil || len(b) < 17 || b[0] != byte(f.Order) {
		return "", nil, ErrBadCursor
	}
	record, key := b[1:17], b[17:]
	if f.Order == ByChanged {
		if len(key) != 8 {
			return "", nil, ErrBadCursor
		}
		changed := int64(binary.BigEndian.Uint64(key))
		return "(changed < ? OR changed = ? AND record > ?)", []any{changed, changed, record}, nil
	}
	return "(sortkey, record) > (?, ?)", []any{key, record}, nil
}
