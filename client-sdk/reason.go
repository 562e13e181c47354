package clientsdk

import (
	"slices"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// OutcomeKey names the sentence that says what became of a change.
func OutcomeKey(o syncproto.Outcome) string { return "sdk.outcome." + o.String() }

// ReasonKey names the sentence that says why, for a change or one of its
// cells; "" for ReasonNone.
func ReasonKey(r syncproto.Reason) string {
	if r == syncproto.ReasonNone {
		return ""
	}
	return "sdk.reason." + reasonName(r)
}

// SyncKey names the word that a list shows for a record's state.
func SyncKey(s SyncState) string { return "sdk.sync." + s.String() }

// VerbKey names what a change did to its record.
func VerbKey(v syncproto.Verb) string { return "sdk.verb." + v.String() }

const (
	// unknownReason stands for a reason of a newer server.
	unknownReason = "unknown"
	// ruleReason stands for every rule of a programme; CellVerdict.Rule says which.
	ruleReason = "rule"
)

func reasonName(r syncproto.Reason) string {
	if _, known := workflow.RuleOf(uint8(r)); known {
		return ruleReason
	}
	if name, ok := reasonNames()[r]; ok {
		return name
	}
	return unknownReason
}

func reasonNames() map[syncproto.Reason]string {
	return map[syncproto.Reason]string{
		syncproto.ReasonMalformed: "malformed", syncproto.ReasonForbidden: "forbidden", syncproto.ReasonBadType: "bad_type",
		syncproto.ReasonBadValue: "bad_value", syncproto.ReasonRevoked: "revoked", syncproto.ReasonTooNew: "too_new",
		syncproto.ReasonOtherHome: "other_home", syncproto.ReasonUnknownName: "unknown_author",
		syncproto.ReasonTooLarge: "too_large", syncproto.ReasonNoConsent: "no_consent", syncproto.ReasonWaitsConsent: "waits_consent",
		syncproto.ReasonWaitsCreate: "waits_create", syncproto.ReasonWaitsContent: "waits_content", syncproto.ReasonWaitsHome: "waits_home",
		syncproto.ReasonPlain: "plain", syncproto.ReasonEqual: "equal", syncproto.ReasonOthers: "others", syncproto.ReasonDistinct: "distinct",
		syncproto.ReasonReplaced: "replaced", syncproto.ReasonCounted: "counted", syncproto.ReasonUnion: "union",
		syncproto.ReasonTextMerged: "text_merged", syncproto.ReasonContested: "contested", syncproto.ReasonNotCurrent: "not_current",
		syncproto.ReasonWaitsStep: "waits_step", syncproto.ReasonSettled: "settled",
	}
}

// Verdict is what became, or would become, of one own change.
type Verdict struct {
	Change syncproto.ChangeID
	// Record is the change's, after a sync; zero if the change is not kept here.
	Record  syncproto.RecordID
	Outcome syncproto.Outcome
	Reason  syncproto.Reason
	// WaitsFor is the change that a parked one waits for, if it is known.
	WaitsFor syncproto.ChangeID
	// Cells say what happened field by field, those that matter to a person:
	// where somebody else was concerned.
	Cells []CellVerdict
}

// CellVerdict is what became of one field.
type CellVerdict struct {
	// Path is the field's name, "list[id].field" in a row; Label its label.
	Path   string
	Label  schemas.Text
	Reason syncproto.Reason
	// Rule is the rule of a programme for which the server did not take a step, with
	// its source and what to do; its Number is 0 if it was none. The server takes the
	// step after all if what was missing comes before another step does.
	Rule workflow.Rule
	// Now is the label of the state that stands there, of a step that was not taken
	// because somebody else stepped first; empty otherwise, or if it is not known here.
	Now schemas.Text
}

// verdict says what became of a change of a record that stands as s does here.
func (c *Client) verdict(form *schemas.Form, s *syncproto.RecordState, r *syncproto.Result) Verdict {
	v := Verdict{Change: r.Change, Outcome: r.Outcome, Reason: r.Reason, WaitsFor: r.WaitsFor}
	for _, cell := range r.Cells {
		switch cell.Reason {
		case syncproto.ReasonNone, syncproto.ReasonPlain, syncproto.ReasonUnion, syncproto.ReasonCounted:
			continue
		case syncproto.ReasonEqual, syncproto.ReasonSettled:
			if cell.Cell.Field == syncproto.FieldPresence {
				continue // every edit says that the record is there
			}
		}
		rule, _ := workflow.RuleOf(uint8(cell.Reason))
		v.Cells = append(v.Cells, CellVerdict{Path: pathOf(form, cell.Cell), Label: labelOf(form, cell.Cell), Reason: cell.Reason, Rule: rule,
			Now: c.stateNow(form, s, cell)})
	}
	return v
}

// stateNow is the label of the state for which a step came too late.
func (c *Client) stateNow(form *schemas.Form, s *syncproto.RecordState, cell syncproto.CellResult) schemas.Text {
	f, known := fieldOf(form, cell.Cell)
	if cell.Reason != syncproto.ReasonNotCurrent || !known || f.Type != schemas.TypeState || s == nil || !s.Exists() {
		return schemas.Text{}
	}
	list, ok := c.forms.List(f.List)
	if !ok {
		return schemas.Text{}
	}
	item, _ := list.Item(merge.Content(form, s).Fields[f.ID].Code())
	return item.Label
}

// StepRefused says that a rule of a programme keeps a step of the change from being
// taken.
func (v *Verdict) StepRefused() bool {
	return slices.ContainsFunc(v.Cells, func(c CellVerdict) bool { return c.Rule.Number != 0 })
}

// StepWaits says that it is taken after all once what is missing is there.
func (v *Verdict) StepWaits() bool {
	return slices.ContainsFunc(v.Cells, func(c CellVerdict) bool { return c.Rule.Waits })
}

// takenSince leaves out what a result said of steps that have been taken since.
func takenSince(s *syncproto.RecordState, r *syncproto.Result) *syncproto.Result {
	now := *r
	now.Cells = slices.DeleteFunc(slices.Clone(r.Cells), func(c syncproto.CellResult) bool {
		cands := s.Candidates(c.Cell)
		return c.Reason >= syncproto.FirstRule && len(cands) == 1 && cands[0].Version == r.Change
	})
	return &now
}

// fieldOf finds the field that a cell belongs to: of a row, the row's field.
func fieldOf(form *schemas.Form, k syncproto.CellKey) (*schemas.Field, bool) {
	if form == nil {
		return nil, false
	}
	if k.Item != (syncproto.ItemID{}) && k.Sub >= syncproto.FirstFormField {
		return form.Field(schemas.FieldID(k.Sub))
	}
	return form.Field(schemas.FieldID(k.Field))
}

// pathOf writes a cell for people and scripts: "field", "list[row id]",
// "list[row id].field"; "#n" for a field that the form does not know.
func pathOf(form *schemas.Form, k syncproto.CellKey) string {
	switch {
	case k.Field == syncproto.FieldPresence:
		return "presence"
	case k.Field == syncproto.FieldHome:
		return "home"
	}
	var b strings.Builder
	name := func(id uint32) string {
		if form != nil {
			if f, ok := form.Field(schemas.FieldID(id)); ok {
				return f.Name
			}
		}
		return "#" + strconv.FormatUint(uint64(id), 10)
	}
	b.WriteString(name(k.Field))
	if k.Item != (syncproto.ItemID{}) {
		b.WriteString("[" + k.Item.String() + "]")
		if k.Sub >= syncproto.FirstFormField {
			b.WriteString("." + name(k.Sub))
		}
	}
	return b.String()
}

func labelOf(form *schemas.Form, k syncproto.CellKey) schemas.Text {
	if f, ok := fieldOf(form, k); ok {
		return f.Label
	}
	return schemas.Text{}
}

func (c *Client) fieldName(form uint32, k syncproto.CellKey) string {
	f, _ := c.forms.Form(schemas.FormID(form))
	return pathOf(f, k)
}
