package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"mahalleh/schemas/persian"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// AddPerson adds somebody who may be granted roles; two people may have the
// same name. It is the operator's: anybody else adds somebody with a role, or
// nobody would look after them. Errors: ErrNoName, ErrLongName, ErrBeyond.
func (a *Admin) AddPerson(ctx context.Context, name string) (store.Person, error) {
	cleaned, err := cleanName(name)
	if err != nil {
		return store.Person{}, err
	}
	id, err := uuid.NewRandomFromReader(a.Rand)
	if err != nil {
		return store.Person{}, fmt.Errorf("add person: make an id: %w", err)
	}
	made := store.Person{ID: syncproto.PersonID(id), Name: cleaned, Created: a.Clock()}
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		if err := a.may(tx, ErrBeyond, func(*Steward) (bool, error) { return false, nil }); err != nil {
			return err
		}
		if err := tx.PutPerson(made); err != nil {
			return fmt.Errorf("write person: %w", err)
		}
		return a.note(tx, actPersonAdded, made.ID.String(), cleaned)
	})
	if err != nil {
		return store.Person{}, fmt.Errorf("add person: %w", err)
	}
	return made, nil
}

// SetDisabled takes every right from a person, or gives them back; the grants
// stand. Devices lose what nobody else who shares them may read.
func (a *Admin) SetDisabled(ctx context.Context, person string, disabled bool, why string) (store.Person, error) {
	var who store.Person
	err := a.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if who, err = FindPerson(tx, person); err != nil {
			return err
		}
		if err := a.mayManage(tx, who.ID); err != nil {
			return err
		}
		if who.Disabled == disabled {
			return nil
		}
		who.Disabled = disabled
		if err := tx.PutPerson(who); err != nil {
			return fmt.Errorf("write person: %w", err)
		}
		if err := touch(tx, a.Clock(), func(g store.Grant) bool { return g.Person == who.ID }); err != nil {
			return err
		}
		act := actPersonEnabled
		if disabled {
			act = actPersonDisabled
		}
		concerned, err := ScopesOfPerson(tx, who.ID)
		if err != nil {
			return err
		}
		return a.note(tx, act, who.ID.String(), why, concerned...)
	})
	if err != nil {
		return store.Person{}, fmt.Errorf("disable person: %w", err)
	}
	return who, nil
}

// widest is the widest kind of place at which a role may be played. Those who
// work with names and harm hold one neighbourhood per grant, so that a stolen
// phone exposes no more.
func widest(role Role) store.PlaceKind {
	switch role {
	case LocalTeam, Facilitator:
		return store.PlaceNeighbourhood
	case National:
		return store.PlaceNation
	case Province:
		return store.PlaceProvince
	}
	return store.PlaceCounty
}

// Grant lets a person play a role at a place; fresh is false if that was so
// already. Errors: *UnknownPersonError, *AmbiguousPersonError,
// *UnknownRoleError, *UnknownPlaceError, *AmbiguousPlaceError, *TooWideError,
// ErrBeyond.
func (a *Admin) Grant(ctx context.Context, person, role, place string) (g store.Grant, fresh bool, err error) {
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		g, fresh = store.Grant{}, false
		who, where, what, err := a.parties(tx, person, role, place)
		if err != nil {
			return err
		}
		if err := a.mayManage(tx, who.ID); err != nil {
			return err
		}
		if where.Kind < widest(what) {
			return &TooWideError{Role: what, Place: where, Widest: widest(what)}
		}
		if err := a.mayGive(tx, what, where.ID); err != nil {
			return err
		}
		have, err := grantsOf(tx, who.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(have, func(x store.Grant) bool { return x.Place == where.ID && x.Role == string(what) })
		if i >= 0 && have[i].Revoked == 0 {
			g = have[i]
			return nil
		}
		serial, err := NextSerial(tx, a.Clock())
		if err != nil {
			return err
		}
		g, fresh = store.Grant{Person: who.ID, Place: where.ID, Role: string(what), Serial: serial, From: a.Clock()}, true
		if err := tx.PutGrant(g); err != nil {
			return fmt.Errorf("write grant: %w", err)
		}
		return a.note(tx, actGranted, who.ID.String(), grantText(what, where), ScopesOfGrants(g)...)
	})
	if err != nil {
		return store.Grant{}, false, fmt.Errorf("grant: %w", err)
	}
	return g, fresh, nil
}

// Revoke ends a grant. What the person recorded under it and has not sent yet
// will be set aside for a supervisor. Errors: as Grant, and ErrNotGranted.
func (a *Admin) Revoke(ctx context.Context, person, role, place, why string) (store.Grant, error) {
	var g store.Grant
	err := a.Store.Update(ctx, func(tx store.Tx) error {
		who, where, what, err := a.parties(tx, person, role, place)
		if err != nil {
			return err
		}
		if err := errors.Join(a.mayManage(tx, who.ID), a.mayGive(tx, what, where.ID)); err != nil {
			return err
		}
		have, err := grantsOf(tx, who.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(have, func(x store.Grant) bool {
			return x.Place == where.ID && x.Role == string(what) && x.Revoked == 0
		})
		if i < 0 {
			return ErrNotGranted
		}
		serial, err := NextSerial(tx, a.Clock())
		if err != nil {
			return err
		}
		g = have[i]
		g.Serial, g.Revoked = serial, a.Clock()
		if err := tx.PutGrant(g); err != nil {
			return fmt.Errorf("write grant: %w", err)
		}
		return a.note(tx, actRevoked, who.ID.String(), strings.TrimSpace(grantText(what, where)+" "+why), ScopesOfGrants(g)...)
	})
	if err != nil {
		return store.Grant{}, fmt.Errorf("revoke grant: %w", err)
	}
	return g, nil
}

func grantText(role Role, place store.Place) string {
	return string(role) + " at " + strconv.FormatUint(uint64(place.Number), 10)
}

func grantsOf(r store.AccessReader, person syncproto.PersonID) ([]store.Grant, error) {
	grants, err := r.Grants(person)
	if err != nil {
		return nil, fmt.Errorf("read grants of %s: %w", person, err)
	}
	return grants, nil
}

func (a *Admin) parties(r store.AccessReader, person, role, place string) (who store.Person, where store.Place, what Role, err error) {
	if who, err = FindPerson(r, person); err != nil {
		return who, where, what, err
	}
	known, ok := ruleOf(Role(role))
	if !ok {
		return who, where, what, &UnknownRoleError{Asked: role, Roles: Roles()}
	}
	where, err = FindPlace(r, place)
	return who, where, known.role, err
}

// FindPerson returns the person with that id, the first letters of it, or that
// name. Errors: *UnknownPersonError, *AmbiguousPersonError.
func FindPerson(r store.AccessReader, asked string) (store.Person, error) {
	asked = strings.TrimSpace(asked)
	if id, err := syncproto.ParseID(asked); err == nil {
		p, err := Resolve(r, id)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return p, fmt.Errorf("read person %s: %w", asked, err)
		}
	}
	people, err := People(r)
	if err != nil {
		return store.Person{}, err
	}
	folded := persian.Fold(asked)
	var found []store.Person
	for _, p := range people {
		if folded != "" && persian.Fold(p.Name) == folded || idPrefix(p.ID.String(), asked) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return store.Person{}, &UnknownPersonError{Asked: asked, Near: nearest(people, func(p store.Person) int { return unlike(p.Name, asked) })}
	}
	return store.Person{}, &AmbiguousPersonError{Asked: asked, People: found}
}

// People returns everybody, without the aliases that stand for them, in the
// order of their names.
func People(r store.AccessReader) ([]store.Person, error) {
	all, err := r.People()
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	people := slices.DeleteFunc(all, func(p store.Person) bool { return !p.AliasOf.IsZero() })
	slices.SortStableFunc(people, func(x, y store.Person) int {
		return slices.Compare(persian.SortKey(x.Name), persian.SortKey(y.Name))
	})
	return people, nil
}

// ErrNotFirst says that there are people already, so that nobody can be the
// first one.
var ErrNotFirst = errors.New("there are people already")

// First adds the first person of a server and lets them play a role, both or
// neither. Errors: ErrNotFirst, and as AddPerson and Grant.
func (a *Admin) First(ctx context.Context, name, role, place string) (store.Person, store.Grant, error) {
	made, g, err := a.addWith(ctx, name, role, place, func(tx store.Tx) error {
		all, err := People(tx)
		if err == nil && len(all) > 0 {
			err = ErrNotFirst
		}
		return err
	})
	if err != nil {
		return store.Person{}, store.Grant{}, fmt.Errorf("add the first person: %w", err)
	}
	return made, g, nil
}

// AddWith adds a person and lets them play a role, both or neither. Errors: as
// AddPerson and Grant.
func (a *Admin) AddWith(ctx context.Context, name, role, place string) (store.Person, store.Grant, error) {
	made, g, err := a.addWith(ctx, name, role, place, func(store.Tx) error { return nil })
	if err != nil {
		return store.Person{}, store.Grant{}, fmt.Errorf("add person: %w", err)
	}
	return made, g, nil
}

func (a *Admin) addWith(ctx context.Context, name, role, place string, look func(store.Tx) error) (store.Person, store.Grant, error) {
	var made store.Person
	var g store.Grant
	cleaned, err := cleanName(name)
	if err != nil {
		return made, g, err
	}
	id, err := uuid.NewRandomFromReader(a.Rand)
	if err != nil {
		return made, g, fmt.Errorf("make an id: %w", err)
	}
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		if err := look(tx); err != nil {
			return err
		}
		now := a.Clock()
		made = store.Person{ID: syncproto.PersonID(id), Name: cleaned, Created: now}
		if err := tx.PutPerson(made); err != nil {
			return fmt.Errorf("write person: %w", err)
		}
		_, where, what, err := a.parties(tx, made.ID.String(), role, place)
		if err != nil {
			return err
		}
		if where.Kind < widest(what) {
			return &TooWideError{Role: what, Place: where, Widest: widest(what)}
		}
		if err := a.mayGive(tx, what, where.ID); err != nil {
			return err
		}
		serial, err := NextSerial(tx, now)
		if err != nil {
			return err
		}
		g = store.Grant{Person: made.ID, Place: where.ID, Role: string(what), Serial: serial, From: now}
		if err := tx.PutGrant(g); err != nil {
			return fmt.Errorf("write grant: %w", err)
		}
		if err := a.note(tx, actPersonAdded, made.ID.String(), cleaned); err != nil {
			return err
		}
		return a.note(tx, actGranted, made.ID.String(), grantText(what, where), ScopesOfGrants(g)...)
	})
	return made, g, err
}
