package dashboard

import (
	"encoding/hex"
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// council is who decides on a record, and where.
type council struct {
	subject *filed
	// meetings are those in which it may be decided on, newest first, and meeting the
	// one that is chosen, with its committee; nil without one.
	meetings           []*filed
	meeting, committee *filed
	// by are those in whose name it may be decided.
	by []member
}

// convene finds the meetings and committees of the place of what is decided on, and of
// those above it.
func (v *visit) convene(view *access.View, c *council) error {
	form, _ := v.forms.FormByName(decisionForm)
	places := append([]store.Place{c.subject.place}, view.Above(c.subject.place)...)
	for _, p := range places {
		if mayWrite(view, form, p.ID) {
			all, err := v.filedAt(view, meetingForm, p)
			if err != nil {
				return err
			}
			c.meetings = append(c.meetings, all...)
		}
	}
	newestFirst(c.meetings)
	if i := slices.IndexFunc(c.meetings, func(m *filed) bool { return m.state.Record.String() == v.value("meeting") }); i >= 0 {
		c.meeting = c.meetings[i]
		committee, err := v.open(view, syncproto.RecordID(c.meeting.value("committee_id").Ref()).String(), committeeForm)
		if err == nil {
			c.committee, c.by = committee, v.membersOn(view, committee, jalali.Day(c.meeting.value("held_on").Date()))
		}
	}
	if c.committee != nil {
		return nil
	}
	for _, p := range places {
		committees, err := v.filedAt(view, committeeForm, p)
		if err != nil {
			return err
		}
		for _, x := range committees {
			if kind := x.value("kind").Code(); kind == "provincial_cb" || kind == "county_wg" {
				c.by = append(c.by, v.membersOn(view, x, v.today())...)
			}
		}
	}
	return nil
}

// votePrefix and opinionPrefix stand before the names of a member's vote and opinion.
const votePrefix, opinionPrefix = "vote.", "opinion."

// ballotData is in which meeting it is decided, who was present and how they voted.
type ballotData struct {
	// To is the task's own address, for the same in a meeting.
	To       string
	Meetings []option
	Meeting  string
	Members  []voteRow
	Votes    []option
	Quorum   string
	Met      bool
	// Text is that of the decision.
	Text string
}

type voteRow struct {
	member
	Vote, Opinion string
}

// ballot shows in which meeting it is decided, who was present and how they voted.
func (v *visit) ballot(to string, c *council) ballotData {
	d := ballotData{To: to, Text: v.value("text")}
	for _, m := range c.meetings[:min(len(c.meetings), mostMeetings)] {
		d.Meetings = append(d.Meetings, option{m.state.Record.String(), v.words.Date(jalali.Day(m.value("held_on").Date())), m == c.meeting})
	}
	if c.meeting == nil {
		return d
	}
	d.Meeting = c.meeting.state.Record.String()
	list, _ := v.forms.List("VOTE")
	for _, item := range list.Items {
		d.Votes = append(d.Votes, option{Value: item.Code, Label: v.label(item.Label)})
	}
	present := c.meeting.value("present_ids").Refs()
	for _, m := range c.by {
		if id, err := syncproto.ParseID(m.ID); err == nil && slices.Contains(present, schemas.ID(id)) {
			d.Members = append(d.Members, voteRow{m, v.value(votePrefix + m.ID), v.value(opinionPrefix + m.ID)})
		}
	}
	if c.committee != nil {
		there, needed := workflow.Quorum(v.forms, c.meeting.rec, c.committee.rec)
		d.Met, d.Quorum = there >= needed, v.say("office_meet.quorum", texts.Args{"present": there, "members": len(c.by), "needed": needed})
	}
	return d
}

// decisionOf is the record of a decision of a meeting, bound to what its subject is now.
// Without a text of its own it says what was decided and on what.
func (v *visit) decisionOf(c *council, kind, result, on string) (schemas.Record, error) {
	form, _ := v.forms.FormByName(decisionForm)
	d := schemas.Record{Form: form.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	text := v.value("text")
	if strings.TrimSpace(text) == "" {
		// What stands in records is Persian, whoever decides.
		list, _ := v.forms.List("DECISION")
		item, _ := list.Item(kind)
		text = item.Label.Fa + ": " + on
	}
	written, err := v.typed(form, "text", text)
	if err != nil {
		return d, err
	}
	votes, err := v.votes(form, c)
	if err != nil {
		return d, err
	}
	version := merge.VersionDecided(c.subject.form, c.subject.state)
	return d, put(form, &d, map[string]schemas.Value{"meeting_id": schemas.RefValue(c.meeting.id()), "kind": schemas.CodeValue(kind), "subject_ref": schemas.RefValue(c.subject.id()),
		"subject_version": schemas.TextValue(hex.EncodeToString(version[:])), "text": written, "votes": votes, "result": schemas.CodeValue(result)})
}

// votes are those of members who were present.
func (v *visit) votes(form *schemas.Form, c *council) (schemas.Value, error) {
	list, _ := form.FieldByName("votes")
	var rows []map[string]schemas.Value
	for _, m := range c.by {
		vote := v.value(votePrefix + m.ID)
		id, err := syncproto.ParseID(m.ID)
		if vote == "" || err != nil || !slices.Contains(c.meeting.value("present_ids").Refs(), schemas.ID(id)) {
			continue
		}
		codes, _ := v.forms.List("VOTE")
		if _, ok := codes.Item(vote); !ok {
			return schemas.Value{}, errBadRequest
		}
		row := map[string]schemas.Value{"member": schemas.RefValue(schemas.ID(id)), "vote": schemas.CodeValue(vote)}
		if opinion := v.value(opinionPrefix + m.ID); strings.TrimSpace(opinion) != "" {
			sub, _ := list.FieldByName("opinion")
			value, err := schemas.ParseInput(form, v.forms, sub, opinion)
			if err != nil {
				return value, &typedError{v.label(sub.Label), err}
			}
			row["opinion"] = value
		}
		rows = append(rows, row)
	}
	return rowsOf(form, "votes", rows), nil
}
