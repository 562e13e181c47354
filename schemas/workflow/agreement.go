package workflow

import "mahalleh/schemas/jalali"

// base is the programme whose documents say how an agreement begins and ends.
const base = "social_health_base"

// agreement is the course of an agreement's year. That it expires, and has expired,
// follows from its last day.
var agreement = &Machine{
	Form: "agreement", Field: "state", List: "AGREEMENTSTATE",
	First:   []string{"draft"},
	Derived: []string{"expiring", "expired"},
	Course: []string{"deliverables", "confirmed_result", "confirmed_on", "confirmed_by",
		"notice_on", "terminated_on", "termination_ground", "deciders", "scan_ids"},
	shown: func(c *Case, stored string) string {
		if stored != "active" {
			return ""
		}
		return AgreementState(c.endOf(), c.Today, c.Settings)
	},
	Steps: []Step{
		{"draft", "signed", offices, []*Guard{agreementRenewed, agreementYear, agreementSignedOn}},
		{"signed", "active", offices, []*Guard{agreementCommitments, agreementStart}},
		{"active", "notice", offices, []*Guard{agreementNotice}},
		{"expiring", "notice", offices, []*Guard{agreementNotice}},
		// Given in time and recorded late.
		{"expired", "notice", offices, []*Guard{agreementNotice, agreementInTime}},
		{"notice", "terminated", offices, []*Guard{agreementNotice, agreementBefore, agreementDeciders, agreementGround, agreementNoticeDays}},
		{"expired", "renewed", offices, []*Guard{agreementConfirmed}},
	},
}

// AgreementState returns what the day makes of an agreement that is active and ends
// on a day: "active", "expiring" or "expired".
func AgreementState(end, today jalali.Day, s *Settings) string {
	switch left := int(end) - int(today); {
	case left < 0:
		return "expired"
	case left <= s.ExpiringDays:
		return "expiring"
	}
	return "active"
}

// endOf is the last day of the agreement as it stands.
func (c *Case) endOf() jalali.Day {
	if end := fieldOf(c.form, c.Before, "end_on"); !end.IsEmpty() {
		return jalali.Day(end.Date())
	}
	clock, err := AgreementClock(jalali.Day(fieldOf(c.form, c.Before, "start_on").Date()), c.Settings)
	if err != nil {
		return jalali.LastDay
	}
	return clock.Due
}

// deciders are who must find a termination necessary, s2:61.
var deciders = []string{"org_head", "specialised_deputy", "responsible_official"}

var (
	// agreementRenewed asks of a new agreement that the year before was confirmed.
	agreementRenewed = &Guard{Name: "agreement.renewed_from", Source: "s2:59", Level: Refuse, In: base, Fields: []string{"renewed_from_id"}, key: msgNotConfirmedBefore,
		broken: func(c *Case) (bool, []arg) {
			before, ok := c.other(c.ref("renewed_from_id"), "agreement")
			return ok && before.value("confirmed_result").Code() != "approved", nil
		}}

	agreementYear = &Guard{Name: "agreement.year", Source: SourceSetting, Level: Warn, Fields: []string{"start_on", "end_on"}, key: msgOtherEnd,
		broken: func(c *Case) (bool, []arg) {
			clock, err := AgreementClock(c.day("start_on"), c.Settings)
			return err == nil && !c.empty("end_on") && c.day("end_on") != clock.Due, []arg{dayArg("due", clock.Due)}
		}}

	agreementSignedOn = &Guard{Name: "agreement.signed_on", Source: SourceSetting, Level: Warn, Fields: []string{"signed_on"}, key: msgFieldMissing,
		broken: missing("signed_on")}

	agreementCommitments = &Guard{Name: "agreement.commitments", Source: "s2:25-37", Level: Refuse, In: base, Fields: []string{"deliverables"}, key: msgCommitments,
		broken: func(c *Case) (bool, []arg) {
			n := len(c.value("deliverables").Items())
			return c.code("programme") == base && n < 6, []arg{countArg("count", n)}
		}}

	agreementStart = &Guard{Name: "agreement.start", Source: SourceSetting, Level: Warn, Fields: []string{"start_on"}, key: msgNotStarted,
		broken: func(c *Case) (bool, []arg) {
			return c.day("start_on") > c.Today, []arg{dayArg("start", c.day("start_on"))}
		}}

	agreementNotice = &Guard{Name: "agreement.notice", Source: "s2:61", Level: Refuse, In: base, Fields: []string{"notice_on"}, key: msgNoNotice,
		broken: func(c *Case) (bool, []arg) { return c.empty("notice_on"), nil }}

	// agreementInTime: what has ended cannot be ended early.
	agreementInTime = &Guard{Name: "agreement.notice_in_time", Source: "s2:61", Level: Refuse, In: base, Fields: []string{"notice_on", "end_on"}, key: msgNoticeAfterEnd,
		broken: func(c *Case) (bool, []arg) { return !c.empty("notice_on") && c.day("notice_on") > c.endOf(), nil }}

	agreementBefore = &Guard{Name: "agreement.prior_notice", Source: "s2:61", Level: Refuse, In: base, Fields: []string{"notice_on", "terminated_on"}, key: msgNoticeLate,
		broken: func(c *Case) (bool, []arg) {
			return c.empty("terminated_on") || !c.empty("notice_on") && c.day("terminated_on") <= c.day("notice_on"), nil
		}}

	agreementDeciders = &Guard{Name: "agreement.deciders", Source: "s2:61", Level: Refuse, In: base, Fields: []string{"deciders"}, key: msgDeciders,
		broken: func(c *Case) (bool, []arg) {
			list, _ := c.form.FieldByName("deciders")
			role, _ := list.FieldByName("role")
			decided := map[string]bool{}
			for _, row := range c.value("deciders").Items() {
				decided[row.Fields[role.ID].Code()] = true
			}
			var open []string
			for _, d := range deciders {
				if !decided[d] {
					open = append(open, d)
				}
			}
			return len(open) > 0, []arg{c.codesArg("missing", "DECIDER", open)}
		}}

	agreementGround = &Guard{Name: "agreement.ground", Source: SourceSetting, Level: Warn, Fields: []string{"termination_ground"}, key: msgFieldMissing,
		broken: missing("termination_ground")}

	agreementNoticeDays = &Guard{Name: "agreement.notice_days", Source: SourceSetting, Level: Warn, Fields: []string{"notice_on", "terminated_on"}, key: msgNoticeShort,
		broken: func(c *Case) (bool, []arg) {
			return !c.empty("notice_on") && !c.empty("terminated_on") && int(c.day("terminated_on")-c.day("notice_on")) < c.Settings.NoticeDays,
				[]arg{countArg("days", c.Settings.NoticeDays)}
		}}

	agreementConfirmed = &Guard{Name: "agreement.confirmed", Source: "s2:59", Level: Refuse, In: base, Fields: []string{"confirmed_result"}, key: msgNotConfirmed,
		broken: func(c *Case) (bool, []arg) { return c.code("confirmed_result") != "approved", nil }}
)
