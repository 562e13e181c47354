package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Members sign minutes: each on these pages, by the account that is linked to their
// person, or on paper, which somebody who writes the meeting records. A signature holds
// the hash of the text that was signed, so that a later text is not taken for it.

// ownSignature stands in a signature that its member gave on the pages themselves.
const ownSignature = "pages"

// errNobodySigned: no member was chosen, or there is nothing to sign.
var errNobodySigned = errors.New("nobody is named who signed")

// hashOfMinutes names a text of minutes.
func hashOfMinutes(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// signatures says of each member how they signed, "" for those who did not.
func (v *visit) signatures(m *filed) map[schemas.ID]string {
	all, now := map[schemas.ID]string{}, hashOfMinutes(m.value("minutes").Text())
	for _, row := range m.rows("signatures") {
		args := texts.Args{"on": v.words.Date(jalali.Day(row["on"].Date()))}
		text := v.say("office_meet.signed_paper", args)
		switch {
		case row["hash"].Text() != "" && row["hash"].Text() != now:
			text = v.say("office_meet.signed_before", args)
		case row["device"].Text() == ownSignature:
			text = v.say("office_meet.signed_own", args)
		}
		all[row["member"].Ref()] = text
	}
	return all
}

// unsigned reports whether a member has yet to sign the minutes as they are.
func unsigned(m *filed, member schemas.ID) bool {
	now := hashOfMinutes(m.value("minutes").Text())
	return !slices.ContainsFunc(m.rows("signatures"), func(row map[string]schemas.Value) bool {
		return row["member"].Ref() == member && (row["hash"].Text() == "" || row["hash"].Text() == now)
	})
}

// myself is the record of the reader's own person, zero where none is linked.
func (v *visit) myself(r store.Reader) (schemas.ID, error) {
	links, err := access.Links(r)
	for _, l := range links {
		if l.Account == v.who.ID {
			return schemas.ID(l.Record), err
		}
	}
	return schemas.ID{}, err
}

// signers says of the members who signed, and who has yet to.
func (v *visit) signers(r store.Reader, m *filed, d *meetingData) error {
	me, err := v.myself(r)
	if err != nil {
		return err
	}
	signed := v.signatures(m)
	for i := range d.Members {
		x := &d.Members[i]
		id, err := syncproto.ParseID(x.ID)
		if err != nil {
			continue
		}
		x.Signed, x.Mine = signed[schemas.ID(id)], schemas.ID(id) == me
		if x.Present && unsigned(m, schemas.ID(id)) && d.Minutes != "" {
			d.Unsigned = append(d.Unsigned, *x)
		}
	}
	return nil
}

// signMinutes records who signed the minutes as the page showed them.
func (v *visit) signMinutes() error {
	id, err := syncproto.ParseID(v.r.PathValue("id"))
	if err != nil {
		return store.ErrNotFound
	}
	w, err := v.begin()
	if err != nil {
		return err
	}
	var me schemas.ID
	if err := v.read(func(r store.Reader, view *access.View) (err error) {
		if _, err := v.open(view, v.r.PathValue("id"), meetingForm); err != nil {
			return err
		}
		me, err = v.myself(r)
		return err
	}); err != nil {
		return err
	}
	err = w.edit(syncproto.RecordID(id), v.value("seen"), func(form *schemas.Form, r *schemas.Record) error {
		if form.Name != meetingForm {
			return store.ErrNotFound
		}
		m := &filed{form: form, rec: *r}
		text := m.value("minutes").Text()
		on, err := v.typed(form, "held_on", v.value("signed_on"))
		if err != nil {
			return err
		}
		signed := v.r.PostForm["signed"]
		if text == "" || len(signed) == 0 || on.IsEmpty() {
			return errNobodySigned
		}
		list, _ := form.FieldByName("signatures")
		rows := slices.Clone(m.value("signatures").Items())
		for _, asked := range signed {
			member, err := syncproto.ParseID(asked)
			if err != nil || !slices.Contains(m.value("present_ids").Refs(), schemas.ID(member)) {
				return errBadRequest
			}
			row := map[string]schemas.Value{"member": schemas.RefValue(schemas.ID(member)), "on": on, "hash": schemas.TextValue(hashOfMinutes(text))}
			if schemas.ID(member) == me {
				row["device"] = schemas.TextValue(ownSignature)
			}
			fresh := rowsOf(form, "signatures", []map[string]schemas.Value{row}).Items()[0]
			field, _ := list.FieldByName("member")
			if i := slices.IndexFunc(rows, func(x schemas.Item) bool { return x.Fields[field.ID].Ref() == schemas.ID(member) }); i >= 0 {
				fresh.ID = rows[i].ID
				rows[i] = fresh
			} else {
				rows = append(rows, fresh)
			}
		}
		return put(form, r, map[string]schemas.Value{"signatures": schemas.ItemsValue(rows)})
	})
	if err == nil {
		err = w.do()
	}
	switch {
	case saidOnPage(err):
		return v.showMeeting("meeting", err)
	case err != nil:
		return err
	}
	return v.done("signed", "/meeting/"+v.r.PathValue("id"))
}
