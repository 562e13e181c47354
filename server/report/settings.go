package report

import (
	"errors"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// mostSettings is how many records of a province's settings are looked at: there is
// one, and those that were deleted.
const mostSettings = 200

// SettingsAt are the settings by which figures of a place are made: those of the
// province in which it lies, or those of the program.
func SettingsAt(r store.Reader, forms *schemas.Package, p store.Place) (indicators.Settings, error) {
	shipped := indicators.ShippedValues()
	for p.Kind != store.PlaceProvince {
		up, err := r.Place(p.Parent)
		if p.Parent == (syncproto.PlaceID{}) || errors.Is(err, store.ErrNotFound) {
			return shipped, nil
		}
		if err != nil {
			return shipped, fmt.Errorf("read places: %w", err)
		}
		p = up
	}
	form, ok := forms.FormByName(indicators.SettingsForm)
	if !ok {
		return shipped, nil
	}
	rows, err := access.ForOperator(r).Records(store.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{syncproto.ScopeOf(p.ID, string(form.Compartment))}, Max: mostSettings})
	if err != nil {
		return shipped, fmt.Errorf("read the province's settings: %w", err)
	}
	for _, row := range rows {
		if merge.Alive(row.State) {
			return indicators.SettingsOf(merge.Counted(forms, row.State)), nil
		}
	}
	return shipped, nil
}
