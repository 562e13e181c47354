package schemas

// Assessment is everything the form says of one record: what is asked, what is
// computed, what is wrong and how complete it is.
type Assessment struct {
	// Problems in the order of the form, record-wide rules and consent last.
	Problems     []Problem
	Completeness Completeness

	evaluation *evaluation
}

// Completeness counts the fields a dossier needs (● and ◐, as far as they are
// relevant) and those of them that are filled. A list counts once, filled when it
// has the rows it needs, so that adding a row never makes a record less complete.
type Completeness struct {
	Filled, Total int
	Sections      []SectionCompleteness // every section of the form, in order
}

// SectionCompleteness is the Completeness of one section.
type SectionCompleteness struct {
	Name          string
	Filled, Total int
}

// Assess judges a record. It changes nothing and depends on its arguments only.
func Assess(form *Form, lists Lists, record Record, env Env) *Assessment {
	e := evaluate(form, lists, record, env)
	judge := &judge{evaluation: e}
	judge.fields()
	judge.constraints()
	judge.consent()
	judge.failures()
	return &Assessment{Problems: judge.problems, Completeness: e.completeness(), evaluation: e}
}

// Validate returns the problems that Assess finds.
func Validate(form *Form, lists Lists, record Record, env Env) []Problem {
	return Assess(form, lists, record, env).Problems
}

// Compute returns a record of the computed fields alone. A list whose rows have
// computed fields stands in it with its rows, in order and with their ids. What is
// computed is shown, never stored or sent.
func Compute(form *Form, lists Lists, record Record, env Env) Record {
	return evaluate(form, lists, record, env).computed()
}

// Prefill returns the values that the form offers for relevant fields of the
// record that are empty. They are shown to the author; only what the author
// touches is saved.
func Prefill(form *Form, lists Lists, record Record, env Env) map[FieldID]Value {
	e := evaluate(form, lists, record, env)
	offers := make(map[FieldID]Value)
	for _, field := range form.fields {
		if field.prefill == nil || !e.root.relevant[field.index] || !e.root.values[field.index].IsEmpty() {
			continue
		}
		if value := fromExpr(e.run(field.prefill, field, 0), field.Type); !value.IsEmpty() {
			offers[field.ID] = value
		}
	}
	return offers
}

// PrefillRow returns what the form offers for the empty fields of a row, by its
// index in the list. It is empty for a list or row that does not exist.
func PrefillRow(form *Form, lists Lists, record Record, list FieldID, row int, env Env) map[FieldID]Value {
	offers := make(map[FieldID]Value)
	owner, ok := form.byID[list]
	if !ok || owner.Type != TypeList {
		return offers
	}
	e := evaluate(form, lists, record, env)
	if row < 0 || row >= len(e.rows[owner.index]) {
		return offers
	}
	e.row = &e.rows[owner.index][row]
	for _, field := range owner.Fields {
		if field.prefill == nil || !e.row.relevant[field.index] || !e.row.values[field.index].IsEmpty() {
			continue
		}
		if value := fromExpr(e.run(field.prefill, field, row+1), field.Type); !value.IsEmpty() {
			offers[field.ID] = value
		}
	}
	return offers
}

// Relevant says whether a field of the record is asked.
func (a *Assessment) Relevant(id FieldID) bool {
	field, ok := a.evaluation.form.byID[id]
	return ok && field.Parent == 0 && a.evaluation.root.relevant[field.index]
}

// RelevantInRow says whether a field of rows is asked in the row of that index.
func (a *Assessment) RelevantInRow(id FieldID, row int) bool {
	field, ok := a.evaluation.form.byID[id]
	if !ok || field.Parent == 0 {
		return false
	}
	rows := a.evaluation.rows[a.evaluation.form.byID[field.Parent].index]
	return row >= 0 && row < len(rows) && rows[row].relevant[field.index]
}

// Computed returns the computed fields as Compute does.
func (a *Assessment) Computed() Record { return a.evaluation.computed() }

// Sendable says whether the record may leave the device: nothing is refused and
// no ● field is empty. A record that is not sendable is kept as a draft.
func (a *Assessment) Sendable() bool { return Sendable(a.Problems) }

// Sendable says whether none of the problems keeps a record a draft.
func Sendable(problems []Problem) bool {
	for _, problem := range problems {
		if problem.Level >= LevelIncomplete {
			return false
		}
	}
	return true
}

func (e *evaluation) computed() Record {
	out := Record{Form: e.form.ID, Fields: make(map[FieldID]Value)}
	for _, field := range e.form.fields {
		if field.Type == TypeComputed {
			if value := fromExpr(e.root.values[field.index], field.Result); !value.IsEmpty() {
				out.Fields[field.ID] = value
			}
			continue
		}
		if value := e.computedRows(field); !value.IsEmpty() {
			out.Fields[field.ID] = value
		}
	}
	return out
}

// computedRows returns the rows of a list with their computed fields, or empty when it has none.
func (e *evaluation) computedRows(list *Field) Value {
	var columns []*Field
	for _, field := range list.Fields {
		if field.Type == TypeComputed {
			columns = append(columns, field)
		}
	}
	if len(columns) == 0 {
		return Value{}
	}
	source := e.root.fields[list.ID].Items()
	items := make([]Item, len(e.rows[list.index]))
	for i, row := range e.rows[list.index] {
		items[i] = Item{ID: source[i].ID, Fields: make(map[FieldID]Value)}
		for _, field := range columns {
			if value := fromExpr(row.values[field.index], field.Result); !value.IsEmpty() {
				items[i].Fields[field.ID] = value
			}
		}
	}
	return ItemsValue(items)
}

func (e *evaluation) completeness() Completeness {
	var c Completeness
	for _, section := range e.form.Sections {
		s := SectionCompleteness{Name: section.Name}
		for _, field := range section.Fields {
			if !e.root.relevant[field.index] || e.need(field, 0) == RequiredOptional {
				continue
			}
			s.Total++
			if e.root.fields[field.ID].entries() >= max(1, field.MinItems) {
				s.Filled++
			}
		}
		c.Filled += s.Filled
		c.Total += s.Total
		c.Sections = append(c.Sections, s)
	}
	return c
}

// need returns how much a field is needed now; e.row is the row it stands in.
func (e *evaluation) need(field *Field, row int) Required {
	if field.requiredWhen != nil && e.run(field.requiredWhen, field, row).True() {
		return RequiredAlways
	}
	return field.Required
}

// entries counts what a value holds: rows, codes, references or files, and 1 for any other value.
func (v Value) entries() int {
	switch v.kind {
	case KindEmpty:
		return 0
	case KindCodes:
		return len(v.Codes())
	case KindRefs:
		return len(v.Refs())
	case KindItems:
		return len(v.Items())
	case KindAttachments:
		return len(v.Attachments())
	}
	return 1
}
