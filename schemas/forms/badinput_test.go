package forms

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
)

// badRead is what cannot be read as it was typed.
var badRead = []struct {
	name, form, field, typed string
	fa, en                   []string // what the message says
}{
	{"a Gregorian date in a Jalali field", "dossier", "assigned_on", "2026/01/16",
		[]string{"تاریخ واگذاری", "میلادی", "۱۴۰۴/۱۰/۲۶"}, []string{"Assigned on", "Gregorian", "Did you mean 1404/10/26?"}},
	{"a Gregorian date in ISO form in a Jalali field", "dossier", "assigned_on", "2026-01-16",
		[]string{"میلادی", "۱۴۰۴/۱۰/۲۶"}, []string{"Gregorian", "Did you mean 1404/10/26?"}},
	{"a Gregorian date in Persian digits", "dossier", "assigned_on", "۲۰۲۶/۱/۱۶",
		[]string{"«۲۰۲۶/۱/۱۶»", "۱۴۰۴/۱۰/۲۶"}, []string{"1404/10/26"}},
	{"a Gregorian date of 1900", "dossier", "assigned_on", "1900/01/01", []string{"میلادی", "بنویسید"}, []string{"Gregorian", "Write it as"}},
	{"a Gregorian date that is no day", "dossier", "assigned_on", "2026/02/30", []string{"میلادی", "بنویسید"}, []string{"Gregorian", "Write it as"}},
	{"a date whose year stands last", "dossier", "assigned_on", "26/10/1404", []string{"۱۴۰۴/۱۰/۲۶"}, []string{"1404/10/26", "year first"}},
	{"a date without its century", "dossier", "assigned_on", "۰۴/۱۰/۲۶", []string{"۱۴۰۴/۱۰/۲۶ یا ۱۳۰۴/۱۰/۲۶"}, []string{"1404/10/26 or 1304/10/26"}},
	{"a day that is none", "dossier", "assigned_on", "1404/13/01", []string{"تاریخ نیست", "بنویسید"}, []string{"Write it as"}},
	{"a Gregorian year in a Jalali field", "neighbourhood_profile", "reference_year", "2026",
		[]string{"سال مرجع", "میلادی", "۱۴۰۴ یا ۱۴۰۵"}, []string{"Reference year", "Gregorian", "1404 or 1405"}},
	{"the year 1900 in a Jalali field", "neighbourhood_profile", "reference_year", "1900", []string{"سال مرجع", "بنویسید"}, []string{"Write"}},
	{"a year without its century", "neighbourhood_profile", "reference_year", "۰۴", []string{"۱۴۰۴ یا ۱۳۰۴"}, []string{"1404 or 1304"}},
}

// badRecord is what can be read and is wrong. Other tests of it stand in
// TestExamplesGoneWrong; here stand those that a person was told to find a message for.
var badRecord = []struct {
	name, file, form, change string
	want                     exampleProblem
	fa, en                   string // part of what is wrong and of what to do
}{
	{"ages that do not add up", "1-neighbourhood_profile", "neighbourhood_profile", `{"age_0_6": 400, "age_7_18": 900, "age_19_59": 2000}`,
		exampleProblem{"age_0_6", schemas.RuleConstraint, schemas.LevelError}, "جمع گروه‌های سنی با جمعیت بیش از ۲ درصد اختلاف دارد. عددها را بررسی کنید.", "The age groups differ from the population by more than 2 %. Check the numbers."},
	{"men and women that do not add up", "1-neighbourhood_profile", "neighbourhood_profile", `{"male": 2300}`,
		exampleProblem{"male", schemas.RuleConstraint, schemas.LevelError}, "بیش از ۱ درصد اختلاف دارد. عددها را بررسی کنید.", "by more than 1 %. Check the numbers."},
	{"more women-headed households than households", "1-neighbourhood_profile", "neighbourhood_profile", `{"women_headed_hh": 1481}`,
		exampleProblem{"women_headed_hh", schemas.RuleConstraint, schemas.LevelError}, "بیش از کل خانوارها باشند. عددها را بررسی کنید.", "more than all households. Check"},
	{"more people with disability than people", "1-neighbourhood_profile", "neighbourhood_profile", `{"disabled_persons": 4621}`,
		exampleProblem{"disabled_persons", schemas.RuleConstraint, schemas.LevelError}, "بیش از جمعیت باشند. عددها را بررسی کنید.", "more than the population. Check"},
	{"households of nine on average", "1-neighbourhood_profile", "neighbourhood_profile", `{"households": 500, "women_headed_hh": 1}`,
		exampleProblem{"population", schemas.RuleConstraint, schemas.LevelWarning}, "تعداد خانوار را بررسی کنید.", "Check population and households."},
	{"children and elders beyond the household", "5-household_response", "household_response", `{"children_u18": 4, "elders_60": 2}`,
		exampleProblem{"children_u18", schemas.RuleConstraint, schemas.LevelError}, "روی هم بیش از اعضای خانوارند. عددها را بررسی کنید.", "more than the household. Check"},
	{"more members with disability than members", "5-household_response", "household_response", `{"disabled": 6}`,
		exampleProblem{"disabled", schemas.RuleConstraint, schemas.LevelError}, "بیش از تعداد اعضای خانوار باشد. عددها را بررسی کنید.", "more than the household's members. Check"},
	{"participants that do not add up", "4-capacity_assessment", "capacity_assessment", `{"participants_women": 10}`,
		exampleProblem{"participants_women", schemas.RuleConstraint, schemas.LevelError}, "عددها را بررسی کنید.", "Check the numbers."},
	{"people served that do not add up", "service_delivery", "service_delivery", `{"served_women": 14}`,
		exampleProblem{"served_women", schemas.RuleConstraint, schemas.LevelError}, "جمع زنان و مردان", "Check the numbers."},

	{"an allocation of a tenth of its line", "budget_line", "budget_line", `{"allocated_rial": 150000000}`,
		exampleProblem{"allocated_rial", schemas.RuleConstraint, schemas.LevelWarning}, "شاید یکی به تومان نوشته شده است. مبلغ‌ها را به ریال بررسی کنید.", "typed in toman. Check the amounts in rial."},
	{"a minimum of ten times its line", "budget_line", "budget_line", `{"required_rial": 15000000000}`,
		exampleProblem{"required_rial", schemas.RuleConstraint, schemas.LevelWarning}, "ده برابر یا یک‌دهم", "Check the amounts in rial."},
	{"an amount that only toman would explain", "budget_txn", "budget_txn", `{"amount_rial": 40000}`,
		exampleProblem{"amount_rial", schemas.RuleConstraint, schemas.LevelWarning}, "مبلغ را به ریال بررسی کنید.", "Check the amount in rial."},

	{"a national id with a wrong check digit", "person", "person", `{"full_name": "سکینه", "national_id": "0001000048"}`,
		exampleProblem{"national_id", schemas.RuleConstraint, schemas.LevelError}, "شمارهٔ ملی درست نیست. ده رقم را دوباره از روی کارت بنویسید.", "Copy the ten digits from the card again."},
	{"a national id of one digit", "person", "person", `{"full_name": "سکینه", "national_id": "1111111111"}`,
		exampleProblem{"national_id", schemas.RuleConstraint, schemas.LevelError}, "شمارهٔ ملی درست نیست.", "national id"},
	{"a telephone that lacks a digit", "2-key_person", "key_person", `{"phone": "0912345678"}`,
		exampleProblem{"phone", schemas.RulePattern, schemas.LevelError}, "«تلفن همراه» به شکل درست نوشته نشده است. آن را بررسی کنید", "“Mobile phone” does not have the expected form. Check it"},
	{"a telephone of a house", "person", "person", `{"full_name": "سکینه", "phone": "01333445566"}`,
		exampleProblem{"phone", schemas.RulePattern, schemas.LevelError}, "یازده رقم که با ۰۹ آغاز می‌شود", "Eleven digits beginning with 09"},
	{"a postal code that lacks a digit", "organisation", "organisation", `{"postal_code": "123456789"}`,
		exampleProblem{"postal_code", schemas.RuleConstraint, schemas.LevelWarning}, "کد پستی ده رقم دارد", "Write it again from a bill or a deed."},
	{"a postal code of one digit", "organisation", "organisation", `{"postal_code": "1111111111"}`,
		exampleProblem{"postal_code", schemas.RuleConstraint, schemas.LevelWarning}, "همه یکسان نیستند", "not all the same"},

	{"IR-03 without its scheme", "1-neighbourhood", "neighbourhood", `{"province_code": "IR-03"}`,
		exampleProblem{"province_code", schemas.RuleList, schemas.LevelError}, "«آذربایجان شرقی» در فهرست امروز و «اردبیل» در فهرست پیش از آبان ۱۳۹۹. استان را با نام یا کد دورقمی برگزینید.",
		"“East Azerbaijan” today, “Ardabil” before November 2020. Choose the province by name or by its code of two digits."},
	{"ir-۰۳ in small letters and Persian digits", "1-neighbourhood", "neighbourhood", `{"province_code": "ir-۰۳"}`,
		exampleProblem{"province_code", schemas.RuleList, schemas.LevelError}, "«اردبیل»", "“Ardabil”"},
	{"IR-27, which both editions agree on", "1-neighbourhood", "neighbourhood", `{"province_code": "IR-27"}`,
		exampleProblem{"province_code", schemas.RuleList, schemas.LevelError}, "استان را با نام یا کد دورقمی برگزینید.", "Choose the province by name"},
	{"IR-32, which only the older edition has", "1-neighbourhood", "neighbourhood", `{"province_code": "IR-32"}`,
		exampleProblem{"province_code", schemas.RuleList, schemas.LevelError}, "با هم نمی‌خوانند", "two editions that disagree"},

	{"a service named twice", "1-neighbourhood_profile", "neighbourhood_profile", `{"infrastructure": [{"service": "water", "status": "good"}, {"service": "water", "status": "none"}]}`,
		exampleProblem{"infrastructure", schemas.RuleConstraint, schemas.LevelError}, "یک خدمت دو بار آمده است. ردیف تکراری را بردارید.", "A service appears twice. Remove the repeated row."},

	{"an allocation below the required credit without a reason", "budget_line", "budget_line",
		`{"programme": "elder_network", "item": "group_formation", "approved_rial": 220000000, "allocated_rial": 219000000, "required_rial": 220000000}`,
		exampleProblem{"below_required_reason", schemas.RuleRequired, schemas.LevelIncomplete}, "«دلیل تخصیص کمتر از نیاز» خالی است. آن را پر کنید؛", "“Reason for allocating less” is empty. Fill it in;"},

	{"a harm entry with somebody's name", "7-harm_rating", "harm_rating", `{"note": "خانهٔ آقای رضایی پاتوق است."}`,
		exampleProblem{"note", schemas.RuleConstraint, schemas.LevelError}, "نقشهٔ آسیب از هیچ‌کس نام نمی‌برد", "The harm map names nobody"},
	{"a harm entry with a woman's name", "7-harm_rating", "harm_rating", `{"note": "کنار خانهٔ خانم کریمی"}`,
		exampleProblem{"note", schemas.RuleConstraint, schemas.LevelError}, "نام را بردارید و فقط مکان را شرح دهید", "Remove the name and describe the place alone."},
	{"a harm entry with what may be a name", "7-harm_rating", "harm_rating", `{"note": "روبه‌روی مطب دکتر امینی"}`,
		exampleProblem{"note", schemas.RuleConstraint, schemas.LevelWarning}, "شاید در توضیح نام شخصی آمده باشد", "Remove the name unless it is that of the place."},
	{"a harm entry with a telephone", "7-harm_rating", "harm_rating", `{"note": "زنگ بزنید ۰۹۱۲ ۳۴۵ ۶۷۸۹"}`,
		exampleProblem{"note", schemas.RuleConstraint, schemas.LevelError}, "آن را پاک کنید.", "Remove it."},
	{"a harm entry of persons at a point", "7-harm_rating", "harm_rating", `{"harm_code": "spouse_abuse"}`,
		exampleProblem{"harm_code", schemas.RuleConstraint, schemas.LevelError}, "فقط در سطح بلوک", "block"},
}

// TestBadInput: what is typed wrongly gets its field's name, the rule and what to do, in
// both languages, an error or a warning as the description says. What concerns other
// records stands in the client's TestBadInputAmongRecords and in the hub's
// TestTwoCommitteesDecideAtOnce.
func TestBadInput(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range badRead {
		t.Run(test.name, func(t *testing.T) {
			form, _ := pkg.FormByName(test.form)
			field, ok := form.FieldByName(test.field)
			if !ok {
				t.Fatalf("no field %s", test.field)
			}
			_, err := schemas.ParseTyped(form, pkg, field, test.typed)
			var bad *schemas.FieldError
			if !errors.As(err, &bad) || bad.Path != test.field {
				t.Fatalf("%q gives %v, want an error of %s", test.typed, err, test.field)
			}
			for _, part := range append(test.fa, "«"+field.Label.Fa+"»") {
				if !strings.Contains(bad.Message.Fa, part) {
					t.Errorf("%q lacks %q", bad.Message.Fa, part)
				}
			}
			for _, part := range append(test.en, "“"+field.Label.En+"”") {
				if !strings.Contains(bad.Message.En, part) {
					t.Errorf("%q lacks %q", bad.Message.En, part)
				}
			}
		})
	}
	for _, test := range badRecord {
		t.Run(test.name, func(t *testing.T) {
			form, ok := pkg.FormByName(test.form)
			if !ok {
				t.Fatalf("no form %s", test.form)
			}
			data := []byte(`{}`)
			if test.file != test.form || form.Name != "person" {
				data = readExample(t, test.file)
			}
			record := decodeExample(t, form, pkg, mergeJSON(t, data, []byte(test.change)))
			problems := schemas.Validate(form, pkg, record, exampleEnv(t))
			i := slices.IndexFunc(problems, func(p schemas.Problem) bool {
				field, _ := form.Field(p.Field)
				return field.Name == test.want.field && p.Rule == test.want.rule && p.Level == test.want.level &&
					strings.Contains(p.Message.Fa, test.fa) && strings.Contains(p.Message.En, test.en)
			})
			if i < 0 {
				for _, p := range problems {
					t.Log(p.Field, p.Rule, p.Level, p.Message)
				}
				t.Errorf("want %v saying %q and %q", test.want, test.fa, test.en)
			}
		})
	}
}

// TestNumbersAreStoredInOneForm: what people type in many ways is one number, so that the
// same is found again.
func TestNumbersAreStoredInOneForm(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ form, field, typed, want string }{
		{"person", "phone", "+98 912 345 6789", "09123456789"},
		{"person", "phone", "۰۹۱۲-۳۴۵-۶۷۸۹", "09123456789"},
		{"key_person", "phone", "00989123456789", "09123456789"},
		{"key_person", "phone", "۰۱۳ ۳۳۴۴۵۵۶۶", "۰۱۳ ۳۳۴۴۵۵۶۶"}, // no mobile: as it was typed, for the rule to name
		{"person", "national_id", "۰۱۸۳۳۸۲۳۹۰", "0183382390"},
		{"person", "national_id", "183382390", "0183382390"},
		{"organisation", "postal_code", "۴۱۶۳۵-۱۲۳۴۵", "4163512345"},
	} {
		form, _ := pkg.FormByName(test.form)
		field, _ := form.FieldByName(test.field)
		got, err := schemas.ParseInput(form, pkg, field, test.typed)
		if err != nil || got.Text() != test.want {
			t.Errorf("%s.%s: %q is stored as %q (%v), want %q", test.form, test.field, test.typed, got.Text(), err, test.want)
		}
	}
}
