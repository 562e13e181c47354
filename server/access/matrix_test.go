package access_test

import (
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas/forms"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// matrix is who may do what, written by hand from the description's table of default
// scopes (10.1): for each role, in each compartment of the place of the role and of all
// that lie in it, what may be done: r read, w write, s settle conflicts, d vouch for
// what is true, q decide about what was set aside. What does not stand here is denied.
var matrix = map[access.Role]map[string]string{
	access.LocalTeam:        {"reference": "r", "plain": "rw"},
	access.Facilitator:      {"reference": "rw", "plain": "rws", "persons": "rws", "harm": "rws"},
	access.Steering:         {"reference": "r", "plain": "rw"},
	access.Clinic:           {"reference": "r", "plain": "rw", "persons": "rw"},
	access.TechnicalManager: {"reference": "rwsdq", "plain": "rwsdq", "persons": "rwsdq", "harm": "rwsdq"},
	access.County:           {"reference": "rwsdq", "plain": "rwd", "persons": "r"},
	access.Province:         {"reference": "rwsdq", "plain": "rwsdq"},
	access.National:         {"reference": "r"},
}

// onlyForms are the forms to which a role's writing is narrowed: a local team writes
// activities; steering committee and monitoring group decisions, reviews and
// measurements; a clinic what the stages of the empowerment plan rest on, and so
// neither dossiers and agreements nor services and money.
var onlyForms = map[access.Role]string{
	access.LocalTeam: "activity",
	access.Steering:  "meeting decision monitoring_review indicator measurement",
	access.Clinic: "person consent key_person team_member household_response key_informant_interview data_subject_request " +
		"neighbourhood_profile local_team capacity_assessment asset survey_campaign focus_group need prioritisation_round ballot activity " +
		"local_development_centre bylaw meeting decision action_plan action_item advocacy_request follow_up indicator measurement monitoring_review programme_enrolment",
}

// matrixAt is the place at which a role is granted, and which of the others it opens:
// those that lie in it. Of those above only the reference compartment is read.
var matrixAt = map[access.Role]struct {
	place         string
	within, above []uint32
}{
	access.LocalTeam:        {"102", []uint32{102}, []uint32{101, 11, 1}},
	access.Facilitator:      {"102", []uint32{102}, []uint32{101, 11, 1}},
	access.Steering:         {"102", []uint32{102}, []uint32{101, 11, 1}},
	access.Clinic:           {"102", []uint32{102}, []uint32{101, 11, 1}},
	access.TechnicalManager: {"102", []uint32{102}, []uint32{101, 11, 1}},
	access.County:           {"101", []uint32{101, 102, 103}, []uint32{11, 1}},
	access.Province:         {"11", []uint32{11, 101, 102, 103}, []uint32{1}},
	access.National:         {"1", []uint32{1, 11, 12, 101, 102, 103, 104}, nil},
}

// TestMatrix asks for every role, place, compartment, form and act.
func TestMatrix(t *testing.T) {
	o := newOffice(t)
	o.place("نور", store.PlaceNeighbourhood, "12")
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for i, role := range access.Roles() {
		rows, at := matrix[role], matrixAt[role]
		if rows == nil || at.place == "" {
			t.Errorf("the matrix has no row for %s", role)
			continue
		}
		who := o.person("کسی " + string(role))
		o.grant(who.Name, string(role), at.place)
		phone := o.device(byte(i+1), who.ID)
		// Every scope is asked for, whether there is a right or not.
		o.read(func(r store.Reader) error {
			grants, err := access.Of(r, who.ID)
			if err != nil {
				return err
			}
			rights := map[syncproto.ScopeID]access.Rights{}
			for _, g := range grants {
				rights[g.Scope] = g.Rights
			}
			w, err := new(access.Cache).NewWriter(r, phone)
			if err != nil {
				return err
			}
			for _, number := range []uint32{1, 11, 12, 101, 102, 103, 104} {
				for _, compartment := range access.Compartments {
					may := ""
					if slices.Contains(at.within, number) {
						may = rows[compartment]
					} else if slices.Contains(at.above, number) && compartment == access.Reference {
						may = "r"
					}
					scope := o.scope(number, compartment)
					for letter, right := range map[string]access.Rights{"r": access.Read, "w": access.Write, "s": access.Settle, "d": access.Decide, "q": access.Supervise} {
						if got, want := rights[scope]&right != 0, strings.Contains(may, letter); got != want {
							t.Errorf("%s in %s of %d: right %q is %v, want %v", role, compartment, number, letter, got, want)
						}
					}
					for _, form := range pkg.Forms() {
						if string(form.Compartment) != compartment {
							continue
						}
						for name, need := range map[string]string{"create": "w", "settle": "ws", "vouch": "wd"} {
							h := syncproto.Header{Author: who.ID, Scope: scope, Form: uint32(form.ID), Verb: syncproto.VerbCreate, Verified: name == "vouch"}
							if name == "settle" {
								h.Verb = syncproto.VerbSettle
							}
							want := onlyForms[role] == "" || slices.Contains(strings.Fields(onlyForms[role]), form.Name)
							for _, letter := range need {
								want = want && strings.ContainsRune(may, letter)
							}
							reason, err := w.Judge(&h, scope)
							if err != nil {
								return err
							}
							asked++
							if got := reason == syncproto.ReasonNone; got != want {
								t.Errorf("%s may %s %s in %d: %v (reason %d), want %v", role, name, form.Name, number, got, reason, want)
							}
						}
					}
				}
			}
			return nil
		})
	}
	for role, names := range onlyForms {
		for _, name := range strings.Fields(names) {
			if form, ok := pkg.FormByName(name); !ok || !strings.Contains(matrix[role][string(form.Compartment)], "w") {
				t.Errorf("%s is to write %s, which it cannot", role, name)
			}
		}
	}
	if len(matrix) != len(access.Roles()) || asked < 5000 {
		t.Errorf("%d roles in the matrix, %d known; %d questions", len(matrix), len(access.Roles()), asked)
	}
}
