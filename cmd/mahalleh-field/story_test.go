package main

import (
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
)

// sheet is a form that a person fills in on a page. Fields are named as in the
// form's definition and found on the page by their labels.
type sheet struct {
	*phone
	form   *schemas.Form
	list   *schemas.Field // the list of the row that is filled in, nil for the form
	within string
}

// formed is a sheet of the form that the page shows.
func (p *phone) formed(name string) *sheet {
	p.Helper()
	form, ok := p.forms.FormByName(name)
	if !ok {
		p.Fatalf("there is no form %s", name)
	}
	p.Until(`location.pathname.includes("/draft/") && document.readyState === "complete"`, "no form is opened")
	p.See(form.Label.In(string(p.lang)))
	return &sheet{phone: p, form: form}
}

// nav goes to a place of the navigation, back out of pages that have none.
func (p *phone) nav(place texts.Key) {
	p.Helper()
	for p.String(`document.querySelector("nav.places") ? "" : "none"`) != "" {
		p.ClickAt("header a.back")
		p.Until(`document.readyState === "complete"`, "it does not go back")
	}
	p.Click(p.say(place))
}

// record begins a form from the list of all forms.
func (p *phone) record(name string) *sheet {
	p.Helper()
	p.nav("screen.nav.records")
	p.Click(p.say("screen_form.new"))
	form, _ := p.forms.FormByName(name)
	p.Click(form.Label.In(string(p.lang)))
	return p.formed(name)
}

// section begins the form of a section of the dossier: from the list of its records,
// where saving the one before has led, else by way of the first page.
func (p *phone) section(section, name string) *sheet {
	p.Helper()
	form, _ := p.forms.FormByName(name)
	begin := p.with("screen_form.make", texts.Args{"form": form.Label.In(string(p.lang))})
	if !strings.Contains(p.String("location.search"), "form="+name) {
		p.nav("screen.nav.today")
		p.Click(p.code("DOSSIERSECTION", section))
	}
	p.Click(begin)
	return p.formed(name)
}

func (s *sheet) field(name string) *schemas.Field {
	s.Helper()
	f, ok := s.form.FieldByName(name)
	if s.list != nil {
		f, ok = s.list.FieldByName(name)
	}
	if !ok {
		s.Fatalf("%s has no field %s", s.form.Name, name)
	}
	return f
}

// put gives a field a value: a text, codes of its list, "yes" or "no", or words of
// the titles of records.
func (s *sheet) put(name string, values ...string) *sheet {
	s.Helper()
	f := s.field(name)
	said := slices.Clone(values)
	for i, value := range said {
		switch {
		case f.List != "":
			said[i] = s.code(f.List, value)
		case f.Type == schemas.TypeBoolean:
			said[i] = s.say(texts.Key("view_form.value." + value))
		}
	}
	s.Fill(s.within, f.Label.In(string(s.lang)), said...)
	return s
}

// row adds a row to a list.
func (s *sheet) row(name string) *sheet {
	s.Helper()
	f := s.field(name)
	return &sheet{phone: s.phone, form: s.form, list: f, within: s.AddRow(f.Label.In(string(s.lang)))}
}

// beside begins another form that is saved together with this one.
func (s *sheet) beside(name string) *sheet {
	s.Helper()
	other, _ := s.forms.FormByName(name)
	s.Kept()
	s.Click(s.with("screen_form.make", texts.Args{"form": other.Label.In(string(s.lang))}))
	s.Until(`document.querySelector("h1")?.innerText.includes("`+other.Label.In(string(s.lang))+`")`, name+" is not begun")
	return s.formed(name)
}

// back goes back to the form that this one was begun beside.
func (s *sheet) back(name string) *sheet {
	s.Helper()
	to, _ := s.forms.FormByName(name)
	s.Click(s.with("screen_form.back_to", texts.Args{"form": to.Label.In(string(s.lang))}))
	s.Until(`document.querySelector("h1")?.innerText === "`+to.Label.In(string(s.lang))+`"`, "it does not go back to "+name)
	return s.formed(name)
}

// save saves the form, with those that were begun beside it.
func (s *sheet) save() {
	s.Helper()
	s.ClickAt("form[data-draft] button[value=save]")
	s.Until(`!location.pathname.includes("/draft/") || !!document.querySelector("#form-errors, #form-refused .notice")`, "it is not saved")
	if strings.Contains(s.String("location.pathname"), "/draft/") {
		s.Fatalf("%s is not saved:\n%s", s.form.Name, s.Words())
	}
}

// date is a day in a past that no clock of a test's machine has yet to reach.
const date = "۱۴۰۴/۰۹/۱۲"

// agrees records that the person whom a form is about has agreed, with the person.
func (s *sheet) agrees(name, sex string) *sheet {
	s.Helper()
	back := s.form.Name
	consent := s.beside("consent").put("purposes", "dossier", "team").put("text_version", "۱").put("given_on", date).put("method", "signed")
	person := consent.beside("person")
	person.put("full_name", name).put("sex", sex)
	return person.back(back)
}

// passphrase is what Maryam keeps in mind.
const passphrase = "باران روی بام خانه"

// TestDossier is what a facilitator does in a month, by the pages alone: her colleague
// Ali records the neighbourhood and who works there, in English. Maryam enrols her
// telephone by the code on her sheet, records the ten sections of the dossier without a
// line, in Persian, and sends all when there is one. Then both change the same asset,
// and settle what comes of it.
func TestDossier(t *testing.T) {
	o := newOffice(t, serverProgram(t))
	o.run("place", "add", "پیرسرا", "--in", "11", "-q")
	for name, role := range map[string]string{"مریم رضایی": "facilitator", "علی پورمحمد": "technical_manager"} {
		o.run("person", "add", name, "-q")
		o.run("grant", "add", name, role, "--place", "101", "-q")
	}
	o.start()
	hers, his := o.code("مریم رضایی"), o.code("علی پورمحمد")
	o.stop()

	// Ali's laptop has known for long what the centre recorded.
	ali := newPhone(t, his, viewtest.Laptop, texts.English,
		[]string{"new", "organisation", "--set", "name_fa=کلینیک مهر", "--set", "kind=sw_clinic", "--set", "province_code=01", "--set", "county=رشت"},
		[]string{"new", "asset", "--set", "category=physical", "--set", "subtype=hall", "--set", "title_fa=سالن", "--set", "capacity_value=50", "--set", "capacity_unit=person"})

	ali.neighbourhood()

	// Maryam has a sheet with a code, and no line.
	maryam := newPhone(t, "", viewtest.Phone, texts.Persian)
	maryam.Type(maryam.say("screen.start.code"), hers)
	maryam.Click(maryam.say("screen.start.next"))
	maryam.See("مریم رضایی", maryam.say("screen.start.forgotten"))
	maryam.Type(maryam.say("screen.start.passphrase"), passphrase)
	maryam.Type(maryam.say("screen.start.again"), passphrase)
	maryam.Click(maryam.say("screen.start.enrol"))
	maryam.See(maryam.say("screen.start.done"))
	// She need not wait for one to record.
	maryam.section("assets", "asset").put("category", "association").put("subtype", "sandogh").put("title_fa", "صندوق زنان").save()

	// At the centre there is a line for a minute.
	o.start()
	ali.sync("/records?only=unsent", ali.say("screen_records.none"))
	maryam.sync("/", "پیرسرا", maryam.say("screen.today.all_sent"))
	o.stop()

	percent := maryam.dossier()

	// The server comes up: all is sent, and the dossier says at Ali's what it says at
	// hers.
	o.start()
	maryam.sync("/records?only=unsent", maryam.say("screen_records.none"))
	ali.sync("/?counted=1", "9 of 9", "15 of 40", "1 of 1", "30 of 30")
	for _, p := range []*phone{maryam, ali} {
		p.open("/?counted=1")
		if much := p.String(`document.querySelector(".place progress").value + " of 100"`); much != percent {
			t.Errorf("the dossier is at %s, want %s", much, percent)
		}
	}
	o.stop()

	// Without a line again, both change the hall that Ali had recorded.
	hall := maryam.find("سالن")
	ali.find("سالن")
	disagree(o, maryam, ali, hall)
}

// find opens the record with a title from the list of records, by searching for it.
func (p *phone) find(title string) (address string) {
	p.Helper()
	p.nav("screen.nav.records")
	p.Type(p.say("screen_records.find"), title)
	p.See(p.with("screen_records.total", texts.Args{"n": 1}))
	p.Click(title)
	p.See(p.say("screen_records.history"))
	return strings.TrimPrefix(p.String("location.origin + location.pathname"), p.base)
}

// neighbourhood records the neighbourhood with its facilitator. Each asks for the other,
// so both are begun together, with the person and what she agreed to.
func (p *phone) neighbourhood() {
	p.Helper()
	place := p.record("neighbourhood").put("name_fa", "پیرسرا").put("setting", "urban").put("settlement_type", "worn_out").put("harm_prone", "no").
		put("province_code", "01").put("county", "رشت").put("city_or_village", "رشت").put("clinic_id", "کلینیک مهر")
	facilitator := place.beside("facilitator").put("role", "facilitator").put("centre_id", "کلینیک مهر")
	person := facilitator.beside("person").put("full_name", "مریم رضایی").put("sex", "female")
	consent := person.beside("consent").put("purposes", "team").put("text_version", "1").put("given_on", date).put("method", "signed")
	p.Check("consent")
	p.Shot("beside")
	consent.back("neighbourhood").save()
	p.See(p.say("screen_records.history"), "مریم رضایی")
	p.Check("neighbourhood")
	p.Shot("neighbourhood")
}

// dossier records what each of the ten sections must have. It returns how full the
// dossier is then.
func (p *phone) dossier() (percent string) {
	p.Helper()
	// Boundary and blocks: the outline, corner by corner, and a block.
	p.find("پیرسرا")
	p.Click(p.say("screen_records.edit"))
	p.formed("neighbourhood").put("boundary", "37.25, 49.60", "37.26, 49.60", "37.26, 49.61", "37.25, 49.61", "37.25, 49.60").save()
	p.section("boundary_blocks", "block").put("code", "B01").put("households", "۹۰").save()

	// Profile.
	s := p.section("profile", "neighbourhood_profile").put("reference_year", "۱۴۰۴").put("data_basis", "estimate").put("population", "۳۰۰۰").put("male", "۱۵۰۰").
		put("female", "۱۵۰۰").put("households", "۹۰۰").put("women_headed_hh", "۴۰").put("disabled_persons", "۳۰").put("residents_consulted", "۱۲")
	for _, service := range []string{"water", "electricity", "gas", "sewage", "road", "lighting", "waste", "transport", "mobile", "internet"} {
		s.row("infrastructure").put("service", service).put("status", "good")
	}
	s.save()

	// Key persons: each agrees first, and is recorded in the same sitting.
	for _, x := range [][2]string{{"زهرا کریمی", "female"}, {"سکینه احمدی", "female"}, {"رضا نوری", "male"}, {"حسن مرادی", "male"}, {"بهرام سلیمی", "male"}} {
		s := p.section("key_persons", "key_person").agrees(x[0], x[1])
		s.put("full_name", x[0]).put("sex", x[1]).put("kind", "trusted").put("influence", "۴").put("interest", "۴").save()
	}

	// Local team, of people who are known by now.
	p.record("local_team").put("name", "تیم پیرسرا").put("formed_on", date).put("formed_by_clinic_id", "کلینیک مهر").save()
	for i, name := range []string{"زهرا کریمی", "سکینه احمدی", "رضا نوری"} {
		p.section("local_team", "team_member").put("team_id", "تیم پیرسرا").put("consent_id", name).put("person_id", name).
			put("role", []string{"head", "secretary", "member"}[i]).put("joined_on", date).save()
	}

	// Capacity: one round, all domains.
	s = p.section("capacity", "capacity_assessment").put("instrument", "laverack9").put("round_no", "۱").put("held_on", date).put("participants_total", "۱۲").
		put("participants_women", "۷").put("participants_men", "۵")
	for _, domain := range []string{"participation", "leadership", "problem_assessment", "asking_why", "structures", "resource_mobilisation", "links", "outside_agents", "programme_management"} {
		s.row("scores").put("domain", domain).put("consensus", "۳")
	}
	s.save()

	// Assets: fifteen of four kinds and more, with those that are there.
	for _, x := range [][3]string{{"individual", "craft", "بافندهٔ حصیر"}, {"individual", "nurse", "پرستار بازنشسته"}, {"association", "heyat", "هیئت علی‌اکبر"}, {"association", "sports_team", "تیم والیبال"},
		{"institution", "mosque", "مسجد جامع"}, {"institution", "library", "کتابخانهٔ امید"}, {"institution", "health_house", "خانهٔ بهداشت"}, {"physical", "park", "بوستان لاله"}, {"physical", "vacant_land", "زمین پشت مدرسه"},
		{"economic", "workshop", "کارگاه خیاطی"}, {"economic", "weekly_market", "پنجشنبه‌بازار"}, {"culture_story", "food", "آش محلی"}, {"culture_story", "ritual", "آیین باران"}} {
		p.section("assets", "asset").put("category", x[0]).put("subtype", x[1]).put("title_fa", x[2]).save()
	}

	// Needs survey: a small campaign, a household at the door, two teachers, a group
	// of women.
	p.record("survey_campaign").put("sampling", "random_blocks").put("target_n", "۱").put("questionnaire_version", "۱").save()
	p.nav("screen.nav.round")
	p.Click("B01")
	p.Click(p.with("screen_records.round.next", texts.Args{"n": 1}))
	s = p.formed("household_response").put("consent", "yes").put("respondent_sex", "female").put("respondent_age_band", "30-44").put("respondent_relation", "head").
		put("size", "۴").put("children_u18", "۲").put("elders_60", "۰").put("disabled", "۰").put("women_headed", "no")
	s.row("perceived_needs").put("rank", "۱").put("category", "infrastructure")
	s.put("willing_to_participate", "yes").save()
	for range 2 {
		s := p.record("key_informant_interview").put("informant_kind", "teacher")
		s.row("themes").put("code", "services")
		s.save()
	}
	s = p.record("focus_group").put("held_on", date).put("group_kind", "women").put("participants", "۸").put("moderator", "زهرا کریمی").put("note_taker", "سکینه احمدی")
	s.row("themes").put("code", "services")
	s.save()

	// Prioritised needs: the residents have voted, and their committee approves.
	needs := []string{"روشنایی کوچه‌ها", "درمانگاه", "کار برای جوانان"}
	for i, title := range needs {
		p.section("prioritised_needs", "need").put("title_fa", title).put("category", []string{"infrastructure", "health", "livelihood"}[i]).
			put("affected_groups", "all").put("evidence_refs", p.code("GROUPKIND", "women")).save()
	}
	s = p.record("committee").put("kind", "steering").put("neighbourhood_id", "پیرسرا").put("quorum_rule", "majority")
	s.row("members").put("person_id", "زهرا کریمی").put("seat", "resident").put("from", date)
	s.save()
	steering := p.code("COMMITTEE", "steering")
	p.record("meeting").put("committee_id", steering).put("held_on", date).put("present_ids", "زهرا کریمی").save()
	s = p.record("prioritisation_round").put("method", "borda").put("held_on", date).put("need_ids", needs...)
	s.row("voter_mix").put("group", "women").put("count", "۱۸")
	s.beside("decision").put("meeting_id", steering).put("kind", "approve_priorities").put("text", "سه نیاز به همین ترتیب").put("result", "approved").
		back("prioritisation_round").save()

	// Harm map: each block is rated.
	p.section("harm_map", "harm_rating").put("harm_code", "school_dropout").put("unit", "block").put("block_id", "B01").put("intensity", "۱").put("observed_by", "observation").save()

	// Residents took part.
	p.section("participation", "activity").put("type", "public_meeting").put("held_on", date).put("duration_min", "۹۰").put("topic", "آشنایی با شناسنامهٔ محله").
		put("facilitator_ids", "زهرا کریمی").put("participants_total", "۳۰").put("participants_women", "۱۸").put("participants_men", "۱۲").put("summary", "اهالی از نیازها گفتند.").save()

	// Every section has what it must have.
	p.open("/?counted=1")
	p.See("پیرسرا")
	var open []string
	p.Eval(`[...document.querySelectorAll(".sections li")].filter((l) => l.querySelector(".warn")).map((l) => l.querySelector("a span").lastChild.data.trim())`, &open)
	if len(open) != 0 {
		p.Fatalf("the sections %q lack something", open)
	}
	p.Check("dossier")
	p.Shot("dossier")
	return p.String(`document.querySelector(".place progress").value + " of 100"`)
}
