package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// The forms and fields that people writes.
const (
	personForm, personName             = 2, 10
	consentForm, consentPerson         = 3, 10
	memberForm, memberPerson, memberID = 10, 11, 0x13
)

// people brings two people of a neighbourhood to the server, one of them a member
// of the local team and named in an asset's title, as if somebody's phone had
// synchronised: people PERSON PLACE. It sets ZAHRA and ASSET to records.
func people(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: people PERSON PLACE")
	}
	id := func(n byte) syncproto.RecordID { return syncproto.RecordID{0x01, 0x98, 0, 0, 0, 0, 0x70, n, 0x80} }
	zahra, ali, asset := id(0x11), id(0x12), id(0x15)
	err := inField(ts.MkAbs("data"), func(f *field) error {
		p, err := f.phone(args[0], args[1], 1)
		if err != nil {
			return err
		}
		text := func(field schemas.FieldID, s string) map[schemas.FieldID]schemas.Value {
			return map[schemas.FieldID]schemas.Value{field: schemas.TextValue(s)}
		}
		subject := func(field schemas.FieldID) map[schemas.FieldID]schemas.Value {
			return map[schemas.FieldID]schemas.Value{field: schemas.RefValue(schemas.ID(zahra))}
		}
		for _, w := range []struct {
			form   schemas.FormID
			id     syncproto.RecordID
			scope  syncproto.ScopeID
			values map[schemas.FieldID]schemas.Value
		}{
			{personForm, zahra, f.persons, text(personName, "زهرا کریمی")},
			{personForm, ali, f.persons, text(personName, "علی احمدی")},
			{consentForm, id(0x14), f.persons, subject(consentPerson)},
			{memberForm, id(memberID), f.persons, subject(memberPerson)},
			{assetForm, asset, f.scope, map[schemas.FieldID]schemas.Value{assetCategory: schemas.CodeValue("physical"), assetTitle: schemas.TextValue("سالن زهرا كريمى")}},
		} {
			f.now += 60_000
			if err := p.write(w.form, w.id, w.scope, w.values, nil); err != nil {
				return err
			}
		}
		return nil
	})
	ts.Check(err)
	ts.Setenv("ZAHRA", zahra.String())
	ts.Setenv("ASSET", asset.String())
}
