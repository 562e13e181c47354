package merge_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// Every example record of the forms can be written as a change that the server
// accepts, and shows what was written: no form holds a field that changes cannot
// carry.
func TestExamplesOfFormsCanBeWritten(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "schemas", "forms", "testdata", "examples", "*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d examples (%v), want those of the forms", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			form, ok := pkg.FormByName(strings.TrimLeft(name, "0123456789-"))
			if !ok {
				t.Fatalf("no form for %s", name)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			record, err := schemas.DecodeJSON(form, pkg, data)
			if err != nil {
				t.Fatal(err)
			}
			w := &world{record: syncproto.RecordID{5}, byID: map[syncproto.ChangeID]*syncproto.Change{}}
			r := w.newReplica(nil)
			edit := merge.Edit{Form: form, Opened: r.state, Before: merge.Content(form, r.state), After: record, Author: syncproto.PersonID{1},
				NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(syncproto.LogID{1}, 1, n) }}
			ch, err := wire.NewChange(syncproto.Header{Verb: syncproto.VerbCreate, Record: w.record, Form: uint32(form.ID), Package: uint32(pkg.Version),
				Scope: syncproto.ScopeID{1}, OriginLog: syncproto.LogID{1}, OriginSeq: 1, Author: syncproto.PersonID{1}, Time: 1_771_113_600_000}, [16]byte{5}, edit.Ops())
			if err != nil {
				t.Fatal(err)
			}
			if reason, cell := merge.Judge(pkg, ch); reason != syncproto.ReasonNone {
				t.Fatalf("the server would set it aside: reason %d at %v", reason, cell)
			}
			w.byID[ch.ID] = ch
			r.receive(t, ch)
			if got, want := withoutRowIDs(merge.Content(form, r.state)), withoutRowIDs(record); !got.Equal(want) {
				t.Errorf("shows %v, want %v", got, want)
			}
		})
	}
}

// withoutRowIDs is the record with rows that are told apart by their order alone.
func withoutRowIDs(r schemas.Record) schemas.Record {
	r = r.Clone()
	for id, v := range r.Fields {
		if v.Kind() != schemas.KindItems {
			continue
		}
		rows := slices.Clone(v.Items())
		for i := range rows {
			rows[i].ID = schemas.ID{}
		}
		r.Fields[id] = schemas.ItemsValue(rows)
	}
	return r
}
