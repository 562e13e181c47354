package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Link says that an account is the person whom a record is about. The one is made by
// an operator, the other by whoever fills in a form; that they are the same somebody
// has to say who knows both.
type Link struct {
	Account syncproto.PersonID
	Record  syncproto.RecordID
}

// linksKey names the value that holds all links, each as two ids in the order of
// their accounts. There are as many as people with a role at most.
const linksKey = "access.links"

// LinkedError says that a link stands in the way of another.
type LinkedError struct {
	// Person has the link, to Record.
	Person store.Person
	Record syncproto.RecordID
}

func (e *LinkedError) Error() string {
	return fmt.Sprintf("%s is the person of record %s", e.Person.ID, e.Record)
}

// ErrNotLinked says that no record is known to be the person's.
var ErrNotLinked = errors.New("no record is the person's")

// Links are all links, in the order of their accounts.
func Links(r store.MetaReader) ([]Link, error) {
	b, err := r.Meta(linksKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read which records are people's: %w", err)
	}
	var all []Link
	for ; len(b) >= 32; b = b[32:] {
		all = append(all, Link{syncproto.PersonID(b[:16]), syncproto.RecordID(b[16:32])})
	}
	return all, nil
}

func putLinks(tx store.Tx, all []Link) error {
	slices.SortFunc(all, func(x, y Link) int { return bytes.Compare(x.Account[:], y.Account[:]) })
	var b []byte
	for _, l := range all {
		b = append(append(b, l.Account[:]...), l.Record[:]...)
	}
	if err := tx.PutMeta(linksKey, b); err != nil {
		return fmt.Errorf("write which records are people's: %w", err)
	}
	return nil
}

// Link says that a person with an account is the person of a record; fresh is false
// if that was said already. An account is one record's, and a record one account's.
// Errors: *UnknownPersonError, *AmbiguousPersonError, *LinkedError.
func (a *Admin) Link(ctx context.Context, person string, record syncproto.RecordID, why string) (who store.Person, fresh bool, err error) {
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if who, err = FindPerson(tx, person); err != nil {
			return err
		}
		all, err := Links(tx)
		if err != nil {
			return err
		}
		wanted := Link{who.ID, record}
		if fresh = !slices.Contains(all, wanted); !fresh {
			return nil
		}
		for _, l := range all {
			if l.Account == who.ID || l.Record == record {
				other, err := Resolve(tx, l.Account)
				if err != nil {
					return fmt.Errorf("read person %s: %w", l.Account, err)
				}
				return &LinkedError{Person: other, Record: l.Record}
			}
		}
		if err := putLinks(tx, append(all, wanted)); err != nil {
			return err
		}
		return a.noteLink(tx, actLinked, wanted, why)
	})
	if err != nil {
		return store.Person{}, false, fmt.Errorf("link person and record: %w", err)
	}
	return who, fresh, nil
}

// Unlink takes back what Link said. Errors: *UnknownPersonError,
// *AmbiguousPersonError, ErrNotLinked.
func (a *Admin) Unlink(ctx context.Context, person, why string) (who store.Person, record syncproto.RecordID, err error) {
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if who, err = FindPerson(tx, person); err != nil {
			return err
		}
		all, err := Links(tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(l Link) bool { return l.Account == who.ID })
		if i < 0 {
			return ErrNotLinked
		}
		link := all[i]
		record = link.Record
		if err := putLinks(tx, slices.Delete(all, i, i+1)); err != nil {
			return err
		}
		return a.noteLink(tx, actUnlinked, link, why)
	})
	if err != nil {
		return store.Person{}, record, fmt.Errorf("unlink person and record: %w", err)
	}
	return who, record, nil
}

func (a *Admin) noteLink(tx store.Tx, act string, l Link, why string) error {
	concerned, err := ScopesOfPerson(tx, l.Account)
	if err != nil {
		return err
	}
	text := l.Record.String()
	if why != "" {
		text += " " + why
	}
	return a.note(tx, act, l.Account.String(), text, concerned...)
}

// DropLinks forgets whose a record is: it was erased.
func DropLinks(tx store.Tx, record syncproto.RecordID) error {
	all, err := Links(tx)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(l Link) bool { return l.Record == record })
	if len(kept) == len(all) {
		return nil
	}
	return putLinks(tx, kept)
}
