package sessionstore

import (
	"context"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// settingActs is where the checkpoints stand.
const settingActs = "acts"

// confirmEvery is how often a server's word that nothing has changed is
// written down: it costs a sync of the disk.
const confirmEvery = time.Hour

// maxBreaks bounds the proofs that are kept: the first ones, which say when it
// began.
const maxBreaks = 16

// Acts is what the device holds of the chains of administrative acts in its
// scopes, and how far the server has kept to it.
type Acts struct {
	Held []syncproto.Checkpoint
	// Confirmed is when the server last showed that its chains go on from those
	// held, Unix milliseconds by the device's clock, to about an hour; 0 before.
	Confirmed int64
	// Breaks are those times when it did not, oldest first.
	Breaks []Break
}

// Break is the proof that a chain of acts was rewritten, or that the server was
// put back to an earlier state.
type Break struct {
	// At is when, Unix milliseconds by the device's clock.
	At int64
	// Scope is zero if it is one of those in Held, not known which.
	Scope syncproto.ScopeID
	// Held is what the device held, Said what the server said instead.
	Held []syncproto.Checkpoint
	Said syncproto.Checkpoint
	// Era is the opening of the server's store that said so.
	Era syncproto.EraID
}

// ActsOf returns what the device holds of the chains of acts.
func ActsOf(ctx context.Context, local *localstore.Store) (a Acts, err error) {
	return a, load(ctx, local, settingActs, &a)
}

func (a *Acts) of(scope syncproto.ScopeID) (syncproto.Checkpoint, bool) {
	i := slices.IndexFunc(a.Held, func(c syncproto.Checkpoint) bool { return c.Scope == scope })
	if i < 0 {
		return syncproto.Checkpoint{}, false
	}
	return a.Held[i], true
}

func (a *Acts) hold(c syncproto.Checkpoint) {
	a.Held = slices.DeleteFunc(a.Held, func(old syncproto.Checkpoint) bool { return old.Scope == c.Scope })
	if c.Count > 0 && len(a.Held) < syncproto.MaxScopes {
		a.Held = append(a.Held, c)
	}
}

func (a *Acts) broke(b Break) {
	if len(a.Breaks) < maxBreaks {
		a.Breaks = append(a.Breaks, b)
	}
}

// nameActs says in Hello of how many acts this device holds the checkpoints.
// Those of scopes that Hello does not name are let go of.
func (s *Store) nameActs(ctx context.Context, h *wire.Hello) error {
	acts, err := ActsOf(ctx, s.local)
	if err != nil {
		return err
	}
	s.named = nil
	counts := make([]uint64, len(h.Cursors))
	for i, c := range h.Cursors {
		if held, ok := acts.of(c.Scope); ok {
			counts[i] = held.Count
			s.named = append(s.named, held)
		}
	}
	if len(s.named) > 0 {
		h.Acts = counts
	}
	if len(s.named) == len(acts.Held) {
		return nil
	}
	acts.Held = slices.Clone(s.named)
	return s.save(ctx, settingActs, acts)
}

// judgeActs compares the server's word on the checkpoints that Hello named with
// what is held, and reports whether it broke.
func (s *Store) judgeActs(ctx context.Context, w *wire.Welcome) (broken bool, err error) {
	named, err := s.stillGranted(ctx)
	s.named = nil
	if err != nil || len(named) == 0 || w.Acts == [16]byte{} {
		return false, err // it says nothing, as to a device that was revoked
	}
	acts, err := ActsOf(ctx, s.local)
	if err != nil {
		return false, err
	}
	now := s.local.Now().UnixMilli()
	if w.Acts == syncproto.ActsKnown(named) {
		if passed := now - acts.Confirmed; passed >= 0 && passed < confirmEvery.Milliseconds() {
			return false, nil
		}
		acts.Confirmed = now
		return false, s.save(ctx, settingActs, acts)
	}
	acts.broke(Break{At: now, Held: named, Era: w.Era})
	acts.Held = nil // the next Hello names none, and is told them all
	return true, s.save(ctx, settingActs, acts)
}

// KeepCheckpoints implements syncer.Store.
func (s *Store) KeepCheckpoints(ctx context.Context, e session.KeepCheckpoints) (session.CheckpointsKept, error) {
	var done session.CheckpointsKept
	acts, err := ActsOf(ctx, s.local)
	if err != nil {
		return done, translate(err)
	}
	server, err := ServerOf(ctx, s.local)
	if err != nil {
		return done, translate(err)
	}
	for i := range e.Said.Chains {
		c := &e.Said.Chains[i]
		said := syncproto.Checkpoint{Scope: c.Scope, Count: c.Count, Head: c.Head}
		if held, ok := acts.of(c.Scope); ok && !goesOn(held, c) {
			acts.broke(Break{At: s.local.Now().UnixMilli(), Scope: c.Scope, Held: []syncproto.Checkpoint{held}, Said: said, Era: server.Era})
			done.Broken = append(done.Broken, c.Scope)
		}
		acts.hold(said)
	}
	return done, translate(s.save(ctx, settingActs, acts))
}

// stillGranted are the checkpoints that Hello named, without those of scopes
// that were taken away since: the server leaves them out.
func (s *Store) stillGranted(ctx context.Context) ([]syncproto.Checkpoint, error) {
	if len(s.named) == 0 {
		return nil, nil
	}
	grants, err := Grants(ctx, s.local)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(s.named), func(c syncproto.Checkpoint) bool {
		return !slices.ContainsFunc(grants.Grants, func(g wire.Grant) bool { return g.Scope == c.Scope })
	}), nil
}

// goesOn reports whether a chain contains the checkpoint that is held.
func goesOn(held syncproto.Checkpoint, c *wire.ActChain) bool {
	if c.Count == held.Count {
		return c.Head == held.Head
	}
	if c.From != held.Count || c.Count != c.From+uint64(len(c.Links)) {
		return false
	}
	head := held.Head
	for _, digest := range c.Links {
		head = syncproto.ActsNext(head, digest)
	}
	return head == c.Head
}
