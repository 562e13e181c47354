package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// The short numbers of places. They stand in typed enrolment codes and in
// people's papers, and never change.
const (
	numberNation = 1
	// firstProvince is added to a province's official code.
	firstProvince = 10
	// firstOther is the lowest number given out to counties and neighbourhoods.
	firstOther = 101
)

// Country makes the nation and its provinces from the code list of provinces,
// as far as they are not there yet. Run it at every start: a province that a
// newer list brings is added. Places of other server keys give ErrOtherKeys.
func (a *Admin) Country(ctx context.Context, provinces *schemas.CodeList) error {
	err := a.Store.Update(ctx, func(tx store.Tx) error {
		nation := store.Place{ID: a.placeID(numberNation), Number: numberNation, Kind: store.PlaceNation, NameFa: "ایران", NameEn: "Iran"}
		fresh, err := a.ensure(tx, nation)
		if err != nil {
			return err
		}
		for _, p := range provinces.Items {
			n, err := strconv.ParseUint(p.Code, 10, 8)
			if err != nil || n >= firstOther-firstProvince {
				return fmt.Errorf("province code %q is not a number of two digits", p.Code)
			}
			number := uint32(firstProvince + n)
			place := store.Place{ID: a.placeID(number), Number: number, Kind: store.PlaceProvince, Parent: nation.ID,
				Code: p.Code, NameFa: p.Label.Fa, NameEn: p.Label.En}
			added, err := a.ensure(tx, place)
			if err != nil {
				return err
			}
			fresh = fresh || added
		}
		if !fresh {
			return nil
		}
		return a.note(tx, actPlaceAdded, strconv.Itoa(numberNation), "nation and provinces")
	})
	if err != nil {
		return fmt.Errorf("make the country's places: %w", err)
	}
	return nil
}

func (a *Admin) placeID(number uint32) syncproto.PlaceID {
	return syncproto.PlaceOf(a.Fingerprint, number)
}

// ensure puts the place unless its number is taken; it reports whether it did.
func (a *Admin) ensure(tx store.Tx, p store.Place) (bool, error) {
	have, err := tx.PlaceByNumber(p.Number)
	switch {
	case err == nil && have.ID != p.ID:
		return false, ErrOtherKeys
	case err == nil:
		return false, nil
	case !errors.Is(err, store.ErrNotFound):
		return false, fmt.Errorf("read place %d: %w", p.Number, err)
	}
	if err := tx.PutPlace(p); err != nil {
		return false, fmt.Errorf("write place %d: %w", p.Number, err)
	}
	return true, nil
}

// NewPlace is a county or neighbourhood to be added.
type NewPlace struct {
	Kind store.PlaceKind
	// Parent is the number or the name of the place in which it lies: a province
	// for a county, a county or a province for a neighbourhood.
	Parent string
	NameFa string
	NameEn string
	Code   string
}

// AddPlace adds a county or neighbourhood under the next free number. Errors:
// ErrNoName, ErrLongName, *UnknownPlaceError, *AmbiguousPlaceError, *ParentKindError,
// *PlaceTakenError.
func (a *Admin) AddPlace(ctx context.Context, n NewPlace) (store.Place, error) {
	var made store.Place
	name, err := cleanName(n.NameFa)
	if err != nil {
		return made, err
	}
	english, err := persian.Clean(n.NameEn)
	if err != nil {
		return made, ErrNoName
	}
	if utf8.RuneCountInString(english) > MaxName || utf8.RuneCountInString(n.Code) > MaxName {
		return made, ErrLongName
	}
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		parent, err := FindPlace(tx, n.Parent)
		if err != nil {
			return err
		}
		if !mayLieIn(n.Kind, parent.Kind) {
			return &ParentKindError{Kind: n.Kind, Parent: parent}
		}
		all, err := tx.Places()
		if err != nil {
			return fmt.Errorf("read places: %w", err)
		}
		number := uint32(firstOther)
		for _, p := range all {
			if p.Parent == parent.ID && p.Kind == n.Kind && persian.Fold(p.NameFa) == persian.Fold(name) {
				return &PlaceTakenError{Place: p}
			}
			if p.Number == math.MaxUint32 {
				return errors.New("there are no free numbers of places")
			}
			number = max(number, p.Number+1)
		}
		made = store.Place{ID: a.placeID(number), Number: number, Kind: n.Kind, Parent: parent.ID, Code: n.Code, NameFa: name, NameEn: english}
		if err := tx.PutPlace(made); err != nil {
			return fmt.Errorf("write place: %w", err)
		}
		above, err := readPlaces(tx)
		if err != nil {
			return err
		}
		if err := touch(tx, a.Clock(), func(g store.Grant) bool { return above.within(made.ID, g.Place) }); err != nil {
			return err
		}
		return a.note(tx, actPlaceAdded, strconv.FormatUint(uint64(number), 10), name, syncproto.ScopeOf(parent.ID, Reference))
	})
	if err != nil {
		return store.Place{}, fmt.Errorf("add place: %w", err)
	}
	return made, nil
}

func mayLieIn(kind, parent store.PlaceKind) bool {
	switch kind {
	case store.PlaceCounty:
		return parent == store.PlaceProvince
	case store.PlaceNeighbourhood:
		return parent == store.PlaceCounty || parent == store.PlaceProvince
	}
	return false
}

// cleanName returns a name as it is stored.
func cleanName(name string) (string, error) {
	cleaned, err := persian.Clean(name)
	if err != nil || cleaned == "" {
		return "", ErrNoName
	}
	if utf8.RuneCountInString(cleaned) > MaxName {
		return "", ErrLongName
	}
	return cleaned, nil
}

// FindPlace returns the place of that number, in any digits, or of that name.
// Errors: *UnknownPlaceError, *AmbiguousPlaceError.
func FindPlace(r store.AccessReader, asked string) (store.Place, error) {
	asked = strings.TrimSpace(asked)
	if n, err := strconv.ParseUint(persian.ToASCIIDigits(asked), 10, 32); err == nil {
		p, err := r.PlaceByNumber(uint32(n))
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return p, fmt.Errorf("read place %d: %w", n, err)
		}
	}
	all, err := r.Places()
	if err != nil {
		return store.Place{}, fmt.Errorf("read places: %w", err)
	}
	folded := persian.Fold(asked)
	var named []store.Place
	for _, p := range all {
		if folded != "" && (persian.Fold(p.NameFa) == folded || persian.Fold(p.NameEn) == folded) {
			named = append(named, p)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return store.Place{}, &UnknownPlaceError{Asked: asked, Near: nearPlaces(all, asked)}
	}
	return store.Place{}, &AmbiguousPlaceError{Asked: asked, Places: named}
}

// nearPlaces are the places that may have been meant: for a number those whose
// numbers differ by one slip or stand next to it, for a name those alike.
func nearPlaces(all []store.Place, asked string) []store.Place {
	digits := persian.ToASCIIDigits(asked)
	if n, err := strconv.ParseUint(digits, 10, 32); err == nil {
		slices.SortFunc(all, func(x, y store.Place) int { return cmp.Compare(x.Number, y.Number) })
		return nearest(all, func(p store.Place) int {
			apart := max(int64(p.Number), int64(n)) - min(int64(p.Number), int64(n))
			if slips := persian.Distance(strconv.FormatUint(uint64(p.Number), 10), digits); slips <= 1 {
				return int(min(apart, 10))
			}
			if apart <= 10 {
				return 10 + int(apart)
			}
			return -1
		})
	}
	return nearest(all, func(p store.Place) int { return unlike(p.NameFa, asked) })
}

// alike is from which similarity on, of 1, a name may have been meant.
const alike = 0.8

// unlike is how far a name is from what was asked for, negative if too far.
func unlike(name, asked string) int {
	s := persian.Similarity(persian.Fold(name), persian.Fold(asked))
	if s < alike {
		return -1
	}
	return int((1 - s) * 1000)
}
