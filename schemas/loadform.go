package schemas

import (
	"encoding/json"
	"slices"

	"mahalleh/schemas/expr"
	"mahalleh/schemas/jalali"
)

type formContent struct {
	ID          FormID            `json:"id"`
	Name        string            `json:"name"`
	Revision    uint32            `json:"revision"`
	Compartment Compartment       `json:"compartment"`
	Kind        string            `json:"kind"`
	Merge       MergeRule         `json:"merge"`
	Label       Text              `json:"label"`
	Title       []string          `json:"title"`
	Search      []string          `json:"search"`
	Unique      []string          `json:"unique"`
	Everywhere  bool              `json:"unique_everywhere"`
	Among       []json.RawMessage `json:"among"`
	Sections    []sectionContent  `json:"sections"`
	Constraints []json.RawMessage `json:"constraints"`
	Consent     *struct {
		Field string `json:"field"`
	} `json:"consent"`
}

type sectionContent struct {
	Name   string            `json:"name"`
	Label  Text              `json:"label"`
	Fields []json.RawMessage `json:"fields"`
}

type fieldContent struct {
	ID           FieldID           `json:"id"`
	Name         string            `json:"name"`
	Type         Type              `json:"type"`
	List         string            `json:"list"`
	Label        Text              `json:"label"`
	Hint         Text              `json:"hint"`
	Purpose      Text              `json:"purpose"`
	Unit         Text              `json:"unit"`
	Required     string            `json:"required"`
	RequiredWhen string            `json:"required_when"`
	Sensitivity  string            `json:"sensitivity"`
	Merge        MergeRule         `json:"merge"`
	Policy       string            `json:"policy"`
	Relevant     string            `json:"relevant"`
	Constraints  []json.RawMessage `json:"constraints"`
	Calculate    string            `json:"calculate"`
	Result       Type              `json:"result"`
	Prefill      string            `json:"prefill"`
	Min          json.RawMessage   `json:"min"`
	Max          json.RawMessage   `json:"max"`
	MaxLength    int               `json:"max_length"`
	Pattern      string            `json:"pattern"`
	Format       Format            `json:"format"`
	Forms        []string          `json:"forms"`
	Subject      bool              `json:"subject"`
	ByProgram    bool              `json:"by_program"`
	MinItems     int               `json:"min_items"`
	MaxItems     int               `json:"max_items"`
	Fields       []json.RawMessage `json:"fields"`
}

type constraintContent struct {
	Expr    string   `json:"expr"`
	Level   string   `json:"level"`
	Message Text     `json:"message"`
	Fields  []string `json:"fields"`
}

var (
	mergeRules   = []MergeRule{MergeEvent, MergeField, MergeReview, MergeDecision, MergeReference}
	resultTypes  = []Type{TypeInteger, TypeDecimal, TypeMoney, TypeText, TypeBoolean, TypeDate}
	textTypes    = []Type{TypeText, TypeLongText}
	codeTypes    = []Type{TypeCode, TypeCodes, TypeState}
	refTypes     = []Type{TypeReference, TypeReferences}
	manyTypes    = []Type{TypeList, TypeCodes, TypeReferences, TypeAttachment}
	numberTypes  = []Type{TypeInteger, TypeDecimal, TypeMoney, TypeJalaliYear, TypeCounter}
	consentTypes = []Type{TypeReference, TypeBoolean}
	// recordTypes are of the record alone: a list nests nothing, and a change says of
	// neither a file nor a transition in which row it stands.
	recordTypes = []Type{TypeList, TypeAttachment, TypeState}
)

// decodeForm reads the content of one file; what is wrong it notes. It returns
// nil when nothing sensible can be said of the rest.
func (l *loader) decodeForm(file string, data []byte) *Form {
	var content formContent
	if !l.strict(file, "", data, &content) {
		return nil
	}
	form := &Form{ID: content.ID, Name: content.Name, Revision: content.Revision, Compartment: content.Compartment,
		Kind: content.Kind, Merge: content.Merge, Label: content.Label,
		byName: make(map[string]*Field), byID: make(map[FieldID]*Field)}
	l.label(file, "", form.Label)
	for _, check := range []struct {
		wrong bool
		says  string
	}{
		{form.ID == 0, "id must be 1 or more"},
		{!namePattern.MatchString(form.Name), "name: small letters, digits and _"},
		{form.Revision == 0, "revision must be 1 or more"},
		{!namePattern.MatchString(string(form.Compartment)), "compartment is missing"},
		{form.Kind != "record", `kind must be "record"`},
		{!slices.Contains(mergeRules, form.Merge), "merge must be A, B, C, D or R"},
		{len(content.Sections) == 0, "a form has at least one section"},
	} {
		if check.wrong {
			l.refuse(file, "", ErrAttribute, "%s", check.says)
		}
	}
	sections := make(map[string]bool)
	for _, s := range content.Sections {
		l.label(file, "section "+s.Name, s.Label)
		if sections[s.Name] || !namePattern.MatchString(s.Name) {
			l.refuse(file, "section "+s.Name, ErrDuplicateName, "a section needs a name of its own")
		}
		sections[s.Name] = true
		section := Section{Name: s.Name, Label: s.Label}
		for _, raw := range s.Fields {
			if field := l.decodeField(file, form, nil, raw); field != nil {
				field.index = len(form.fields)
				section.Fields = append(section.Fields, field)
				form.fields = append(form.fields, field)
			}
		}
		form.Sections = append(form.Sections, section)
	}
	if len(form.byID) > maxFormFields {
		l.refuse(file, "", ErrAttribute, "%d fields, at most %d", len(form.byID), maxFormFields)
	}
	form.Title = l.fieldIDs(file, form, "title", content.Title)
	form.Search = l.fieldIDs(file, form, "search", content.Search)
	form.Unique = l.fieldIDs(file, form, "unique", content.Unique)
	if form.UniqueEverywhere = content.Everywhere; content.Everywhere && len(content.Unique) == 0 {
		l.refuse(file, "unique", ErrAttribute, "unique_everywhere stands beside unique")
	}
	l.decodeAmong(file, form, content.Among)
	for _, raw := range content.Constraints {
		if constraint, ok := l.decodeConstraint(file, form, "", raw); ok {
			if len(constraint.Fields) == 0 {
				l.refuse(file, "", ErrAttribute, "a record-wide constraint names the fields it speaks of")
			}
			form.Constraints = append(form.Constraints, constraint)
		}
	}
	if content.Consent != nil {
		field, ok := form.byName[content.Consent.Field]
		switch {
		case !ok || field.Parent != 0:
			l.refuse(file, "consent", ErrUnknownName, "field %q", content.Consent.Field)
		case !slices.Contains(consentTypes, field.Type):
			l.refuse(file, "consent", ErrAttribute, "%s must be a reference or a boolean", field.Name)
		default:
			form.Consent = field.ID
		}
	}
	return form
}

// fieldIDs looks up names of the record's own fields.
func (l *loader) fieldIDs(file string, form *Form, attribute string, names []string) []FieldID {
	var ids []FieldID
	for _, name := range names {
		field, ok := form.byName[name]
		if !ok || field.Parent != 0 {
			l.refuse(file, attribute, ErrUnknownName, "field %q", name)
			continue
		}
		ids = append(ids, field.ID)
	}
	return ids
}

func (l *loader) decodeConstraint(file string, form *Form, owner string, raw json.RawMessage) (Constraint, bool) {
	var content constraintContent
	if !l.strict(file, owner, raw, &content) {
		return Constraint{}, false
	}
	constraint := Constraint{Expr: content.Expr, Message: content.Message, Level: LevelError}
	switch content.Level {
	case "error":
	case "warning":
		constraint.Level = LevelWarning
	default:
		l.refuse(file, owner, ErrAttribute, "constraint level %q must be error or warning", content.Level)
	}
	if content.Expr == "" {
		l.refuse(file, owner, ErrAttribute, "a constraint needs an expr")
	}
	if content.Message.Fa == "" {
		l.refuse(file, owner, ErrMissingLabel, "constraint %q: give message.fa", content.Expr)
	}
	constraint.Fields = l.fieldIDs(file, form, "constraint "+content.Expr, content.Fields)
	return constraint, true
}

// decodeField reads a field of the record, or of the rows of list when it is not nil.
func (l *loader) decodeField(file string, form *Form, list *Field, raw json.RawMessage) *Field {
	var name struct {
		Name string `json:"name"`
	}
	// Only to name the field in messages; what is wrong with it the strict reading says.
	_ = json.Unmarshal(raw, &name)
	where := name.Name
	if list != nil {
		where = list.Name + "." + where
	}
	var content fieldContent
	if !l.strict(file, where, raw, &content) {
		return nil
	}
	field := &Field{ID: content.ID, Name: content.Name, Type: content.Type, List: content.List, Label: content.Label,
		Hint: content.Hint, Purpose: content.Purpose, Unit: content.Unit, RequiredWhen: content.RequiredWhen,
		Merge: content.Merge, Policy: content.Policy, Relevant: content.Relevant, Calculate: content.Calculate,
		Result: content.Result, Prefill: content.Prefill, MaxLength: content.MaxLength, Pattern: content.Pattern, Format: content.Format,
		Forms: content.Forms, Subject: content.Subject, ByProgram: content.ByProgram, MinItems: content.MinItems, MaxItems: content.MaxItems, byName: make(map[string]*Field)}
	l.label(file, where, field.Label)
	siblings, key := form.byName, field.Name
	if list != nil {
		field.Parent, siblings = list.ID, list.byName
	}
	if !namePattern.MatchString(field.Name) || field.Name == "id" {
		l.refuse(file, where, ErrAttribute, "name %q: small letters, digits and _, and not \"id\"", field.Name)
	}
	if _, ok := siblings[key]; ok {
		l.refuse(file, where, ErrDuplicateName, "field %q stands twice", field.Name)
	}
	if other, ok := form.byID[field.ID]; ok {
		l.refuse(file, where, ErrReusedID, "field id %d belongs to %q", field.ID, other.Name)
	}
	if field.ID < FirstFieldID {
		l.refuse(file, where, ErrAttribute, "id %d: ids below %d belong to the protocol", field.ID, FirstFieldID)
	}
	siblings[key], form.byID[field.ID] = field, field
	if list != nil {
		form.byName[list.Name+"."+field.Name] = field
	}
	if _, ok := field.Type.ValueKind(); !ok {
		l.refuse(file, where, ErrUnknownType, "%q", field.Type)
		return field
	}
	l.fieldLevels(file, where, form, field, content)
	l.fieldShape(file, where, field, content)
	for _, raw := range content.Constraints {
		if constraint, ok := l.decodeConstraint(file, form, where, raw); ok {
			field.Constraints = append(field.Constraints, constraint)
		}
	}
	for _, raw := range content.Fields {
		if list != nil || field.Type != TypeList {
			break // reported by fieldShape
		}
		if column := l.decodeField(file, form, field, raw); column != nil {
			column.index = len(field.Fields)
			field.Fields = append(field.Fields, column)
		}
	}
	return field
}

// fieldLevels reads the attributes that are one of a few words.
func (l *loader) fieldLevels(file, where string, form *Form, field *Field, content fieldContent) {
	switch content.Required {
	case "", "optional":
	case "submit":
		field.Required = RequiredSubmit
	case "always":
		field.Required = RequiredAlways
	default:
		l.refuse(file, where, ErrAttribute, "required %q must be always, submit or optional", content.Required)
	}
	level := slices.Index([]string{"S0", "S1", "S2", "S3", "S4"}, content.Sensitivity)
	if level < 0 {
		l.refuse(file, where, ErrAttribute, "sensitivity %q must be S0 to S4", content.Sensitivity)
	}
	field.Sensitivity = Sensitivity(max(level, 0))
	switch {
	case field.Merge == "" && field.Type == TypeState:
		field.Merge = MergeDecision
	case field.Merge == "":
		field.Merge = form.Merge
	case !slices.Contains(mergeRules, field.Merge):
		l.refuse(file, where, ErrAttribute, "merge %q must be A, B, C, D or R", field.Merge)
	case field.Type == TypeState && field.Merge != MergeDecision:
		l.refuse(file, where, ErrAttribute, "a state is changed by transitions only: merge D")
	}
	if field.Policy != "" && !namePattern.MatchString(field.Policy) {
		l.refuse(file, where, ErrAttribute, "policy %q: small letters, digits and _", field.Policy)
	}
}

// fieldShape checks the attributes that only some types have, and sets default bounds.
func (l *loader) fieldShape(file, where string, field *Field, content fieldContent) {
	only := func(given bool, attribute string, types []Type) {
		if given && !slices.Contains(types, field.Type) {
			l.refuse(file, where, ErrAttribute, "%s is for fields of type %v", attribute, types)
		}
	}
	needs := func(missing bool, attribute string, types []Type) {
		if missing && slices.Contains(types, field.Type) {
			l.refuse(file, where, ErrAttribute, "type %s needs %s", field.Type, attribute)
		}
	}
	computed, lists := []Type{TypeComputed}, []Type{TypeList}
	only(field.List != "", "list", codeTypes)
	only(field.Calculate != "", "calculate", computed)
	only(field.Result != "", "result", computed)
	only(field.MaxLength != 0, "max_length", textTypes)
	only(field.Pattern != "", "pattern", textTypes)
	only(field.Format != "", "format", []Type{TypeText})
	only(len(field.Forms) != 0, "forms", refTypes)
	only(field.Subject, "subject", []Type{TypeReference})
	only(field.MinItems != 0 || field.MaxItems != 0, "min_items, max_items", manyTypes)
	only(len(content.Fields) != 0, "fields", lists)
	only(len(content.Min)+len(content.Max) != 0, "min, max", append(slices.Clone(numberTypes), TypeDate))
	needs(field.Calculate == "", "calculate", computed)
	needs(!slices.Contains(resultTypes, field.Result), "result: integer, decimal, money, text, boolean or date", computed)
	needs(len(field.Forms) == 0, "forms", refTypes)
	needs(len(content.Fields) == 0, "fields", lists)
	if field.ByProgram && slices.Contains([]Type{TypeComputed, TypeState}, field.Type) {
		l.refuse(file, where, ErrAttribute, "a field of type %s is never asked by its value: leave by_program out", field.Type)
	}
	if field.Parent != 0 && slices.Contains(recordTypes, field.Type) {
		l.refuse(file, where, ErrAttribute, "a field of type %s cannot stand in the rows of a list", field.Type)
	}
	if field.Type == TypeComputed && (field.Required != RequiredOptional || field.RequiredWhen != "" || field.Prefill != "") {
		l.refuse(file, where, ErrAttribute, "a computed field is neither required nor prefilled")
	}
	if slices.Contains(codeTypes, field.Type) {
		if _, ok := l.pkg.lists[field.List]; !ok {
			l.refuse(file, where, ErrUnknownList, "%q", field.List)
		}
	}
	field.Min = l.bound(file, where, "min", field, content.Min)
	field.Max = l.bound(file, where, "max", field, content.Max)
	if !field.Min.IsEmpty() && !field.Max.IsEmpty() && field.Min.Compare(field.Max) > 0 {
		l.refuse(file, where, ErrBounds, "min lies above max")
	}
	if field.MinItems < 0 || field.MaxItems < 0 || field.MaxItems > MaxEntries || (field.MaxItems != 0 && field.MinItems > field.MaxItems) {
		l.refuse(file, where, ErrBounds, "min_items %d, max_items %d; at most %d", field.MinItems, field.MaxItems, MaxEntries)
	}
	if field.MaxItems == 0 && slices.Contains(manyTypes, field.Type) {
		field.MaxItems = MaxEntries
	}
	if field.MaxLength < 0 || field.MaxLength > DefaultLongTextLength {
		l.refuse(file, where, ErrBounds, "max_length %d; at most %d", field.MaxLength, DefaultLongTextLength)
	}
	switch {
	case field.MaxLength == 0 && field.Type == TypeText:
		field.MaxLength = DefaultTextLength
	case field.MaxLength == 0 && field.Type == TypeLongText:
		field.MaxLength = DefaultLongTextLength
	}
	if !field.Format.known() {
		l.refuse(file, where, ErrAttribute, "format %q must be %s, %s or %s", field.Format, FormatMobile, FormatNationalID, FormatPostalCode)
	}
	if field.Pattern != "" {
		pattern, err := expr.CompilePattern(field.Pattern)
		if err != nil {
			l.refuse(file, where, ErrExpression, "pattern: %v", err)
		}
		field.pattern = pattern
	}
}

// bound reads min or max: a number, or for dates an ISO text.
func (l *loader) bound(file, where, attribute string, field *Field, raw json.RawMessage) Value {
	if len(raw) == 0 {
		return Value{}
	}
	if field.Type == TypeDate {
		var text string
		if err := json.Unmarshal(raw, &text); err == nil {
			if parsed, err := jalali.ParseISO(text); err == nil {
				return DateValue(int32(parsed))
			}
		}
		l.refuse(file, where, ErrAttribute, "%s %s must be a date such as \"2026-01-16\"", attribute, raw)
		return Value{}
	}
	number, err := expr.ParseDecimal(string(raw))
	if err != nil {
		l.refuse(file, where, ErrAttribute, "%s: %v", attribute, err)
		return Value{}
	}
	if field.Type == TypeDecimal {
		return DecimalValue(number)
	}
	whole, ok := number.Int64()
	if !ok {
		l.refuse(file, where, ErrAttribute, "%s %s must be a whole number", attribute, raw)
	}
	return IntValue(whole)
}
