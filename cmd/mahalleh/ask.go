package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
)

// ask has an act done: at the running server if there is one, otherwise here.
// each gets every result.
func ask[I any](ctx context.Context, a *cli.App, name string, request any, each func(I) error) error {
	f, err := folderOf(a)
	if err != nil {
		return err
	}
	body, err := marshal(request)
	if err != nil {
		return err
	}
	progress := a.Progress()
	defer progress.Done()
	out := tell{
		item: func(v any) error {
			raw, ok := v.(json.RawMessage)
			if !ok {
				made, err := marshal(v)
				if err != nil {
					return err
				}
				raw = made
			}
			var item I
			dec := json.NewDecoder(bytes.NewReader(raw))
			dec.UseNumber()
			if err := dec.Decode(&item); err != nil {
				return fmt.Errorf("read a result: %w", err)
			}
			return each(item)
		},
		progress: func(key cli.Key, args cli.Args) { progress.Update(key, args) },
	}
	for waiting := a.Now(); ; {
		err := doAct(ctx, a, f, name, body, out)
		if !errors.Is(err, errNoDoor) {
			return err
		}
		// A command that is nearly done, or a server that is just starting.
		if a.Now().Sub(waiting) > patience {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// patience is how long a command waits for another one to be done with the
// store before it gives up, tryEvery how often it looks.
const (
	patience = 3 * time.Second
	tryEvery = 50 * time.Millisecond
)

func pause(ctx context.Context) error {
	wait := time.NewTimer(tryEvery)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// doAct does the act here, or where the store is in use. If nobody answers
// there, the error is an *inUseError that matches errNoDoor too.
func doAct(ctx context.Context, a *cli.App, f folder, name string, body []byte, out tell) error {
	open := openDesk
	if name == actNameBackup || name == actNameCheck {
		open = openBareDesk
	}
	d, err := open(ctx, a, f)
	if errors.Is(err, store.ErrInUse) {
		inUse := err
		if err = knock(ctx, f, name, body, out); errors.Is(err, errNoDoor) {
			return errors.Join(inUse, err)
		}
		return err
	}
	if err != nil {
		return err
	}
	return errors.Join(acts()[name](ctx, d, body, out), d.close())
}

func folderOf(a *cli.App) (folder, error) {
	dir, err := a.DataDir()
	if err != nil {
		return folder{}, err
	}
	return openFolder(dir)
}

// inUseError names the process that holds a store. It matches store.ErrInUse.
type inUseError struct {
	folder folder
	err    error
}

func (e *inUseError) Error() string { return e.err.Error() }
func (e *inUseError) Unwrap() error { return e.err }

// openDesk opens the store and the server over it.
func openDesk(ctx context.Context, a *cli.App, f folder) (*desk, error) {
	return openWithin(ctx, a, f, syncws.Limits{})
}

// openWithin is openDesk of a server that takes on no more than the limits.
func openWithin(ctx context.Context, a *cli.App, f folder, limits syncws.Limits) (d *desk, err error) {
	fresh := f.fresh()
	packages, err := forms.Load()
	if err != nil {
		return nil, err
	}
	if d, err = openStoreDesk(ctx, a, f); err != nil {
		return nil, err
	}
	start := a.Now()
	d.log = a.Log()
	d.server, err = server.Open(ctx, server.Options{
		Store: d.store, Packages: packages, Erasures: d.journal, Clock: d.clock,
		Uptime: func() int64 { return a.Now().Sub(start).Milliseconds() }, Rand: rand.Reader, Limits: limits, Log: a.Log(),
		Alarms: d.alarms,
	})
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	if fresh {
		a.Note("mahalleh.store.made", cli.Args{"dir": f.dir})
	}
	if err := d.recall(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// openBareDesk opens a store that is there, without a server over it.
func openBareDesk(ctx context.Context, a *cli.App, f folder) (*desk, error) {
	if f.fresh() && !f.lost() {
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.store.none", Args: cli.Args{"dir": f.dir}, Hint: "mahalleh.store.none_hint"}
	}
	return openStoreDesk(ctx, a, f)
}

func openStoreDesk(ctx context.Context, a *cli.App, f folder) (*desk, error) {
	if f.lost() {
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.store.lost", Args: cli.Args{"dir": f.dir, "file": databaseName}, Hint: "mahalleh.store.lost_hint"}
	}
	d := &desk{folder: f, clock: func() int64 { return a.Now().UnixMilli() }}
	var err error
	if d.store, err = openStore(ctx, f); err != nil {
		return nil, err
	}
	if m, migrated := d.store.Migrated(); migrated {
		a.Note("mahalleh.store.migrated", cli.Args{"from": m.From, "to": m.To, "path": m.Kept})
	}
	if d.journal.Erasures, err = sqlitestore.OpenErasures(f.erasures()); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func openStore(ctx context.Context, f folder) (*sqlitestore.Store, error) {
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: f.database()})
	if errors.Is(err, store.ErrInUse) {
		return nil, &inUseError{folder: f, err: err}
	}
	return st, err
}

// close closes what of the desk was opened, the store last.
func (d *desk) close() error {
	var errs []error
	if d.report != nil {
		errs = append(errs, d.closeReport())
	}
	if d.server != nil {
		errs = append(errs, d.server.Close())
	}
	if d.journal.Erasures != nil {
		errs = append(errs, d.journal.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}
