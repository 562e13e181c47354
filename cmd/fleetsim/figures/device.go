package figures

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas/forms"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// passphrase unlocks the devices of the figures: a device in the field is
// unlocked by one, whose cost is a part of what is measured.
const passphrase = "کوچه‌های محلهٔ ما"

// facilitator is the person of the measured device.
func facilitator() syncproto.PersonID { return syncproto.PersonID{7} }

// deviceName is the database's file in a device's folder, as the SDK calls it.
const deviceName = "device.db"

// sideName is the file beside it that is written after a commit and not synced.
const sideName = deviceName + ".head"

// realClock is this machine's clock.
type realClock struct{ began time.Time }

func newClock() realClock { return realClock{time.Now()} }

func (realClock) Now() time.Time          { return time.Now() }
func (c realClock) Uptime() time.Duration { return time.Since(c.began) }

func deviceOptions(dir string) (localstore.Options, error) {
	pkg, err := forms.Load()
	if err != nil {
		return localstore.Options{}, fmt.Errorf("load the forms: %w", err)
	}
	return localstore.Options{Path: filepath.Join(dir, deviceName), Clock: newClock(), Rand: rand.Reader, Packages: pkg}, nil
}

// pageRecords is how many records a page brings to a device that is filled.
const pageRecords = 500

// filledDevice makes the folder of a device with n records that came from a
// server page by page, and closes it.
func (r *run) filledDevice(ctx context.Context, dir string, n int) error {
	opt, err := deviceOptions(dir)
	if err != nil {
		return err
	}
	store, err := localstore.Create(ctx, opt, localstore.Setup{
		Identity:    localstore.Identity{Person: facilitator(), Place: home(), Scopes: scopes(), Confirmed: true},
		Credentials: []localstore.Credential{{Person: facilitator(), Passphrase: passphrase}},
	})
	if err != nil {
		return fmt.Errorf("make a device: %w", err)
	}
	err = r.fill(ctx, store, newWriter(opt.Packages), n)
	if err = errors.Join(err, store.Close()); err != nil {
		return fmt.Errorf("fill a device: %w", err)
	}
	return nil
}

// openClient opens the device of a folder and unlocks it.
func openClient(ctx context.Context, dir string, opt clientsdk.Options) (*clientsdk.Client, error) {
	opt.Clock, opt.Rand = newClock(), rand.Reader
	client, err := clientsdk.Open(ctx, dir, opt)
	if err != nil {
		return nil, err
	}
	if err := client.Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

func (r *run) fill(ctx context.Context, store *localstore.Store, w *writer, n int) error {
	at := map[syncproto.ScopeID]uint64{}
	for done := 0; done < n; {
		made, err := w.create(min(pageRecords, n-done))
		if err != nil {
			return err
		}
		pages := map[syncproto.ScopeID]*wire.Page{}
		for _, ch := range made {
			scope := ch.Header.Scope
			p := pages[scope]
			if p == nil {
				p = &wire.Page{Scope: scope, Era: syncproto.EraID{1}, From: at[scope], To: at[scope]}
				pages[scope] = p
			}
			p.To++
			state, err := stateOf(ch, p.To)
			if err != nil {
				return err
			}
			p.Records = append(p.Records, wire.AppendRecord(nil, state, 0))
		}
		for scope, p := range pages {
			if err := store.ApplyPage(ctx, p); err != nil {
				return err
			}
			at[scope] = p.To
		}
		done += len(made)
		r.Progress(r.figure.Name, done, n)
	}
	return nil
}

// stateOf is the record that a change makes, as the server would number it.
func stateOf(ch *syncproto.Change, position uint64) (*syncproto.RecordState, error) {
	s := syncproto.NewRecordState(ch.Header.Record)
	if _, err := merge.Apply(s, ch, nobody{}); err != nil {
		return nil, err
	}
	s.Number, s.Position, s.Entered = 1, position, position
	for _, c := range s.Cells {
		c.Position = position
	}
	return s, nil
}

// nobody is a history in which nothing has happened.
type nobody struct{}

// Standing implements merge.History.
func (nobody) Standing(syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	return merge.Unknown, nil, nil
}
