package sessionstore

import (
	"context"
	"fmt"

	"mahalleh/client-sdk/syncer"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// ForkLog implements syncer.Store.
func (s *Store) ForkLog(ctx context.Context, e session.ForkLog) error {
	return translate(s.local.Fork(ctx, e.Log, "the server knows another copy"))
}

// ReadBatch implements syncer.Store.
func (s *Store) ReadBatch(ctx context.Context, e session.ReadBatch) (session.BatchRead, error) {
	b, err := s.local.ReadBatch(ctx, e.Log, e.From, syncproto.MaxBatchChanges, e.MaxBytes)
	if err != nil {
		return session.BatchRead{}, translate(err)
	}
	if b.Gap != nil {
		return session.BatchRead{Log: b.Log, From: b.Gap.From, To: b.Gap.To, Head: b.Gap.Head}, nil
	}
	sealer := s.sealers[b.Log]
	if sealer == nil || e.First {
		cert, key, err := s.local.LogKey(ctx, b.Log)
		if err != nil {
			return session.BatchRead{}, translate(err)
		}
		sealer = wire.NewBatchSealer(s.codec, wire.PurposePush, cert, key)
		if s.told[b.Log] {
			sealer.PeerKnowsCert()
		}
		if s.held.log == b.Log {
			sealer.PeerKnowsHead(s.held.head)
		}
		s.sealers[b.Log] = sealer
	}
	raw, n, err := sealer.Seal(b.First, b.Prev, b.Changes, e.MaxBytes)
	if err != nil {
		return session.BatchRead{}, fmt.Errorf("%w: %w", syncer.ErrFatal, err)
	}
	return session.BatchRead{Log: b.Log, From: b.First, To: b.First + uint64(n) - 1, Batch: raw}, nil
}
