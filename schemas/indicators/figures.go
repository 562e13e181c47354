package indicators

import (
	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// Moment is when figures are asked for.
type Moment struct {
	// Today is the day in Tehran, Now the server's time in Unix milliseconds (a
	// device's own where it has none).
	Today jalali.Day
	Now   int64
	// From and To are the first and last Jalali month, as year*100+month, of what
	// is counted by months; 0 for no bound.
	From, To int64
}

// Figures are all figures of a scope at one moment.
type Figures struct {
	AsOf     int64      `json:"as_of"`
	Today    jalali.Day `json:"-"`
	Formula  int        `json:"formula"`
	Settings string     `json:"settings"`
	// Places counts the summaries that went in, Stale those that were made under
	// other formulas or settings than these.
	Places  int      `json:"places"`
	Stale   int      `json:"stale"`
	Figures []Figure `json:"figures"`
}

// Figure returns one of them by its id, such as "D01".
func (f *Figures) Figure(id string) (Figure, bool) {
	for _, x := range f.Figures {
		if x.ID == id {
			return x, true
		}
	}
	return Figure{}, false
}

// Figure is one figure as it is published: what it is, how old its data is, and
// its numbers.
type Figure struct {
	ID         string       `json:"id"`
	Title      schemas.Text `json:"title"`
	Definition schemas.Text `json:"definition"`
	// Formula is the version of the formula, AsOf the server's time at which it
	// was reckoned, in Unix milliseconds.
	Formula int   `json:"formula"`
	AsOf    int64 `json:"as_of"`
	// Lag is how late changes came in: half of the last 30 days' took no longer.
	Lag Value `json:"lag"`
	// Values are its numbers for the whole scope, Tables the parts of them.
	Values []Value `json:"values"`
	Tables []Table `json:"tables,omitempty"`
}

// Value returns the value of that name, and false if the figure has none.
func (f *Figure) Value(name string) (Value, bool) {
	for _, v := range f.Values {
		if v.Name == name {
			return v, true
		}
	}
	return Value{}, false
}

// Table returns the table of that name, or an empty one.
func (f *Figure) Table(name string) Table {
	for _, t := range f.Tables {
		if t.Name == name {
			return t
		}
	}
	return Table{}
}

// Table is a part of a figure: rows of values, in the order in which they are
// to be shown.
type Table struct {
	Name    string       `json:"name"`
	Title   schemas.Text `json:"title"`
	Columns []Column     `json:"columns"`
	Rows    []Row        `json:"rows"`
	// List is the code list of the rows' codes, "" if they have none.
	List string `json:"list,omitempty"`
}

// Column is the heading of a table's values.
type Column struct {
	Name  string       `json:"name"`
	Title schemas.Text `json:"title"`
}

// Row is one line of a table. What it is about is a place, a record, a code of
// the table's list, or what its name says.
type Row struct {
	Place  ID      `json:"place,omitzero"`
	Record ID      `json:"record,omitzero"`
	Code   string  `json:"code,omitempty"`
	Name   string  `json:"name,omitempty"`
	Cells  []Value `json:"cells"`
}
