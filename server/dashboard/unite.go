package dashboard

import (
	"errors"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// postTwins takes what somebody decided of two records.
func (v *visit) postTwins() error {
	var do func(store.Reader, *writing, *twins, *references) (word string, err error)
	switch v.value("act") {
	case "unite":
		do = v.unite
	case "apart":
		return v.keepApart()
	case "separate":
		do = v.separate
	default:
		return errBadRequest
	}
	w, err := v.begin()
	if err != nil {
		return err
	}
	var word string
	var place uint32
	form := ""
	err = v.read(func(r store.Reader, view *access.View) error {
		w.act.Edits, w.act.Beside = nil, nil
		x, err := v.openTwins(r, view)
		if err != nil {
			return err
		}
		if !x.may {
			return store.ErrNotFound
		}
		place, form = x.place.Number, x.form.Name
		named := x.two[:]
		if x.united != nil {
			named = nil
			for _, f := range x.two {
				if f.state.Record == x.united.stays {
					named = append(named, f)
				}
			}
		}
		refs, err := v.referrers(view, x, named...)
		if err != nil {
			return err
		}
		word, err = do(r, w, x, refs)
		return err
	})
	if err == nil {
		err = w.do()
	}
	switch {
	case saidOnPage(err):
		return v.showTwins(err)
	case err != nil:
		return err
	}
	v.Moved()
	return v.done(word, likelyTo(place, form))
}

// unite puts one of the two in place of the other: it takes the values that were chosen,
// records that name the other name it, and the other goes, with a reason that names the
// one that stays.
func (v *visit) unite(_ store.Reader, w *writing, x *twins, refs *references) (string, error) {
	keep := slices.Index(letters[:], v.value("keep"))
	if keep < 0 {
		return "", errNoChoice
	}
	stays, goes := x.two[keep], x.two[1-keep]
	seen := [2]string{v.value("seen.a"), v.value("seen.b")}
	if err := w.because(v.reasonToUnite(stays, goes)); err != nil {
		return "", err
	}
	// First what a form that is sent twice is known by.
	if err := w.remove(goes.state.Record, seen[1-keep]); err != nil {
		return "", err
	}
	if x.united != nil {
		return "united", nil // the hub knows whether it was this form
	}
	if x.inConflict() {
		return "", errOpen
	}
	content, err := v.content(x, keep)
	if err != nil {
		return "", err
	}
	err = w.edit(stays.state.Record, seen[keep], func(form *schemas.Form, r *schemas.Record) error {
		for _, f := range form.Fields() {
			if !chosenHere(f) {
				continue
			}
			if r.Fields[f.ID] = content[f.ID]; r.Fields[f.ID].IsEmpty() {
				delete(r.Fields, f.ID)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if v.value("refer") != "" {
		if refs.seen() != v.value("refers") {
			return "", hub.ErrChanged
		}
		from, to := goes.id(), stays.id()
		for _, f := range refs.all {
			if !namesAny(f.form, f.rec, func(id schemas.ID) bool { return id == from }) {
				continue
			}
			if err := w.edit(f.state.Record, seenOf(f.state), func(form *schemas.Form, r *schemas.Record) error {
				rename(form, r, from, to)
				return nil
			}); err != nil {
				return "", err
			}
		}
	}
	u := united{w.act.Token, stays.state.Record, goes.state.Record}
	w.act.Beside = func(tx store.Tx) error { return setRow(tx, unitedKey(x.scope), u.row(), true) }
	return "united", nil
}

// content is what the record that stays shall say, as it was chosen field by field.
func (v *visit) content(x *twins, keep int) (map[schemas.FieldID]schemas.Value, error) {
	stays, goes := x.two[keep], x.two[1-keep]
	all := map[schemas.FieldID]schemas.Value{}
	for _, f := range x.form.Fields() {
		mine, others := stays.rec.Fields[f.ID], goes.rec.Fields[f.ID]
		if all[f.ID] = mine; !chosenHere(f) || sayTheSame(f, mine, others) {
			continue
		}
		switch asked := v.value("take." + f.Name); {
		case asked == letters[keep]:
		case asked == letters[1-keep]:
			all[f.ID] = takenOver(f, others)
		case asked == both && joins(f):
			all[f.ID] = joined(f, mine, others)
		default:
			return nil, errNoChoice
		}
	}
	// Nothing is said of itself.
	self := func(id schemas.ID) bool { return id == stays.id() || id == goes.id() }
	return renamed(x.form.Fields(), all, func(value schemas.Value) schemas.Value {
		if self(value.Ref()) {
			return schemas.Value{}
		}
		if ids := value.Refs(); slices.ContainsFunc(ids, self) {
			return schemas.RefsValue(slices.DeleteFunc(slices.Clone(ids), self)...)
		}
		return value
	}), nil
}

// reasonToUnite names the one that stays and the one that goes. What stands in records
// is Persian, whoever decides.
func (v *visit) reasonToUnite(stays, goes *filed) string {
	fa := *v
	fa.words = v.App.words[texts.Persian]
	name := func(f *filed) string { return texts.DropDirectionControls(clip(fa.plainTitle(f.state))) }
	return texts.DropDirectionControls(fa.say("office_likely.reason", texts.Args{"stays": name(stays), "id": stays.state.Record.String(), "goes": name(goes)}))
}

// keepApart remembers that the two are not the same, so that they are proposed no more.
func (v *visit) keepApart() error {
	var scope syncproto.ScopeID
	var place uint32
	form := ""
	err := v.store.Update(v.ctx(), func(tx store.Tx) error {
		view, err := v.access.View(tx, v.who.ID)
		if err != nil {
			return err
		}
		x, err := v.openTwins(tx, view)
		if err == nil && (!x.may || x.united != nil) {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		scope, place, form = x.scope, x.place.Number, x.form.Name
		p := pairOf(x.two[0].state.Record, x.two[1].state.Record)
		if err := setRow(tx, apartKey(scope), p.row(), true); err != nil {
			return err
		}
		return access.Note(tx, store.AuditEntry{At: v.now(), By: v.who.ID, Act: "two records are not the same", Subject: p[0].String(), Note: p[1].String()}, scope)
	})
	if err != nil {
		return err
	}
	v.Hub.ActsNoted(scope)
	return v.done("apart", likelyTo(place, form))
}

// errNotBrought says that what stood in a record before cannot be told any more.
var errNotBrought = errors.New("what stood there before cannot be brought back")
