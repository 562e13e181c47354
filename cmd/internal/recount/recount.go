// Package recount reckons the committee's figures a second time and by another
// route: plain loops over what `mahalleh export --jsonl --history` prints. It was
// written from the description of the programmes and from docs/design/figures.md,
// and shares nothing with schemas/indicators; a figure is right when both say the
// same. It is slow, keeps everything in memory, and is for tests only.
package recount

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas/jalali"
)

// Sources are what the server's program prints, a JSON object a line.
type Sources struct {
	// Export is of `export --jsonl --history`, Places of `place list`, People of
	// `person list`, Devices of `device list`.
	Export, Places, People, Devices io.Reader
}

// World is a whole store as it was exported.
type World struct {
	records []*record
	places  map[int64]*place
	people  []person
	devices []device
	// seen are the records by their ids, deleted ones too.
	byID map[string]*record
}

type place struct {
	Number int64  `json:"number"`
	Kind   string `json:"kind"`
	NameFa string `json:"name_fa"`
	In     int64  `json:"in"`
	ID     string `json:"id"`
}

type person struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Record string `json:"record"`
	Grants []struct {
		Place   int64  `json:"place"`
		Revoked string `json:"revoked"`
		Until   string `json:"until"`
	} `json:"grants"`
}

type device struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Person       string `json:"person"`
	LastSeen     string `json:"last_seen"`
	Unsent       int64  `json:"unsent"`
	OldestUnsent string `json:"oldest_unsent"`
	ClockAhead   int64  `json:"clock_ahead_ms"`
	Revoked      string `json:"revoked"`
}

type record struct {
	ID          string          `json:"record"`
	Form        string          `json:"form"`
	Place       int64           `json:"place"`
	Compartment string          `json:"compartment"`
	Deleted     bool            `json:"deleted"`
	Raw         json.RawMessage `json:"content"`
	Conflicts   []conflict      `json:"conflicts"`
	History     []change        `json:"history"`

	row
}

type conflict struct {
	Field  string  `json:"field"`
	Item   string  `json:"item"`
	Shown  rival   `json:"shown"`
	Others []rival `json:"others"`
}

type rival struct {
	By   struct{ ID string } `json:"by"`
	When string              `json:"when"`
}

type change struct {
	By       struct{ ID string } `json:"by"`
	Verb     string              `json:"verb"`
	When     string              `json:"when"`
	Received string              `json:"received"`
	Outcome  string              `json:"outcome"`
	Ops      []struct {
		Field   string `json:"field"`
		Item    string `json:"item"`
		Element any    `json:"element"`
		Op      string `json:"op"`
		Value   any    `json:"value"`
	} `json:"ops"`
}

// row is the content of a record, or one row of a list in it.
type row struct{ fields map[string]any }

// Read reads everything.
func Read(s Sources) (*World, error) {
	w := &World{places: map[int64]*place{}, byID: map[string]*record{}}
	err := lines(s.Export, func(r *record) error {
		if !bytes.Equal(r.Raw, []byte("null")) {
			dec := json.NewDecoder(bytes.NewReader(r.Raw))
			dec.UseNumber()
			if err := dec.Decode(&r.fields); err != nil {
				return fmt.Errorf("record %s: %w", r.ID, err)
			}
		}
		r.forget()
		w.records = append(w.records, r)
		w.byID[r.ID] = r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	if err := lines(s.Places, func(p *place) error { w.places[p.Number] = p; return nil }); err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	if err := lines(s.People, func(p *person) error { w.people = append(w.people, *p); return nil }); err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	if err := lines(s.Devices, func(d *device) error { w.devices = append(w.devices, *d); return nil }); err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	slices.SortFunc(w.records, func(a, b *record) int { return strings.Compare(a.ID, b.ID) })
	return w, nil
}

func lines[T any](in io.Reader, each func(*T) error) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		x := new(T)
		if err := json.Unmarshal(s.Bytes(), x); err != nil {
			return fmt.Errorf("%.80s: %w", s.Bytes(), err)
		}
		if err := each(x); err != nil {
			return err
		}
	}
	return s.Err()
}

// forget takes out the values that the form does not ask for. The rules are those
// of the description, written a second time.
func (r *record) forget() {
	drop := func(when bool, names ...string) {
		for _, n := range names {
			if when {
				delete(r.fields, n)
			}
		}
	}
	switch r.Form {
	case "agreement":
		drop(r.str("programme") != "social_health_base", "deliverables", "confirmed_result", "confirmed_on")
	case "harm_rating":
		drop(r.str("unit") != "point", "location")
		drop(r.str("unit") == "point", "block_id")
		drop(r.str("observed_by") != "informants", "informants_n")
	case "household_response":
		if r.yes("refused") {
			for name := range r.fields {
				drop(!slices.Contains([]string{"campaign_id", "block_id", "household_no", "refused", "start_time", "end_time", "duration_min", "corrects_id"}, name), name)
			}
			drop(true, "duration_min")
		}
	case "programme_enrolment":
		drop(r.str("programme") != "empowerment_plan", "stage", "stages")
	case "organisation":
		drop(r.str("kind") != "sw_clinic", "selected_on")
	case "asset":
		home := r.str("category") == "individual" || r.str("subtype") == "home_business" ||
			r.str("category") == "culture_story" && r.str("subtype") != "old_tree" && r.str("subtype") != "old_site"
		drop(home, "location")
	}
}

// value is a field's value; nil if it is empty.
func (r row) value(name string) any { return r.fields[name] }

func (r row) has(name string) bool {
	switch v := r.fields[name].(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return true
}

func (r row) str(name string) string { s, _ := r.fields[name].(string); return s }
func (r row) yes(name string) bool   { b, _ := r.fields[name].(bool); return b }

// num is a whole number; 0 if the field is empty.
func (r row) num(name string) int64 {
	if n, ok := r.fields[name].(json.Number); ok {
		i, _ := n.Int64()
		return i
	}
	return 0
}

// exact is a number as it is; nil if the field is empty.
func (r row) exact(name string) *big.Rat {
	if n, ok := r.fields[name].(json.Number); ok {
		x, _ := new(big.Rat).SetString(n.String())
		return x
	}
	return nil
}

// date is a day, counted from 1970; ok if the field is filled.
func (r row) date(name string) (day int64, ok bool) {
	t, err := time.Parse("2006-01-02", r.str(name))
	return t.Unix() / 86400, err == nil
}

func (r row) rows(name string) []row {
	list, _ := r.fields[name].([]any)
	all := make([]row, 0, len(list))
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			all = append(all, row{m})
		}
	}
	return all
}

func (r row) strs(name string) []string {
	list, _ := r.fields[name].([]any)
	var all []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// stampOf is a time as the programs print it, in seconds since 1970; 0 for none.
func stampOf(text string) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0
	}
	return t.Unix()
}

// tehranDay is the civil day in Tehran, which has been 3:30 ahead all year since 1401.
func tehranDay(seconds int64) int64 { return floor(seconds+3*3600+1800, 86400) }

func floor(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// monthOf is a day's Jalali month, year*100+month.
func monthOf(day int64) int64 {
	d, err := jalali.Day(day).Date()
	if err != nil {
		return 0
	}
	return int64(d.Year())*100 + int64(d.Month())
}

// counts reports whether a change is one of those that were applied.
func (c *change) counts() bool {
	return c.Outcome == "applied" || c.Outcome == "merged" || c.Outcome == "conflict"
}

// word is what one author says in one cell of a record.
type word struct {
	by   string
	when int64
}

// standing are the words that still stand in a record: for each cell the last that
// was said of it, and all that are in conflict. Changes come in the order of their
// arrival, and whoever writes over a value arrives after it.
func (r *record) standing() []word {
	last := map[string]word{}
	for _, c := range r.History {
		if !c.counts() {
			continue
		}
		for _, op := range c.Ops {
			cell := fmt.Sprint(op.Field, "|", op.Item)
			switch op.Op {
			case "set-add", "set-remove":
				cell += fmt.Sprint("|", op.Value)
			}
			if op.Op == "clear" {
				delete(last, cell)
				continue
			}
			last[cell] = word{c.By.ID, stampOf(c.When)}
		}
	}
	var all []word
	for _, w := range last {
		all = append(all, w)
	}
	for _, c := range r.Conflicts {
		for _, o := range append(c.Others, c.Shown) {
			all = append(all, word{o.By.ID, stampOf(o.When)})
		}
	}
	return all
}

// made is when the oldest words that still stand were written, in seconds.
func (r *record) made() int64 {
	var first int64
	for _, w := range r.standing() {
		if first == 0 || w.when < first {
			first = w.when
		}
	}
	return first
}
