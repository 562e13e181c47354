package fieldapp

import (
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// rowData is a record in a list.
type rowData struct {
	To, Title, Form, When string
	Badges                []badge
	// Draft is the id of a draft that nothing is saved of, Drop where it is dropped.
	Draft, Drop string
	// Said is a line more: why it was deleted, what is alike.
	Said string
	// Restore is where a deleted record is brought back.
	Restore string
}

// badge is a word about a record that a person must see.
type badge struct{ Kind, Text string }

// rows shows records in a list; from is where the list stands.
func (v *visit) rows(rows []clientsdk.Row, from string) ([]rowData, error) {
	drafts := map[syncproto.RecordID]clientsdk.DraftInfo{}
	if slices.ContainsFunc(rows, func(r clientsdk.Row) bool { return r.HasDraft }) {
		all, err := v.c.Drafts(v.ctx())
		if err != nil {
			return nil, err
		}
		for _, x := range all {
			drafts[x.Record] = x
		}
	}
	shown := make([]rowData, 0, len(rows))
	for _, r := range rows {
		x := rowData{To: recordAddress(r.ID, from), Form: v.formLabel(r.Form, r.FormID), When: v.when(r.Changed)}
		title, err := v.rowTitle(&r)
		if err != nil {
			return nil, err
		}
		draft, begun := drafts[r.ID]
		if begun && draft.New {
			x.To = draftAddress(draft.ID)
			title = v.draftName(draft)
		}
		x.Title, x.Badges = v.named(title, x.Form), v.badges(&r, begun && draft.New)
		shown = append(shown, x)
	}
	return shown, nil
}

// rowTitle is a record's title in the page's language; lists hold the Persian one.
func (v *visit) rowTitle(r *clientsdk.Row) (string, error) {
	if v.words.Persian() || r.Title == "" {
		return r.Title, nil
	}
	return v.c.Label(v.ctx(), r.ID, v.words.Lang())
}

func (v *visit) recordTitle(id syncproto.RecordID) (string, error) {
	t, err := v.c.Label(v.ctx(), id, v.words.Lang())
	return v.digits(t), err
}

// draftName is what a draft is called so far.
func (v *visit) draftName(x clientsdk.DraftInfo) string {
	d, err := v.c.OpenDraft(v.ctx(), x.ID)
	if err != nil {
		return "" // the page of the draft says why it cannot be opened
	}
	return d.Title(v.ctx(), v.words.Lang())
}

// titled is a title to show, or words for one that is not there yet.
func (v *visit) titled(title string) string {
	if title == "" {
		return v.say("screen_records.untitled", nil)
	}
	return v.digits(title)
}

// named is a title to show; a bare number says nothing without its form.
func (v *visit) named(title, form string) string {
	if title != "" && strings.Trim(persian.ToASCIIDigits(title), "0123456789") == "" {
		title = form + " " + title
	}
	return v.titled(title)
}

// digits writes a title's digits in the page's language, but for codes with
// Latin letters, which people read out as they stand on the door.
func (v *visit) digits(title string) string {
	if strings.ContainsFunc(title, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }) {
		return title
	}
	return v.words.Digits(title)
}

func (v *visit) formLabel(form *schemas.Form, id schemas.FormID) string {
	if form == nil {
		return v.say("screen_records.unknown_form", texts.Args{"n": int(id)})
	}
	return v.words.In(form.Label)
}

// badges are what a person must know of a record in a list: nothing of one that
// stands as it should.
func (v *visit) badges(r *clientsdk.Row, onlyDraft bool) (all []badge) {
	state := func(kind string, s clientsdk.SyncState) {
		all = append(all, badge{kind, v.words.Catalogue().Member(stateFamily, s.String(), nil)})
	}
	switch {
	case onlyDraft:
	case r.Conflicts > 0:
		all = append(all, badge{"bad", v.say("screen_records.conflicts", texts.Args{"n": r.Conflicts})})
	case r.Sync == clientsdk.SyncParked, r.Sync == clientsdk.SyncQuarantined:
		state("bad", r.Sync)
	}
	if r.Sync == clientsdk.SyncPending && !onlyDraft {
		state("warn", r.Sync)
	}
	if r.HasDraft {
		all = append(all, badge{"warn", v.say("screen_records.draft", nil)})
	}
	if r.Deleted {
		all = append(all, badge{"bad", v.say("screen_records.deleted", nil)})
	}
	return all
}
