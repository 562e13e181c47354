package workflow

import "mahalleh/schemas/jalali"

// empowerment is the programme in which only approved requests are pursued.
const empowerment = "empowerment_plan"

// advocacy is the course of a request for support.
var advocacy = &Machine{
	Form: "advocacy_request", Field: "state", List: "ADVOCACYSTATE",
	First:  []string{"draft"},
	Course: []string{"steering_decision_id", "letter_no", "sent_on", "reply_due_on", "answered_on"},
	Steps: []Step{
		{"draft", "approved", onTheSpot, requestDecision.guards("request")},
		{"draft", "sent", onTheSpot, []*Guard{requestUnapproved, requestSent}},
		// What was approved is sent: the text may not have changed since.
		{"approved", "sent", onTheSpot, append(requestDecision.guards("request"), requestSent)},
		{"sent", "answered", requestHandlers, []*Guard{requestAnswered}},
		{"answered", "met", requestHandlers, nil},
		{"answered", "partly_met", requestHandlers, nil},
		{"answered", "refused", requestHandlers, nil},
		{"refused", "escalated", requestHandlers, nil},
		{"partly_met", "escalated", requestHandlers, nil},
		{"sent", "escalated", requestHandlers, []*Guard{requestEarly}},
		{"escalated", "answered", requestHandlers, []*Guard{requestAnswered}},
	},
}

// requestHandlers pursue a request: the neighbourhood's own people, and county and
// province to whom it is escalated.
var requestHandlers = []Role{Facilitator, Clinic, TechnicalManager, County, Province}

var requestDecision = decisionRules{field: "steering_decision_id", kind: "approve_request", committee: "steering",
	missing: Guard{Source: "s0:37", Level: Refuse, In: empowerment}}

var (
	// requestUnapproved: a base has no steering committee and seeks support by
	// itself, so there nothing is missing.
	requestUnapproved = &Guard{Name: "request.unapproved", Source: "s0:37", Level: Refuse, In: empowerment, Fields: []string{"state", "steering_decision_id"}, key: msgUnapproved,
		broken: func(c *Case) (bool, []arg) { return c.code("programme") != base, nil }}

	requestSent = &Guard{Name: "request.sent_on", Source: SourceSetting, Level: Warn, Fields: []string{"sent_on"}, key: msgDateMissing, broken: missing("sent_on")}

	requestAnswered = &Guard{Name: "request.answered_on", Source: SourceSetting, Level: Warn, Fields: []string{"answered_on"}, key: msgDateMissing, broken: missing("answered_on")}

	requestEarly = &Guard{Name: "request.reply_due", Source: SourceSetting, Level: Warn, Fields: []string{"sent_on", "reply_due_on"}, key: msgReplyNotDue,
		broken: func(c *Case) (bool, []arg) {
			due, ok := c.replyDue()
			return ok && c.Today <= due, []arg{dayArg("due", due)}
		}}
)

// ReplyDue is the day by which a request is to be answered: the one it names, or
// T8 after it was sent; false if it was not sent.
func ReplyDue(c *Case) (jalali.Day, bool) { return c.ready(advocacy).replyDue() }

func (c *Case) replyDue() (jalali.Day, bool) {
	if !c.empty("reply_due_on") {
		return c.day("reply_due_on"), true
	}
	if c.empty("sent_on") {
		return 0, false
	}
	clock, err := ReplyClock(c.day("sent_on"), c.Settings)
	return clock.Due, err == nil
}

// Escalate says whether a request that was sent is to be escalated: its reply is
// overdue.
func Escalate(c *Case) bool {
	c = c.ready(advocacy)
	due, ok := c.replyDue()
	return ok && c.Today > due && advocacy.stored(c.After, c) == "sent"
}
