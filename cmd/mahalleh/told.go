package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
)

// told turns any error into one that can be told to a person, here or, through
// the admin door, at another process.
func told(err error) *cli.Error {
	var e *cli.Error
	if errors.As(err, &e) {
		return e
	}
	if e := explain(err); e != nil {
		return e
	}
	if e := cli.Unusable(err); e != nil {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return &cli.Error{Code: cli.Failure, Key: "cli.error.interrupted", Hint: "cli.error.interrupted_hint", Cause: err}
	}
	return &cli.Error{Code: cli.Failure, Key: "cli.error.failed", Args: cli.Args{"problem": err.Error()}, Hint: "cli.error.failed_hint", Cause: err}
}

// explain knows the errors of the packages below; nil for others.
func explain(err error) *cli.Error {
	if errors.Is(err, hub.ErrNoted) {
		return &cli.Error{Code: cli.Failure, Key: "mahalleh_data.erase.noted", Hint: "mahalleh_data.erase.noted_hint", Cause: err}
	}
	if e := explainStore(err); e != nil {
		return e
	}
	if e := explainPlace(err); e != nil {
		return e
	}
	if e := explainHub(err); e != nil {
		return e
	}
	if e := explainLink(err); e != nil {
		return e
	}
	return explainPerson(err)
}

func explainStore(err error) *cli.Error {
	var held *inUseError
	switch {
	case errors.As(err, &held):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.store.in_use", Args: cli.Args{"dir": held.folder.dir, "pid": held.folder.holder()},
			Hint: "mahalleh.store.in_use_hint", Cause: err}
	case errors.Is(err, store.ErrNewer):
		return &cli.Error{Code: cli.Incompatible, Key: "mahalleh.store.newer", Hint: "mahalleh.store.newer_hint", Cause: err}
	case errors.Is(err, store.ErrFull):
		return &cli.Error{Code: cli.Failure, Key: "mahalleh.store.full", Hint: "mahalleh.store.full_hint", Cause: err}
	case errors.Is(err, store.ErrCorrupt):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.store.damaged", Hint: "mahalleh.store.damaged_hint", Cause: err}
	case errors.Is(err, store.ErrDisk):
		return &cli.Error{Code: cli.Failure, Key: "mahalleh.store.disk", Hint: "mahalleh.store.disk_hint", Cause: err}
	case errors.Is(err, access.ErrOtherKeys):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.store.other_keys", Hint: "mahalleh.store.other_keys_hint", Cause: err}
	}
	return nil
}

func explainHub(err error) *cli.Error {
	switch {
	case errors.Is(err, hub.ErrNotQuarantined):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.quarantine.not_there", Hint: "mahalleh_data.quarantine.not_there_hint", Cause: err}
	case errors.Is(err, hub.ErrNotReleasable):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.quarantine.not_releasable", Hint: "mahalleh_data.quarantine.not_releasable_hint", Cause: err}
	case errors.Is(err, hub.ErrClosed):
		return &cli.Error{Code: cli.NotReachable, Key: "mahalleh.door.cut", Hint: "mahalleh.door.cut_hint", Cause: err}
	}
	return nil
}

func explainPlace(err error) *cli.Error {
	var unknown *access.UnknownPlaceError
	var several *access.AmbiguousPlaceError
	var taken *access.PlaceTakenError
	var parent *access.ParentKindError
	switch {
	case errors.As(err, &unknown) && len(unknown.Near) > 0:
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.place.unknown", Args: cli.Args{"place": unknown.Asked, "near": placeNames(unknown.Near)},
			Hint: "mahalleh.place.near_hint", Cause: err}
	case errors.As(err, &unknown):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.place.unknown", Args: cli.Args{"place": unknown.Asked}, Hint: "mahalleh.place.list_hint", Cause: err}
	case errors.As(err, &several):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.place.several", Args: cli.Args{"place": several.Asked, "near": placeNames(several.Places)},
			Hint: "mahalleh.place.several_hint", Cause: err}
	case errors.As(err, &taken):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.place.taken", Args: cli.Args{"number": number(taken.Place), "name": taken.Place.NameFa},
			Hint: "mahalleh.place.taken_hint", Cause: err}
	case errors.As(err, &parent):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.place.wrong_parent", Args: cli.Args{"number": number(parent.Parent), "name": parent.Parent.NameFa},
			Hint: "mahalleh.place.wrong_parent_hint", Cause: err}
	}
	return nil
}

func explainPerson(err error) *cli.Error {
	var unknown *access.UnknownPersonError
	var several *access.AmbiguousPersonError
	var role *access.UnknownRoleError
	var wide *access.TooWideError
	var nothing *access.NothingToReadError
	var device *access.UnknownDeviceError
	var devices *access.AmbiguousDeviceError
	switch {
	case errors.As(err, &unknown) && len(unknown.Near) > 0:
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.person.unknown", Args: cli.Args{"person": unknown.Asked, "near": personNames(unknown.Near)},
			Hint: "mahalleh.person.near_hint", Cause: err}
	case errors.As(err, &unknown):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.person.unknown", Args: cli.Args{"person": unknown.Asked}, Hint: "mahalleh.person.list_hint", Cause: err}
	case errors.As(err, &several):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.person.several", Args: cli.Args{"person": several.Asked, "near": personNames(several.People)},
			Hint: "mahalleh.person.several_hint", Cause: err}
	case errors.As(err, &role):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.grant.unknown_role", Args: cli.Args{"role": role.Asked, "roles": roleNames(role.Roles)},
			Hint: "mahalleh.grant.unknown_role_hint", Cause: err}
	case errors.As(err, &wide):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.grant.too_wide", Args: cli.Args{"role": string(wide.Role), "number": number(wide.Place), "name": wide.Place.NameFa},
			Hint: "mahalleh.grant.too_wide_hint", Cause: err}
	case errors.As(err, &nothing):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.enrol.no_grant",
			Args: cli.Args{"person": nothing.Person.Name, "number": number(nothing.Place), "name": nothing.Place.NameFa}, Hint: "mahalleh.enrol.no_grant_hint", Cause: err}
	case errors.Is(err, access.ErrDisabled):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.enrol.disabled", Hint: "mahalleh.enrol.disabled_hint", Cause: err}
	case errors.Is(err, access.ErrNotGranted):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.grant.not_held", Hint: "mahalleh.grant.not_held_hint", Cause: err}
	case errors.Is(err, access.ErrNoName):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.person.no_name", Hint: "mahalleh.person.no_name_hint", Cause: err}
	case errors.Is(err, access.ErrLongName):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.person.long_name", Args: cli.Args{"most": access.MaxName}, Hint: "mahalleh.person.long_name_hint", Cause: err}
	case errors.As(err, &device):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.device.unknown", Args: cli.Args{"device": device.Asked}, Hint: "mahalleh.device.unknown_hint", Cause: err}
	case errors.As(err, &devices):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.device.several", Args: cli.Args{"device": devices.Asked}, Hint: "mahalleh.device.several_hint", Cause: err}
	}
	return nil
}

// number is a place's number as people type it: never grouped.
func number(p store.Place) string { return fmt.Sprint(p.Number) }

func placeNames(places []store.Place) string {
	names := make([]string, len(places))
	for i, p := range places {
		names[i] = number(p) + " " + p.NameFa
	}
	return strings.Join(names, " · ")
}

func personNames(people []store.Person) string {
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.Name + " " + p.ID.String()[:8]
	}
	return strings.Join(names, " · ")
}

func roleNames(roles []access.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " · ")
}
