package access

import (
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// ErrBeyond says that a role, or a place, is not for who acts to give or take.
var ErrBeyond = errors.New("this is more than who acts may give")

// stewards are the roles that look after people and devices; a role that is not
// here looks after nobody.
var stewards = map[Role]bool{County: true, Province: true}

// Steward is what one person may administer, in one snapshot. It is decided by the
// roles in force alone: at the place of such a role and in all that lies in it, roles
// of a lower rank than its own. Of the same rank nobody is, since whoever invites
// somebody holds a link with which to sign in as them.
type Steward struct {
	who    syncproto.PersonID
	grants []store.Grant
	places places
}

// StewardOf reads what a person may administer. Nobody that is known, and who is
// disabled, administers nothing.
func StewardOf(r store.AccessReader, person syncproto.PersonID) (*Steward, error) {
	who, err := Resolve(r, person)
	if errors.Is(err, store.ErrNotFound) || err == nil && who.Disabled {
		return &Steward{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read person %s: %w", person, err)
	}
	s := &Steward{who: who.ID}
	if s.grants, err = grantsOf(r, who.ID); err != nil {
		return nil, err
	}
	s.grants = slices.DeleteFunc(s.grants, func(g store.Grant) bool { return g.Revoked != 0 || !stewards[Role(g.Role)] })
	if len(s.grants) > 0 {
		s.places, err = readPlaces(r)
	}
	return s, err
}

// Steward reports whether the person administers anything at all; what, StewardOf
// says.
func (v *View) Steward() bool {
	return slices.ContainsFunc(v.Roles, func(g store.Grant) bool { return stewards[Role(g.Role)] })
}

// Any reports whether there is anything that the person may administer.
func (s *Steward) Any() bool { return len(s.grants) > 0 }

// Gives reports whether a role at a place may be given and taken.
func (s *Steward) Gives(role Role, place syncproto.PlaceID) bool {
	asked, known := ruleOf(role)
	where, there := s.places.byID[place]
	if !known || !there || where.Kind < widest(role) {
		return false
	}
	return slices.ContainsFunc(s.grants, func(g store.Grant) bool {
		own, _ := ruleOf(Role(g.Role))
		return asked.rank < own.rank && s.places.within(place, g.Place)
	})
}

// Roles are those that may be given somewhere, lowest rank first.
func (s *Steward) Roles() []Role {
	return slices.DeleteFunc(Roles(), func(role Role) bool {
		return !slices.ContainsFunc(s.places.order, func(p store.Place) bool { return s.Gives(role, p.ID) })
	})
}

// Places are those where some role may be given, by number.
func (s *Steward) Places() []store.Place {
	var all []store.Place
	for _, p := range s.places.order {
		if slices.ContainsFunc(s.grants, func(g store.Grant) bool { return s.places.within(p.ID, g.Place) }) {
			all = append(all, p)
		}
	}
	return all
}

// Manages reports whether the person who holds these grants, ended ones too, is
// looked after: every role in force is one that may be taken, and at least one, in
// force or ended, is.
func (s *Steward) Manages(person syncproto.PersonID, grants []store.Grant) bool {
	if person == s.who {
		return false
	}
	mine := false
	for _, g := range grants {
		gives := s.Gives(Role(g.Role), g.Place)
		if !gives && g.Revoked == 0 {
			return false
		}
		mine = mine || gives
	}
	return mine
}

// manages is Manages of somebody whose grants have to be read.
func (s *Steward) manages(r store.AccessReader, person syncproto.PersonID) (bool, error) {
	grants, err := grantsOf(r, person)
	return err == nil && s.Manages(person, grants), err
}

// ManagesDevice reports whether a device is looked after: everybody who writes on it
// is, or is the steward.
func (s *Steward) ManagesDevice(r store.AccessReader, device syncproto.DeviceID) (bool, error) {
	people, err := r.DevicePeople(device)
	if err != nil {
		return false, fmt.Errorf("read people of device %s: %w", device, err)
	}
	for _, id := range people {
		who, err := Resolve(r, id)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read person %s: %w", id, err)
		}
		if who.ID == s.who && s.Any() {
			continue
		}
		if ok, err := s.manages(r, who.ID); err != nil || !ok {
			return false, err
		}
	}
	return len(people) > 0, nil
}

// As is the same administration with somebody who acts: what they may not do is
// refused, and the audit names them. Whom they do not look after is not there for
// them, by name or by id.
func (a *Admin) As(by syncproto.PersonID) *Admin {
	own := *a
	own.By = by
	return &own
}

// may asks the question of who acts. An operator at the machine may everything.
func (a *Admin) may(r store.AccessReader, refused error, question func(*Steward) (bool, error)) error {
	if a.By.IsZero() {
		return nil
	}
	s, err := StewardOf(r, a.By)
	if err != nil {
		return err
	}
	if ok, err := question(s); err != nil || ok {
		return err
	}
	return refused
}

// mayManage refuses who acts on somebody that they do not look after.
func (a *Admin) mayManage(r store.AccessReader, who syncproto.PersonID) error {
	return a.may(r, &UnknownPersonError{Asked: who.String()}, func(s *Steward) (bool, error) { return s.manages(r, who) })
}

// mayGive refuses who acts where a role at a place is not theirs to give or take.
func (a *Admin) mayGive(r store.AccessReader, role Role, place syncproto.PlaceID) error {
	return a.may(r, ErrBeyond, func(s *Steward) (bool, error) { return s.Gives(role, place), nil })
}
