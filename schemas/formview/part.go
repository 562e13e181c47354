package formview

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// Part is a piece of the page that is sent again when it shows something else.
type Part struct {
	// ID is the element's, Template the part of the page that draws it with Data.
	ID, Template string
	Data         any
	// Shows is the fingerprint of what it shows, as the element carries it.
	Shows string
}

// Parts are all pieces of the form that may change while it is filled in, in the
// order of the page. The fields of rows stand behind their list.
func (f *Form) Parts() []Part {
	parts := []Part{
		{"form-problems", "form_problems", f, f.Fingerprint()},
		{"form-progress", "form_progress", f, strings.Join([]string{strconv.Itoa(f.Filled), strconv.Itoa(f.Total), strconv.Itoa(len(f.Errors))}, "-")},
	}
	for _, s := range f.Sections {
		parts = append(parts, Part{s.ID, "section_head", s, s.HeadShows()})
		for _, field := range s.Fields {
			parts = append(parts, field.parts()...)
		}
		if f.Folds {
			parts = append(parts, Part{s.ID + "-n", "section_next", s, s.NextShows()})
		}
	}
	return parts
}

func (f *Field) parts() []Part {
	if !f.Asked {
		return []Part{{f.ID, "field", f, "-"}}
	}
	parts := []Part{{f.ID, "field", f, f.Fingerprint()}}
	for _, row := range f.Rows {
		for _, column := range row.Fields {
			parts = append(parts, column.parts()...)
		}
	}
	return parts
}

// Fingerprint tells what the field shows from what it showed before; what stands in
// the rows of a list does not count, since each of their fields has its own.
func (f *Field) Fingerprint() string { return Fingerprint(f) }

// Fingerprint tells what is said above the form.
func (f *Form) Fingerprint() string { return Fingerprint([]any{f.Strict, f.Errors, f.Notes}) }

// Fingerprint tells something shown from what was shown before.
func Fingerprint(v any) string {
	raw, err := json.Marshal(v)
	if err != nil { // plain data always has a text
		return "?"
	}
	h := fnv.New64a()
	h.Write(raw) // never fails
	return strconv.FormatUint(h.Sum64(), 36)
}

// Grouped reports whether the field's control is a group of controls.
func (f *Field) Grouped() bool {
	return f.Widget == WidgetOne || f.Widget == WidgetMany || f.Widget == WidgetRows
}

// Typable reports whether the field's control is one that a label can name.
func (f *Field) Typable() bool {
	return !f.Grouped() && f.Widget != WidgetRead && f.Widget != WidgetFiles
}

// Wrong reports whether something is wrong with what stands in the field.
func (f *Field) Wrong() bool { return slices.ContainsFunc(f.Problems, Remark.Held) }

// Describe are the ids of what is said of the field, for its control.
func (f *Field) Describe() string {
	var ids []string
	if f.Hint != "" || f.Purpose != "" {
		ids = append(ids, f.ID+"-h")
	}
	if f.Shown != "" && f.Typable() {
		ids = append(ids, f.ID+"-s")
	}
	if len(f.Problems) > 0 || f.Offer != nil || f.Other != nil || len(f.Meant) > 0 {
		ids = append(ids, f.ID+"-p")
	}
	return strings.Join(ids, " ")
}
