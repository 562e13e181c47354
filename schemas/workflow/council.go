package workflow

import "mahalleh/schemas/jalali"

// seating are those who may write the list of who decides: not its members.
var seating = []Role{Facilitator, TechnicalManager, County, Province}

// committee is the course of a committee or council. Whether one that was formed is
// active or dormant follows from its last meeting.
var committee = &Machine{
	Form: "committee", Field: "status", List: "COMMITTEESTATE",
	First:   []string{"proposed", "formed"},
	Derived: []string{"active", "dormant"},
	shown: func(c *Case, stored string) string {
		if stored != "formed" || !c.known() {
			return ""
		}
		last, met := c.Facts.LastMeeting(c.ID)
		return CouncilState(last, met, c.Today, c.Settings)
	},
	Steps: []Step{
		{"proposed", "formed", seating, []*Guard{committeeMembers}},
		{"proposed", "dissolved", seating, nil},
		{"formed", "dissolved", seating, nil},
		{"active", "dissolved", seating, nil},
		{"dormant", "dissolved", seating, nil},
	},
}

// CouncilState returns what a council that was formed is: "formed" while it has
// never met, "active" with a meeting in the last 90 days (a setting), then "dormant".
func CouncilState(last jalali.Day, met bool, today jalali.Day, s *Settings) string {
	switch {
	case !met:
		return "formed"
	case int(today)-int(last) <= s.CouncilDays:
		return "active"
	}
	return "dormant"
}

var committeeMembers = &Guard{Name: "committee.members", Source: SourceSetting, Level: Warn, Fields: []string{"members"}, key: msgNoMembers,
	broken: func(c *Case) (bool, []arg) { return len(c.value("members").Items()) < 2, nil }}

// centre is the course of a local development centre: blocks and a simple statute
// make it one.
var centre = &Machine{
	Form: "local_development_centre", Field: "status", List: "LDCSTATUS",
	First: []string{"planned"},
	Steps: []Step{
		{"planned", "active", onTheSpot, []*Guard{centreBlocks, centreStatute, centreSteering}},
		{"active", "inactive", onTheSpot, nil},
		{"inactive", "active", onTheSpot, nil},
	},
}

var (
	centreBlocks = &Guard{Name: "centre.blocks", Source: "s0:35", Level: Refuse, facts: true, evidence: []string{"block"}, Fields: []string{"block_count"}, key: msgNoBlocks,
		broken: func(c *Case) (bool, []arg) { return c.Facts.Plan().Blocks == 0, nil }}

	centreStatute = &Guard{Name: "centre.statute", Source: "s0:35", Level: Refuse, facts: true, evidence: []string{"bylaw", "local_development_centre"}, key: msgNoStatute,
		broken: func(c *Case) (bool, []arg) { return c.Facts.Plan().Statutes == 0, nil }}

	centreSteering = &Guard{Name: "centre.steering", Source: SourceSetting, Level: Warn, Fields: []string{"steering_committee_id"}, key: msgNoSteering,
		broken: func(c *Case) (bool, []arg) {
			x, ok := c.other(c.ref("steering_committee_id"), "committee")
			return ok && x.value("kind").Code() != "steering", nil
		}}
)

// team is the course of a local team, until it grows into a centre.
var team = &Machine{
	Form: "local_team", Field: "status", List: "TEAMSTATUS",
	First: []string{"forming"},
	Steps: []Step{
		{"forming", "active", onTheSpot, nil},
		{"active", "merged_into_ldc", onTheSpot, []*Guard{teamCentre}},
	},
}

var teamCentre = &Guard{Name: "team.centre", Source: "s0:35", Level: Warn, facts: true, key: msgNoCentre,
	broken: func(c *Case) (bool, []arg) { return c.Facts.Plan().Centres == 0, nil }}

// subjectRequest is the course of a person's request to see, correct or erase what
// is held on them. Asking is a right, so nothing but the machine refuses.
var subjectRequest = &Machine{
	Form: "data_subject_request", Field: "state", List: "DSRSTATE",
	First: []string{"received"},
	Steps: []Step{
		{"received", "in_progress", field, []*Guard{subjectIdentity}},
		{"in_progress", "done", field, []*Guard{subjectIdentity}},
		{"in_progress", "refused", field, []*Guard{subjectReason}},
		{"received", "refused", field, []*Guard{subjectReason}},
	},
}

var (
	subjectIdentity = &Guard{Name: "subject.identity", Source: SourceSetting, Level: Warn, Fields: []string{"identity_checked"}, key: msgIdentity,
		broken: func(c *Case) (bool, []arg) { return !c.value("identity_checked").Bool(), nil }}

	subjectReason = &Guard{Name: "subject.reason", Source: SourceSetting, Level: Warn, Fields: []string{"refused_reason"}, key: msgFieldMissing,
		broken: missing("refused_reason")}
)
