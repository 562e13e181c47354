package report

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/persian"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// An account and the record of a person have ids of their own: the one is made by an
// operator, the other by whoever fills in a form. Which are the same an operator may
// say (access.Link). Of the others, they are taken for one where a facilitator's
// record names the person at a place, one account alone has a role there (or above)
// under that name, and no other facilitator of the place bears it. Names are compared
// as they are searched for.

// account is somebody who may have a role, with every id under which they wrote.
type account struct {
	name string
	ids  []syncproto.PersonID
}

// accounts are those with a role, by place.
type accounts struct {
	at     map[syncproto.PlaceID][]*account
	parent map[syncproto.PlaceID]syncproto.PlaceID
	// linked are those of whom it was said whose record is theirs. They are at no
	// place: nobody need guess of them.
	linked map[syncproto.RecordID]*account
}

// accounts reads who has a role where.
func (o *Options) accounts(ctx context.Context) (*accounts, error) {
	a := &accounts{at: map[syncproto.PlaceID][]*account{}, parent: map[syncproto.PlaceID]syncproto.PlaceID{}, linked: map[syncproto.RecordID]*account{}}
	err := o.View(ctx, func(r store.Reader) error {
		places, err := r.Places()
		if err != nil {
			return fmt.Errorf("read places: %w", err)
		}
		for _, p := range places {
			a.parent[p.ID] = p.Parent
		}
		people, err := r.People()
		if err != nil {
			return fmt.Errorf("read people: %w", err)
		}
		by := map[syncproto.PersonID]*account{}
		for _, p := range people {
			if p.AliasOf.IsZero() {
				by[p.ID] = &account{name: persian.Fold(p.Name), ids: []syncproto.PersonID{p.ID}}
			}
		}
		for _, p := range people {
			if x := by[p.AliasOf]; x != nil {
				x.ids = append(x.ids, p.ID)
			}
		}
		links, err := access.Links(r)
		if err != nil {
			return err
		}
		for _, l := range links {
			if x := by[l.Account]; x != nil {
				a.linked[l.Record] = x
				delete(by, l.Account)
			}
		}
		grants, err := r.Grants(syncproto.PersonID{})
		if err != nil {
			return fmt.Errorf("read grants: %w", err)
		}
		for _, g := range grants {
			if x := by[g.Person]; x != nil && g.Revoked == 0 && !slices.Contains(a.at[g.Place], x) {
				a.at[g.Place] = append(a.at[g.Place], x)
			}
		}
		return nil
	})
	return a, err
}

// named is the one account of that name with a role at the place or above it, nil if
// there is none or more than one.
func (a *accounts) named(place syncproto.PlaceID, name string) *account {
	var found *account
	for at := place; ; at = a.parent[at] {
		for _, x := range a.at[at] {
			if x.name == name && x != found {
				if found != nil {
					return nil
				}
				found = x
			}
		}
		if at == (syncproto.PlaceID{}) {
			return found
		}
	}
}

// identities are the authors who are known to be the facilitators of a place.
func (a *accounts) identities(q *asking, place syncproto.PlaceID) ([]indicators.Identity, error) {
	var people []syncproto.RecordID
	err := q.each(`SELECT DISTINCT person_id FROM facilitator WHERE "_place" = ?`, []any{place[:]}, func(rows *sql.Rows) error {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return err
		}
		if id, err := syncproto.ParseID(text.String); err == nil {
			people = append(people, syncproto.RecordID(id))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []indicators.Identity
	are := func(x *account, id syncproto.RecordID) {
		for _, author := range x.ids {
			all = append(all, indicators.Identity{Author: indicators.ID(author), Person: indicators.ID(id)})
		}
	}
	names := map[string][]syncproto.RecordID{}
	for _, id := range people {
		if x := a.linked[id]; x != nil {
			are(x, id)
			continue
		}
		var name sql.NullString
		if _, err := q.one(`SELECT full_name FROM person WHERE "_record" = ?`, []any{id[:]}, &name); err != nil {
			return nil, err
		}
		if folded := persian.Fold(name.String); folded != "" {
			names[folded] = append(names[folded], id)
		}
	}
	for name, ids := range names {
		if x := a.named(place, name); x != nil && len(ids) == 1 {
			are(x, ids[0])
		}
	}
	return all, nil
}
