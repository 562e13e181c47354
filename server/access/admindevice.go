package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// IssuedCode is an enrolment code that was made just now. Its secret is kept
// nowhere else.
type IssuedCode struct {
	Code    syncproto.EnrolCode
	Person  store.Person
	Place   store.Place
	Expires int64 // Unix ms
	// Compartments are those of the place that the person may read.
	Compartments []string
}

// How long a code is good, in days: long enough for a trip to the field, short
// enough for a slip of paper.
const (
	CodeDays    = 7
	MaxCodeDays = 90
)

// Sheet is what a person takes to their device: the code with where the server is,
// and by which keys it is known.
func (c *IssuedCode) Sheet(addresses []string, keys wire.ServerKeys) syncproto.EnrolSheet {
	return syncproto.EnrolSheet{Code: c.Code, Addresses: addresses, Keys: wire.AppendServerKeys(nil, &keys),
		Person: c.Person.ID, PersonName: c.Person.Name, PlaceName: c.Place.NameFa, Compartments: c.Compartments}
}

// ErrAddress says that no device could dial an address.
var ErrAddress = errors.New("an address is host:port or a URL")

// CheckAddress refuses what no device could dial. Errors: ErrAddress.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if u, uerr := url.Parse(address); uerr == nil && u.Host != "" {
		host, port, err = u.Hostname(), u.Scheme, nil
	}
	if err != nil || host == "" || port == "" {
		return errors.Join(ErrAddress, err)
	}
	return nil
}

// MakeCode makes a code by which the person enrols one device for a place,
// once, until valid has passed. Errors: those of FindPerson and FindPlace,
// ErrDisabled, *NothingToReadError.
func (a *Admin) MakeCode(ctx context.Context, person, place string, valid time.Duration) (IssuedCode, error) {
	var made IssuedCode
	var secret [syncproto.CodeSecretSize]byte
	if _, err := io.ReadFull(a.Rand, secret[:]); err != nil {
		return made, fmt.Errorf("make code: make a secret: %w", err)
	}
	err := a.Store.Update(ctx, func(tx store.Tx) error {
		who, err := FindPerson(tx, person)
		if err != nil {
			return err
		}
		if err := a.may(tx, &UnknownPersonError{Asked: person}, func(s *Steward) (bool, error) {
			if who.ID == s.who && s.Any() {
				return true, nil
			}
			return s.manages(tx, who.ID)
		}); err != nil {
			return err
		}
		if who.Disabled {
			return ErrDisabled
		}
		where, err := FindPlace(tx, place)
		if err != nil {
			return err
		}
		if granted, err := grantedAt(tx, who.ID, where.ID); err != nil {
			return err
		} else if !granted {
			return &NothingToReadError{Person: who, Place: where}
		}
		grants, err := Of(tx, who.ID)
		if err != nil {
			return err
		}
		now := a.Clock()
		made = IssuedCode{Person: who, Place: where, Expires: now + valid.Milliseconds(),
			Code: syncproto.EnrolCode{Secret: secret, Number: where.Number, Fingerprint: a.Fingerprint}}
		for _, c := range Compartments {
			if slices.ContainsFunc(grants, func(g ScopeGrant) bool {
				return g.Place == where.ID && g.Compartment == c && g.Rights&Read != 0
			}) {
				made.Compartments = append(made.Compartments, c)
			}
		}
		err = tx.PutCode(store.Code{SecretHash: made.Code.SecretHash(), Person: who.ID, Place: where.ID, Created: now, Expires: made.Expires})
		if err != nil {
			return fmt.Errorf("write code: %w", err)
		}
		return a.note(tx, actCodeMade, who.ID.String(), "place "+strconv.FormatUint(uint64(where.Number), 10), syncproto.ScopeOf(where.ID, Reference))
	})
	if err != nil {
		return IssuedCode{}, fmt.Errorf("make code: %w", err)
	}
	return made, nil
}

// grantedAt reports whether a grant in force covers the place. Reading the
// reference compartments above one's own places is not enough.
func grantedAt(r store.AccessReader, person syncproto.PersonID, place syncproto.PlaceID) (bool, error) {
	grants, err := grantsOf(r, person)
	if err != nil {
		return false, err
	}
	p, err := readPlaces(r)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(grants, func(g store.Grant) bool {
		_, known := ruleOf(Role(g.Role))
		return known && g.Revoked == 0 && p.within(place, g.Place)
	}), nil
}

// RevokeDevice ends a device's access: what is pending on it is still received
// and set aside for a supervisor, then it destroys what it holds. lost says
// that it is in unknown hands. Errors: *UnknownDeviceError,
// *AmbiguousDeviceError.
func (a *Admin) RevokeDevice(ctx context.Context, device string, lost bool, why string) (store.Device, error) {
	var d store.Device
	err := a.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if d, err = FindDevice(tx, device); err != nil {
			return err
		}
		if err := a.may(tx, &UnknownDeviceError{Asked: device}, func(s *Steward) (bool, error) { return s.ManagesDevice(tx, d.ID) }); err != nil {
			return err
		}
		if d.Revoked != 0 && (d.Lost || !lost) {
			return nil
		}
		if d.Revoked == 0 {
			d.Revoked = a.Clock()
		}
		d.Lost = d.Lost || lost
		if err := tx.PutDevice(d); err != nil {
			return fmt.Errorf("write device: %w", err)
		}
		act := actDeviceRevoked
		if lost {
			act = actDeviceLost
		}
		concerned, err := ScopesOfDevice(tx, d.ID)
		if err != nil {
			return err
		}
		return a.note(tx, act, d.ID.String(), why, concerned...)
	})
	if err != nil {
		return store.Device{}, fmt.Errorf("revoke device: %w", err)
	}
	return d, nil
}

// DeviceFacts is a device with whose it is and what all its logs hold.
type DeviceFacts struct {
	store.Device
	Owner store.Person
	// Received and BackupSafe count the changes of all its logs.
	Received, BackupSafe uint64
}

// Facts reads what there is to say of a device.
func Facts(r store.Reader, d store.Device) (DeviceFacts, error) {
	f := DeviceFacts{Device: d}
	var err error
	if f.Owner, err = Resolve(r, d.Person); err != nil {
		return f, fmt.Errorf("read person %s: %w", d.Person, err)
	}
	logs, err := r.Logs(d.ID)
	if err != nil {
		return f, fmt.Errorf("read logs of device %s: %w", d.ID, err)
	}
	for _, l := range logs {
		f.Received += l.Received
		f.BackupSafe += l.BackupSafe
	}
	return f, nil
}

// ClockOff is from which deviation on, in milliseconds, a device's clock is worth a
// person's attention: dates of forms go wrong by then.
const ClockOff = 10 * 60 * 1000

// ClockWrong reports whether the device's clock is worth a person's attention.
func (f *DeviceFacts) ClockWrong() bool { return max(f.ClockAhead, -f.ClockAhead) > ClockOff }

// Devices returns the devices of people, latest enrolled first. The server's
// own are not among them.
func Devices(r store.AccessReader) ([]store.Device, error) {
	all, err := r.Devices()
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	all = slices.DeleteFunc(all, func(d store.Device) bool { return d.Person.IsZero() })
	slices.SortStableFunc(all, func(x, y store.Device) int { return int(min(max(y.Enrolled-x.Enrolled, -1), 1)) })
	return all, nil
}

// FindDevice returns the device with that id, or the first letters of it.
// Errors: *UnknownDeviceError, *AmbiguousDeviceError.
func FindDevice(r store.AccessReader, asked string) (store.Device, error) {
	asked = strings.TrimSpace(asked)
	all, err := Devices(r)
	if err != nil {
		return store.Device{}, err
	}
	var found []store.Device
	for _, d := range all {
		if idPrefix(d.ID.String(), asked) {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return store.Device{}, &UnknownDeviceError{Asked: asked}
	}
	return store.Device{}, &AmbiguousDeviceError{Asked: asked, Devices: found}
}
