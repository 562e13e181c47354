package sim

import (
	"context"
	"errors"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// faulty is the device's store as the session sees it: it may die before or
// after each commit, or have no space.
type faulty struct {
	syncer.Store
	d *device
}

// steady carries out what is a part of a load, and checks that it takes no
// record from the screen but those that are said to leave: until its last page
// is here, a load shows what it has not brought yet as it stood.
func (f *faulty) steady(leave []syncproto.RecordID, commit func() error) error {
	before, err := f.d.held()
	if err != nil {
		return err
	}
	for _, id := range leave {
		f.d.away[id] = true
	}
	failed := commit()
	if f.d.broken != nil {
		return failed
	}
	for _, id := range before {
		s, err := f.d.store.ServerState(f.d.w.ctx, id)
		if errors.Is(err, localstore.ErrNotFound) {
			s, err = nil, nil
		}
		if err != nil {
			return err
		}
		if (s == nil || !s.Exists()) && !f.d.away[id] {
			f.d.broken = broken("what is shown stays shown during a load", "record %s is gone from device %d, and nobody said that it left", id, f.d.n)
		}
	}
	return failed
}

// held are the records of which the device holds the server's state.
func (d *device) held() (ids []syncproto.RecordID, err error) {
	err = d.store.Records(d.w.ctx, func(id syncproto.RecordID) error {
		s, err := d.store.ServerState(d.w.ctx, id)
		if err == nil && s.Exists() {
			ids = append(ids, id)
		}
		if errors.Is(err, localstore.ErrNotFound) {
			return nil
		}
		return err
	})
	return ids, err
}

// turns notes which records a page brings, and returns those of which it says
// that they have left its scope or are erased. What left may stay for a while,
// until the server has what the device wrote to it.
func (d *device) turns(p *wire.Page) (leave []syncproto.RecordID) {
	for _, b := range p.Records {
		s, _, err := wire.DecodeRecord(b)
		switch {
		case err != nil:
		case s.Erased:
			leave = append(leave, s.Record)
		default:
			delete(d.away, s.Record)
		}
	}
	for _, m := range p.Marks {
		leave = append(leave, m.Record)
	}
	return leave
}

func (f *faulty) at(commit func() error) error {
	d := f.d
	if d.dead {
		return errDied
	}
	if d.full {
		return syncer.ErrFull
	}
	if d.crash == 0 && !d.crashAfter {
		d.dead = true
		return errDied
	}
	err := commit()
	if d.crash == 0 {
		d.dead = true
		return errDied
	}
	if d.crash > 0 {
		d.crash--
	}
	return err
}

// Forgotten implements syncer.Forgetful.
func (f *faulty) Forgotten(ctx context.Context) error {
	return f.at(func() error { f.d.w.note("forgotten", f.d.n); return f.d.session.Forgotten(ctx) })
}

func (f *faulty) SaveEnrolment(ctx context.Context, e session.SaveEnrolment) error {
	return f.at(func() error { return f.Store.SaveEnrolment(ctx, e) })
}

func (f *faulty) SaveWelcome(ctx context.Context, e session.SaveWelcome) (r session.WelcomeSaved, err error) {
	err = f.at(func() error { r, err = f.Store.SaveWelcome(ctx, e); return err })
	return r, err
}

func (f *faulty) ForkLog(ctx context.Context, e session.ForkLog) error {
	return f.at(func() error { f.d.w.note("fork", f.d.n); return f.Store.ForkLog(ctx, e) })
}

func (f *faulty) CommitResults(ctx context.Context, e session.CommitResults) error {
	return f.at(func() error { return f.Store.CommitResults(ctx, e) })
}

func (f *faulty) CommitPage(ctx context.Context, e session.CommitPage) error {
	return f.at(func() error {
		return f.steady(f.d.turns(&e.Page), func() error { return f.Store.CommitPage(ctx, e) })
	})
}

func (f *faulty) CommitCaught(ctx context.Context, e session.CommitCaught) (r session.CaughtCommitted, err error) {
	err = f.at(func() error {
		for i := range e.Caught.Pages {
			for _, id := range f.d.turns(&e.Caught.Pages[i]) {
				f.d.away[id] = true
			}
		}
		r, err = f.Store.CommitCaught(ctx, e)
		return err
	})
	return r, err
}

func (f *faulty) MendRecords(ctx context.Context, e session.MendRecords) (r session.RecordsMended, err error) {
	err = f.at(func() error {
		f.d.w.note("mend", f.d.n, len(e.Records), len(e.Gone))
		return f.steady(e.Gone, func() error { r, err = f.Store.MendRecords(ctx, e); return err })
	})
	return r, err
}

func (f *faulty) ResetCursor(ctx context.Context, e session.ResetCursor) error {
	return f.at(func() error {
		f.d.w.note("reset cursor", f.d.n)
		return f.steady(nil, func() error { return f.Store.ResetCursor(ctx, e) })
	})
}

func (f *faulty) DropScope(ctx context.Context, e session.DropScope) (r session.ScopeDropped, err error) {
	err = f.at(func() error {
		r, err = f.Store.DropScope(ctx, e)
		f.d.w.note("drop scope", f.d.n, r.Pending)
		return err
	})
	return r, err
}

func (f *faulty) MarkBackupSafe(ctx context.Context, e session.MarkBackupSafe) error {
	return f.at(func() error { return f.Store.MarkBackupSafe(ctx, e) })
}

func (f *faulty) KeepCheckpoints(ctx context.Context, e session.KeepCheckpoints) (r session.CheckpointsKept, err error) {
	err = f.at(func() error { r, err = f.Store.KeepCheckpoints(ctx, e); return err })
	return r, err
}
