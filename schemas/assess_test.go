package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

var demoEnv = Env{Today: day(2026, time.February, 1)}

// sound is a record of the demo form without problems.
const sound = `{"title_fa":"سالن","kind":"place","population":100,"location":{"lat":37.25,"lon":49.61},
 "services":[{"kind":"hall"},{"kind":"park"}]}`

// with returns sound with further members, which replace those of the same name.
func with(t testing.TB, members string) (*Form, *Package, Record) {
	t.Helper()
	form, pkg, record := decodeDemo(t, sound)
	_, _, more := decodeDemo(t, "{"+members+"}")
	for id, value := range more.Fields {
		record.Fields[id] = value
	}
	return form, pkg, Normalise(form, record)
}

// brief writes problems as "field[row] rule level".
func brief(form *Form, problems []Problem) []string {
	out := []string{}
	for _, p := range problems {
		field, _ := form.Field(p.Field)
		where := field.Name
		if p.Row > 0 {
			where += fmt.Sprintf("[%d]", p.Row)
		}
		out = append(out, fmt.Sprintf("%s %s %s", where, p.Rule, p.Level))
	}
	return out
}

func TestValidate(t *testing.T) {
	square := func(lat, lon, side float64, closed bool) string {
		corners := [][2]float64{{lat, lon}, {lat, lon + side}, {lat + side, lon + side}, {lat + side, lon}}
		if closed {
			corners = append(corners, corners[0])
		}
		var b []string
		for _, c := range corners {
			b = append(b, fmt.Sprintf(`{"lat":%.4f,"lon":%.4f}`, c[0], c[1]))
		}
		return "[" + strings.Join(b, ",") + "]"
	}
	rows := []struct {
		name, members string
		want          []string
	}{
		{"sound", ``, nil},
		{"● empty", `"title_fa":null`, []string{"title_fa required incomplete"}},
		{"◐ empty", `"population":null`, []string{"population required missing"}},
		{"too long", `"title_fa":"` + strings.Repeat("م", 21) + `"`, []string{"title_fa length error"}},
		{"length counts letters, not bytes", `"title_fa":"` + strings.Repeat("م", 20) + `"`, nil},
		{"below min", `"population":-1`, []string{"population range error"}},
		{"above max", `"area":1000.01`, []string{"area range error"}},
		{"at max", `"area":1000`, nil},
		{"date before min", `"held_on":"2020-03-19"`, []string{"held_on range error"}},
		{"date in the future", `"held_on":"2026-02-02"`, []string{"held_on constraint error"}},
		{"date today", `"held_on":"2026-02-01"`, nil},
		{"pattern", `"phone":"0912","consent_id":"` + idA + `"`, []string{"phone pattern error"}},
		{"pattern with Persian digits", `"phone":"۰۹۱۲۳۴۵۶۷۸۹","consent_id":"` + idA + `"`, nil},
		{"unknown code", `"kind":"plaec"`, []string{"kind list error"}},
		{"replaced code", `"kind":"story"`, []string{"kind list warning"}},
		{"code not yet valid", `"kind":"group"`, []string{"kind list warning"}},
		{"too many codes", `"kinds":["place","person","group"]`, []string{"kinds entries error", "kinds list warning"}},
		{"too few rows", `"services":[{"kind":"hall"}]`, []string{"services entries missing"}},
		{"● empty in a row", `"services":[{"kind":"hall"},{"distance_m":3}]`, []string{"kind[2] required incomplete"}},
		{"rule on rows", `"services":[{"kind":"hall"},{"kind":"hall"}]`, []string{"services constraint error"}},
		{"range in a row", `"services":[{"kind":"hall"},{"kind":"park","distance_m":-1}]`, []string{"distance_m[2] range error"}},
		{"relevant field becomes required", `"harm_prone":true`, []string{"basis required incomplete"}},
		{"irrelevant value is ignored", `"harm_prone":false,"basis":"` + strings.Repeat("x", 2000) + `"`, nil},
		{"record-wide rule", `"male":50,"female":60`, []string{"male constraint error"}},
		{"record-wide rule within bounds", `"male":50,"female":51`, nil},
		{"record-wide rule without a part", `"male":50`, nil},
		{"place outside Iran", `"location":{"lat":49.61,"lon":37.25}`, []string{"location place warning"}},
		{"ring of two", `"boundary":[{"lat":37,"lon":49},{"lat":37,"lon":50},{"lat":37,"lon":49}]`, []string{"boundary place error", "boundary constraint error", "boundary constraint warning"}},
		{"open ring", `"boundary":` + square(37.25, 49.61, 0.005, false), []string{"boundary constraint error"}},
		{"large ring", `"boundary":` + square(37.2, 49.6, 0.1, true), []string{"boundary constraint warning"}},
		{"personal data without consent", `"contact":"سکینه"`, []string{"consent_id consent warning"}},
		{"sensitive data without consent", `"contact":"سکینه","disability":"بینایی"`, []string{"consent_id consent error"}},
		{"sensitive data with consent", `"disability":"بینایی","consent_id":"` + idA + `"`, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			form, pkg, record := with(t, row.members)
			problems := Validate(form, pkg, record, demoEnv)
			got := brief(form, problems)
			if !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
			sendable := !slices.ContainsFunc(row.want, func(s string) bool {
				return strings.HasSuffix(s, "error") || strings.HasSuffix(s, "incomplete")
			})
			if Sendable(problems) != sendable {
				t.Errorf("sendable: got %v, want %v", !sendable, sendable)
			}
			for _, p := range problems {
				if p.Message.Fa == "" || p.Message.En == "" || strings.ContainsAny(p.Message.Fa+p.Message.En, "{}") {
					t.Errorf("message not filled: %+v", p.Message)
				}
			}
		})
	}
}

func TestMessagesAreConcrete(t *testing.T) {
	rows := []struct{ name, members, fa, en string }{
		{"range", `"area":1000.01`, "«مساحت» برابر ۱۰۰۰٫۰۱ است و بیشترین مقدار مجاز ۱۰۰۰ است.", "“Area” is 1000.01; the most allowed is 1000."},
		{"date", `"held_on":"2020-03-19"`, "کمترین مقدار مجاز ۱۳۹۹/۰۱/۰۱ است", "the least allowed is 2020-03-20"},
		{"list", `"kind":"plaec"`, "آیا منظورتان «place» بود؟", "“plaec” is not in the list “Kind” of “Kind”. Did you mean “place”?"},
		{"replaced", `"kind":"story"`, "به جای آن «مکان» را برگزینید", "Choose “Place” instead"},
		{"pattern", `"phone":"0912"`, "(یازده رقم با ۰۹)", "(eleven digits with 09)"},
		{"consent", `"disability":"x"`, "«معلولیت»", "“Disability”"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			form, pkg, record := with(t, row.members)
			problems := Validate(form, pkg, record, demoEnv)
			if len(problems) == 0 || !strings.Contains(problems[0].Message.Fa, row.fa) && !strings.Contains(problems[len(problems)-1].Message.Fa, row.fa) {
				t.Fatalf("got %+v, want %q", problems, row.fa)
			}
			if !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.Message.En, row.en) }) {
				t.Errorf("got %+v, want %q", problems, row.en)
			}
		})
	}
}

func TestValuesOfAnotherKindAreNamed(t *testing.T) {
	form, pkg, record := with(t, "")
	record.Fields[14] = TextValue("many")
	record.Fields[40] = IntValue(3)
	record.Fields[900] = IntValue(3) // of a newer form: nobody's business here
	got := brief(form, Validate(form, pkg, record, demoEnv))
	want := []string{"population type error", "services type error"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompute(t *testing.T) {
	form, pkg, record := with(t, `"population":1000,"area":7,"harm_prone":true,"basis":"x",
		"services":[{"id":"`+idA+`","kind":"hall","distance_m":900},{"kind":"park","distance_m":100},{"kind":"teacher"}]`)
	got := Compute(form, pkg, record, demoEnv)
	want := Record{Form: 7, Fields: map[FieldID]Value{
		23: DecimalValue(Decimal{Mantissa: 14286, Scale: 2}),
		24: BoolValue(true),
		45: IntValue(1000),
		40: ItemsValue([]Item{
			{ID: mustID(t, idA), Fields: map[FieldID]Value{44: BoolValue(true)}},
			{Fields: map[FieldID]Value{44: BoolValue(false)}},
			{Fields: map[FieldID]Value{}}}),
	}}
	if !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	record.Fields[17] = Value{}
	if got := Compute(form, pkg, record, demoEnv); !got.Fields[23].IsEmpty() || !got.Fields[24].IsEmpty() {
		t.Errorf("density without area: got %+v, want empty", got.Fields)
	}
}

func TestRelevance(t *testing.T) {
	form, pkg, record := with(t, `"harm_prone":true,"basis":"x","services":[{"kind":"hall","distance_m":900},{"kind":"park","distance_m":100}]`)
	a := Assess(form, pkg, record, demoEnv)
	if !a.Relevant(22) || a.Relevant(43) || !a.RelevantInRow(43, 0) || a.RelevantInRow(43, 1) || a.RelevantInRow(43, 2) || a.RelevantInRow(10, 0) {
		t.Error("relevance differs")
	}
	if !a.Sendable() {
		t.Errorf("got %q, want nothing", brief(form, a.Problems))
	}
}

func TestCompleteness(t *testing.T) {
	rows := []struct {
		name, members string
		want          Completeness
	}{
		{"sound", ``, Completeness{5, 5, []SectionCompleteness{{"main", 3, 3}, {"place", 1, 1}, {"people", 1, 1}}}},
		{"half", `"title_fa":null,"location":null,"services":[{"kind":"hall"}]`, Completeness{2, 5, []SectionCompleteness{{"main", 2, 3}, {"place", 0, 1}, {"people", 0, 1}}}},
		{"a condition adds one", `"harm_prone":true`, Completeness{5, 6, []SectionCompleteness{{"main", 3, 4}, {"place", 1, 1}, {"people", 1, 1}}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			form, pkg, record := with(t, row.members)
			got := Assess(form, pkg, record, demoEnv).Completeness
			if got.Filled != row.want.Filled || got.Total != row.want.Total || !slices.Equal(got.Sections, row.want.Sections) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestPrefill(t *testing.T) {
	form, pkg, record := with(t, "")
	got := Prefill(form, pkg, record, demoEnv)
	want := map[FieldID]Value{20: IntValue(1404)}
	if !maps.EqualFunc(got, want, Value.Equal) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	record.Fields[20] = IntValue(1400)
	if got := Prefill(form, pkg, record, demoEnv); len(got) != 0 {
		t.Errorf("filled field was offered %+v", got)
	}
	if got := PrefillRow(form, pkg, record, 40, 5, demoEnv); len(got) != 0 {
		t.Errorf("a row that does not exist was offered %+v", got)
	}
}

func TestNormalise(t *testing.T) {
	form, _ := demoForm(t)
	record := Record{Form: 7, Fields: map[FieldID]Value{
		10:  TextValue(" كتاب "),
		11:  TextValue("يك\r\nدو"),
		12:  TextValue("place"),
		13:  CodeValue("place"),
		14:  DecimalValue(Decimal{Mantissa: 40, Scale: 1}),
		15:  DecimalValue(Decimal{Mantissa: 45, Scale: 1}),
		17:  IntValue(3),
		23:  IntValue(9),
		40:  ItemsValue([]Item{{Fields: map[FieldID]Value{43: TextValue(" ي "), 10: TextValue(" x "), 44: BoolValue(true)}}}),
		41:  TextValue(" a field of rows at the top "),
		900: TextValue(" of a newer form "),
		50:  Value{},
	}}
	want := Record{Form: 7, Fields: map[FieldID]Value{
		10:  TextValue("کتاب"),
		11:  TextValue("یک\nدو"),
		12:  CodeValue("place"),
		13:  CodesValue("place"),
		14:  IntValue(4),
		15:  DecimalValue(Decimal{Mantissa: 45, Scale: 1}),
		17:  DecimalValue(Decimal{Mantissa: 3}),
		40:  ItemsValue([]Item{{Fields: map[FieldID]Value{43: TextValue("ی"), 10: TextValue(" x ")}}}),
		41:  TextValue(" a field of rows at the top "),
		900: TextValue(" of a newer form "),
	}}
	got := Normalise(form, record)
	if !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if again := Normalise(form, got); !again.Equal(got) {
		t.Errorf("twice: got %+v, want %+v", again, got)
	}
	if _, ok := got.Fields[50]; ok {
		t.Error("an empty value was kept")
	}
}

func TestCheckValue(t *testing.T) {
	form, pkg := demoForm(t)
	field, _ := form.FieldByName("services.distance_m")
	problems := CheckValue(field, pkg, IntValue(-5), demoEnv.Today)
	if len(problems) != 1 || problems[0].Field != 42 || problems[0].Rule != RuleRange {
		t.Errorf("got %+v, want one about the range of field 42", problems)
	}
	if problems := CheckValue(field, pkg, Value{}, demoEnv.Today); len(problems) != 0 {
		t.Errorf("empty: got %+v, want none", problems)
	}
}
