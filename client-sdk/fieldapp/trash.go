package fieldapp

import (
	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) trashRoutes() []route {
	return []route{{pattern: "GET /trash", handle: (*visit).getTrash}}
}

// trashData are the deleted records, the latest first.
type trashData struct {
	Rows []rowData
	// Next is where the list goes on, "" at its end.
	Next string
}

func (v *visit) getTrash() error {
	page, err := v.c.List(v.ctx(), clientsdk.Query{Gone: true, Latest: true, After: v.value("after"), Max: rowsApart})
	if err != nil {
		return err
	}
	var d trashData
	if d.Rows, err = v.rows(page.Rows, "/trash"); err != nil {
		return err
	}
	for i := range d.Rows {
		id := page.Rows[i].ID
		d.Rows[i].Restore, d.Rows[i].Badges = "/record/"+id.String()+"/restore?from=/trash", nil
		if d.Rows[i].Said, err = v.whyDeleted(id); err != nil {
			return err
		}
	}
	if page.Next != "" {
		d.Next = "/trash?after=" + page.Next
	}
	p := v.page("trash", v.say("screen_records.trash", nil))
	p.Back, p.Data = "/records", d
	return v.render(p)
}

// whyDeleted says who deleted a record, when and why, as far as the device knows.
func (v *visit) whyDeleted(id syncproto.RecordID) (string, error) {
	all, err := v.c.History(v.ctx(), id)
	if err != nil {
		return "", err
	}
	for i := len(all) - 1; i >= 0; i-- {
		e := &all[i]
		if e.Verb != syncproto.VerbDelete && e.Verb != syncproto.VerbSettle {
			continue
		}
		said := v.say("screen_records.deleted_by", texts.Args{"who": v.who(e.Made), "when": v.when(e.Time)})
		if e.Reason != "" {
			said += " " + v.say("screen_records.reason_was", texts.Args{"reason": e.Reason})
		}
		return said, nil
	}
	return "", nil
}
