package access

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Note writes an act into the server's chain of acts, where all of them stand,
// and into those of the scopes that it concerns, whose checkpoints the devices
// of these scopes hold.
func Note(tx store.Tx, e store.AuditEntry, scopes ...syncproto.ScopeID) error {
	sorted := slices.Clone(scopes)
	slices.SortFunc(sorted, func(a, b syncproto.ScopeID) int { return bytes.Compare(a[:], b[:]) })
	for _, scope := range slices.Compact(append([]syncproto.ScopeID{{}}, sorted...)) {
		e.Scope = scope
		if err := tx.Audit(e); err != nil {
			return fmt.Errorf("write the audit: %w", err)
		}
	}
	return nil
}

// ScopesOfGrants are the scopes which grants open at their own places. Acts
// about a grant, or about somebody who holds it, concern these.
func ScopesOfGrants(grants ...store.Grant) []syncproto.ScopeID {
	var scopes []syncproto.ScopeID
	for _, g := range grants {
		row, known := ruleOf(Role(g.Role))
		if !known {
			continue
		}
		for _, c := range Compartments {
			if row.below[c] != 0 {
				scopes = append(scopes, syncproto.ScopeOf(g.Place, c))
			}
		}
	}
	return scopes
}

// ScopesOfPerson are the scopes which acts about a person concern now.
func ScopesOfPerson(r store.AccessReader, person syncproto.PersonID) ([]syncproto.ScopeID, error) {
	grants, err := grantsOf(r, person)
	if err != nil {
		return nil, err
	}
	return ScopesOfGrants(slices.DeleteFunc(grants, func(g store.Grant) bool { return g.Revoked != 0 })...), nil
}

// ScopesOfDevice are the scopes which acts about a device concern now: those of
// all who write on it.
func ScopesOfDevice(r store.AccessReader, device syncproto.DeviceID) ([]syncproto.ScopeID, error) {
	people, err := r.DevicePeople(device)
	if err != nil {
		return nil, fmt.Errorf("read people of device %s: %w", device, err)
	}
	var scopes []syncproto.ScopeID
	for _, p := range people {
		who, err := Resolve(r, p)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read person %s: %w", p, err)
		}
		of, err := ScopesOfPerson(r, who.ID)
		if err != nil {
			return nil, err
		}
		scopes = append(scopes, of...)
	}
	return scopes, nil
}
