package syncproto

// Outcome is what became of a received change.
type Outcome uint8

// The outcomes. Numbers are for ever.
const (
	// Applied: nobody else had changed the record since the author's version.
	Applied Outcome = 1
	// Merged: others had, and everything fitted together.
	Merged Outcome = 2
	// Conflicted: applied, and at least one cell now has several distinct values.
	Conflicted Outcome = 3
	// Parked: waits for its create, or for operations not received.
	Parked Outcome = 4
	// Quarantined: kept as it came, with a reason, until a person decides.
	Quarantined Outcome = 5
	// Duplicate: received before; the result its author was told stands.
	Duplicate Outcome = 6
	// Erased: the record was erased; the change was stripped of its content.
	Erased Outcome = 7
	// Rejected: a supervisor decided to keep a quarantined change out.
	Rejected Outcome = 8
)

func (o Outcome) String() string {
	names := [...]string{"", "applied", "merged", "conflict", "parked", "quarantined", "duplicate", "erased", "rejected"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown"
}

// Reason says why, for a change or for one of its cells. The texts for people
// stand in the catalogues.
type Reason uint8

// The reasons. Numbers are for ever.
const (
	ReasonNone Reason = 0
	// Of a change set aside in quarantine.
	ReasonMalformed   Reason = 1  // bytes or operations that no client makes
	ReasonForbidden   Reason = 2  // the author may not write there
	ReasonBadType     Reason = 3  // a value that does not fit its field's type
	ReasonBadValue    Reason = 4  // a value that breaks a rule of its single field
	ReasonRevoked     Reason = 5  // the author's or device's grant was taken away
	ReasonTooNew      Reason = 6  // marked critical by a newer release
	ReasonOtherHome   Reason = 7  // a second create of a record that lives elsewhere
	ReasonUnknownName Reason = 8  // an author not enrolled on the device
	ReasonTooLarge    Reason = 9  // the record would grow beyond what a line can carry
	ReasonNoConsent   Reason = 10 // what is sensitive of a person, without their consent
	// Of a parked change.
	ReasonWaitsCreate  Reason = 20
	ReasonWaitsContent Reason = 21
	ReasonWaitsHome    Reason = 22 // for the move that brings the record where its author saw it
	ReasonWaitsConsent Reason = 23 // for the consent of the person of whom it says what is sensitive
	// Of a cell.
	ReasonPlain      Reason = 40 // replaced what its author saw
	ReasonEqual      Reason = 41 // somebody else had written the same
	ReasonOthers     Reason = 42 // others changed other cells
	ReasonDistinct   Reason = 43 // somebody else wrote another value
	ReasonReplaced   Reason = 44 // somebody who saw it had replaced it already
	ReasonCounted    Reason = 45 // a counter's increment
	ReasonUnion      Reason = 46 // sets, lists, attachments: both are there
	ReasonTextMerged Reason = 47 // both texts fit together
	ReasonContested  Reason = 48 // deleted by one, worked on by another
	ReasonNotCurrent Reason = 49 // a transition or move from a state that is no longer current
	ReasonWaitsStep  Reason = 50 // a transition or move whose predecessor is not applied here
	ReasonSettled    Reason = 51 // a person decided between the values
	// From here on, of a transition that was not taken: a rule of a programme, by its
	// number in the table of schemas/workflow.
	FirstRule Reason = 64
)

// CellResult is the outcome for one cell of a change.
type CellResult struct {
	Cell   CellKey
	Reason Reason
}

// Result is what the author is told of one change.
type Result struct {
	Change  ChangeID
	Outcome Outcome
	Reason  Reason
	// WaitsFor is the change that a parked one waits for, if it is known.
	WaitsFor ChangeID
	// Scope and Position say where in which order the change was applied; zero
	// if it was not.
	Scope    ScopeID
	Position uint64
	// Cells say what happened cell by cell; it never holds another's value. Left out
	// are cells where nothing but the change itself was concerned (ReasonPlain), steps
	// apart, which are told when they are taken.
	Cells []CellResult
}
