package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
)

// layoutVersion numbers what is kept beside the forms' own tables, and how values
// are written into columns. A report of another number is made anew.
const layoutVersion = 3

// system are the tables that every report has.
//
// A record's counts are kept with its row, so that they can be taken out of its
// place's counters when it changes. counts has no key with a sum of zero. touched counts how often a place's counters
// changed: a summary of an older stamp, or of other settings, is stale.
const system = `
CREATE TABLE report (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (scope BLOB NOT NULL PRIMARY KEY, place BLOB NOT NULL, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE records (record BLOB NOT NULL PRIMARY KEY, scope BLOB NOT NULL, place BLOB NOT NULL, form INTEGER NOT NULL, counts TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counts (place BLOB NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (place, key)) STRICT, WITHOUT ROWID;
CREATE TABLE received (outcome INTEGER NOT NULL PRIMARY KEY, change BLOB NOT NULL) STRICT;
CREATE TABLE waiting (change BLOB NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE arrivals (place BLOB NOT NULL, day INTEGER NOT NULL, hours INTEGER NOT NULL, outcome INTEGER NOT NULL, n INTEGER NOT NULL,
	PRIMARY KEY (place, day, hours, outcome)) STRICT, WITHOUT ROWID;
CREATE TABLE touched (place BLOB NOT NULL PRIMARY KEY, stamp INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE summaries (place BLOB NOT NULL PRIMARY KEY, stamp INTEGER NOT NULL, settings TEXT NOT NULL, summary TEXT NOT NULL) STRICT, WITHOUT ROWID;
`

// layout is the tables of a package of forms.
type layout struct {
	forms  *schemas.Package
	tables map[schemas.FormID]*table
	order  []*table
	// print tells layouts, forms and formulas apart.
	print string
}

// table is the table of a form, or of one of its list fields, with the statements
// that serve it.
type table struct {
	name    string
	form    *schemas.Form
	list    *schemas.Field // nil for the form's own
	columns []column
	lists   []*table

	create, index, insert, remove string
}

// column is one column of a field. A point has two.
type column struct {
	name, kind string
	field      *schemas.Field
	write      func(schemas.Value) any
}

// layoutOf makes the tables of the newest revision of every form: fields keep
// their ids and types over all revisions.
func layoutOf(forms *schemas.Package) *layout {
	l := &layout{forms: forms, tables: map[schemas.FormID]*table{}}
	hash := sha256.New()
	fmt.Fprintf(hash, "%d %d %d\n%s", layoutVersion, indicators.Version, forms.Version, system)
	for _, f := range forms.Forms() {
		t := tableOf(f, nil, f.Fields())
		l.tables[f.ID] = t
		l.order = append(append(l.order, t), t.lists...)
	}
	for _, t := range l.order {
		fmt.Fprintf(hash, "%d.%d %s %s\n", t.form.ID, t.form.Revision, t.create, t.index)
	}
	l.print = hex.EncodeToString(hash.Sum(nil))
	return l
}

func tableOf(f *schemas.Form, list *schemas.Field, fields []*schemas.Field) *table {
	t := &table{name: f.Name, form: f, list: list}
	own := []string{`"_record" BLOB NOT NULL PRIMARY KEY`, `"_place" BLOB NOT NULL`, `"_scope" BLOB NOT NULL`, `"_version" BLOB NOT NULL`,
		`"_made" INTEGER NOT NULL`, `"_changed" INTEGER NOT NULL`, `"_conflicts" INTEGER NOT NULL`}
	values, key := len(own), ""
	if list != nil {
		t.name += "." + list.Name
		own = []string{`"_record" BLOB NOT NULL`, `"_row" INTEGER NOT NULL`, `"_item" BLOB NOT NULL`}
		values, key = len(own), `, PRIMARY KEY ("_record", "_row")`
	}
	for _, field := range fields {
		if field.Type == schemas.TypeList {
			t.lists = append(t.lists, tableOf(f, field, field.Fields))
			continue
		}
		t.columns = append(t.columns, columnsOf(field)...)
	}
	for _, c := range t.columns {
		own = append(own, quoted(c.name)+" "+c.kind)
	}
	values += len(t.columns)
	t.create = "CREATE TABLE " + quoted(t.name) + " (" + strings.Join(own, ", ") + key + ") STRICT, WITHOUT ROWID"
	if list == nil {
		t.index = "CREATE INDEX " + quoted(t.name+"._place") + " ON " + quoted(t.name) + ` ("_place")`
	}
	t.insert = "INSERT INTO " + quoted(t.name) + " VALUES (?" + strings.Repeat(", ?", values-1) + ")"
	t.remove = "DELETE FROM " + quoted(t.name) + ` WHERE "_record" = ?`
	return t
}

func quoted(name string) string { return `"` + name + `"` }
