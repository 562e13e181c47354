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

// The numbered files of testdata/examples are the domain description's example records
// of that number, their words untouched. Only names differ: the first record is
// two forms here and so is the ninth, whose follow-up is a record of its own; a
// composite such as participants is one field for each count, the score agreed on is
// "consensus", the Hanlon answers are fields of the need, and blocks, assets, people
// and bodies are named by id. The files without a number are made up.

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
	{
		file: "8-action_item", form: "action_item",
		problems: []exampleProblem{
			{"plan_id", schemas.RuleRequired, schemas.LevelMissing},
			{"result_expected", schemas.RuleRequired, schemas.LevelMissing},
			{"responsible_id", schemas.RuleRequired, schemas.LevelIncomplete}, // the description names the committee and a man
		},
		filled: `{"plan_id": "019bc6a0-0115-7000-8000-000000000115", "result_expected": "همهٔ ۱۴ تیر مسیر مدرسه روشن شود.", "responsible_id": "019bc6a0-0501-7000-8000-000000000501"}`,
	},
	{
		file: "9-advocacy_request", form: "advocacy_request",
		problems: []exampleProblem{{"programme", schemas.RuleRequired, schemas.LevelIncomplete}},
		filled:   `{"programme": "empowerment_plan"}`,
	},
	{file: "9-follow_up", form: "follow_up"},
	{file: "organisation", form: "organisation", computed: map[string]string{"capable": "true"}},
	{
		file: "agreement", form: "agreement",
		problems: []exampleProblem{{"confirmed_result", schemas.RuleRequired, schemas.LevelMissing}}, // a month before its end
		filled:   `{"confirmed_result": "approved", "confirmed_on": "2026-02-14", "confirmed_by": "019bc6a0-0931-7000-8000-000000000931"}`,
		computed: map[string]string{"delivered_count": "5"},
	},
	{file: "facilitator", form: "facilitator"},
	{file: "training_course", form: "training_course"},
	{file: "training_attendance", form: "training_attendance", computed: map[string]string{"gain": "0.75"}},
	{file: "local_development_centre", form: "local_development_centre"},
	{file: "bylaw", form: "bylaw"},
	{file: "committee", form: "committee"},
	{file: "meeting", form: "meeting"},
	{file: "decision", form: "decision"},
	{file: "action_plan", form: "action_plan"},
	{file: "referral", form: "referral"},
	{file: "indicator", form: "indicator"},
	{file: "measurement", form: "measurement"},
	{file: "monitoring_review", form: "monitoring_review"},
	{file: "service_delivery", form: "service_delivery"},
	{file: "budget_line", form: "budget_line"},
	{file: "budget_txn", form: "budget_txn"},
	{file: "programme_enrolment", form: "programme_enrolment"},
	{file: "data_subject_request", form: "data_subject_request"},
	{file: "province_settings", form: "province_settings"},
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
			exampleProblem{"province_code", schemas.RuleList, schemas.LevelError}, "نام یا کد دورقمی"},
		{"clinic that lacks a criterion", "organisation", "organisation", `{"can_establish_base": false}`,
			exampleProblem{"selected_on", schemas.RuleConstraint, schemas.LevelError}, "یکی از معیارها را ندارد"},
		{"clinic without its licence", "organisation", "organisation", `{"licence_no": null}`,
			exampleProblem{"licence_no", schemas.RuleRequired, schemas.LevelMissing}, "شمارهٔ پروانه"},
		{"licence about to expire", "organisation", "organisation", `{"licence_expires_on": "2026-03-20"}`,
			exampleProblem{"licence_expires_on", schemas.RuleConstraint, schemas.LevelWarning}, "۶۰ روز"},
		{"licence that ends in sixty days", "organisation", "organisation", `{"licence_expires_on": "2026-04-16"}`,
			exampleProblem{"licence_expires_on", schemas.RuleConstraint, schemas.LevelWarning}, "۶۰ روز"},
		{"base founded without a licence", "agreement", "agreement", `{"founding_documents": ["resume", "staff_list"]}`,
			exampleProblem{"founding_documents", schemas.RuleConstraint, schemas.LevelError}, "پروانه، رزومه و پرسنل"},
		{"base founded without any document", "agreement", "agreement", `{"founding_documents": null}`,
			exampleProblem{"founding_documents", schemas.RuleRequired, schemas.LevelIncomplete}, "مدارک تأسیس"},
		{"agreement over the year's end", "agreement", "agreement", `{"end_on": "2026-04-30"}`,
			exampleProblem{"end_on", schemas.RuleConstraint, schemas.LevelWarning}, "روز پایانی سال شمسی"},
		{"five commitments", "agreement", "agreement", `{"deliverables": [{"commitment": "advocacy", "state": "delivered"}]}`,
			exampleProblem{"deliverables", schemas.RuleConstraint, schemas.LevelError}, "شش تعهد"},
		{"terminated without notice", "agreement", "agreement", `{"terminated_on": "2026-02-10", "termination_ground": "تعطیلی پایگاه"}`,
			exampleProblem{"terminated_on", schemas.RuleConstraint, schemas.LevelError}, "بدون اطلاع قبلی"},
		{"terminated without notice in another programme", "agreement", "agreement", `{"programme": "prevention", "terminated_on": "2026-02-10", "termination_ground": "تعطیلی پایگاه"}`,
			exampleProblem{"terminated_on", schemas.RuleConstraint, schemas.LevelWarning}, "تاریخ اطلاع قبلی"},
		{"notice before the agreement starts", "agreement", "agreement", `{"notice_on": "2025-04-20", "termination_ground": "تعطیلی پایگاه"}`,
			exampleProblem{"notice_on", schemas.RuleConstraint, schemas.LevelWarning}, "پیش از آغاز"},
		{"terminated by one alone", "agreement", "agreement",
			`{"notice_on": "2026-01-01", "terminated_on": "2026-02-10", "termination_ground": "تعطیلی پایگاه", "deciders": [{"role": "org_head", "on": "2026-01-01"}]}`,
			exampleProblem{"deciders", schemas.RuleConstraint, schemas.LevelError}, "هر سه را بنویسید"},
		{"terminated a week after notice", "agreement", "agreement", `{"notice_on": "2026-02-03", "terminated_on": "2026-02-10", "termination_ground": "تعطیلی پایگاه"}`,
			exampleProblem{"terminated_on", schemas.RuleConstraint, schemas.LevelWarning}, "۳۰ روز"},
		{"request sent without a decision", "9-advocacy_request", "advocacy_request", `{"programme": "empowerment_plan", "steering_decision_id": null}`,
			exampleProblem{"sent_on", schemas.RuleConstraint, schemas.LevelError}, "بدون مصوبهٔ کمیتهٔ راهبردی"},
		{"request of another programme without a decision", "9-advocacy_request", "advocacy_request", `{"programme": "dossier", "steering_decision_id": null}`,
			exampleProblem{"sent_on", schemas.RuleConstraint, schemas.LevelWarning}, "مصوبهٔ کمیتهٔ راهبردی ندارد"},
		{"referral without consent", "referral", "referral", `{"consent_id": null}`,
			exampleProblem{"consent_id", schemas.RuleConsent, schemas.LevelError}, "رضایت"},
		{"referral to oneself", "referral", "referral", `{"to_org_id": "019bc6a0-0801-7000-8000-000000000801"}`,
			exampleProblem{"to_org_id", schemas.RuleConstraint, schemas.LevelError}, "همان ارجاع‌دهنده"},
		{"women and men that do not add up", "service_delivery", "service_delivery", `{"served_women": 14}`,
			exampleProblem{"served_women", schemas.RuleConstraint, schemas.LevelError}, "جمع زنان و مردان"},
		{"more young and old than all", "service_delivery", "service_delivery", `{"served_u18": 23}`,
			exampleProblem{"served_u18", schemas.RuleConstraint, schemas.LevelError}, "روی هم بیش از کل"},
		{"more allocated than approved", "budget_line", "budget_line", `{"allocated_rial": 15000000000}`,
			exampleProblem{"allocated_rial", schemas.RuleConstraint, schemas.LevelError}, "بیش از اعتبار مصوب"},
		{"toman typed as rial", "budget_line", "budget_line", `{"allocated_rial": 150000000}`,
			exampleProblem{"allocated_rial", schemas.RuleConstraint, schemas.LevelWarning}, "یک‌دهم"},
		{"below the required credit of the elder networks", "budget_line", "budget_line",
			`{"programme": "elder_network", "approved_rial": 220000000, "allocated_rial": 219000000, "required_rial": 220000000}`,
			exampleProblem{"below_required_reason", schemas.RuleRequired, schemas.LevelIncomplete}, "دلیل تخصیص کمتر از نیاز"},
		{"least credit of the elder networks left out", "budget_line", "budget_line", `{"programme": "elder_network", "item": "group_formation"}`,
			exampleProblem{"required_rial", schemas.RuleRequired, schemas.LevelIncomplete}, "حداقل اعتبار"},
		{"below the required credit elsewhere", "budget_line", "budget_line", `{"required_rial": 1300000000}`,
			exampleProblem{"allocated_rial", schemas.RuleConstraint, schemas.LevelWarning}, "حداقل مورد نیاز"},
		{"payment in toman", "budget_txn", "budget_txn", `{"amount_rial": 40000}`,
			exampleProblem{"amount_rial", schemas.RuleConstraint, schemas.LevelWarning}, "تومان"},
		{"resource without amount or quantity", "8-action_item", "action_item", `{"resources": [{"source": "local", "kind": "people"}]}`,
			exampleProblem{"qty", schemas.RuleRequired, schemas.LevelIncomplete}, "مقدار"},
		{"due before it starts", "8-action_item", "action_item", `{"due_on": "2026-02-01"}`,
			exampleProblem{"due_on", schemas.RuleConstraint, schemas.LevelError}, "پیش از تاریخ آغاز"},
		{"done and not finished", "8-action_item", "action_item", `{"status": "done"}`,
			exampleProblem{"progress_pct", schemas.RuleConstraint, schemas.LevelWarning}, "۱۰۰ درصد"},
		{"review without a suggestion", "monitoring_review", "monitoring_review", `{"suggestions": null}`,
			exampleProblem{"suggestions", schemas.RuleRequired, schemas.LevelIncomplete}, "پیشنهادها"},
		{"approved against the votes", "decision", "decision",
			`{"votes": [{"member": "019bc6a0-0911-7000-8000-000000000911", "vote": "against"}]}`,
			exampleProblem{"result", schemas.RuleConstraint, schemas.LevelWarning}, "رأی مخالف"},
		{"one member votes twice", "decision", "decision",
			`{"votes": [{"member": "019bc6a0-0911-7000-8000-000000000911", "vote": "for"}, {"member": "019bc6a0-0911-7000-8000-000000000911", "vote": "for"}]}`,
			exampleProblem{"votes", schemas.RuleConstraint, schemas.LevelError}, "دو بار"},
		{"committee of nowhere", "committee", "committee", `{"neighbourhood_id": null}`,
			exampleProblem{"scope_org_unit_id", schemas.RuleRequired, schemas.LevelIncomplete}, "اداره یا سازمان"},
		{"statute of three articles", "bylaw", "bylaw",
			`{"articles": [{"no": 1, "title": "نام", "text": "مرکز"}, {"no": 2, "title": "هدف", "text": "توسعه"}, {"no": 3, "title": "عضویت", "text": "اهالی"}]}`,
			exampleProblem{"articles", schemas.RuleConstraint, schemas.LevelWarning}, "هفت ماده"},
		{"stage twice", "programme_enrolment", "programme_enrolment",
			`{"stages": [{"stage": "monitoring", "opened_on": "2026-01-05"}, {"stage": "monitoring", "opened_on": "2026-01-06"}]}`,
			exampleProblem{"stages", schemas.RuleConstraint, schemas.LevelError}, "یک مرحله دو بار"},
		{"correction without saying what", "data_subject_request", "data_subject_request", `{"details": null}`,
			exampleProblem{"details", schemas.RuleRequired, schemas.LevelIncomplete}, "اصلاح شود"},
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

// TestGuardsHoldWhereTheyAreStated: what one programme's own source demands neither
// refuses nor asks anything in another.
func TestGuardsHoldWhereTheyAreStated(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	env := exampleEnv(t)
	tests := []struct {
		name, file, form, change string
		want                     []exampleProblem
	}{
		{"a social-health base has no steering committee", "9-advocacy_request", "advocacy_request",
			`{"programme": "social_health_base", "steering_decision_id": null}`, nil},
		{"six commitments and founding documents are a social-health base's", "agreement", "agreement",
			`{"programme": "prevention", "deliverables": null, "founding_documents": null}`, nil},
		{"a draft of an agreement is not signed yet", "agreement", "agreement", `{"state": "draft", "signed_on": null}`,
			[]exampleProblem{{"confirmed_result", schemas.RuleRequired, schemas.LevelMissing}}},
		{"what is signed says when", "agreement", "agreement", `{"state": "signed", "signed_on": null}`,
			[]exampleProblem{{"signed_on", schemas.RuleRequired, schemas.LevelIncomplete}, {"confirmed_result", schemas.RuleRequired, schemas.LevelMissing}}},
		{"an old committee does not know since when somebody sits in it", "committee", "committee",
			`{"members": [{"person_id": "019bc6a0-0911-7000-8000-000000000911", "seat": "resident"}, {"person_id": "019bc6a0-0912-7000-8000-000000000912", "seat": "resident"}]}`, nil},
		{"the next year's agreement founds nothing", "agreement", "agreement",
			`{"renewed_from_id": "019bc6a0-0202-7000-8000-000000000202", "founding_documents": null}`,
			[]exampleProblem{{"confirmed_result", schemas.RuleRequired, schemas.LevelMissing}}},
		{"an association met in the street is recorded", "organisation", "organisation",
			`{"kind": "ngo", "licence_no": null, "licence_issued_on": null, "licence_expires_on": null, "local_record": null, "selected_on": null}`,
			[]exampleProblem{{"licence_no", schemas.RuleRequired, schemas.LevelMissing}, {"licence_issued_on", schemas.RuleRequired, schemas.LevelMissing},
				{"licence_expires_on", schemas.RuleRequired, schemas.LevelMissing}, {"local_record", schemas.RuleRequired, schemas.LevelMissing}}},
		{"training of executors has no least credit", "budget_line", "budget_line", `{"programme": "elder_network", "item": "executor_training"}`, nil},
		{"less than required, with a reason", "budget_line", "budget_line",
			`{"programme": "elder_network", "required_rial": 1300000000, "below_required_reason": "نیمی از گروه پیش‌تر شکل گرفته است."}`, nil},
		{"a bank has neither licence nor catchment", "organisation", "organisation",
			`{"kind": "bank", "licence_no": null, "licence_issued_on": null, "licence_expires_on": null, "catchment_ids": null, "selected_on": null}`, nil},
		{"a base names its staff and its work", "organisation", "organisation", `{"kind": "social_health_base", "local_record": null, "selected_on": null}`, []exampleProblem{
			{"staff", schemas.RuleRequired, schemas.LevelIncomplete}, {"local_record", schemas.RuleRequired, schemas.LevelMissing}}},
		{"a centre names who answers for it", "organisation", "organisation", `{"kind": "positive_life", "local_record": null, "selected_on": null}`, []exampleProblem{
			{"licence_holder_id", schemas.RuleRequired, schemas.LevelIncomplete}, {"technical_manager_id", schemas.RuleRequired, schemas.LevelIncomplete},
			{"local_record", schemas.RuleRequired, schemas.LevelMissing}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			form, ok := pkg.FormByName(test.form)
			if !ok {
				t.Fatalf("no form %s", test.form)
			}
			record := decodeExample(t, form, pkg, mergeJSON(t, readExample(t, test.file), []byte(test.change)))
			if got := problemsOf(form, schemas.Assess(form, pkg, record, env)); !slices.Equal(got, test.want) {
				t.Errorf("problems are %v, want %v", got, test.want)
			}
		})
	}
}

// TestAgreementEndsWithItsYear: the offered end is the last day of the Jalali year, 30
// Esfand in a leap year.
func TestAgreementEndsWithItsYear(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pkg.FormByName("agreement")
	end, _ := form.FieldByName("end_on")
	for start, want := range map[string]string{"2025-04-30": "2026-03-20", "2024-03-20": "2025-03-20", "2029-03-20": "2030-03-20"} {
		record := decodeExample(t, form, pkg, []byte(`{"start_on": "`+start+`"}`))
		day, err := jalali.ParseISO(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := schemas.Prefill(form, pkg, record, exampleEnv(t))[end.ID]; got.Date() != int32(day) {
			t.Errorf("an agreement from %s is offered day %d as its end, want %s", start, got.Date(), want)
		}
	}
}

// TestCodesUsedTwice: two records of a place that say the same code are told from one another by nothing.
func TestCodesUsedTwice(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	plan := `{"plan_id": "019bc6a0-0115-7000-8000-000000000115"}`
	for _, test := range []struct {
		file, form, both, other string
		want                    bool
	}{
		{"8-action_item", "action_item", plan, `{"title_fa": "کاشت درخت"}`, true},
		{"8-action_item", "action_item", plan, `{"code": "A1.3"}`, false},
		{"indicator", "indicator", `{}`, `{"name_fa": "تعداد جلسه‌ها"}`, true},
		{"agreement", "agreement", `{}`, `{"number": "1404/س/18"}`, true},
		{"programme_enrolment", "programme_enrolment", `{}`, `{"started_on": "2026-02-01"}`, true},
		{"programme_enrolment", "programme_enrolment", `{}`, `{"programme": "dossier"}`, false},
	} {
		form, ok := pkg.FormByName(test.form)
		if !ok {
			t.Fatalf("no form %s", test.form)
		}
		first := mergeJSON(t, readExample(t, test.file), []byte(test.both))
		second := mergeJSON(t, first, []byte(test.other))
		got := schemas.Repeats(form, schemas.ID{1}, decodeExample(t, form, pkg, first), schemas.ID{2}, decodeExample(t, form, pkg, second))
		if got != test.want {
			t.Errorf("%s and the same with %s: repeats is %v, want %v", test.file, test.other, got, test.want)
		}
	}
}
