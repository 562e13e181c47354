package fieldapp

import (
	"strings"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

// likely are records that may be the one that somebody types anew; none while
// one that is known is changed.
func (v *visit) likely(o *openDraft) (all []rowData) {
	if !o.d.IsNew() {
		return nil
	}
	found, err := o.d.Likely(v.ctx())
	if err != nil { // a proposal less; the person goes on
		v.log.Warn("looking for the same record failed", "err", err)
		return nil
	}
	for i := range found {
		x := &found[i]
		title, err := v.rowTitle(&x.Row)
		if err != nil {
			v.log.Warn("a likely duplicate could not be named", "err", err)
			continue
		}
		var alike []string
		for _, f := range x.Alike {
			alike = append(alike, v.words.In(f.Label))
		}
		all = append(all, rowData{To: recordAddress(x.ID, draftAddress(o.d.ID())), Title: v.titled(title),
			Said: v.say("screen_records.alike", texts.Args{"fields": strings.Join(alike, v.say("view_form.value.comma", nil))})})
	}
	return all
}

// LikelyShows tells what the part shows from what it showed.
func (d *draftData) LikelyShows() string { return formview.Fingerprint(d.Likely) }
