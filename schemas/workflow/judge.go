package workflow

import (
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// Level is what a guard does.
type Level uint8

// The levels.
const (
	Warn   Level = 1 // the step is taken, and the person is told
	Refuse Level = 2 // the step is not taken
)

// Guard is one rule of a step.
type Guard struct {
	// Name is the rule's name for ever: catalogues, settings and results spell it.
	Name   string
	Source Source
	Level  Level
	// In is the programme in which the guard refuses; in another one, which states
	// no such thing, it warns. Empty for a guard that knows no programme.
	In string
	// Fields are the record's fields that the guard reads: where to look when it
	// speaks.
	Fields []string
	// facts says that the guard asks the neighbourhood's summary; without one it
	// is silent.
	facts bool
	// evidence are the forms whose records at the place can satisfy a guard that
	// asks whether there is any at all.
	evidence []string
	key      messageKey
	// broken reports whether the rule is broken, with what its message names.
	broken func(c *Case) (bool, []arg)
}

// Case is one question: may this step be taken? It is read, never changed.
type Case struct {
	Forms *schemas.Package
	ID    schemas.ID
	// Before is the record as it stands, After with what the change decides: its
	// other fields and the new state. Of a new record Before is empty.
	Before, After schemas.Record
	// Version is the version of the record that a decision would name, see VersionOf;
	// zero if the change alters what is decided on, which fits no decision.
	Version schemas.ID
	// To is the state that is stepped into.
	To string
	// Facts may be nil where the neighbourhood is not known: what needs them is
	// then not asked. FactsOf, if it is given, is called for them at most once, and
	// only when a guard asks. Records may be nil likewise, and finds nothing.
	Facts    Facts
	FactsOf  func() Facts
	Records  Records
	Settings *Settings
	Today    jalali.Day
	Actor    Actor
	// ActorOf, if it is given, is called for the actor at most once, and only when
	// it matters who takes the step.
	ActorOf func() Actor
	// Refusals asks only what refuses: nobody is there to read a warning.
	Refusals bool

	form *schemas.Form
}

// Finding is one thing that a rule says of a step.
type Finding struct {
	Rule   string
	Source Source
	Level  Level
	Fields []string
	// Message says what is wrong and what to do, in both languages.
	Message schemas.Text
	// Evidence are the forms of which the place has no record that would do, nil if
	// that is not what is wrong.
	Evidence []string
	// Final says that nothing which is still to come can make the step right.
	Final bool
}

// Verdict is the answer.
type Verdict struct {
	Findings []Finding
}

// Refused returns the finding for which the step is not taken, false if there is none.
func (v Verdict) Refused() (Finding, bool) {
	i := slices.IndexFunc(v.Findings, func(f Finding) bool { return f.Level == Refuse })
	if i < 0 {
		return Finding{}, false
	}
	return v.Findings[i], true
}

// Warnings are the findings that do not keep the step from being taken.
func (v Verdict) Warnings() []Finding {
	return slices.DeleteFunc(slices.Clone(v.Findings), func(f Finding) bool { return f.Level == Refuse })
}

// The rules of the machine itself.
const (
	RuleNoStep  = "no_step"  // no step leads there from here
	RuleNotYour = "not_your" // another role takes it
)

// Judge says whether a step may be taken. A step that the machine does not have or
// that is another role's is refused for that alone; otherwise every guard is asked.
func Judge(m *Machine, c *Case) Verdict {
	c = c.ready(m)
	from := m.Shown(c)
	if from == c.To && m.stored(c.Before, c) == c.To {
		return Verdict{}
	}
	guards := m.Begin
	if from != "" || !slices.Contains(m.First, c.To) {
		step, ok := m.step(from, c.To)
		if !ok {
			return one(m.noStep(c, from))
		}
		if c.ActorOf != nil {
			c.Actor = c.ActorOf()
		}
		if !c.Actor.May(step.Who) {
			return one(Finding{Rule: RuleNotYour, Source: SourceMachine, Level: Refuse, Final: true, Fields: []string{m.Field},
				Message: say(msgNotYour, c.stateArg(m, "state", c.To), rolesArg("roles", step.Who))})
		}
		guards = step.Guards
	}
	var v Verdict
	for _, g := range guards {
		if f, broken := c.ask(g); broken {
			v.Findings = append(v.Findings, f)
		}
	}
	return v
}

func one(f Finding) Verdict { return Verdict{Findings: []Finding{f}} }

func (m *Machine) noStep(c *Case, from string) Finding {
	key := msgNoStep
	args := []arg{c.stateArg(m, "to", c.To)}
	switch {
	case from == "":
		key = msgNoBeginning
		args = append(args, c.statesArg(m, "next", m.First))
	case len(m.Next(from)) == 0:
		key = msgNoWayOn
		args = append(args, c.stateArg(m, "from", from))
	default:
		var next []string
		for _, s := range m.Next(from) {
			next = append(next, s.To)
		}
		args = append(args, c.stateArg(m, "from", from), c.statesArg(m, "next", next))
	}
	// What the day or other records make of a state may be something else yet.
	return Finding{Rule: RuleNoStep, Source: SourceMachine, Level: Refuse, Final: m.shown == nil || from == "", Fields: []string{m.Field}, Message: say(key, args...)}
}

// May says whether the actor is one of those who may take a step.
func (a Actor) May(who []Role) bool {
	return a.Office || slices.ContainsFunc(a.Roles, func(r Role) bool { return slices.Contains(who, r) })
}

// ask puts one guard to the case.
func (c *Case) ask(g *Guard) (Finding, bool) {
	level := g.Level
	if g.In != "" && c.code("programme") != g.In {
		level = Warn
	}
	if level == Warn && (c.Refusals || slices.Contains(c.Settings.Quiet, g.Name)) || g.facts && !c.known() {
		return Finding{}, false
	}
	broken, args := g.broken(c)
	if !broken {
		return Finding{}, false
	}
	return Finding{Rule: g.Name, Source: g.Source, Level: level, Fields: g.Fields, Message: say(g.key, args...), Evidence: g.evidence}, true
}

// Shown is the state of the record before the change, as it is shown: the stored
// one, or what the day or other records made of it. It is "" for a record that has
// none yet.
func (m *Machine) Shown(c *Case) string {
	c = c.ready(m)
	stored := m.stored(c.Before, c)
	if m.shown != nil && stored != "" {
		if s := m.shown(c, stored); s != "" {
			return s
		}
	}
	return stored
}

func (m *Machine) stored(r schemas.Record, c *Case) string {
	return fieldOf(c.form, r, m.Field).Code()
}

// ready returns the case with what may be left out filled in.
func (c *Case) ready(m *Machine) *Case {
	if c.form != nil {
		return c
	}
	full := *c
	full.form, _ = c.Forms.FormByName(m.Form)
	if full.Settings == nil {
		full.Settings = Defaults()
	}
	if full.Records == nil {
		full.Records = noRecords{}
	}
	return &full
}

// known says whether the neighbourhood's facts are there, and fetches them. It is
// for the case that ready returned, which is nobody else's.
func (c *Case) known() bool {
	if c.Facts == nil && c.FactsOf != nil {
		c.Facts, c.FactsOf = c.FactsOf(), nil
	}
	return c.Facts != nil
}

type noRecords struct{}

func (noRecords) Record(schemas.ID) (schemas.Record, bool) { return schemas.Record{}, false }

// value is a field of the record with what the change decides.
func (c *Case) value(name string) schemas.Value { return fieldOf(c.form, c.After, name) }

func (c *Case) code(name string) string    { return c.value(name).Code() }
func (c *Case) empty(name string) bool     { return c.value(name).IsEmpty() }
func (c *Case) day(name string) jalali.Day { return jalali.Day(c.value(name).Date()) }
func (c *Case) ref(name string) schemas.ID { return c.value(name).Ref() }

func fieldOf(form *schemas.Form, r schemas.Record, name string) schemas.Value {
	if form == nil {
		return schemas.Value{}
	}
	f, ok := form.FieldByName(name)
	if !ok {
		return schemas.Value{}
	}
	return r.Fields[f.ID]
}

// other looks at a record that this one names, if it is of one of the forms.
func (c *Case) other(id schemas.ID, forms ...string) (look, bool) {
	if id == (schemas.ID{}) {
		return look{}, false
	}
	r, ok := c.Records.Record(id)
	if !ok {
		return look{}, false
	}
	f, ok := c.Forms.Form(r.Form)
	if !ok || !slices.Contains(forms, f.Name) {
		return look{}, false
	}
	return look{form: f, record: r}, true
}

// look is another record with its form.
type look struct {
	form   *schemas.Form
	record schemas.Record
}

func (l look) value(name string) schemas.Value { return fieldOf(l.form, l.record, name) }
