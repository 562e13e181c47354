package subject_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/store/storetest"
	"mahalleh/server/subject"
	"mahalleh/syncproto"
)

// held are words that stand each in one place of what is held on a person: in plain
// fields, rows of lists, the history, a conflict, a change that was set aside and one
// that waits.
var held = []string{"زهرا کریمی‌پور", "09110000012", "09110000077", "۰۹۱۱-دومی", "گواهی-۸۸۲۱", "قالی می‌بافم و یاد می‌دهم", "جامعه‌شناسی روستایی", "دیابت نوع دو", "نسخهٔ-رضایت-۷"}

// TestNothingOfAPersonIsLeftInTheFiles: after an erasure no byte of what was held on the
// person is in the server's files: neither in the database nor in the report, not while
// they are open, not in a vacuumed copy, and not once they are closed.
func TestNothingOfAPersonIsLeftInTheFiles(t *testing.T) {
	dir := t.TempDir()
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(dir, "server.db")})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{Office: storetest.NewOffice(t, st, 1), t: t}
	o.place = o.Place(7, store.PlaceNeighbourhood, syncproto.PlaceID{})

	zahra := o.write(1, "person", map[string]schemas.Value{"full_name": text(held[0]), "phone": text(held[1])})
	consent := o.write(3, "consent", map[string]schemas.Value{"person_id": ref(zahra), "text_version": text(held[8])})
	o.write(1, "person", map[string]schemas.Value{"consent_id": ref(consent), "phone": text(held[2])})
	o.act(zahra, "person", "phone", held[3]) // in conflict with what stands
	o.write(4, "training_attendance", map[string]schemas.Value{"person_id": ref(zahra), "certificate_no": text(held[4])})
	o.write(5, "key_informant_interview", map[string]schemas.Value{"consent_id": ref(consent), "themes": o.rows("key_informant_interview", "themes", map[string]schemas.Value{"quote": text(held[5])})})
	o.write(6, "facilitator", map[string]schemas.Value{"person_id": ref(zahra), "field_of_study": text(held[6])})
	o.write(8, "referral", map[string]schemas.Value{"person_ref": ref(zahra), "consent_id": ref(consent)})
	o.write(8, "referral", map[string]schemas.Value{"reason": text(held[7])})

	r, err := report.Open(t.Context(), report.Options{Path: filepath.Join(dir, "report.db"), View: st.View, Forms: o.Forms})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	fold := func() {
		t.Helper()
		if f, err := st.Checkpoint(t.Context()); err != nil || !f.Truncated && f.Pages > 0 {
			t.Fatalf("folded %+v (%v)", f, err)
		}
	}
	fold()
	for _, word := range held {
		if !holds(t, dir, word) {
			t.Errorf("%q stands nowhere; the test tests nothing of it", word)
		}
	}

	found, err := subject.Find(t.Context(), subject.Source{View: st.View, Forms: o.Forms}, zahra)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range found {
		if f.Why.Theirs() {
			o.Erase(f.ID)
			n++
		}
	}
	if n != 6 {
		t.Errorf("%d records are theirs: %v", n, found)
	}
	if _, err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	fold()
	if _, err := st.Backup(t.Context(), filepath.Join(dir, "vacuumed"), o.Now); err != nil {
		t.Fatal(err)
	}
	gone := func(when string) {
		for _, word := range held {
			if holds(t, dir, word) {
				t.Errorf("%s: %q is still there", when, word)
			}
		}
	}
	gone("open")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	gone("closed")
}

// act sets a text of a record without having seen what stands there.
func (o *office) act(record syncproto.RecordID, form, field, value string) {
	o.t.Helper()
	f, _ := o.Forms.FormByName(form)
	x, ok := f.FieldByName(field)
	if !ok {
		o.t.Fatalf("no field %s", field)
	}
	_, err := o.Hub.Office(o.t.Context(), o.Author, record, func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		return hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(f.ID), Scope: syncproto.ScopeOf(o.place, string(f.Compartment)),
			Ops: []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: uint32(x.ID), Value: syncproto.Text(value)}}}, nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// rows is a list of one row.
func (o *office) rows(form, list string, fields map[string]schemas.Value) schemas.Value {
	o.t.Helper()
	f, _ := o.Forms.FormByName(form)
	l, ok := f.FieldByName(list)
	if !ok {
		o.t.Fatalf("no list %s", list)
	}
	row := schemas.Item{Fields: map[schemas.FieldID]schemas.Value{}}
	for name, v := range fields {
		x, ok := l.FieldByName(name)
		if !ok {
			o.t.Fatalf("no field %s", name)
		}
		row.Fields[x.ID] = v
	}
	return schemas.ItemsValue([]schemas.Item{row})
}

// holds reports whether a file below dir has a text.
func holds(t *testing.T, dir, word string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(word))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
