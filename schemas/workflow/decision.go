package workflow

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"mahalleh/schemas"
)

// Standing is one value of a record as the merge keeps it: where it stands and
// which version wrote it. Item, Sub and Element are zero for a plain field.
type Standing struct {
	Field, Sub uint32
	Item       schemas.ID
	Element    []byte
	Version    schemas.ID
}

// VersionOf returns the version that a decision on a record names: a fingerprint
// of the versions of everything that is decided on. What the course of the record
// writes by itself (its state, the decision, the course's dates) is left out:
// otherwise the decision that is entered would end itself. Two copies that hold the
// same values by the same changes have the same, whatever came in which order.
func VersionOf(form *schemas.Form, all []Standing) schemas.ID {
	counted := slices.DeleteFunc(slices.Clone(all), func(s Standing) bool { return !decidedOn(form, s.Field) })
	slices.SortFunc(counted, func(a, b Standing) int {
		return bytes.Compare(a.key(), b.key())
	})
	h := sha256.New()
	h.Write([]byte("mahalleh version decided on 1\n"))
	for _, s := range counted {
		h.Write(s.key())
	}
	return schemas.ID(h.Sum(nil)[:16])
}

// key is the value's place and version; no two have one beginning with the other.
func (s Standing) key() []byte {
	b := binary.BigEndian.AppendUint32(nil, s.Field)
	b = append(b, s.Item[:]...)
	b = binary.BigEndian.AppendUint32(b, s.Sub)
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.Element)))
	return append(append(b, s.Element...), s.Version[:]...)
}

// decidedOn says whether a field is part of what a decision on the record decides on.
func decidedOn(form *schemas.Form, id uint32) bool {
	if schemas.FieldID(id) < schemas.FirstFieldID {
		return false
	}
	f, ok := form.Field(schemas.FieldID(id))
	if !ok {
		return true
	}
	if f.Type == schemas.TypeState || f.Type == schemas.TypeReference && len(f.Forms) == 1 && f.Forms[0] == "decision" {
		return false
	}
	m, ok := Of(form.Name)
	return !ok || !slices.Contains(m.Course, f.Name)
}

// DecidedChanged says whether two contents of a record differ in what a decision
// decides on. What is changed together with a step is not what was decided on.
func DecidedChanged(form *schemas.Form, before, after schemas.Record) bool {
	return slices.ContainsFunc(form.Fields(), func(f *schemas.Field) bool {
		return f.Stored() && decidedOn(form, uint32(f.ID)) && !before.Fields[f.ID].Equal(after.Fields[f.ID])
	})
}

// decisionRules are the guards of a step that follows from a decision.
type decisionRules struct {
	field string // where the record names the decision
	kind  string // what kind of decision it must be
	// missing is said where there is none. It refuses only where a document asks
	// for the decision.
	missing Guard
	// committee is the kind of committee that decides; empty for any.
	committee string
}

func (d decisionRules) guards(prefix string) []*Guard {
	missing := d.missing
	missing.Name, missing.key, missing.Fields = prefix+".decision", msgNoDecision, []string{d.field}
	missing.broken = func(c *Case) (bool, []arg) {
		_, ok := c.other(c.ref(d.field), "decision")
		return !ok, []arg{c.codeArg("kind", "DECISION", d.kind)}
	}
	all := []*Guard{&missing,
		{Name: prefix + ".decision_other", Source: SourceDecision, Level: Refuse, Fields: []string{d.field}, key: msgOtherDecision, broken: d.other},
		{Name: prefix + ".decision_result", Source: SourceDecision, Level: Refuse, Fields: []string{d.field}, key: msgNotApproved, broken: d.notApproved},
		{Name: prefix + ".decision_stale", Source: SourceDecision, Level: Refuse, Fields: []string{d.field}, key: msgStale, broken: d.stale},
		{Name: prefix + ".decision_unbound", Source: SourceSetting, Level: Warn, Fields: []string{d.field}, key: msgUnbound, broken: d.unbound},
		{Name: prefix + ".quorum", Source: SourceSetting, Level: Warn, Fields: []string{d.field}, key: msgNoQuorum, broken: d.noQuorum},
	}
	if d.committee != "" {
		by := missing
		by.Name, by.key, by.broken = prefix+".decided_by", msgOtherCommittee, d.otherCommittee
		all = append(all, &by)
	}
	return all
}

func (d decisionRules) of(c *Case) (look, bool) { return c.other(c.ref(d.field), "decision") }

func (d decisionRules) other(c *Case) (bool, []arg) {
	x, ok := d.of(c)
	return ok && (x.value("kind").Code() != d.kind || x.value("subject_ref").Ref() != c.ID),
		[]arg{c.codeArg("kind", "DECISION", d.kind)}
}

func (d decisionRules) notApproved(c *Case) (bool, []arg) {
	x, ok := d.of(c)
	result := x.value("result").Code()
	return ok && result != "approved", []arg{c.codeArg("result", "DECISIONRESULT", result)}
}

func (d decisionRules) stale(c *Case) (bool, []arg) {
	x, ok := d.of(c)
	v := x.value("subject_version").Text()
	return ok && v != "" && (c.Version == schemas.ID{} || v != hex.EncodeToString(c.Version[:])), nil
}

func (d decisionRules) unbound(c *Case) (bool, []arg) {
	x, ok := d.of(c)
	return ok && x.value("subject_version").IsEmpty(), nil
}

func (d decisionRules) otherCommittee(c *Case) (bool, []arg) {
	x, ok := d.of(c)
	if !ok {
		return false, nil
	}
	_, committee, ok := c.meetingOf(x)
	return ok && committee.value("kind").Code() != d.committee, []arg{c.codeArg("committee", "COMMITTEE", d.committee)}
}

func (d decisionRules) noQuorum(c *Case) (bool, []arg) {
	x, ok := d.of(c)
	if !ok {
		return false, nil
	}
	meeting, committee, ok := c.meetingOf(x)
	if !ok {
		return false, nil
	}
	present, needed := Quorum(c.Forms, meeting.record, committee.record)
	return present < needed, []arg{countArg("present", present), countArg("needed", needed)}
}

// meetingOf returns the meeting and committee of a decision, if both are known here.
func (c *Case) meetingOf(decision look) (meeting, committee look, ok bool) {
	if meeting, ok = c.other(decision.value("meeting_id").Ref(), "meeting"); !ok {
		return meeting, committee, false
	}
	committee, ok = c.other(meeting.value("committee_id").Ref(), "committee")
	return meeting, committee, ok
}

// Quorum returns how many members of a committee a meeting counts as present, and
// how many its rule needs. Who is no member on the meeting's day does not count.
func Quorum(forms *schemas.Package, meeting, committee schemas.Record) (present, needed int) {
	mf, okM := forms.FormByName("meeting")
	cf, okC := forms.FormByName("committee")
	if !okM || !okC {
		return 0, 0
	}
	on := fieldOf(mf, meeting, "held_on").Date()
	there := fieldOf(mf, meeting, "present_ids").Refs()
	list, _ := cf.FieldByName("members")
	members := map[schemas.ID]bool{}
	for _, row := range committee.Fields[list.ID].Items() {
		of := func(name string) schemas.Value {
			f, ok := list.FieldByName(name)
			if !ok {
				return schemas.Value{}
			}
			return row.Fields[f.ID]
		}
		if from, to := of("from"), of("to"); !from.IsEmpty() && from.Date() > on || !to.IsEmpty() && to.Date() < on {
			continue
		}
		members[of("person_id").Ref()] = true
	}
	for _, id := range there {
		if members[id] {
			present++
		}
	}
	n := len(members)
	switch fieldOf(cf, committee, "quorum_rule").Code() {
	case "majority":
		needed = n/2 + 1
	case "two_thirds":
		needed = (2*n + 2) / 3
	case "all":
		needed = n
	case "fixed":
		needed = int(fieldOf(cf, committee, "quorum_count").Int())
	}
	return present, needed
}
