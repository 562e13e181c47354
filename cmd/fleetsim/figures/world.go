package figures

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// serverName is the server's database in a world's folder.
const serverName = "server.db"

// world is a server with one neighbourhood, a colleague's device that writes to
// it, and the measured device, which talks to it over a line in memory.
type world struct {
	r     *run
	ctx   context.Context
	codec *wire.Codec
	forms *schemas.Package
	dir   string

	server   *sqlitestore.Store
	hub      *hub.Hub
	identity *hub.Identity
	writer   *writer
	sealer   *wire.BatchSealer
	device   *localstore.Store
	session  *sessionstore.Store

	// vfs is the SQLite file system of both stores, "" the system's own; keyFile
	// unlocks the device, nil the passphrase, which costs more.
	vfs     string
	keyFile []byte
	// random and clock are those of this machine, or of a figure whose runs must
	// be equal.
	random io.Reader
	clock  localstore.Clock

	// later is what was added to the clock, so that nobody waits for a time.
	later time.Duration

	cancel func() // of the subscription to the hub
	mu     sync.Mutex
	events []hub.Event // guarded by mu: not yet told to the session
}

// newWorld makes a server and an enrolled device in a new directory in memory:
// of what is measured on it, nothing depends on the disk. close removes it.
func (r *run) newWorld(ctx context.Context) (w *world, err error) {
	w = &world{r: r, ctx: ctx}
	return w, w.begin()
}

func (w *world) begin() (err error) {
	r := w.r
	if w.dir, err = os.MkdirTemp(r.Memory, r.figure.Name); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if err := w.open(); err != nil {
		return errors.Join(err, w.close())
	}
	return nil
}

// equip loads what both sides need and do not have.
func (w *world) equip() (err error) {
	if w.random == nil {
		w.random, w.clock = rand.Reader, newClock()
	}
	if w.codec == nil {
		if w.codec, err = wire.NewCodec(); err != nil {
			return err
		}
		if w.forms, err = forms.Load(); err != nil {
			return fmt.Errorf("load the forms: %w", err)
		}
	}
	w.writer = newWriter(w.forms)
	return nil
}

func (w *world) open() (err error) {
	if err := w.equip(); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return err
	}
	w.sealer = wire.NewBatchSealer(w.codec, wire.PurposeBundle, w.writer.cert, w.writer.key)
	var code syncproto.EnrolCode
	if _, err := io.ReadFull(w.random, code.Secret[:]); err != nil {
		return fmt.Errorf("make a code: %w", err)
	}
	if err := w.people(&code); err != nil {
		return fmt.Errorf("fill the server's people: %w", err)
	}
	return w.enrol(&code)
}

// start begins the server on its store.
func (w *world) start() (err error) {
	if w.server, err = sqlitestore.Open(w.ctx, sqlitestore.Options{Path: filepath.Join(w.dir, serverName), VFS: w.vfs}); err != nil {
		return fmt.Errorf("open the server's store: %w", err)
	}
	if w.identity, err = hub.LoadIdentity(w.ctx, w.server, w.random, nil); err != nil {
		return err
	}
	w.hub, err = hub.New(w.ctx, hub.Options{Store: w.server, Packages: w.forms, Clock: w.now, Rand: w.random})
	if err != nil {
		return err
	}
	w.cancel = w.hub.Subscribe(func(e hub.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	})
	return nil
}

func (w *world) now() int64 { return w.clock.Now().Add(w.later).UnixMilli() }

// people makes the neighbourhood, two facilitators, and the colleague's device.
func (w *world) people(code *syncproto.EnrolCode) error {
	return w.server.Update(w.ctx, func(tx store.Tx) error {
		if err := tx.PutPlace(store.Place{ID: home(), Number: 7, Kind: store.PlaceNeighbourhood, NameFa: "چشمه‌سر"}); err != nil {
			return err
		}
		for i, p := range []store.Person{{ID: facilitator(), Name: "هیوا"}, {ID: w.writer.person, Name: "روناک"}} {
			if err := tx.PutPerson(p); err != nil {
				return err
			}
			if err := tx.PutGrant(store.Grant{Person: p.ID, Place: home(), Role: "facilitator", Serial: uint64(i + 1)}); err != nil {
				return err
			}
		}
		colleague := w.writer.cert
		err := tx.PutDevice(store.Device{ID: colleague.Device(), Person: w.writer.person, Key: colleague.DeviceKey, Noise: [32]byte{1}})
		if err != nil {
			return err
		}
		if err := tx.AddDevicePerson(colleague.Device(), w.writer.person); err != nil {
			return err
		}
		return tx.PutCode(store.Code{SecretHash: code.SecretHash(), Person: facilitator(), Place: home(), Created: w.now(), Expires: w.now() + 1e9})
	})
}

// enrol makes the device's store; the first contact confirms it.
func (w *world) enrol(code *syncproto.EnrolCode) error {
	keys := w.identity.Keys()
	opt, err := w.options()
	if err != nil {
		return err
	}
	unlock := localstore.Credential{Person: facilitator(), Passphrase: passphrase}
	if w.keyFile != nil {
		unlock.Passphrase, unlock.KeyFile = "", w.keyFile
	}
	w.device, err = localstore.Create(w.ctx, opt, localstore.Setup{
		Identity: localstore.Identity{Person: facilitator(), Place: home(), Secret: code.Secret[:],
			Server: wire.AppendServerKeys(nil, &keys), Scopes: scopes()},
		Credentials: []localstore.Credential{unlock},
	})
	if err != nil {
		return fmt.Errorf("make a device: %w", err)
	}
	w.newSession()
	return nil
}

// options are those of the device's store.
func (w *world) options() (localstore.Options, error) {
	opt, err := deviceOptions(w.dir)
	opt.VFS, opt.Clock, opt.Rand = w.vfs, w.clock, w.random
	return opt, err
}

func (w *world) newSession() {
	w.session = sessionstore.New(w.device, sessionstore.Options{Codec: w.codec, App: "fleetsim", Device: "measured", Package: w.forms.Version})
}

func (w *world) close() error { return errors.Join(w.stop(), os.RemoveAll(w.dir)) }

// stop ends server and device in order.
func (w *world) stop() error {
	var errs []error
	if w.cancel != nil {
		w.cancel()
	}
	if w.device != nil {
		errs = append(errs, w.device.Close())
	}
	if w.hub != nil {
		errs = append(errs, w.hub.Close())
	}
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	w.cancel, w.device, w.hub, w.server = nil, nil, nil, nil
	return errors.Join(errs...)
}

// bring has the colleague's device bring changes to the server.
func (w *world) bring(changes []*syncproto.Change) error {
	for len(changes) > 0 {
		some := changes[:min(len(changes), syncproto.MaxBatchChanges)]
		raw, n, err := w.sealer.Seal(some[0].Header.OriginSeq, w.writer.head, some, 0)
		if err != nil {
			return fmt.Errorf("seal a batch: %w", err)
		}
		batch, err := wire.NewBatchOpener(w.codec).Open(raw)
		if err != nil {
			return fmt.Errorf("open a batch: %w", err)
		}
		ack, err := w.hub.Accept(w.ctx, w.writer.cert.Device(), batch)
		if err != nil {
			return fmt.Errorf("bring changes: %w", err)
		}
		for _, res := range ack.Results {
			if res.Result.Outcome != syncproto.Applied {
				return fmt.Errorf("change %d of the synthetic log has outcome %d, reason %d", res.Seq, res.Result.Outcome, res.Result.Reason)
			}
		}
		w.writer.head = batch.Last
		changes = changes[n:]
	}
	return nil
}

// fill brings n new records to the server and to the device.
func (w *world) fill(n int) error {
	for done := 0; done < n; {
		made, err := w.writer.create(min(pageRecords, n-done))
		if err != nil {
			return err
		}
		if err := w.bring(made); err != nil {
			return err
		}
		done += len(made)
		w.r.Progress(w.r.figure.Name, done, n)
	}
	l, err := w.connect()
	if err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return fmt.Errorf("first load: %w", err)
	}
	if err := l.hangUp(); err != nil {
		return err
	}
	held, err := w.device.Count(w.ctx, localstore.Filter{})
	if err != nil {
		return err
	}
	if held != n {
		return fmt.Errorf("after the first load the device has %d records of %d", held, n)
	}
	return nil
}

// line is one connection between the device and the server. It counts what
// goes over it: each message as the secure channel sealed it.
type line struct {
	w        *world
	device   *syncer.Stepper
	server   *syncws.Conversation
	up, down int
	messages int
}

func (w *world) connect() (*line, error) {
	w.mu.Lock()
	w.events = nil
	w.mu.Unlock()
	d, err := syncer.NewStepper(w.ctx, syncer.Options{Store: w.session, Codec: w.codec, Clock: w.now, Random: w.random,
		Device: session.DeviceConfig{App: "fleetsim"}})
	if err != nil {
		return nil, err
	}
	s := syncws.NewConversation(w.ctx, &syncws.Surroundings{Hub: w.hub, Identity: w.identity, Codec: w.codec, Clock: w.now, Random: w.random}, "measured")
	return &line{w: w, device: d, server: s}, nil
}

// settle carries messages until nobody has anything to say.
func (l *line) settle() error {
	for moved := true; moved; {
		moved = false
		for m := l.device.Next(); m != nil; m = l.device.Next() {
			moved = true
			l.up += len(m)
			l.messages++
			l.server.Feed(m)
		}
		for m := l.server.Next(); m != nil; m = l.server.Next() {
			moved = true
			l.down += len(m)
			l.messages++
			l.device.Feed(m)
		}
		moved = l.tellServer() || moved
	}
	return l.sound()
}

// tellServer tells the server's end what moved in the hub.
func (l *line) tellServer() (told bool) {
	l.w.mu.Lock()
	events := l.w.events
	l.w.events = nil
	l.w.mu.Unlock()
	for _, e := range events {
		l.server.Tell(e)
	}
	return len(events) > 0
}

// sound reports an error if a line on which nobody has anything to say ended, or
// left something undone.
func (l *line) sound() error {
	if c, ended := l.device.Ended(); ended {
		return fmt.Errorf("the device ended the session: %s %s: %w", c.Key, c.Detail, causeOf(l.device.Cause()))
	}
	if c, ended := l.server.Ended(); ended {
		return fmt.Errorf("the server ended the session: %s %s: %w", c.Key, c.Detail, causeOf(l.server.Cause()))
	}
	if !l.device.Settled() {
		return errors.New("both ends are silent, and the device is not up to date")
	}
	return nil
}

// errNoCause stands where a machine ended a session by its own decision.
var errNoCause = errors.New("no fault of the line")

// causeOf is what broke a line, for an error that wraps it.
func causeOf(err error) error {
	if err == nil {
		return errNoCause
	}
	return err
}

// pass lets time pass and what is due be said.
func (l *line) pass(d time.Duration) error {
	l.w.later += d
	l.device.Tick()
	l.server.Tick()
	return l.settle()
}

// spent returns the bytes since the last call, both ways.
func (l *line) spent() (bytes int) {
	bytes = l.up + l.down
	l.up, l.down = 0, 0
	return bytes
}

// hangUp ends the session in order.
func (l *line) hangUp() error {
	l.device.Stop()
	for m := l.device.Next(); m != nil; m = l.device.Next() {
		l.server.Feed(m)
	}
	if _, ended := l.server.Ended(); !ended {
		return errors.New("the server did not notice that the device hung up")
	}
	return nil
}
