package schemas

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"mahalleh/schemas/expr"
	"mahalleh/schemas/persian"
)

// Among is a rule over two records of a form, at one place or everywhere: where all its tests
// hold of a pair, both are flagged with its message. It never refuses anything,
// since each was recorded in good faith by somebody who may not have known of
// the other.
type Among struct {
	Name       string
	Everywhere bool // it holds among all places, not in one
	Tests      []AmongTest
	Message    Text // may name the other record's title as {other}, and the days of a test as {days}
}

// AmongTest is one condition on a field of two records. Exactly one of Same,
// Of, Metres, Similarity and Days is given, and an empty value passes none.
type AmongTest struct {
	Field      FieldID
	Same       bool     // both say the same, texts by the search fold
	Of         []string // both hold one of these codes
	Metres     int      // points that lie less than so far apart
	Similarity float64  // texts at least so alike, see persian.Similarity
	Days       int      // dates less than so many days apart
	// Setting, with Days, is the setting of the province that takes its place.
	Setting string
	// By, with Days, is a number that puts the two in order: the date of the
	// higher then is less than Days after that of the lower, or before it. Two
	// of one number are not compared.
	By FieldID
}

// Holds reports whether the rule flags two records. Records of which one refers
// to the other are never flagged: a correction or a duplicate says itself what
// it is. a and b are their ids.
func (r *Among) Holds(form *Form, a ID, first Record, b ID, second Record) bool {
	if refersTo(form, first, b) || refersTo(form, second, a) {
		return false
	}
	for i := range r.Tests {
		if !r.Tests[i].holds(first, second) {
			return false
		}
	}
	return true
}

func (t *AmongTest) holds(first, second Record) bool {
	x, y := first.Fields[t.Field], second.Fields[t.Field]
	switch {
	case x.IsEmpty() || y.IsEmpty():
		return false
	case t.Same:
		return sayTheSame(x, y)
	case t.Of != nil:
		return slices.Contains(t.Of, x.Code()) && slices.Contains(t.Of, y.Code())
	case t.Metres > 0:
		return expr.DistanceM(x.Point(), y.Point()).Cmp(expr.Int(int64(t.Metres))) < 0
	case t.Similarity > 0:
		return persian.Similarity(x.Text(), y.Text()) >= t.Similarity
	}
	apart := int64(y.Date()) - int64(x.Date())
	if t.By == 0 {
		return max(apart, -apart) < int64(t.Days)
	}
	n, m := first.Fields[t.By], second.Fields[t.By]
	switch {
	case n.IsEmpty() || m.IsEmpty() || n.Int() == m.Int():
		return false
	case n.Int() > m.Int():
		apart = -apart
	}
	return apart < int64(t.Days)
}

// Adjusted returns the rule with the days that the settings say: number is a setting by
// its name. The rule itself stays as its form has it.
func (r *Among) Adjusted(number func(setting string) (int64, bool)) *Among {
	if !slices.ContainsFunc(r.Tests, func(t AmongTest) bool { return t.Setting != "" }) {
		return r
	}
	own := *r
	own.Tests = slices.Clone(r.Tests)
	for i := range own.Tests {
		if n, ok := number(own.Tests[i].Setting); ok {
			own.Tests[i].Days = int(min(n, maxAmongDays))
		}
	}
	return &own
}

// AmongProblem is the warning that a rule flags a record together with another,
// of which id and title are given.
func AmongProblem(rule *Among, other ID, title Text) Problem {
	p := Problem{Rule: RuleAmong, Level: LevelWarning, Record: other, Message: Text{
		Fa: strings.ReplaceAll(rule.Message.Fa, "{other}", title.Fa),
		En: strings.ReplaceAll(rule.Message.En, "{other}", title.En)}}
	for _, t := range rule.Tests {
		if t.Days > 0 {
			days := countArg("days", t.Days)
			p.Message.Fa, p.Message.En = strings.ReplaceAll(p.Message.Fa, "{days}", days.fa), strings.ReplaceAll(p.Message.En, "{days}", days.en)
		}
		for _, id := range []FieldID{t.Field, t.By} {
			switch {
			case id == 0 || id == p.Field || slices.Contains(p.Others, id):
			case p.Field == 0:
				p.Field = id
			default:
				p.Others = append(p.Others, id)
			}
		}
	}
	return p
}

type amongContent struct {
	Name       string            `json:"name"`
	Everywhere bool              `json:"everywhere"`
	Tests      []json.RawMessage `json:"tests"`
	Message    Text              `json:"message"`
}

type amongTestContent struct {
	Field      string   `json:"field"`
	Same       bool     `json:"same"`
	Of         []string `json:"of"`
	Metres     int      `json:"metres"`
	Similarity float64  `json:"similarity"`
	Days       int      `json:"days"`
	By         string   `json:"by"`
	Setting    string   `json:"setting"`
}

// Bounds of a rule: within one neighbourhood and some years.
const (
	maxAmongRules  = 20
	maxAmongMetres = 5_000
	maxAmongDays   = 3_660
)

var (
	sameTypes = []Type{TypeText, TypeLongText, TypeInteger, TypeMoney, TypeDate, TypeJalaliYear, TypeBoolean, TypeCode, TypeReference, TypeState}
	oneCode   = []Type{TypeCode, TypeState}
	orderers  = []Type{TypeInteger, TypeJalaliYear}
)

func (l *loader) decodeAmong(file string, form *Form, rules []json.RawMessage) {
	if len(rules) > maxAmongRules {
		l.refuse(file, "among", ErrBounds, "%d rules, at most %d", len(rules), maxAmongRules)
	}
	for _, raw := range rules {
		var content amongContent
		if !l.strict(file, "among", raw, &content) {
			continue
		}
		where := "among " + content.Name
		rule := Among{Name: content.Name, Everywhere: content.Everywhere, Message: content.Message}
		if !namePattern.MatchString(rule.Name) {
			l.refuse(file, where, ErrAttribute, "name %q: small letters, digits and _", rule.Name)
		}
		if slices.ContainsFunc(form.Among, func(other Among) bool { return other.Name == rule.Name }) {
			l.refuse(file, where, ErrDuplicateName, "rule %q stands twice", rule.Name)
		}
		if strings.TrimSpace(rule.Message.Fa) == "" {
			l.refuse(file, where, ErrMissingLabel, "give message.fa")
		}
		if len(content.Tests) == 0 {
			l.refuse(file, where, ErrAttribute, "a rule among records needs tests")
		}
		for _, raw := range content.Tests {
			if test, ok := l.decodeAmongTest(file, where, form, raw); ok {
				rule.Tests = append(rule.Tests, test)
			}
		}
		form.Among = append(form.Among, rule)
	}
}

func (l *loader) decodeAmongTest(file, where string, form *Form, raw json.RawMessage) (AmongTest, bool) {
	var content amongTestContent
	if !l.strict(file, where, raw, &content) {
		return AmongTest{}, false
	}
	ids := l.fieldIDs(file, form, where, []string{content.Field})
	if len(ids) == 0 {
		return AmongTest{}, false
	}
	test := AmongTest{Field: ids[0], Same: content.Same, Of: content.Of, Metres: content.Metres, Similarity: content.Similarity, Days: content.Days, Setting: content.Setting}
	field := form.byID[test.Field]
	given := 0
	for _, kind := range []struct {
		given bool
		name  string
		types []Type
	}{
		{test.Same, "same", sameTypes},
		{len(test.Of) > 0, "of", oneCode},
		{test.Metres != 0, "metres", []Type{TypePoint}},
		{test.Similarity != 0, "similarity", textTypes},
		{test.Days != 0, "days", []Type{TypeDate}},
	} {
		if !kind.given {
			continue
		}
		given++
		if !slices.Contains(kind.types, field.Type) {
			l.refuse(file, where, ErrAttribute, "%s: %s is for fields of type %v", field.Name, kind.name, kind.types)
		}
	}
	if given != 1 {
		l.refuse(file, where, ErrAttribute, "%s: give one of same, of, metres, similarity, days", field.Name)
	}
	if test.Metres < 0 || test.Metres > maxAmongMetres || test.Days < 0 || test.Days > maxAmongDays ||
		math.IsNaN(test.Similarity) || test.Similarity < 0 || test.Similarity > 1 {
		l.refuse(file, where, ErrBounds, "%s: metres 1 to %d, days 1 to %d, similarity up to 1", field.Name, maxAmongMetres, maxAmongDays)
	}
	if list, ok := l.pkg.lists[field.List]; ok {
		for _, code := range test.Of {
			if _, ok := list.Item(code); !ok {
				l.refuse(file, where, ErrUnknownName, "%s: code %q is not in %s", field.Name, code, field.List)
			}
		}
	}
	if test.Setting != "" && test.Days == 0 {
		l.refuse(file, where, ErrAttribute, "setting stands beside days")
	}
	if content.By != "" {
		if by := l.fieldIDs(file, form, where, []string{content.By}); len(by) > 0 {
			test.By = by[0]
			if test.Days == 0 || !slices.Contains(orderers, form.byID[test.By].Type) {
				l.refuse(file, where, ErrAttribute, "by stands beside days and names a field of type %v", orderers)
			}
		}
	}
	return test, true
}
