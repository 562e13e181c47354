package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/jalali"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Client is one enrolled device. It is safe for concurrent use; the Drafts it
// gives are not.
type Client struct {
	opt    Options
	dir    string
	forms  *schemas.Package
	tehran jalali.Tehran
	log    *slog.Logger
	store  *localstore.Store

	mu      sync.Mutex
	rand    io.Reader // guarded by mu
	full    bool      // the last write found the disk full
	id      localstore.Identity
	contact contact

	codec   func() (*wire.Codec, error)
	syncing sync.Mutex
	wake    chan struct{}
}

// contact is what the server said last.
type contact struct {
	// ahead is by how much the server's clock is ahead of the device's.
	ahead time.Duration
	known bool
	last  time.Time
	// lived is what the device had lived when its uptime was up; the lease
	// counts on from there.
	lived, up time.Duration
	facts
}

func newClient(dir string, opt Options) (*Client, error) {
	if opt.Clock == nil || opt.Rand == nil {
		return nil, refuse(ErrFailed, errors.New("Options.Clock and Options.Rand must be given"))
	}
	c := &Client{opt: opt, dir: dir, forms: opt.Forms, log: opt.Log, rand: opt.Rand, wake: make(chan struct{}, 1),
		codec: sync.OnceValues(wire.NewCodec)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.forms == nil {
		if c.forms, err = forms.Load(); err != nil {
			return nil, refuse(ErrFailed, err)
		}
	}
	if c.tehran, err = jalali.LoadTehran(); err != nil {
		return nil, refuse(ErrFailed, err)
	}
	return c, nil
}

func (c *Client) storeOptions() localstore.Options {
	return localstore.Options{Path: filepath.Join(c.dir, databaseName), VFS: c.opt.VFS, Clock: c.opt.Clock, Rand: lockedRand{c}, Packages: c.forms}
}

// lockedRand lets store and client share one source that need not be safe for
// concurrent use.
type lockedRand struct{ c *Client }

func (r lockedRand) Read(b []byte) (int, error) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.c.rand.Read(b)
}

// Open opens the device of a folder, locked. It says ErrNotEnrolled, ErrInUse,
// ErrNewer, ErrForeign or ErrDamaged, and changes nothing then.
func Open(ctx context.Context, dir string, opt Options) (*Client, error) {
	const doing = "open device"
	c, err := newClient(dir, opt)
	if err != nil {
		return nil, told(doing, err)
	}
	if c.store, err = localstore.Open(ctx, c.storeOptions()); err != nil {
		if errors.Is(err, localstore.ErrNotFound) {
			err = refuse(ErrNotEnrolled, err)
		}
		return nil, told(doing, err)
	}
	return c, nil
}

// Close locks the device and lets go of its files. A draft that was not saved
// or stored by Autosave is lost.
func (c *Client) Close() error { return told("close device", c.store.Close()) }

// Unlock brings the keys into memory. It says ErrWrongSecret or, after some
// failures, ErrWait with the wait as its argument; nothing is ever destroyed.
func (c *Client) Unlock(ctx context.Context, secret Credentials) error {
	const doing = "unlock"
	err := c.store.Unlock(ctx, localstore.Credential{Passphrase: secret.Passphrase, KeyFile: secret.KeyFile})
	if errors.Is(err, localstore.ErrWrongSecret) {
		err = refuse(ErrWrongSecret, err)
	}
	if err != nil {
		return told(doing, err)
	}
	return told(doing, c.opened(ctx))
}

// Lock takes keys and index out of memory, so that a stolen phone exposes
// nothing. A PIN set before unlocks again, as long as this process lives.
func (c *Client) Lock(ctx context.Context) error {
	c.mu.Lock()
	c.id, c.contact = localstore.Identity{}, contact{}
	c.mu.Unlock()
	return told("lock", c.store.Lock(ctx))
}

// Locked reports whether Unlock is needed.
func (c *Client) Locked() bool { return !c.store.Unlocked() }

// SetPIN lets a PIN unlock what is in memory after a Lock, for as long as this
// process lives. It is never written anywhere.
func (c *Client) SetPIN(pin string) error {
	if len([]rune(pin)) < MinPIN {
		return told("set PIN", refuse(ErrWeakPassphrase, nil, "least", MinPIN))
	}
	return told("set PIN", c.store.SetPIN(pin))
}

// UnlockPIN unlocks with the PIN. After a few wrong ones it says ErrNoPIN, and
// only the passphrase helps.
func (c *Client) UnlockPIN(ctx context.Context, pin string) error {
	err := c.store.UnlockPIN(ctx, pin)
	if errors.Is(err, localstore.ErrNotFound) {
		err = refuse(ErrNoPIN, err)
	}
	if err != nil {
		return told("unlock", err)
	}
	return told("unlock", c.opened(ctx))
}

// SetCredentials replaces the passphrase, or the key file, of the device's
// person. The device must be unlocked; the other kind stays.
func (c *Client) SetCredentials(ctx context.Context, secret Credentials) error {
	const doing = "set passphrase"
	if err := secret.check(); err != nil {
		return told(doing, err)
	}
	people, err := c.store.People(ctx)
	if err != nil || len(people) == 0 {
		return told(doing, err)
	}
	return told(doing, c.store.SetCredential(ctx, localstore.Credential{Person: people[0], Passphrase: secret.Passphrase, KeyFile: secret.KeyFile}))
}

// opened reads what is needed at every step, after an unlock and after a sync.
func (c *Client) opened(ctx context.Context) error {
	id, err := c.store.Identity(ctx)
	if err != nil {
		return err
	}
	var k contact
	if k.last, k.ahead, k.known, err = c.store.ServerTime(ctx); err != nil {
		return err
	}
	if k.facts, err = readFacts(ctx, c.store, id.Place); err != nil {
		return err
	}
	k.lived, k.up = c.store.Lived(), c.opt.Clock.Uptime()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id, c.contact = id, k
	return nil
}

// Person says for whom the device records.
type Person struct {
	ID syncproto.PersonID
	// Name is known from a QR code, or after the first contact.
	Name string
	// Confirmed reports whether the server has accepted the device.
	Confirmed bool
	Device    syncproto.DeviceID
	// Place is the neighbourhood of the enrolment.
	Place syncproto.PlaceID
	// PlaceName is known from a QR code, or after the first contact.
	PlaceName schemas.Text
	Addresses []string
}

// Person returns for whom the device records; zero while it is locked.
func (c *Client) Person() Person {
	id, k := c.known()
	return Person{ID: id.Person, Name: id.Name, Confirmed: id.Confirmed, Device: id.Device, Place: id.Place,
		PlaceName: k.placeName(id.Place), Addresses: id.Addresses}
}

// known returns copies of what Unlock or the last sync read.
func (c *Client) known() (localstore.Identity, contact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id, c.contact
}

// Forms returns the package of forms.
func (c *Client) Forms() *schemas.Package { return c.forms }

// now is the best that is known of the time: the device's clock, put right by
// what the server last said.
func (c *Client) now() time.Time {
	_, k := c.known()
	return c.opt.Clock.Now().Add(k.ahead)
}

// Today is the civil day in Iran, as well as the device knows.
func (c *Client) Today() jalali.Day { return c.tehran.Day(c.now()) }

// newRecordID makes a UUIDv7 from the given clock and random source.
func (c *Client) newRecordID() (id syncproto.RecordID, err error) {
	if _, err := io.ReadFull(lockedRand{c}, id[:]); err != nil {
		return id, refuse(ErrFailed, fmt.Errorf("read random bytes: %w", err))
	}
	stampID(&id, uint64(max(c.now().UnixMilli(), 0)))
	return id, nil
}

// stampID makes a UUIDv7 (RFC 9562) of random bytes: 48 bits of Unix
// milliseconds in front, then version and variant.
func stampID(id *syncproto.RecordID, ms uint64) {
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 7<<4
	id[8] = id[8]&0x3f | 0x80
}

// ParseRecordID reads a record's id of 36 characters; the error is ErrInvalid.
func ParseRecordID(text string) (syncproto.RecordID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return syncproto.RecordID{}, refuse(ErrInvalid, fmt.Errorf("%.40q is no id of a record", text), "field", "id")
	}
	return syncproto.RecordID(id), nil
}

// noteFull remembers whether the last write found the disk full.
func (c *Client) noteFull(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = errors.Is(err, localstore.ErrFull)
}

// lowSpace is the free space below which a form is not opened: a session's
// autosaves, a save, and the write-ahead log between two checkpoints.
const lowSpace = 8 << 20

// room says ErrDiskFull before somebody types what could not be saved.
func (c *Client) room(ctx context.Context) error {
	c.mu.Lock()
	full := c.full
	c.mu.Unlock()
	if c.opt.FreeSpace != nil {
		if free, err := c.opt.FreeSpace(c.dir); err == nil && free < lowSpace {
			return refuse(ErrDiskFull, nil, "free", free)
		}
	}
	if !full {
		return nil
	}
	// Try whether there is room again, for more than the smallest change.
	err := c.store.SetSetting(ctx, settingProbe, make([]byte, probeSize))
	if err == nil {
		err = c.store.SetSetting(ctx, settingProbe, nil)
	}
	c.noteFull(err)
	return err
}

// settingProbe is written and removed to see whether a disk that was full
// takes probeSize bytes, a form with long texts, again.
const (
	settingProbe = "probe"
	probeSize    = 64 << 10
)
