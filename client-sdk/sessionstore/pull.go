package sessionstore

import (
	"context"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// CommitResults implements syncer.Store.
func (s *Store) CommitResults(ctx context.Context, e session.CommitResults) error {
	err := s.local.SaveAck(ctx, e.Log, e.Received, e.Results)
	return translate(err)
}

// CommitPage implements syncer.Store.
func (s *Store) CommitPage(ctx context.Context, e session.CommitPage) error {
	if e.Reset {
		if err := s.local.ResetCursor(ctx, e.Page.Scope); err != nil {
			return translate(err)
		}
	}
	err := s.local.ApplyPage(ctx, &e.Page)
	return translate(err)
}

// CommitCaught implements syncer.Store.
func (s *Store) CommitCaught(ctx context.Context, e session.CommitCaught) (session.CaughtCommitted, error) {
	for _, scope := range e.Reset {
		if err := s.local.ResetCursor(ctx, scope); err != nil {
			return session.CaughtCommitted{}, translate(err)
		}
	}
	if err := s.local.ApplyCaught(ctx, &e.Caught); err != nil {
		return session.CaughtCommitted{}, translate(err)
	}
	held, err := s.heads(ctx)
	if err != nil {
		return session.CaughtCommitted{}, err
	}
	var out session.CaughtCommitted
	for _, h := range e.Caught.Heads {
		out.Heads = append(out.Heads, held[h.Scope])
	}
	return out, nil
}

// heads says how each scope stands here.
func (s *Store) heads(ctx context.Context) (map[syncproto.ScopeID]wire.Head, error) {
	scopes, err := s.local.Scopes(ctx)
	if err != nil {
		return nil, translate(err)
	}
	heads := make(map[syncproto.ScopeID]wire.Head, len(scopes))
	for _, c := range scopes {
		heads[c.Scope] = wire.Head{Scope: c.Scope, Position: c.Position, Sum: c.Held, Count: c.Count}
	}
	return heads, nil
}

// ReadBuckets implements syncer.Store.
func (s *Store) ReadBuckets(ctx context.Context, e session.ReadBuckets) (session.BucketsRead, error) {
	raw, position, err := s.local.Buckets(ctx, e.Scope)
	if err != nil {
		return session.BucketsRead{}, translate(err)
	}
	r := session.BucketsRead{Scope: e.Scope, Position: position}
	for i := range r.Sums {
		copy(r.Sums[i][:], raw[16*i:])
	}
	return r, nil
}

// ReadEntries implements syncer.Store.
func (s *Store) ReadEntries(ctx context.Context, e session.ReadEntries) (session.EntriesRead, error) {
	entries, err := s.local.Entries(ctx, e.Scope, e.Buckets)
	return session.EntriesRead{Scope: e.Scope, Buckets: e.Buckets, Entries: entries}, translate(err)
}

// MendRecords implements syncer.Store.
func (s *Store) MendRecords(ctx context.Context, e session.MendRecords) (session.RecordsMended, error) {
	m := wire.Records{Scope: e.Scope, Position: e.Position, Records: e.Records, Gone: e.Gone}
	if err := s.local.ApplyRepair(ctx, &m); err != nil {
		return session.RecordsMended{}, translate(err)
	}
	heads, err := s.heads(ctx)
	if err != nil {
		return session.RecordsMended{}, err
	}
	out := session.RecordsMended{Scope: e.Scope, Head: heads[e.Scope]}
	if len(e.Gone) > 0 {
		buckets := make([]byte, 0, len(e.Gone))
		for _, id := range e.Gone {
			buckets = append(buckets, session.BucketOf(id))
		}
		left, err := s.local.Entries(ctx, e.Scope, buckets)
		if err != nil {
			return out, translate(err)
		}
		for _, id := range e.Gone {
			if slices.ContainsFunc(left, func(x wire.Entry) bool { return x.Record == id }) {
				out.Kept++
			}
		}
	}
	return out, nil
}

// ResetCursor implements syncer.Store.
func (s *Store) ResetCursor(ctx context.Context, e session.ResetCursor) error {
	return translate(s.local.ResetCursor(ctx, e.Scope))
}

// SaveGrants implements syncer.Store.
func (s *Store) SaveGrants(ctx context.Context, e session.SaveGrants) error {
	if err := s.save(ctx, settingGrants, e.Grants); err != nil {
		return translate(err)
	}
	ids := make([]syncproto.ScopeID, len(e.Grants.Grants))
	for i, g := range e.Grants.Grants {
		ids[i] = g.Scope
	}
	return translate(s.local.OpenScopes(ctx, ids))
}

// DropScope implements syncer.Store.
func (s *Store) DropScope(ctx context.Context, e session.DropScope) (session.ScopeDropped, error) {
	d, err := s.local.DropScope(ctx, e.Scope)
	return session.ScopeDropped{Scope: e.Scope, Pending: d.Waiting > 0}, translate(err)
}

// MarkBackupSafe implements syncer.Store.
func (s *Store) MarkBackupSafe(ctx context.Context, e session.MarkBackupSafe) error {
	if err := s.local.MarkBackupSafe(ctx, e.Log, e.Seq); err != nil {
		return translate(err)
	}
	return s.letGo(ctx)
}

// letGo forgets own changes that need not be kept any longer.
func (s *Store) letGo(ctx context.Context) error {
	_, err := s.local.Trim(ctx, s.keep)
	return translate(err)
}

// SaveReceipt implements syncer.Store.
func (s *Store) SaveReceipt(ctx context.Context, e session.SaveReceipt) error {
	r, err := wire.DecodeReceipt(e.Receipt)
	if err != nil {
		return err
	}
	id, err := s.local.Identity(ctx)
	if err != nil {
		return translate(err)
	}
	keys, err := wire.DecodeServerKeys(id.Server)
	if err != nil {
		return err
	}
	if err := r.Verify(keys.Receipt); err != nil {
		return err
	}
	return translate(s.local.SetSetting(ctx, settingReceipt+r.Log.String(), e.Receipt))
}
