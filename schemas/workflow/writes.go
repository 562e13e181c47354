package workflow

import (
	"slices"

	"mahalleh/schemas"
)

// What the narrower roles may write, by the numbers of forms, which are for ever.
//
// Source: domain description 10.1 and 1.5; s0:27-43.
var (
	// teamWrites are activities.
	teamWrites = []schemas.FormID{21}
	// steeringWrites are what a steering committee decides, and what a monitoring group
	// measures and reviews: meetings, decisions, indicators, measurements, reviews.
	steeringWrites = []schemas.FormID{29, 30, 36, 37, 38}
	// clinicWrites are what the stages of the empowerment plan rest on, its decisions
	// and reviews among them. Dossiers, agreements, services and money are others'.
	clinicWrites = append([]schemas.FormID{
		2, 3, 8, 10, 14, 15, 43, // people and households
		6, 9, 11, 12, 13, 16, 17, 18, 19, 21, // profile, teams, capacity, assets, needs, activities
		26, 27, 31, 32, 33, 34, 42, // centre, statute, plan, requests, enrolment
	}, steeringWrites...)
)

// Writes are the forms to which a role's writing is narrowed, nil for a role that
// writes every form of its compartments.
func Writes(r Role) []schemas.FormID {
	switch r {
	case LocalTeam:
		return teamWrites
	case Steering:
		return steeringWrites
	case Clinic:
		return clinicWrites
	}
	return nil
}

// MayWriteBy says whether somebody may write a form who is known by a rank alone, and
// by where else they write at the place. Who has two roles has the higher rank: as
// facilitators they write in the reference compartment too, as clinics among persons;
// and whoever sits in a committee may be of the local team. So it may be true where
// the server says no, and never the other way.
func MayWriteBy(rank uint8, reference, persons bool, form schemas.FormID) bool {
	switch {
	case reference:
		return true
	case rank == ranks[LocalTeam]:
		return slices.Contains(teamWrites, form)
	case rank == ranks[Steering] && persons:
		return slices.Contains(clinicWrites, form)
	case rank == ranks[Steering]:
		return slices.Contains(steeringWrites, form) || slices.Contains(teamWrites, form)
	}
	return true
}
