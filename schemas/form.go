// Package schemas is the form language: what a form, its fields, its code lists and a record's values are, and how a record is read, cleaned, computed and judged.
package schemas

import (
	"regexp"
	"slices"

	"mahalleh/schemas/expr"
)

// FormID names a form for ever; it is never given to another form.
type FormID uint32

// FieldID names a field within its form for ever, over all revisions. Ids below
// FirstFieldID belong to the protocol. The fields of a list's rows share the form's ids.
type FieldID uint32

// FirstFieldID is the least id a form may give: 0-9 are kept for what the protocol itself
// says of a record, such as whether it is alive.
const FirstFieldID FieldID = 10

// Text is one text in Persian and English.
type Text struct {
	Fa string `json:"fa"`
	En string `json:"en"`
}

// In returns the text in the language "en" or, for any other, in Persian; a
// missing English text falls back to Persian.
func (t Text) In(lang string) string {
	if lang == "en" && t.En != "" {
		return t.En
	}
	return t.Fa
}

// Type is what a field holds.
type Type string

// The types of field.
const (
	TypeText       Type = "text"
	TypeLongText   Type = "long_text"
	TypeInteger    Type = "integer"
	TypeDecimal    Type = "decimal"
	TypeMoney      Type = "money" // rial
	TypeDate       Type = "date"
	TypeJalaliYear Type = "jalali_year"
	TypeBoolean    Type = "boolean"
	TypeCode       Type = "code"
	TypeCodes      Type = "codes"
	TypeReference  Type = "reference"
	TypeReferences Type = "references"
	TypePoint      Type = "point"
	TypePolygon    Type = "polygon"
	TypeList       Type = "list"
	TypeCounter    Type = "counter"
	TypeAttachment Type = "attachment"
	TypeComputed   Type = "computed"
	TypeState      Type = "state" // a code that only transitions change
)

// ValueKind returns the kind of value that fields of the type hold, and false for
// an unknown type. Computed fields are never stored; they return KindEmpty.
func (t Type) ValueKind() (Kind, bool) {
	switch t {
	case TypeText, TypeLongText:
		return KindText, true
	case TypeInteger, TypeMoney, TypeJalaliYear, TypeCounter:
		return KindInt, true
	case TypeDecimal:
		return KindDecimal, true
	case TypeDate:
		return KindDate, true
	case TypeBoolean:
		return KindBool, true
	case TypeCode, TypeState:
		return KindCode, true
	case TypeCodes:
		return KindCodes, true
	case TypeReference:
		return KindRef, true
	case TypeReferences:
		return KindRefs, true
	case TypePoint:
		return KindPoint, true
	case TypePolygon:
		return KindPolygon, true
	case TypeList:
		return KindItems, true
	case TypeAttachment:
		return KindAttachments, true
	case TypeComputed:
		return KindEmpty, true
	}
	return KindEmpty, false
}

// Required is how much a field is needed.
type Required uint8

// The levels of need.
const (
	RequiredOptional Required = iota // ○ may stay empty
	RequiredSubmit                   // ◐ saved and sent without it, but counted against completeness
	RequiredAlways                   // ● without it the record stays a draft that is never sent
)

// Sensitivity orders how much harm a value can do in wrong hands.
type Sensitivity uint8

// The levels of sensitivity.
const (
	S0 Sensitivity = iota // public
	S1                    // internal
	S2                    // personal: identifies a natural person
	S3                    // health, disability, belief, moral matters: needs explicit consent
	S4                    // protected case: violence, minors at risk, exact place of harm
)

// String returns "S0" to "S4".
func (s Sensitivity) String() string { return "S" + string('0'+rune(s)) }

// Compartment is the part of a place's records that a form belongs to; together
// they are a scope, and nobody receives a byte outside their scopes. The list is open.
type Compartment string

// The compartments of the present forms.
const (
	CompartmentReference Compartment = "reference"
	CompartmentPlain     Compartment = "plain"
	CompartmentPersons   Compartment = "persons"
	CompartmentHarm      Compartment = "harm" // exact harm, and what is sensitive of single people
)

// protection ranks the compartments by who may read them. One that is not
// listed, such as that of one case, is read by the fewest.
var protection = []Compartment{CompartmentReference, CompartmentPlain, CompartmentPersons, CompartmentHarm}

// Holds reports whether a record of a form of another compartment may stand in
// this one: only where at most those may read it who may read its own.
func (c Compartment) Holds(form Compartment) bool {
	if c == form {
		return true
	}
	rank := func(c Compartment) int {
		if i := slices.Index(protection, c); i >= 0 {
			return i
		}
		return len(protection)
	}
	return rank(c) > rank(form)
}

// MergeRule says how concurrent edits of a field are settled.
type MergeRule string

// The merge rules.
const (
	MergeEvent     MergeRule = "A" // an event that is only added
	MergeField     MergeRule = "B" // merged field by field
	MergeReview    MergeRule = "C" // both values kept until a person decides
	MergeDecision  MergeRule = "D" // compare and set, changed by transitions only
	MergeReference MergeRule = "R" // written by the server only
)

// Level says what a problem means for the record.
type Level uint8

// The levels of a problem, mildest first.
const (
	LevelMissing    Level = iota // ◐ empty: saved and sent, counted against completeness
	LevelWarning                 // saved and sent, shown to the author
	LevelIncomplete              // ● empty: stays a draft, never sent
	LevelError                   // breaks a rule: stays a draft until it is mended
)

// String names the level in English, for logs and JSON.
func (l Level) String() string {
	return [...]string{"missing", "warning", "incomplete", "error"}[min(l, LevelError)]
}

// Constraint is a rule on one field, or on a record when it stands on a form.
type Constraint struct {
	Expr    string
	Level   Level     // LevelError or LevelWarning
	Message Text      // shown when the rule is broken
	Fields  []FieldID // for a record-wide rule: the fields it speaks of

	program *expr.Program
}

// Field is one question of a form, or one column of a list field.
type Field struct {
	ID           FieldID
	Parent       FieldID // the list field whose rows hold this field; 0 for a field of the record
	Name         string  // unique in its form or list; used in JSON and expressions
	Type         Type
	List         string // code list of code, codes and state fields
	Label        Text
	Hint         Text // may be empty
	Purpose      Text // why it is asked, said to the person asked; may be empty
	Unit         Text // may be empty
	Required     Required
	RequiredWhen string // while true, the field counts as RequiredAlways
	Sensitivity  Sensitivity
	Merge        MergeRule
	Policy       string // how the shown value is chosen among rivals; empty for the usual way
	Relevant     string // while false or empty, the field is not asked and its value ignored
	Constraints  []Constraint
	Calculate    string // of a computed field
	Result       Type   // of a computed field: integer, decimal, text, boolean or date
	Prefill      string // offers a value while the field is empty
	Min, Max     Value  // bounds of numbers and dates; empty when there is none
	MaxLength    int    // code points of a text; a default by type when the form gives none
	Pattern      string // RE2 expression that the whole text must match
	Format       Format // of a text: how a number that is typed in many ways is stored
	Forms        []string
	Subject      bool // of a reference: the record is about the person named here
	ByProgram    bool // the program writes it, and nobody is asked for it
	MinItems     int  // rows, codes, references or files; 0 for no bound
	MaxItems     int  // always set for such fields
	Fields       []*Field

	index        int // position among its siblings in evaluation
	relevant     *expr.Program
	requiredWhen *expr.Program
	calculate    *expr.Program
	prefill      *expr.Program
	pattern      *regexp.Regexp
	byName       map[string]*Field
}

// Section is a group of fields under one heading.
type Section struct {
	Name   string
	Label  Text
	Fields []*Field
}

// Form is one revision of a form. It never changes after loading and may be
// shared by any number of goroutines.
type Form struct {
	ID          FormID
	Name        string
	Revision    uint32
	Compartment Compartment
	Kind        string
	Merge       MergeRule
	Label       Text
	Title       []FieldID // fields shown as a record's title
	Search      []FieldID // fields in the searchable index
	Unique      []FieldID // fields that together tell a record from the others of its place
	// UniqueEverywhere: Unique holds among all places, not in one.
	UniqueEverywhere bool
	Among            []Among // rules over a record and the others of its place
	Sections         []Section
	Constraints      []Constraint
	Consent          FieldID // field that names the person's consent; 0 when the form has none

	fields []*Field // of the record, in order
	byName map[string]*Field
	byID   map[FieldID]*Field
	order  []*Field // every field, rows' fields too, so that each comes after what it depends on
}

// Fields returns the record's own fields in order, without the fields of rows.
// The caller must not change the slice.
func (f *Form) Fields() []*Field { return f.fields }

// Field returns the field of that id, also one that stands in the rows of a list.
func (f *Form) Field(id FieldID) (*Field, bool) {
	field, ok := f.byID[id]
	return field, ok
}

// FieldByName returns the record's own field of that name; "list.field" names a field of rows.
func (f *Form) FieldByName(name string) (*Field, bool) {
	field, ok := f.byName[name]
	return field, ok
}

// FieldByName returns the field of that name in the rows of a list field.
func (f *Field) FieldByName(name string) (*Field, bool) {
	field, ok := f.byName[name]
	return field, ok
}

// Stored says whether the field has a value of its own, which is not so for computed fields.
func (f *Field) Stored() bool { return f.Type != TypeComputed }

// Asked says whether a person gives the field its value.
func (f *Field) Asked() bool { return f.Stored() && !f.ByProgram }

// CodeList is a list of codes with labels. Codes are stable and never reused.
type CodeList struct {
	Name    string
	Version uint32
	Label   Text
	Items   []CodeItem

	byCode map[string]int
}

// CodeItem is one entry of a code list.
type CodeItem struct {
	Code       string
	Label      Text
	Parent     string // code of the item above it, in ParentList or else in the same list
	ParentList string
	ValidFrom  Value // KindDate, or empty
	ValidTo    Value // KindDate, or empty: the last day on which the code may be chosen
	ReplacedBy string
	Attrs      map[string]string
}

// Item returns the entry of that code.
func (l *CodeList) Item(code string) (CodeItem, bool) {
	i, ok := l.byCode[code]
	if !ok {
		return CodeItem{}, false
	}
	return l.Items[i], true
}

// Children returns the entries below the code parent, in order.
func (l *CodeList) Children(parent string) []CodeItem {
	var children []CodeItem
	for _, item := range l.Items {
		if item.Parent == parent {
			children = append(children, item)
		}
	}
	return children
}

// Lists finds code lists; a Package is one.
type Lists interface {
	// List returns the list of that name.
	List(name string) (*CodeList, bool)
}

// Package is a set of forms and code lists that belong together and travel to
// devices under one version. It never changes after loading.
type Package struct {
	Version uint32

	forms     []*Form // every revision, by id and revision
	latest    map[FormID]*Form
	byName    map[string]*Form
	lists     map[string]*CodeList
	listNames []string
}

// Form returns the latest revision of the form of that id.
func (p *Package) Form(id FormID) (*Form, bool) {
	form, ok := p.latest[id]
	return form, ok
}

// FormRevision returns one revision of a form.
func (p *Package) FormRevision(id FormID, revision uint32) (*Form, bool) {
	for _, form := range p.forms {
		if form.ID == id && form.Revision == revision {
			return form, true
		}
	}
	return nil, false
}

// FormByName returns the latest revision of the form of that name.
func (p *Package) FormByName(name string) (*Form, bool) {
	form, ok := p.byName[name]
	return form, ok
}

// Forms returns the latest revision of every form, ordered by id.
func (p *Package) Forms() []*Form {
	forms := make([]*Form, 0, len(p.latest))
	for _, form := range p.forms {
		if p.latest[form.ID] == form {
			forms = append(forms, form)
		}
	}
	return forms
}

// List returns the code list of that name.
func (p *Package) List(name string) (*CodeList, bool) {
	list, ok := p.lists[name]
	return list, ok
}

// Lists returns the names of all code lists, sorted.
func (p *Package) Lists() []string { return slices.Clone(p.listNames) }
