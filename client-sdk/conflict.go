package clientsdk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// Conflict is one part of a record for which people wrote different values
// without knowing of one another. All of them are kept until somebody settles.
type Conflict struct {
	// ID is made of record and cell, the same on every device.
	ID     string
	Record syncproto.RecordID
	// Form is nil if this release does not know it.
	Form  *schemas.Form
	Title string
	// Path names the field, "list[row id].field" in a row, "list[row id]" if it
	// is whether a row is there, "presence" if it is whether the record is.
	Path  string
	Label schemas.Text
	// Field is nil where the conflict is about presence.
	Field *schemas.Field
	// Presence: one deleted what another worked on.
	Presence bool
	// Values are the distinct values; the first is the one shown now.
	Values []Candidate

	cell syncproto.CellKey
}

// Candidate is one of the values of a conflict.
type Candidate struct {
	// N counts from 1, for Nth.
	N int
	// Value is what the field would hold; Alive, of a conflict about presence,
	// whether record or row would be there.
	Value schemas.Value
	Alive bool
	// By are those who wrote it, Mine whether this device's person is among them.
	By   []Made
	Mine bool
}

// Choice says which value settles a conflict.
type Choice struct {
	n      int
	mine   bool
	theirs bool
	value  schemas.Value
}

// Mine chooses this device's person's own value.
func Mine() Choice { return Choice{mine: true} }

// Theirs chooses the first value that is not this device's person's.
func Theirs() Choice { return Choice{theirs: true} }

// Nth chooses the n-th candidate, from 1.
func Nth(n int) Choice { return Choice{n: n} }

// NewValue chooses another value than all of them; the empty Value clears the
// field.
func NewValue(v schemas.Value) Choice { return Choice{value: v} }

// ParseChoice reads "mine", "theirs", a candidate's number in any digits, or
// "=" and a new value for the conflict's field as a person types it.
func (c *Client) ParseChoice(conflict *Conflict, text string) (Choice, error) {
	const doing = "read choice"
	if value, is := strings.CutPrefix(text, "="); is {
		if conflict.Field == nil || conflict.Form == nil {
			return Choice{}, told(doing, refuse(ErrNotSettled, nil))
		}
		v, err := schemas.ParseInput(conflict.Form, c.forms, conflict.Field, value)
		return NewValue(v), told(doing, err)
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "mine":
		return Mine(), nil
	case "theirs":
		return Theirs(), nil
	}
	n, err := strconv.Atoi(persian.ToASCIIDigits(strings.TrimSpace(text)))
	if err != nil || n < 1 {
		return Choice{}, told(doing, refuse(ErrNotSettled, err))
	}
	return Nth(n), nil
}

// ConflictID is the id of a conflict, see wire.ConflictID.
func ConflictID(record syncproto.RecordID, k syncproto.CellKey) string {
	return wire.ConflictID(record, k)
}

// conflictsOf reads the open conflicts of a record.
func (c *Client) conflictsOf(form *schemas.Form, s *syncproto.RecordState) []Conflict {
	var all []Conflict
	for _, m := range merge.Conflicts(s) {
		x := c.conflict(form, s, m.Cell)
		x.Values = c.candidates(s, m)
		all = append(all, x)
	}
	return all
}

// conflict describes a conflict of a cell, without its values.
func (c *Client) conflict(form *schemas.Form, s *syncproto.RecordState, k syncproto.CellKey) Conflict {
	x := Conflict{ID: ConflictID(s.Record, k), Record: s.Record, Form: form, Path: pathOf(form, k), Label: labelOf(form, k), cell: k}
	x.Presence = k == merge.PresenceCell || k.Item != (syncproto.ItemID{}) && k.Sub == syncproto.SubPresence
	if !x.Presence {
		x.Field, _ = fieldOf(form, k)
	}
	return x
}

// candidates groups the candidates of a conflict by what they say.
func (c *Client) candidates(s *syncproto.RecordState, m merge.Conflict) []Candidate {
	var all []Candidate
	var values []syncproto.Value
	take := func(v syncproto.Value, version syncproto.ChangeID) {
		i := slices.IndexFunc(values, func(w syncproto.Value) bool { return merge.Equal(v, w) })
		if i < 0 {
			i = len(all)
			values = append(values, v)
			alive, _ := v.AsBool()
			all = append(all, Candidate{N: i + 1, Value: merge.FromWire(v), Alive: alive})
		}
		by := c.made(s, version)
		all[i].By = append(all[i].By, by)
		all[i].Mine = all[i].Mine || by.Mine
	}
	for _, v := range m.Shown {
		take(m.Value, v)
	}
	for _, o := range m.Others {
		take(o.Value, o.Version)
	}
	for i := range all {
		slices.SortFunc(all[i].By, func(a, b Made) int { return cmp.Or(a.Time.Compare(b.Time), slices.Compare(a.Change[:], b.Change[:])) })
	}
	return all
}

// maxConflicts bounds what Conflicts reads at once.
const maxConflicts = 1000

// Conflicts returns what waits for a person, by the titles of the records.
func (c *Client) Conflicts(ctx context.Context) ([]Conflict, error) {
	const doing = "list conflicts"
	var all []Conflict
	q := Query{Conflicts: true, Deleted: true}
	for {
		page, err := c.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			h, err := c.held(ctx, row.ID)
			if err != nil {
				return nil, told(doing, err)
			}
			for _, x := range c.conflictsOf(row.Form, h.State) {
				x.Title = row.Title
				all = append(all, x)
			}
		}
		if q.After = page.Next; q.After == "" || len(all) >= maxConflicts {
			return all, nil
		}
	}
}

// Conflict returns one open conflict by its id, or by its path where the
// record is known; ErrNotFound if it is settled or unknown.
func (c *Client) Conflict(ctx context.Context, record syncproto.RecordID, idOrPath string) (*Conflict, error) {
	const doing = "read conflict"
	h, err := c.held(ctx, record)
	if err != nil {
		return nil, told(doing, err)
	}
	form, _ := c.forms.Form(schemas.FormID(h.State.Form))
	for _, x := range c.conflictsOf(form, h.State) {
		if x.ID == idOrPath || x.Path == idOrPath {
			x.Title, err = c.titleOf(ctx, h.State, "fa", true)
			return &x, told(doing, err)
		}
	}
	return nil, told(doing, refuse(ErrNotFound, nil))
}

// pick returns the candidate, or new value, that a choice means.
func (x *Conflict) pick(ch Choice) (Candidate, error) {
	fits := func(k Candidate) bool {
		switch {
		case ch.mine:
			return k.Mine
		case ch.theirs:
			return !k.Mine
		}
		return k.N == ch.n
	}
	if !ch.mine && !ch.theirs && ch.n == 0 {
		if x.Presence || x.Field == nil {
			return Candidate{}, refuse(ErrNotSettled, fmt.Errorf("a presence takes no new value"))
		}
		return Candidate{Value: ch.value}, nil
	}
	for _, k := range x.Values {
		if fits(k) {
			return k, nil
		}
	}
	return Candidate{}, refuse(ErrNotSettled, fmt.Errorf("no such candidate among %d", len(x.Values)))
}
