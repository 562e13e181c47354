package workflow

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/jalali"
)

func allForms(t *testing.T) *schemas.Package {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// fields is a record's content as JSON spells it.
type fields map[string]any

// with returns the fields with some others.
func (f fields) with(more fields) fields {
	all := fields{}
	for k, v := range f {
		all[k] = v
	}
	for k, v := range more {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return all
}

func record(t *testing.T, form string, content fields) schemas.Record {
	t.Helper()
	pkg := allForms(t)
	f, ok := pkg.FormByName(form)
	if !ok {
		t.Fatalf("no form %s", form)
	}
	b, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	key := form + string(b)
	if r, ok := records[key]; ok {
		return r
	}
	r, err := schemas.DecodeJSON(f, pkg, b)
	if err != nil {
		t.Fatalf("%s %s: %v", form, b, err)
	}
	r.Form = f.ID
	records[key] = r
	return r
}

// records are those decoded before: a walk asks for the same few again and again,
// and nothing changes them.
var records = map[string]schemas.Record{}

// id is a record's id by a number, uuid as a form takes it.
func id(n byte) schemas.ID { return schemas.ID{1, 0x9b, 6: 0x70, 8: 0x80, 15: n} }

func uuid(n byte) string {
	h := hex.EncodeToString(func() []byte { x := id(n); return x[:] }())
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// known are records that a case may name.
type known map[schemas.ID]schemas.Record

func (k known) Record(id schemas.ID) (schemas.Record, bool) {
	r, ok := k[id]
	return r, ok
}

type section struct {
	done, target int64
	gate         bool
}

// told are facts as a test tells them.
type told struct {
	sections  map[string]section
	trained   int64
	certified int64
	conflicts int64
	plan      PlanFacts
	ranked    bool
	items     int64
	done      int64
	met       bool
	last      jalali.Day
}

func (f *told) Section(code string) (done, target int64, gate bool) {
	s := f.sections[code]
	return s.done, s.target, s.gate
}
func (f *told) Trained() int64                                       { return f.trained }
func (f *told) Certified(jalali.Day) int64                           { return f.certified }
func (f *told) OpenConflicts() int64                                 { return f.conflicts }
func (f *told) Plan() PlanFacts                                      { return f.plan }
func (f *told) NeedRanked(schemas.ID) (ranked, known bool)           { return f.ranked, true }
func (f *told) NeedItems(schemas.ID) (items, done int64, known bool) { return f.items, f.done, true }
func (f *told) LastMeeting(schemas.ID) (last jalali.Day, ok bool)    { return f.last, f.met }

// full are facts with which nothing is missing.
func full() *told {
	f := &told{sections: map[string]section{}, trained: 1, certified: 1, ranked: true, items: 1, done: 1,
		plan: PlanFacts{KeyPersons: 10, Teams: 1, Informing: 4, InformingKinds: 2, Profiles: 1, Centres: 1, Statutes: 1, Blocks: 8, Steering: 1,
			Pursued: 1, Visits: 1, Surveys: 1, Rounds: 1, PlanItems: 3, Monitoring: 1, Reviews: 1}}
	for _, s := range DossierSections {
		f.sections[s] = section{10, 10, true}
	}
	return f
}

func day(t *testing.T, s string) jalali.Day {
	t.Helper()
	d, err := jalali.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return d.EpochDay()
}

func iso(t *testing.T, s string) string { return day(t, s).ISO() }

// question is a case on one form, spelled briefly.
type question struct {
	form       string
	now        fields // as it stands
	decides    fields // what the change decides besides the step
	to         string
	facts      Facts
	records    known
	settings   *Settings
	today      string
	actor      []Role
	version    schemas.ID
	unknownWho bool
}

func (q question) ask(t *testing.T) (*Machine, *Case) {
	t.Helper()
	m, ok := Of(q.form)
	if !ok {
		t.Fatalf("no machine of %s", q.form)
	}
	c := &Case{Forms: allForms(t), ID: id(1), To: q.to, Facts: q.facts, Records: q.records, Settings: q.settings,
		Actor: Actor{Roles: q.actor, Office: q.unknownWho}, Version: q.version}
	if q.today == "" {
		q.today = "1404/10/26"
	}
	c.Today = day(t, q.today)
	c.Before = record(t, q.form, q.now)
	c.After = record(t, q.form, q.now.with(q.decides).with(fields{m.Field: q.to}))
	return m, c
}

// level is what a rule says of a question, 0 for nothing.
func (q question) level(t *testing.T, rule string) Level {
	t.Helper()
	m, c := q.ask(t)
	for _, f := range Judge(m, c).Findings {
		if f.Rule == rule {
			return f.Level
		}
	}
	return 0
}
