package indicators

import "mahalleh/schemas"

// SettingsForm is the name of the form that holds a province's settings: one
// record in the province's reference compartment, which travels to devices and
// has a history like everything else.
const SettingsForm = "province_settings"

// ShippedSettings is the version of the values that ship with the programs.
const ShippedSettings = "shipped"

// Settings are the values that no source of the programmes fixes: weights,
// targets, days, thresholds. Each is the province's; a device without a record
// of them uses those that ship. A value that the record leaves empty is the
// shipped one.
type Settings struct {
	// Version is that of the record they were read from, or ShippedSettings.
	Version string

	// Weights are the dossier's sections' shares in percent.
	Weights Weights
	Targets Targets
	Gates   Gates
}

// Targets are what is aimed at in each section of a dossier.
type Targets struct {
	Blocks, KeyPersons, TeamMembers, Domains, Assets           int64
	Households, Informants, FocusGroups, RankedNeeds, Resident int64
}

// Gates are what a section must have before the dossier can be submitted.
// Shares are in percent.
type Gates struct {
	Services, Blocks, KeyPersons, Women, TeamMembers           int64
	Assets, AssetCategories, SurveyShare, WomensGroups         int64
	ApprovedRounds, RatedBlocksShare, CapacityRounds, Resident int64
}

// ShippedValues are the settings that ship with the programs.
//
// Source: domain description 4.1; all are choices of this project.
func ShippedValues() Settings {
	return Settings{
		Version: ShippedSettings,
		Weights: UsualWeights(),
		Targets: Targets{Blocks: 8, KeyPersons: 15, TeamMembers: 7, Domains: 9, Assets: 40,
			Households: 90, Informants: 5, FocusGroups: 2, RankedNeeds: 5, Resident: 30},
		Gates: Gates{Services: 10, Blocks: 1, KeyPersons: 5, Women: 2, TeamMembers: 3, Assets: 15, AssetCategories: 4,
			SurveyShare: 50, WomensGroups: 1, ApprovedRounds: 1, RatedBlocksShare: 80, CapacityRounds: 1, Resident: 10},
	}
}

// SettingsOf reads a record of SettingsForm. Of a record of another form, or
// none, it returns the shipped values.
func SettingsOf(r Record) Settings {
	s := ShippedValues()
	if r.Form == nil || r.Gone || r.Form.Name != SettingsForm {
		return s
	}
	read := &reader{Record: &r}
	s.Version = string(id(r.Version))
	for name, at := range s.whole() {
		if v := read.value(name); v.Kind() == schemas.KindInt {
			*at = v.Int()
		}
	}
	return s
}

// whole are the settings that are whole numbers, by the names of the form's fields.
func (s *Settings) whole() map[string]*int64 {
	return map[string]*int64{}
}
