package forms

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// The files of testdata/examples are the domain description's seven example records
// of the dossier, their words untouched. Only names differ: the first record is
// two forms here, a composite such as participants is one field for each count, the
// score agreed on is "consensus", the Hanlon answers are fields of the need, and
// blocks and assets are named by id.

// exampleDay is a month after the dossier was assigned: 1404/11/26.
const exampleDay = "2026-02-15"

type exampleProblem struct {
	field string
	rule  schemas.Rule
	level schemas.Level
}

// exampleRecords says what each record still lacks, and what makes it whole.
var exampleRecords = []struct {
	file     string
	form     string
	problems []exampleProblem
	filled   string // JSON members that answer the problems
	computed map[string]string
}{
	{
		file: "1-neighbourhood", form: "neighbourhood",
		problems: []exampleProblem{
			{"harm_basis", schemas.RuleRequired, schemas.LevelIncomplete}, // since the neighbourhood is harm-prone
			{"boundary", schemas.RuleRequired, schemas.LevelMissing},
			{"responsible_centre_id", schemas.RuleRequired, schemas.LevelIncomplete}, // one of the two is enough
			{"clinic_id", schemas.RuleRequired, schemas.LevelIncomplete},
			{"facilitator_ids", schemas.RuleRequired, schemas.LevelIncomplete},
		},
		filled: `{"harm_basis": "مصوبهٔ کمیتهٔ استانی", "responsible_centre_id": "019bc6a0-0801-7000-8000-000000000801",
			"facilitator_ids": ["019bc6a0-0901-7000-8000-000000000901"],
			"boundary": [{"lat": 37.245, "lon": 49.608}, {"lat": 37.254, "lon": 49.608}, {"lat": 37.254, "lon": 49.619}, {"lat": 37.245, "lon": 49.619}, {"lat": 37.245, "lon": 49.608}]}`,
	},
	{
		file: "1-neighbourhood_profile", form: "neighbourhood_profile",
		problems: []exampleProblem{{"infrastructure", schemas.RuleEntries, schemas.LevelMissing}}, // four rows of ten
		filled: `{"infrastructure": [{"service": "water", "status": "good"}, {"service": "sewage", "status": "none"}, {"service": "lighting", "status": "weak"},
			{"service": "health_house", "status": "nearby", "distance_m": 900}, {"service": "electricity", "status": "good"}, {"service": "gas", "status": "good"},
			{"service": "road", "status": "weak"}, {"service": "park", "status": "none"}, {"service": "mosque", "status": "good"}, {"service": "transport", "status": "weak"}]}`,
	},
	{file: "2-key_person", form: "key_person", computed: map[string]string{"manage_closely": "true"}},
	{
		file: "3-asset", form: "asset",
		problems: []exampleProblem{{"address", schemas.RuleRequired, schemas.LevelMissing}},
		filled:   `{"address": "خیابان دبستان، جنب مسجد"}`,
	},
	{file: "4-capacity_assessment", form: "capacity_assessment", computed: map[string]string{"overall": "47.22"}},
	{
		file: "5-household_response", form: "household_response",
		problems: []exampleProblem{
			{"respondent_relation", schemas.RuleRequired, schemas.LevelIncomplete},
			{"services_problem", schemas.RuleRequired, schemas.LevelMissing},
		},
		filled: `{"respondent_relation": "head", "services_problem": [{"service": "sewage", "severity": 4}]}`,
	},
	{
		file: "6-need", form: "need",
		problems: []exampleProblem{
			{"affected_basis", schemas.RuleRequired, schemas.LevelMissing},
			{"evidence_refs", schemas.RuleRequired, schemas.LevelIncomplete},
		},
		filled:   `{"affected_basis": "estimate", "evidence_refs": ["019bc6a0-0007-7000-8000-000000000007"]}`,
		computed: map[string]string{"hanlon_opr": "44"},
	},
	{file: "7-harm_rating", form: "harm_rating"},
}

func exampleEnv(t *testing.T) schemas.Env {
	t.Helper()
	day, err := jalali.ParseISO(exampleDay)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.Env{Today: int32(day), TestMode: true}
}

func readExample(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "examples", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decodeExample(t *testing.T, form *schemas.Form, pkg *schemas.Package, data []byte) schemas.Record {
	t.Helper()
	record, err := schemas.DecodeJSON(form, pkg, data)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// problemsOf names the problems of an assessment by field, rule and level.
func problemsOf(form *schemas.Form, assessment *schemas.Assessment) []exampleProblem {
	var problems []exampleProblem
	for _, p := range assessment.Problems {
		field, _ := form.Field(p.Field)
		problems = append(problems, exampleProblem{field.Name, p.Rule, p.Level})
	}
	return problems
}

func TestExampleRecords(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	env := exampleEnv(t)
	for _, example := range exampleRecords {
		t.Run(example.file, func(t *testing.T) {
			form, ok := pkg.FormByName(example.form)
			if !ok {
				t.Fatalf("no form %s", example.form)
			}
			data := readExample(t, example.file)
			record := decodeExample(t, form, pkg, data)
			assessment := schemas.Assess(form, pkg, record, env)
			if got := problemsOf(form, assessment); !slices.Equal(got, example.problems) {
				t.Errorf("problems are %v, want %v", got, example.problems)
			}
			wantSendable := !slices.ContainsFunc(example.problems, func(p exampleProblem) bool { return p.level == schemas.LevelIncomplete })
			if got := assessment.Sendable(); got != wantSendable {
				t.Errorf("sendable is %v, want %v", got, wantSendable)
			}
			for name, want := range example.computed {
				field, _ := form.FieldByName(name)
				got := assessment.Computed().Fields[field.ID]
				shown := got.Decimal().String()
				if got.Kind() == schemas.KindBool {
					shown = map[bool]string{true: "true", false: "false"}[got.Bool()]
				}
				if shown != want {
					t.Errorf("%s is %s, want %s", name, shown, want)
				}
			}

			clean := schemas.Normalise(form, record)
			if !clean.Equal(record) {
				t.Errorf("cleaning changes the record: got %v, want %v", clean, record)
			}
			written, err := schemas.EncodeJSON(form, record)
			if err != nil {
				t.Fatal(err)
			}
			if again := decodeExample(t, form, pkg, written); !again.Equal(record) {
				t.Errorf("written and read again: got %v, want %v", again, record)
			}
			if example.filled == "" {
				return
			}

			whole := decodeExample(t, form, pkg, mergeJSON(t, data, []byte(example.filled)))
			if got := problemsOf(form, schemas.Assess(form, pkg, whole, env)); len(got) > 0 {
				t.Errorf("filled in: problems are %v, want none", got)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "examples", "*.json"))
	if err != nil || len(files) != len(exampleRecords) {
		t.Errorf("%d example files (%v), want %d", len(files), err, len(exampleRecords))
	}
}

// mergeJSON returns the object a with the members of b in it.
func mergeJSON(t *testing.T, a, b []byte) []byte {
	t.Helper()
	var into, from map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(a, &into), json.Unmarshal(b, &from)); err != nil {
		t.Fatal(err)
	}
	maps.Copy(into, from)
	merged, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

// TestExamplesGoneWrong changes one answer of an example and names what the form says to it.
func TestExamplesGoneWrong(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	env := exampleEnv(t)
	tests := []struct {
		name, file, form, change string
		want                     exampleProblem
		fa                       string // part of the Persian message
	}{
		{"harm of persons at a point", "7-harm_rating", "harm_rating", `{"harm_code": "child_abuse"}`,
			exampleProblem{"harm_code", schemas.RuleConstraint, schemas.LevelError}, "فقط در سطح بلوک"},
		{"phone in a harm's note", "7-harm_rating", "harm_rating", `{"note": "تلفن ۰۹۱۲ ۳۴۵ ۶۷۸۹"}`,
			exampleProblem{"note", schemas.RuleConstraint, schemas.LevelError}, "شمارهٔ تلفن"},
		{"two informants", "7-harm_rating", "harm_rating", `{"informants_n": 2}`,
			exampleProblem{"informants_n", schemas.RuleConstraint, schemas.LevelWarning}, "کمتر از سه مطلع"},
		{"place outside Iran", "3-asset", "asset", `{"location": {"lat": 49.6124, "lon": 37.2511}}`,
			exampleProblem{"location", schemas.RulePlace, schemas.LevelWarning}, "بیرون از ایران"},
		{"subtype of another category", "3-asset", "asset", `{"subtype": "story"}`,
			exampleProblem{"subtype", schemas.RuleConstraint, schemas.LevelError}, "به دستهٔ برگزیده تعلق ندارد"},
		{"person named in a title", "3-asset", "asset", `{"category": "individual", "subtype": "cook", "title_fa": "خانم رضازاده، آشپز"}`,
			exampleProblem{"title_fa", schemas.RuleConstraint, schemas.LevelWarning}, "نام شخص"},
		{"no consent of a key person", "2-key_person", "key_person", `{"consent_id": null}`,
			exampleProblem{"consent_id", schemas.RuleConsent, schemas.LevelWarning}, "رضایت"},
		{"type of disability without consent", "5-household_response", "household_response", `{"consent": false, "disability_types": ["physical"]}`,
			exampleProblem{"consent", schemas.RuleConsent, schemas.LevelError}, "نوع معلولیت اعضا"},
		{"short interview", "5-household_response", "household_response", `{"duration_min": 2}`,
			exampleProblem{"duration_min", schemas.RuleConstraint, schemas.LevelWarning}, "۵ تا ۹۰ دقیقه"},
		{"domain left out", "4-capacity_assessment", "capacity_assessment", `{"scores": [{"domain": "participation", "consensus": 3}]}`,
			exampleProblem{"instrument", schemas.RuleConstraint, schemas.LevelError}, "نُه حوزهٔ لاورک"},
		{"large session", "4-capacity_assessment", "capacity_assessment", `{"participants_total": 34, "participants_women": 20, "participants_men": 14}`,
			exampleProblem{"participants_total", schemas.RuleConstraint, schemas.LevelWarning}, "۵ تا ۳۰"},
		{"men and women off the population", "1-neighbourhood_profile", "neighbourhood_profile", `{"male": 2000}`,
			exampleProblem{"male", schemas.RuleConstraint, schemas.LevelError}, "۱ درصد"},
		{"province by its old ISO code", "1-neighbourhood", "neighbourhood", `{"province_code": "IR-03"}`,
			exampleProblem{"province_code", schemas.RuleList, schemas.LevelError}, "یکی از موارد فهرست"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			form, ok := pkg.FormByName(test.form)
			if !ok {
				t.Fatalf("no form %s", test.form)
			}
			record := decodeExample(t, form, pkg, mergeJSON(t, readExample(t, test.file), []byte(test.change)))
			assessment := schemas.Assess(form, pkg, record, env)
			got := problemsOf(form, assessment)
			i := slices.Index(got, test.want)
			if i < 0 {
				t.Fatalf("problems are %v, want %v among them", got, test.want)
			}
			if message := assessment.Problems[i].Message.Fa; !strings.Contains(message, test.fa) {
				t.Errorf("message is %q, want %q in it", message, test.fa)
			}
		})
	}
}
