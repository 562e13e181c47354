package localstore

import (
	"context"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// ApplyPage brings a page into the file and moves the scope's cursor, both or
// neither. ErrOrder: it does not begin where the cursor stands. ErrBadPage: it
// holds bytes that are no record, or a record of another scope.
func (s *Store) ApplyPage(ctx context.Context, page *wire.Page) error {
	return s.pull(ctx, "apply page", func(p *pull) error {
		if err := p.answers(page.Log, page.Received, page.Results); err != nil {
			return err
		}
		return p.page(page)
	})
}

// ApplyCaught brings the end of catching up into the file: its pages, what the
// server holds of the own log, and the heads, whose sums Scopes tells.
func (s *Store) ApplyCaught(ctx context.Context, caught *wire.Caught) error {
	return s.pull(ctx, "apply end of catching up", func(p *pull) error {
		if err := p.answers(caught.Log, caught.Received, caught.Results); err != nil {
			return err
		}
		for i := range caught.Pages {
			page := &caught.Pages[i]
			if err := p.answers(page.Log, page.Received, page.Results); err != nil {
				return err
			}
			if err := p.page(page); err != nil {
				return err
			}
		}
		for i := range caught.Heads {
			if err := p.head(caught.Era, &caught.Heads[i]); err != nil {
				return err
			}
		}
		return p.caughtUp()
	})
}

// ApplyRepair brings records that were asked for whole into the file, and lets
// go of those that the scope does not hold.
func (s *Store) ApplyRepair(ctx context.Context, m *wire.Records) error {
	return s.pull(ctx, "repair records", func(p *pull) error {
		c, err := p.cursor(m.Scope)
		if err != nil {
			return err
		}
		for _, b := range m.Records {
			if err := p.record(c, b, m.Position); err != nil {
				return err
			}
		}
		for _, id := range m.Gone {
			if err := p.left(c, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// ResetCursor begins a first load of the scope anew: what is held stays shown
// until the load has brought it again, or ended without it.
func (s *Store) ResetCursor(ctx context.Context, scope syncproto.ScopeID) error {
	return s.change(ctx, "reset cursor", func(t *tx, _ *keyring) error {
		sk, err := t.scope(scope)
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE scope SET era = x'', position = 0, caught = 0, head_sum = x'', load = load + 1, loading = 1 WHERE n = ?", sk.n)
		return err
	})
}

func (s *Store) pull(ctx context.Context, what string, f func(*pull) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	err := s.changeLocked(ctx, what, func(t *tx, k *keyring) error {
		p := newPull(t, k)
		if err := f(p); err != nil {
			return err
		}
		return p.settle()
	})
	if err != nil {
		return err
	}
	s.foldBack(ctx, walSoft) // the transaction stands whatever comes of it
	return nil
}

// cursorRow is a scope's row.
type cursorRow struct {
	*scopeKey
	position uint64
	caught   uint64
	load     int64
	loading  bool
}

func (p *pull) cursor(scope syncproto.ScopeID) (c cursorRow, err error) {
	if c.scopeKey, err = p.t.scope(scope); err != nil {
		return c, err
	}
	err = p.t.row("SELECT position, caught, load, loading FROM scope WHERE n = ?", c.n).Scan(&c.position, &c.caught, &c.load, &c.loading)
	if err != nil {
		return c, fmt.Errorf("read cursor: %w", missing(err, ErrCorrupt))
	}
	return c, nil
}

func (p *pull) page(page *wire.Page) error {
	c, err := p.cursor(page.Scope)
	if err != nil {
		return err
	}
	if page.From != c.position || page.To < page.From {
		return fmt.Errorf("page from %d to %d, held up to %d: %w", page.From, page.To, c.position, ErrOrder)
	}
	for _, b := range page.Records {
		if err := p.record(c, b, page.To); err != nil {
			return err
		}
	}
	for _, id := range page.Own {
		if err := p.own(c, id, page.To); err != nil {
			return err
		}
	}
	for _, m := range page.Marks {
		switch m.Kind {
		case wire.MarkLeft:
			err = p.left(c, m.Record)
		case wire.MarkErased:
			err = p.erased(c, m.Record)
		default:
			err = fmt.Errorf("mark %d: %w", m.Kind, ErrBadPage)
		}
		if err != nil {
			return err
		}
	}
	if c.loading && planted.Bug("a load anew begins with nothing") {
		if err := p.sweep(c); err != nil {
			return err
		}
	}
	_, err = p.t.exec("UPDATE scope SET era = ?, position = ?, head_sum = x'' WHERE n = ?", page.Era[:], int64(page.To), c.n)
	return err
}

// record brings one record, whole or the cells that changed, as of a position.
func (p *pull) record(c cursorRow, b []byte, position uint64) error {
	state, delta, err := wire.DecodeRecord(b)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadPage, err)
	}
	if state.Erased {
		return p.erased(c, state.Record)
	}
	if state.Home != c.id || !state.Exists() {
		return fmt.Errorf("record %v of scope %v in a page of %v: %w", state.Record, state.Home, c.id, ErrBadPage)
	}
	if !delta {
		if fresh, err := p.fresh(c, state, b, position); err != nil || fresh {
			return err
		}
	}
	r, found, err := readShadow(p.t.ctx, p.t, state.Record)
	if err != nil {
		return err
	}
	if found && (r.gone == goneErased || r.held() && r.scope == c.n && r.load == c.load && r.position > position) {
		return nil // erased for ever, or repaired to a later state
	}
	if delta {
		if !found || !r.held() {
			return nil // the sums will tell
		}
		base, err := r.open(p.k)
		if err != nil {
			return err
		}
		base.Patch(state)
		state = base
	}
	if found {
		p.weigh(&r, false)
	}
	r.scope, r.position, r.load, r.gone = c.n, position, c.load, goneNot
	if err := p.store(&r, state); err != nil {
		return err
	}
	return p.contains(&r, state)
}

// own brings an own change into the record that is held, as the server did:
// nothing else was applied to it. If something else stands here, an accident,
// the sums will tell.
func (p *pull) own(c cursorRow, id syncproto.ChangeID, position uint64) error {
	own, err := readOwn(p.t.ctx, p.t, "change", id[:])
	if err != nil {
		return err
	}
	var ch *syncproto.Change
	for i := range own { // an older log may have let go of it
		if ch, err = own[i].open(p.k); err != nil {
			return err
		}
		if ch != nil && !ch.Redacted() {
			break
		}
	}
	if ch == nil || ch.Redacted() {
		return nil
	}
	r, found, err := readShadow(p.t.ctx, p.t, ch.Header.Record)
	if err != nil || found && (r.gone == goneErased || r.held() && r.scope == c.n && r.load == c.load && r.position > position) {
		return err // what an older load brought may stand at any position
	}
	state := syncproto.NewRecordState(ch.Header.Record)
	if found && r.held() && ch.Header.Verb != syncproto.VerbCreate {
		if state, err = r.open(p.k); err != nil {
			return err
		}
	}
	if state.Latest != id { // otherwise a page before this one had it
		past := &ownHistory{ctx: p.t.ctx, q: p.t, k: p.k, laid: map[syncproto.ChangeID]bool{}}
		res, err := merge.Apply(state, ch, past)
		if err != nil {
			return err
		}
		if res.Outcome != syncproto.Applied {
			return nil
		}
	}
	if state.Home != c.id {
		return nil
	}
	if found {
		p.weigh(&r, false)
	}
	r.scope, r.position, r.load, r.gone = c.n, position, c.load, goneNot
	if err := p.store(&r, state); err != nil {
		return err
	}
	return p.contains(&r, state)
}

// head notes the server's sum of a scope once the last page is in. Whoever reads
// Scopes compares it with what is held.
func (p *pull) head(era syncproto.EraID, h *wire.Head) error {
	c, err := p.cursor(h.Scope)
	if err != nil {
		return err
	}
	if c.position != h.Position {
		return fmt.Errorf("head at %d, held up to %d: %w", h.Position, c.position, ErrOrder)
	}
	if c.loading {
		if err := p.sweep(c); err != nil {
			return err
		}
	}
	if err := p.settle(); err != nil {
		return err
	}
	_, err = p.t.exec("UPDATE scope SET era = ?, head_sum = ?, caught = position, loading = 0 WHERE n = ?", era[:], h.Sum[:], c.n)
	if err != nil {
		return err
	}
	return p.reached(h.Scope, h.Position)
}
