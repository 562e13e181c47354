package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// names says what ids stand for, as one snapshot has it.
type names struct {
	r      store.Reader
	forms  *schemas.Package
	scopes map[syncproto.ScopeID]scopeName
	people map[syncproto.PersonID]string
}

// scopeName is a scope as commands print it.
type scopeName struct {
	Place       uint32 `json:"place,omitempty"`
	PlaceName   string `json:"place_name,omitempty"`
	Compartment string `json:"compartment,omitempty"`
}

func (d *desk) names(r store.Reader) (*names, error) {
	n := &names{r: r, forms: d.server.Hub().Packages(), scopes: map[syncproto.ScopeID]scopeName{}, people: map[syncproto.PersonID]string{}}
	places, err := r.Places()
	if err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	for _, p := range places {
		for _, c := range access.Compartments {
			n.scopes[syncproto.ScopeOf(p.ID, c)] = scopeName{Place: p.Number, PlaceName: p.NameFa, Compartment: c}
		}
	}
	return n, nil
}

// author is who wrote something, as commands print it.
type author struct {
	ID string `json:"id"`
	// Name is empty for somebody unknown here.
	Name string `json:"name,omitempty"`
}

func (n *names) author(id syncproto.PersonID) (author, error) {
	if id.IsZero() {
		return author{}, nil
	}
	name, ok := n.people[id]
	if !ok {
		who, err := access.Resolve(n.r, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return author{}, fmt.Errorf("read person %s: %w", id, err)
		}
		name = who.Name
		n.people[id] = name
	}
	return author{ID: id.String(), Name: name}, nil
}

// form is the form of a number, nil if it is not known here, and its name.
func (n *names) form(id uint32) (*schemas.Form, formName) {
	if f, ok := n.forms.Form(schemas.FormID(id)); ok {
		return f, formName{Form: f.Name, FormLabel: &f.Label}
	}
	return nil, formName{Form: "#" + strconv.FormatUint(uint64(id), 10)}
}

// formName is a form as commands print it.
type formName struct {
	Form string `json:"form,omitempty"`
	// FormLabel is nil if the form is not known here.
	FormLabel *schemas.Text `json:"form_label,omitempty"`
}

// text is the form's name for a person.
func (f formName) text(a *cli.App) string {
	if f.FormLabel == nil {
		return f.Form
	}
	return f.FormLabel.In(string(a.Lang()))
}

// cellName is a cell of a record as commands print it.
type cellName struct {
	// Field is the name of the field, "list.field" in rows, "#number" if the
	// form does not know it, "presence" and "home" for those of every record.
	Field string        `json:"field"`
	Label *schemas.Text `json:"label,omitempty"`
	// Item is the row or attachment, Element the element of a set.
	Item    string `json:"item,omitempty"`
	Element any    `json:"element,omitempty"`
}

// Names of the cells that every record has.
const (
	presenceName = "presence"
	homeName     = "home"
	placeName    = "place"
)

func nameCell(form *schemas.Form, k syncproto.CellKey) cellName {
	c := cellName{Field: "#" + strconv.FormatUint(uint64(k.Field), 10)}
	switch k.Field {
	case syncproto.FieldPresence:
		c.Field = presenceName
		return c
	case syncproto.FieldHome:
		c.Field = homeName
		return c
	}
	field := aside.Field(form, k.Field)
	if field != nil {
		c.Field, c.Label = field.Name, &field.Label
	}
	if k.Element != (syncproto.Value{}) {
		c.Element = plainValue(k.Element)
	}
	if k.Item == (syncproto.ItemID{}) {
		return c
	}
	c.Item = k.Item.String()
	switch k.Sub {
	case syncproto.SubPresence, syncproto.SubFile:
		return c
	case syncproto.SubPlace:
		c.Field += "." + placeName
		return c
	}
	if sub := aside.Field(form, k.Sub); sub != nil {
		c.Field, c.Label = c.Field+"."+sub.Name, &sub.Label
	} else {
		c.Field += ".#" + strconv.FormatUint(uint64(k.Sub), 10)
	}
	return c
}

// scopesAt reads what --scope names: a place with all that lies in it, by
// number or name, or one compartment of that place after a slash. nil is all.
func scopesAt(r store.Reader, asked string) ([]syncproto.ScopeID, error) {
	if asked == "" {
		return nil, nil
	}
	place, compartment, one := strings.Cut(asked, "/")
	top, err := access.FindPlace(r, place)
	if err != nil {
		return nil, err
	}
	if one {
		for _, c := range access.Compartments {
			if c == compartment {
				return []syncproto.ScopeID{syncproto.ScopeOf(top.ID, c)}, nil
			}
		}
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.scope.unknown",
			Args: cli.Args{"compartment": compartment, "known": strings.Join(access.Compartments, " · ")}, Hint: "mahalleh_data.scope.unknown_hint"}
	}
	all, err := r.Places()
	if err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	inside := map[syncproto.PlaceID]bool{top.ID: true}
	var scopes []syncproto.ScopeID
	// Parents come before what lies in them: a place's number is higher.
	for _, p := range byNumber(all) {
		if !inside[p.ID] && !inside[p.Parent] {
			continue
		}
		inside[p.ID] = true
		for _, c := range access.Compartments {
			scopes = append(scopes, syncproto.ScopeOf(p.ID, c))
		}
	}
	return scopes, nil
}

// formNamed is the number of the form of that name, 0 for "".
func (d *desk) formNamed(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	forms := d.server.Hub().Packages()
	if f, ok := forms.FormByName(name); ok {
		return uint32(f.ID), nil
	}
	var near []string
	for _, f := range forms.Forms() {
		if persian.Distance(f.Name, name) <= 3 || strings.HasPrefix(f.Name, name) {
			near = append(near, f.Name)
		}
	}
	if len(near) == 0 {
		for _, f := range forms.Forms() {
			near = append(near, f.Name)
		}
	}
	return 0, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.scope.unknown_form", Args: cli.Args{"form": name, "known": strings.Join(near, " · ")}, Hint: "mahalleh_data.scope.unknown_form_hint"}
}
