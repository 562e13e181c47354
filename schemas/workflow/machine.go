// Package workflow says which step of a programme may be taken: the states of
// dossier, agreement, plan, need, request and council, who may take which step,
// what the programme's own documents ask for first, and when what is due. Machines
// are data and everything is a pure function, so that device and server say the same.
package workflow

import (
	"fmt"
	"slices"

	"mahalleh/schemas"
)

// Machine is the course of one form's state field.
type Machine struct {
	// Form and Field name the state field, List its code list.
	Form, Field, List string
	// First are the states in which a record may begin.
	First []string
	// Steps are all steps there are; what is not among them is not taken.
	Steps []Step
	// Derived are states that nobody steps into: they follow from the day or from
	// other records, see Shown.
	Derived []string
	// Begin are the guards of a record that begins.
	Begin []*Guard
	// Course are fields that the course itself writes, such as the decision that
	// a step follows from. They are no part of what is decided on: see VersionOf.
	Course []string
	// shown returns the derived state of a stored one, "" for the stored one itself.
	shown func(c *Case, stored string) string
}

// Step leads from one state to another.
type Step struct {
	From, To string
	// Who may take it.
	Who []Role
	// Guards are asked in this order.
	Guards []*Guard
}

// Role is what somebody is at a place: the codes of server/access.
type Role string

// The roles.
const (
	LocalTeam        Role = "local_team"
	Facilitator      Role = "facilitator"
	Steering         Role = "steering"
	Clinic           Role = "clinic"
	TechnicalManager Role = "technical_manager"
	County           Role = "county"
	Province         Role = "province"
	National         Role = "national"
)

// ranks are the weights that a change's header carries for its author's role.
var ranks = map[Role]uint8{LocalTeam: 5, Facilitator: 10, Steering: 15, Clinic: 15,
	TechnicalManager: 20, County: 30, Province: 40, National: 50}

// RolesOf returns the roles that a rank may stand for, none for a rank of no
// role. Two roles share one.
func RolesOf(rank uint8) []Role {
	var roles []Role
	for r, n := range ranks {
		if n == rank {
			roles = append(roles, r)
		}
	}
	slices.Sort(roles)
	return roles
}

// Source says where a rule comes from: a line of a seed document, such as "s1:9",
// or one of the three below.
type Source string

const (
	// SourceSetting marks what no document of a programme asks for: a habit or a
	// number of the province. It only ever warns.
	SourceSetting Source = "setting"
	// SourceDecision marks what a decision's own words ask for: that it is about
	// this record, as it was decided on.
	SourceDecision Source = "decision"
	// SourceMachine marks what the machine itself says: there is no such step, or
	// it is another role's.
	SourceMachine Source = "machine"
)

// Machines returns all machines, ordered by form.
func Machines() []*Machine { return slices.Clone(machines) }

// Of returns the machine of a form, and false for a form without one.
func Of(form string) (*Machine, bool) {
	i, ok := slices.BinarySearchFunc(machines, form, func(m *Machine, form string) int {
		return compare(m.Form, form)
	})
	if !ok {
		return nil, false
	}
	return machines[i], true
}

var machines = sortMachines(dossier, agreement, plan, need, actionItem, advocacy, committee, centre, team, subjectRequest)

func sortMachines(all ...*Machine) []*Machine {
	slices.SortFunc(all, func(a, b *Machine) int { return compare(a.Form, b.Form) })
	return all
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// States returns every state that the machine speaks of, sorted.
func (m *Machine) States() []string {
	all := slices.Concat(m.First, m.Derived)
	for _, s := range m.Steps {
		all = append(all, s.From, s.To)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Next returns the steps that lead on from a state.
func (m *Machine) Next(from string) []Step {
	var next []Step
	for _, s := range m.Steps {
		if s.From == from {
			next = append(next, s)
		}
	}
	return next
}

func (m *Machine) step(from, to string) (Step, bool) {
	i := slices.IndexFunc(m.Steps, func(s Step) bool { return s.From == from && s.To == to })
	if i < 0 {
		return Step{}, false
	}
	return m.Steps[i], true
}

// Check holds the machine against the package of forms: the field is there, every
// state is in its list and every code of the list is a state, every state can be
// reached, and every field that a guard reads exists.
func (m *Machine) Check(forms *schemas.Package) error {
	form, ok := forms.FormByName(m.Form)
	if !ok {
		return fmt.Errorf("machine %s: there is no such form", m.Form)
	}
	field, ok := form.FieldByName(m.Field)
	if !ok || field.Type != schemas.TypeState || field.List != m.List {
		return fmt.Errorf("machine %s: %s is no state field of the list %s", m.Form, m.Field, m.List)
	}
	list, ok := forms.List(m.List)
	if !ok {
		return fmt.Errorf("machine %s: there is no list %s", m.Form, m.List)
	}
	var codes []string
	for _, item := range list.Items {
		codes = append(codes, item.Code)
	}
	states := m.States()
	for _, code := range codes {
		if !slices.Contains(states, code) {
			return fmt.Errorf("machine %s: it has no state %s", m.Form, code)
		}
	}
	reached := m.reached()
	for _, s := range states {
		if !slices.Contains(codes, s) {
			return fmt.Errorf("machine %s: the list %s has no code %s", m.Form, m.List, s)
		}
		if !slices.Contains(reached, s) {
			return fmt.Errorf("machine %s: nothing leads to %s", m.Form, s)
		}
	}
	return m.checkFields(form)
}

func (m *Machine) checkFields(form *schemas.Form) error {
	names := slices.Clone(m.Course)
	for _, g := range m.guards() {
		names = append(names, g.Fields...)
	}
	for _, name := range names {
		if _, ok := form.FieldByName(name); !ok {
			return fmt.Errorf("machine %s: the form has no field %s", m.Form, name)
		}
	}
	return nil
}

// guards returns every guard of the machine once.
func (m *Machine) guards() []*Guard {
	all := slices.Clone(m.Begin)
	for _, s := range m.Steps {
		all = append(all, s.Guards...)
	}
	var once []*Guard
	for _, g := range all {
		if !slices.Contains(once, g) {
			once = append(once, g)
		}
	}
	return once
}

// reached returns the states that steps and the day lead to.
func (m *Machine) reached() []string {
	reached := slices.Concat(m.First, m.Derived)
	for i := 0; i < len(reached); i++ {
		for _, s := range m.Next(reached[i]) {
			if !slices.Contains(reached, s.To) {
				reached = append(reached, s.To)
			}
		}
	}
	return reached
}
