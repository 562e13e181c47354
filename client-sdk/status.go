package clientsdk

import (
	"bytes"
	"context"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Status is how the device stands.
type Status struct {
	// Locked: what is sealed is not here: Person, names, records, troubles and
	// receipt are missing then.
	Locked bool
	Person Person
	// Pending are changes that the server is not known to hold, PendingBytes
	// their size, Oldest when the first was saved (zero if there is none).
	Pending, PendingBytes uint64
	Oldest                time.Time
	// Received are this device's changes that the server holds, BackupSafe those of
	// them that a verified backup of the server holds. Some of the latter may not
	// be kept here any more.
	Received, BackupSafe uint64
	Drafts               uint64
	// Records counts the records of each state, Conflicts those with values to
	// settle.
	Records   map[SyncState]int
	Conflicts int
	// Troubles are changes that the server set aside or parked; at most
	// MaxTroubles.
	Troubles []Trouble
	// LastContact is the server's time at the last contact, zero before the first.
	LastContact time.Time
	// ClockBehind is by how much the device's clock is behind the server's,
	// negative if it is ahead; ClockWrong says that a person should put it right.
	ClockBehind time.Duration
	ClockWrong  bool
	// Lease is for how long reading stays open without another contact;
	// LeaseSet is false if there is no such limit.
	Lease    time.Duration
	LeaseSet bool
	Scopes   []ScopeInfo
	// Receipt is the newest proof by the server of what it holds, nil if there
	// is none yet.
	Receipt *Receipt
	// Forked says why the device writes another log than its first: an older
	// copy of its database came back, or another device wrote on; "" if not.
	Forked string
	Disk   Disk
	// ActsBroken counts how often the server's lists of administrative acts did
	// not go on from what this device holds; see Acts.
	ActsBroken int
	// Forms is the version of the package of forms.
	Forms uint32
}

// Trouble is an own change that is not in the server's record.
type Trouble struct {
	Record syncproto.RecordID
	Title  string
	Verdict
}

// ScopeInfo is one scope of the device.
type ScopeInfo struct {
	ID          syncproto.ScopeID
	Place       syncproto.PlaceID
	PlaceName   schemas.Text
	Compartment string
	// Granted: the server has granted it; before the first contact nothing is.
	// Write: the person may record there.
	Granted, Write bool
	// Records are those of the server's that are here. Loading: a first load is
	// under way. Leaving: it goes as soon as what was recorded there is received.
	Records          uint64
	Loading, Leaving bool
}

// Receipt is the server's signed word that it holds changes.
type Receipt struct {
	// Code names it in ten letters that a person can read out.
	Code string
	// To is the last sequence of the log that it covers, Time the server's.
	To   uint64
	Time time.Time
	// Raw is the document (wire.DecodeReceipt).
	Raw []byte
}

// Disk is how the disk stands.
type Disk struct {
	// Free is how many bytes are left, if Known. Full: the last write found no
	// room, or there is too little to open a form.
	Free  uint64
	Known bool
	Full  bool
}

const (
	// clockTolerance is how wrong a clock may be before a person is told: what
	// people notice themselves, and more than a slow line explains.
	clockTolerance = 5 * time.Minute
	// MaxTroubles bounds Status.Troubles.
	MaxTroubles = 100
)

// Status says how the device stands. While it is locked only what is in clear
// is known: counts and contact.
func (c *Client) Status(ctx context.Context) (Status, error) {
	const doing = "read status"
	s := Status{Locked: c.Locked(), Forms: c.forms.Version, Disk: c.disk()}
	for _, step := range []func(context.Context, *Status) error{c.queueStatus, c.contactStatus, c.scopeStatus} {
		if err := step(ctx, &s); err != nil {
			return Status{}, told(doing, err)
		}
	}
	if s.Locked {
		return s, nil
	}
	s.Person = c.Person()
	s.Lease, s.LeaseSet = c.lease()
	for _, step := range []func(context.Context, *Status) error{c.recordStatus, c.receiptStatus, c.actsStatus} {
		if err := step(ctx, &s); err != nil {
			return Status{}, told(doing, err)
		}
	}
	var err error
	s.Troubles, err = c.troubles(ctx)
	return s, told(doing, err)
}

func (c *Client) disk() Disk {
	c.mu.Lock()
	d := Disk{Full: c.full}
	c.mu.Unlock()
	if c.opt.FreeSpace != nil {
		if free, err := c.opt.FreeSpace(c.dir); err == nil {
			d.Free, d.Known = free, true
			d.Full = d.Full || free < lowSpace
		}
	}
	return d
}

func (c *Client) queueStatus(ctx context.Context, s *Status) error {
	q, err := c.store.Queue(ctx)
	if err != nil {
		return err
	}
	s.Pending, s.PendingBytes, s.Drafts = q.Changes, q.Bytes, q.Drafts
	if q.Oldest != 0 {
		s.Oldest = time.UnixMilli(q.Oldest)
	}
	logs, err := c.store.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range logs {
		s.Received += min(l.Received, l.HeadSeq)
		s.BackupSafe += min(l.BackupSafe, l.HeadSeq)
		if l.Current && l.Serial > 1 {
			s.Forked = l.Reason
		}
	}
	return nil
}

func (c *Client) contactStatus(ctx context.Context, s *Status) error {
	last, behind, known, err := c.store.ServerTime(ctx)
	if err != nil || !known {
		return err
	}
	s.LastContact, s.ClockBehind = last, behind
	s.ClockWrong = behind.Abs() > clockTolerance
	return nil
}

func (c *Client) scopeStatus(ctx context.Context, s *Status) error {
	scopes, err := c.store.Scopes(ctx)
	if err != nil {
		return err
	}
	id, k := c.known()
	for _, x := range scopes {
		info := ScopeInfo{ID: x.Scope, Records: x.Count, Loading: x.Loading, Leaving: x.Purging}
		if g, ok := k.grants[x.Scope]; ok {
			info.Granted, info.Place, info.Compartment, info.PlaceName = true, g.Place, g.Compartment, k.placeName(g.Place)
		} else if info.Place = c.placeOf(x.Scope); info.Place == id.Place {
			for _, name := range c.compartments() {
				if syncproto.ScopeOf(id.Place, name) == x.Scope {
					info.Compartment = name
				}
			}
		}
		info.Write = !s.Locked && k.granted(x.Scope, RightWrite)
		s.Scopes = append(s.Scopes, info)
	}
	slices.SortStableFunc(s.Scopes, func(a, b ScopeInfo) int { return bytes.Compare(a.Place[:], b.Place[:]) })
	return nil
}

func (c *Client) actsStatus(ctx context.Context, s *Status) error {
	kept, err := sessionstore.ActsOf(ctx, c.store)
	s.ActsBroken = len(kept.Breaks)
	return err
}

func (c *Client) recordStatus(ctx context.Context, s *Status) error {
	s.Records = map[SyncState]int{}
	above := 0
	for state := localstore.SyncQuarantined; ; state-- {
		n, err := c.store.Count(ctx, localstore.Filter{Attention: state, Deleted: true})
		if err != nil {
			return err
		}
		if n > above {
			s.Records[state] = n - above
		}
		above = n
		if state == localstore.SyncNone {
			break
		}
	}
	var err error
	s.Conflicts, err = c.store.Count(ctx, localstore.Filter{Conflicts: true, Deleted: true})
	return err
}

func (c *Client) receiptStatus(ctx context.Context, s *Status) error {
	logs, err := c.store.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range slices.Backward(logs) {
		raw, err := sessionstore.Receipt(ctx, c.store, l.Log)
		if err != nil {
			return err
		}
		if raw == nil {
			continue
		}
		r, err := wire.DecodeReceipt(raw)
		if err != nil {
			return refuse(ErrDamaged, err)
		}
		s.Receipt = &Receipt{Code: r.Code(), To: r.Ranges[len(r.Ranges)-1].To, Time: time.UnixMilli(r.Time), Raw: raw}
		return nil
	}
	return nil
}
