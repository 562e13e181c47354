package localstore

import (
	"context"
	"fmt"

	"mahalleh/syncproto"
)

// DraftID names a draft; the caller makes it, as it makes record ids.
type DraftID [16]byte

// Draft is a form begun and not saved. Drafts are never sent.
type Draft struct {
	ID DraftID
	// Record is the record it edits or will make.
	Record syncproto.RecordID
	Form   uint32
	Scope  syncproto.ScopeID
	// Saved is when it was last stored, Unix milliseconds; the store fills it in.
	Saved int64
	// Body is the caller's, sealed in the file.
	Body []byte
}

// MaxDraft bounds a draft's body: a form's content with the state it was
// opened on, both far below a change's and a record's own bounds.
const MaxDraft = 8 << 20

// PutDraft stores a draft; when it returns, the draft survives a crash.
func (s *Store) PutDraft(ctx context.Context, d Draft) error {
	return s.change(ctx, "store draft", func(t *tx, _ *keyring) error {
		if len(d.Body) > MaxDraft {
			return fmt.Errorf("draft of %d bytes, the limit is %d", len(d.Body), MaxDraft)
		}
		sk, err := t.scope(d.Scope)
		if err != nil {
			return err
		}
		body, err := sk.key.seal(s.opt.Rand, bound("draft", d.ID[:], d.Record[:]), d.Body)
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO draft (id, record, form, scope, saved, body) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET record = excluded.record, form = excluded.form, scope = excluded.scope,
				saved = excluded.saved, body = excluded.body`,
			d.ID[:], d.Record[:], d.Form, sk.n, s.now(), body)
		t.touch(d.Record)
		return err
	})
}

// Draft returns a draft, ErrNotFound if there is none.
func (s *Store) Draft(ctx context.Context, id DraftID) (Draft, error) {
	all, err := s.drafts(ctx, "id = ?", id[:])
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Draft{}, fmt.Errorf("read draft: %w", err)
	}
	return all[0], nil
}

// Drafts returns all drafts, the latest first.
func (s *Store) Drafts(ctx context.Context) ([]Draft, error) {
	all, err := s.drafts(ctx, "1")
	if err != nil {
		return nil, fmt.Errorf("read drafts: %w", err)
	}
	return all, nil
}

// DropDraft forgets a draft; it is no error if there is none.
func (s *Store) DropDraft(ctx context.Context, id DraftID) error {
	return s.change(ctx, "drop draft", func(t *tx, _ *keyring) error { return t.dropDraft(id) })
}

func (t *tx) dropDraft(id DraftID) error {
	rows, err := t.QueryContext(t.ctx, "DELETE FROM draft WHERE id = ? RETURNING record", id[:])
	if err != nil {
		return translate(err)
	}
	records, err := scanRecords(rows)
	for _, r := range records {
		t.touch(r)
	}
	return err
}

func (s *Store) drafts(ctx context.Context, where string, args ...any) (all []Draft, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		rows, err := q.QueryContext(ctx, "SELECT id, record, form, scope, saved, body FROM draft WHERE "+where+" ORDER BY saved DESC, id", args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d Draft
			var id, record, body []byte
			var scope int64
			if err := rows.Scan(&id, &record, &d.Form, &scope, &d.Saved, &body); err != nil {
				return err
			}
			copy(d.ID[:], id)
			copy(d.Record[:], record)
			sk, err := k.of(scope)
			if err != nil {
				return err
			}
			d.Scope = sk.id
			if d.Body, err = sk.key.open(bound("draft", id, record), body); err != nil {
				return err
			}
			all = append(all, d)
		}
		return rows.Err()
	})
	return all, err
}
