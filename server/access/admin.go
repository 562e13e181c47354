package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Admin carries out the acts of administration: places, people, grants, codes
// and devices. Each act is one durable transaction that holds its audit entry
// and, where it changes what somebody may see, a new serial of the grants, by
// which devices learn of it. Whoever calls it tells running sessions afterwards.
type Admin struct {
	Store store.Store
	// Fingerprint is how the fingerprint of the server's keys begins. The ids of
	// places derive from it, so it may not change once there are places.
	Fingerprint [syncproto.CodeFingerprintSize]byte
	// Clock gives Unix milliseconds, Rand random bytes.
	Clock func() int64
	Rand  io.Reader
	// By is who acts; zero for an operator at the server's own machine.
	By syncproto.PersonID
}

// The acts, as they stand in the audit.
const (
	actPlaceAdded     = "place added"
	actPersonAdded    = "person added"
	actPersonDisabled = "person disabled"
	actPersonEnabled  = "person enabled"
	actLinked         = "record linked"
	actUnlinked       = "record unlinked"
	actGranted        = "granted"
	actRevoked        = "grant revoked"
	actCodeMade       = "code made"
	actDeviceRevoked  = "device revoked"
	actDeviceLost     = "device lost"
)

// MaxName is how many letters a name of a person or place, or a place's code,
// may have. Names go to every device of a place: one that a device cannot read
// (the protocol takes 1024 bytes) would keep all of them from synchronising,
// and a code's QR text, which holds two escaped names, would not fit.
const MaxName = 100

var (
	// ErrNoName says that something was to be named by nothing, or by what is
	// not text.
	ErrNoName = errors.New("a name is needed")
	// ErrLongName says that a name has more than MaxName letters.
	ErrLongName = errors.New("a name is too long")
	// ErrOtherKeys says that the places were made under other server keys.
	ErrOtherKeys = errors.New("the places were made under other keys of the server")
	// ErrNotGranted says that a person does not hold such a grant.
	ErrNotGranted = errors.New("the person does not hold this grant")
	// ErrDisabled says that a person is disabled.
	ErrDisabled = errors.New("the person is disabled")
)

// UnknownPlaceError says that there is no such place.
type UnknownPlaceError struct {
	Asked string
	Near  []store.Place // those that may have been meant, most likely first
}

func (e *UnknownPlaceError) Error() string { return fmt.Sprintf("there is no place %q", e.Asked) }

// AmbiguousPlaceError says that several places have the name.
type AmbiguousPlaceError struct {
	Asked  string
	Places []store.Place
}

func (e *AmbiguousPlaceError) Error() string {
	return fmt.Sprintf("%d places are called %q", len(e.Places), e.Asked)
}

// PlaceTakenError says that a place of that name is there already.
type PlaceTakenError struct{ Place store.Place }

func (e *PlaceTakenError) Error() string {
	return fmt.Sprintf("place %d is already called %q", e.Place.Number, e.Place.NameFa)
}

// ParentKindError says that a place of this kind cannot lie in that one.
type ParentKindError struct {
	Kind   store.PlaceKind
	Parent store.Place
}

func (e *ParentKindError) Error() string {
	return fmt.Sprintf("a place of kind %d cannot lie in place %d of kind %d", e.Kind, e.Parent.Number, e.Parent.Kind)
}

// UnknownPersonError says that there is no such person.
type UnknownPersonError struct {
	Asked string
	Near  []store.Person
}

func (e *UnknownPersonError) Error() string { return fmt.Sprintf("there is no person %q", e.Asked) }

// AmbiguousPersonError says that several people fit what was asked for.
type AmbiguousPersonError struct {
	Asked  string
	People []store.Person
}

func (e *AmbiguousPersonError) Error() string {
	return fmt.Sprintf("%d people fit %q", len(e.People), e.Asked)
}

// UnknownRoleError says that a role is not one of the table. It matches
// ErrUnknownRole.
type UnknownRoleError struct {
	Asked string
	Roles []Role
}

func (e *UnknownRoleError) Error() string { return fmt.Sprintf("there is no role %q", e.Asked) }

// Is makes it match ErrUnknownRole.
func (e *UnknownRoleError) Is(target error) bool { return target == ErrUnknownRole }

// TooWideError says that a role may not be played at so wide a place: with it
// the devices of one person would hold more than a stolen one may expose.
type TooWideError struct {
	Role   Role
	Place  store.Place
	Widest store.PlaceKind
}

func (e *TooWideError) Error() string {
	return fmt.Sprintf("the role %s cannot be played at place %d of kind %d", e.Role, e.Place.Number, e.Place.Kind)
}

// NothingToReadError says that a person may read nothing at the place for
// which a code was asked.
type NothingToReadError struct {
	Person store.Person
	Place  store.Place
}

func (e *NothingToReadError) Error() string {
	return fmt.Sprintf("%s has no grant at place %d", e.Person.ID, e.Place.Number)
}

// UnknownDeviceError says that there is no such device.
type UnknownDeviceError struct{ Asked string }

func (e *UnknownDeviceError) Error() string { return fmt.Sprintf("there is no device %q", e.Asked) }

// AmbiguousDeviceError says that several devices' ids begin so.
type AmbiguousDeviceError struct {
	Asked   string
	Devices []store.Device
}

func (e *AmbiguousDeviceError) Error() string {
	return fmt.Sprintf("%d devices begin with %q", len(e.Devices), e.Asked)
}

// note writes the audit entry of an act and of the scopes that it concerns.
func (a *Admin) note(tx store.Tx, act, subject, note string, scopes ...syncproto.ScopeID) error {
	return a.noteBy(tx, a.By, act, subject, note, scopes...)
}

// noteBy notes an act of somebody else than the operator.
func (a *Admin) noteBy(tx store.Tx, by syncproto.PersonID, act, subject, note string, scopes ...syncproto.ScopeID) error {
	return Note(tx, store.AuditEntry{At: a.Clock(), By: by, Act: act, Subject: subject, Note: note}, scopes...)
}

// NextSerial is the serial of the next act that changes grants, given the
// server's time in Unix milliseconds. It follows the clock, so that a server put
// back from a backup never gives a serial that a device has seen to other grants.
func NextSerial(r store.AccessReader, now int64) (uint64, error) {
	serial, err := r.GrantSerial()
	if err != nil {
		return 0, fmt.Errorf("read the grants' serial: %w", err)
	}
	return max(serial+1, uint64(max(now, 0))), nil
}

// touch gives a new serial to the grants in force that an act changed the
// meaning of, so that devices which hold them look again.
func touch(tx store.Tx, now int64, changed func(store.Grant) bool) error {
	all, err := tx.Grants(syncproto.PersonID{})
	if err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	serial, err := NextSerial(tx, now)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.Revoked != 0 || !changed(g) {
			continue
		}
		g.Serial = serial
		if err := tx.PutGrant(g); err != nil {
			return fmt.Errorf("write grant: %w", err)
		}
	}
	return nil
}

// minPrefix is how many letters of an id name something at least: fewer are
// more likely a slip than a choice.
const minPrefix = 4

// idPrefix reports whether the text asked for begins the id as it is written,
// whatever hyphens either has.
func idPrefix(id, asked string) bool {
	bare := strings.ReplaceAll(strings.ToLower(asked), "-", "")
	return len(bare) >= minPrefix && strings.HasPrefix(strings.ReplaceAll(id, "-", ""), bare)
}

// mostNear bounds how many candidates an error lists.
const mostNear = 5

// nearest returns the first few of all, by rising distance; those whose
// distance is negative are left out.
func nearest[T any](all []T, distance func(T) int) []T {
	type ranked struct {
		x T
		d int
	}
	var near []ranked
	for _, x := range all {
		if d := distance(x); d >= 0 {
			near = append(near, ranked{x, d})
		}
	}
	slices.SortStableFunc(near, func(a, b ranked) int { return a.d - b.d })
	out := make([]T, 0, min(len(near), mostNear))
	for _, r := range near[:cap(out)] {
		out = append(out, r.x)
	}
	return out
}

// Audit writes an act into the audit that somebody carried out by other means
// than an Admin, such as a backup or an export, and that concerns the scopes.
func (a *Admin) Audit(ctx context.Context, act, subject, note string, scopes ...syncproto.ScopeID) error {
	return a.Store.Update(ctx, func(tx store.Tx) error { return a.note(tx, act, subject, note, scopes...) })
}
