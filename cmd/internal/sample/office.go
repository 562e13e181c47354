package sample

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/server/access"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// office is the provincial committee and those who work for it, each with a device
// that is always online.
type office struct {
	secretary *device
	deputies  []*device
	counties  []*device
	rng       *rand.Rand

	// The committee, its people, the course and the bodies that requests go to.
	committee, course, bureau, municipality, vocational, health recordID
	people                                                      []recordID
}

func (o *office) devices() []*device {
	return slices.Concat([]*device{o.secretary}, o.deputies, o.counties)
}

// seats are those of the committee.
var seats = []struct{ seat, sex, represents string }{
	{"dg", "male", "مدیرکل"}, {"secretary", "female", "دبیرخانه"}, {"dep_rehab", "male", "معاونت توانبخشی"}, {"dep_prevention", "female",
		"معاونت پیشگیری"}, {"dep_social", "male", "معاونت امور اجتماعی"},
	{"women_family_expert", "female", "دفتر امور زنان و خانواده"}, {"cb_expert", "female", "طرح اجتماع‌محور"}, {"resident", "male",
		"اهالی محله‌ها"}, {"resident", "female", "اهالی محله‌ها"},
}

// staff enrols the office's people.
func (w *world) staff() error {
	w.office.rng = newDie(w.o.Seed, 1)
	name := func(sex string) string { return personName(w.office.rng, sex) }
	w.office.secretary = w.newDevice(name("female"), 1, 0)
	if err := w.office.secretary.hire(w.province, access.Province); err != nil {
		return err
	}
	for i := range 3 {
		d := w.newDevice(name(seats[2+i].sex), 2, uint64(i))
		w.office.deputies = append(w.office.deputies, d)
		if err := d.hire(w.province, access.Province); err != nil {
			return err
		}
	}
	for _, c := range w.counties {
		c.office = w.newDevice(name("male"), 3, uint64(c.n))
		w.office.counties = append(w.office.counties, c.office)
		// The office sees the names that it records itself, like a technical manager.
		if err := c.office.hire(c.place, access.County, access.TechnicalManager); err != nil {
			return err
		}
		c.office.rank = ranks[access.TechnicalManager]
	}
	s := w.office.secretary
	t := moment(w.start-8, 10, 0)
	for _, id := range []*recordID{&w.office.committee, &w.office.course, &w.office.bureau, &w.office.municipality, &w.office.vocational,
		&w.office.health} {
		*id = s.newRecord(t)
	}
	return nil
}

// planOffice plans what the committee and the offices do.
func (w *world) planOffice() {
	w.plan(moment(w.start-7, 14, 30), w.form)
	w.plan(moment(w.start, 14, 0), w.assign)
	w.plan(moment(w.start+1, 14, 0), w.fund)
	for month := range w.o.Months {
		due := w.start + jalali.Day(float64(month)*monthDays)
		for i, c := range w.counties {
			for d := range 4 {
				w.plan(moment(due+22+jalali.Day(2*d), 13, 0)+int64(i)*minuteMS, c.review)
			}
		}
		w.plan(moment(due+28, 14, 0), w.decide)
		for day := range jalali.Day(29) {
			w.plan(moment(due+day, 15, 0), w.attend)
		}
	}
}

// attend has the office's devices be seen.
func (w *world) attend(t int64) error {
	for _, d := range w.office.devices() {
		if err := d.sync(t); err != nil {
			return err
		}
	}
	return nil
}

// What the office does is recorded in the hours before it is sent.

// form records the committee, the course and the bodies.
func (w *world) form(sent int64) error {
	t := sent - 5*hour
	s, o := w.office.secretary, &w.office
	c := w.counties[0]
	var members rows
	for i, seat := range seats {
		person, _ := c.office.somebody(t+int64(i)*minuteMS, c.place.ID, personName(o.rng, seat.sex), seat.sex, born(c.office), "contact")
		o.people = append(o.people, person)
		members = append(members, fields{"person_id": person, "seat": seat.seat, "represents": seat.represents, "from": w.start - 200})
	}
	if err := c.office.sync(sent); err != nil {
		return err
	}
	org := func(id recordID, name, kind string) {
		s.createAs(id, t, w.province.ID, "organisation", fields{"name_fa": name, "kind": kind, "province_code": w.o.Province,
			"county": bare(c.place.NameFa)})
	}
	org(o.bureau, "ادارهٔ کل بهزیستی استان (نمونه)", "province_office")
	org(o.municipality, "شهرداری "+bare(c.place.NameFa), "municipality")
	org(o.vocational, "مرکز آموزش فنی‌وحرفه‌ای "+bare(c.place.NameFa), "vocational")
	org(o.health, "شبکهٔ بهداشت "+bare(c.place.NameFa), "health")
	s.createAs(o.committee, t, w.province.ID, "committee", fields{"kind": "provincial_cb", "name": "کمیتهٔ استانی اجتماع‌محور",
		"scope_org_unit_id": o.bureau, "status": "formed", "members": members, "quorum_rule": "majority"})
	s.createAs(o.course, t, w.province.ID, "training_course", fields{"title": "آموزش برنامه‌های اجتماع‌محور",
		"topics": []string{"facilitation", "networking", "participation", "execution", "cbr", "council", "micro_finance", "prevention",
			"dossier_tools", "privacy"},
		"group_no": 3, "held_on": w.start - 6, "hours": 16})
	return s.sync(sent)
}

// meeting records one of the committee's meetings.
func (w *world) meeting(t int64, items ...string) recordID {
	s, o := w.office.secretary, &w.office
	var agenda rows
	for _, i := range items {
		agenda = append(agenda, fields{"item": i})
	}
	return s.create(t, w.province.ID, "meeting", fields{"committee_id": o.committee, "held_on": today(t), "place": "سالن جلسه‌های ادارهٔ کل",
		"agenda": agenda, "present_ids": o.people[:6+o.rng.IntN(4)], "minutes": several(o.rng, 3, meetingMinutes)})
}

// decision records what was decided on one thing, and on which version of it, if it is
// given as it stood then.
func (w *world) decision(t int64, meeting recordID, kind string, about recordID, text, result string, stood ...*syncproto.RecordState) recordID {
	s, o := w.office.secretary, &w.office
	v := fields{}
	if len(stood) > 0 {
		form, _ := w.forms.Form(schemas.FormID(stood[0].Form))
		version := merge.VersionDecided(form, stood[0])
		v["subject_version"] = hex.EncodeToString(version[:])
	}
	var votes rows
	for _, p := range o.people[:6] {
		votes = append(votes, fields{"member": p, "vote": []string{"for", "abstain"}[weigh(o.rng, 94, 6)],
			"opinion": maybe(o.rng, 6, say(o.rng, voteOpinion))})
	}
	v["meeting_id"], v["kind"], v["subject_ref"], v["text"], v["votes"] = meeting, kind, about, text, votes
	v["result"], v["responsible_id"] = result, o.people[1]
	return s.create(t, w.province.ID, "decision", v)
}

// assign begins every dossier, on the day of the meeting.
func (w *world) assign(sent int64) error {
	t := sent - 5*hour
	s := w.office.secretary
	m := w.meeting(t, "آغاز شناسنامهٔ محله‌های برگزیده", "نقشهٔ راه کمیته")
	for i, h := range w.hoods {
		at := t + hour + int64(i)*1000
		d := w.decision(at, m, "assign_task", h.dossier, fmt.Sprintf("شناسنامهٔ %s ظرف یک ماه با مشارکت اهالی تکمیل شود.", h.name), "approved")
		s.createAs(h.dossier, at, h.place.ID, "dossier", fields{"neighbourhood_id": h.record, "revision_no": 1, "assigned_on": w.start,
			"due_on": w.due, "status": "assigned", "sections": (&hood{w: w}).sections()})
		s.create(at, h.place.ID, "programme_enrolment", fields{"neighbourhood_id": h.record, "programme": "dossier", "executor_org_id": h.office,
			"decision_id": d, "started_on": w.start})
		if h.empowered {
			w.choose(at, h, m)
		}
	}
	return s.sync(sent)
}

// choose takes a neighbourhood into the empowerment plan, with a capable clinic.
func (w *world) choose(t int64, h *hood, meeting recordID) {
	s, rng := w.office.secretary, w.office.rng
	clinic := s.create(t, h.place.ID, "organisation", fields{"name_fa": "کلینیک مددکاری اجتماعی " + bare(h.name), "kind": "sw_clinic",
		"province_code": w.o.Province, "county": bare(h.county.place.NameFa), "licence_no": "ک‌م/" + written(300+h.n),
		"licence_issued_on": w.start - 400, "licence_expires_on": w.start + 700, "catchment_ids": h.record,
		"selected_on": w.start - jalali.Day(1+rng.IntN(20)), "willing": true, "located_in_target": rng.IntN(3) == 0, "can_establish_base": true,
		"past_success": true, "selection_evidence": say(rng, evidenceText)})
	enrolment := s.createAs(h.enrolment, t, h.place.ID, "programme_enrolment",
		fields{"neighbourhood_id": h.record, "programme": "empowerment_plan", "executor_org_id": clinic, "started_on": w.start,
			"stage": "clinic_selected"})
	d := w.decision(t, meeting, "select_neighbourhood", h.enrolment, fmt.Sprintf("%s محلهٔ هدف طرح توانمندسازی است.", h.name), "approved")
	s.edit(t, enrolment, fields{"decision_id": d})
	s.step(t, enrolment, "stage", "neighbourhood_selected")
}

var commitments = []string{"needs_prioritised", "assets_identified", "harm_map", "participatory_plan", "collective_action", "advocacy"}

// fund records agreements with social-health bases and the credits.
func (w *world) fund(sent int64) error {
	t := sent - 5*hour
	s, rng := w.office.secretary, w.office.rng
	for i, h := range w.hoods {
		at := t + int64(i)*1000
		if h.base {
			org := s.create(at, h.place.ID, "organisation", fields{"name_fa": "پایگاه سلامت اجتماعی " + bare(h.name), "kind": "social_health_base",
				"province_code": w.o.Province, "county": bare(h.county.place.NameFa), "local_record": say(rng, localRecord),
				"staff": rows{{"role": "manager", "count": 1}, {"role": "facilitator", "count": 2},
					{"role": "public_relations", "count": 2}}, "catchment_ids": h.record})
			signed := w.start - jalali.Day(150+rng.IntN(110))
			var six rows
			for _, c := range commitments {
				state := []string{"delivered", "in_progress", "not_started"}[weigh(rng, 50, 35, 15)]
				if h.n%8 == 1 {
					state = "delivered"
				}
				six = append(six, fields{"commitment": c, "state": state, "target_count": 1 + rng.IntN(40)})
			}
			d, _ := signed.Date()
			agreement := s.createAs(s.newRecord(at), at, h.place.ID, "agreement",
				fields{"number": "۱۴۰۴/س/" + written(h.n+1), "kind": "memorandum", "programme": "social_health_base", "party_org_id": org,
					"signed_on": signed, "start_on": signed, "end_on": d.YearEnd().EpochDay(), "state": "draft", "deliverables": six,
					"founding_documents": []string{"licence", "resume", "staff_list"},
					"amount_rial":        10_000_000 * (60 + rng.IntN(100)), "basis_performance_score": 40 + rng.IntN(60),
					"basis_need_score": 30 + rng.IntN(70)})
			s.step(at, agreement, "state", "signed")
			s.step(at, agreement, "state", "active")
			if h.n%12 == 1 || h.n%12 == 5 {
				s.edit(at+minuteMS, agreement, fields{"confirmed_result": []string{"approved", "rejected"}[h.n%12/5], "confirmed_on": today(t),
					"confirmed_by": w.office.people[3]})
			}
			s.create(at, h.place.ID, "programme_enrolment", fields{"neighbourhood_id": h.record, "programme": "social_health_base",
				"executor_org_id": org, "started_on": signed})
		}
		programme, need := "comprehensive", 150_000_000+1_000_000*rng.IntN(150)
		if h.empowered {
			programme, need = "empowerment_plan", 220_000_000+1_000_000*rng.IntN(200)
		}
		allocated := need * (40 + rng.IntN(50)) / 100
		line := s.create(at, h.place.ID, "budget_line", fields{"programme": programme, "item": "activity", "province_code": w.o.Province,
			"neighbourhood_id": h.record, "jalali_year": jalaliYear(t), "approved_rial": need, "allocated_rial": allocated,
			"basis": "بر پایهٔ نیازهای محله"})
		s.create(at, h.place.ID, "budget_txn", fields{"line_id": line, "kind": "allocate", "amount_rial": allocated, "on": today(t),
			"doc_no": written(4000 + h.n)})
		if rng.IntN(2) == 0 {
			paid := fields{"line_id": line, "kind": "pay", "amount_rial": allocated / (2 + rng.IntN(4)), "on": today(t), "doc_no": written(9000 + h.n)}
			first := s.create(at, h.place.ID, "budget_txn", paid)
			switch h.n % 6 {
			case 1: // a zero too many, corrected
				paid["amount_rial"], paid["corrects_id"] = allocated/20, first
				s.create(at+minuteMS, h.place.ID, "budget_txn", paid)
			case 3:
				s.create(at+minuteMS, h.place.ID, "budget_txn", fields{"line_id": line, "kind": "return", "amount_rial": 1_000_000, "on": today(t),
					"doc_no": written(9500 + h.n)})
			}
		}
		if h.n%7 == 3 {
			elders := 200_000_000 + 1_000_000*rng.IntN(60)
			s.create(at, h.place.ID, "budget_line", fields{"programme": "elder_network", "item": "group_formation", "province_code": w.o.Province,
				"neighbourhood_id": h.record, "jalali_year": jalaliYear(t), "approved_rial": 300_000_000, "allocated_rial": elders,
				"required_rial": 220_000_000, "below_required_reason": "باقی در نیمهٔ دوم سال", "basis": "طرح شبکه‌های سالمندان"})
		}
	}
	line := s.create(t, w.province.ID, "budget_line", fields{"programme": "comprehensive", "item": "executor_training", "province_code": w.o.Province,
		"jalali_year": jalaliYear(t), "approved_rial": 120_000_000, "allocated_rial": 90_000_000, "basis": "آموزش تسهیلگران"})
	s.create(t, w.province.ID, "budget_txn", fields{"line_id": line, "kind": "pay", "amount_rial": 60_000_000, "on": today(t), "doc_no": written(8000)})
	return s.sync(sent)
}

// review looks at the dossiers of a county that were sent in, most of them at once.
func (c *county) review(sent int64) error {
	t := sent - 2*hour
	d := c.office
	// It reviews as the county, and records names as a technical manager.
	was := d.rank
	d.rank = ranks[access.County]
	defer func() { d.rank = was }()
	for _, h := range d.w.hoods {
		if h.county != c {
			continue
		}
		s, err := h.dossierIn("submitted")
		if err != nil {
			return err
		}
		if s == nil || d.rng.IntN(5) == 0 {
			continue
		}
		d.edit(t, s, fields{"reviewed_by": d.w.office.people[6], "reviewed_on": today(t)})
		d.step(t, s, "status", "county_reviewed")
	}
	return d.sync(sent)
}

// dossierIn is the neighbourhood's dossier if it is in a state, else nil.
func (h *hood) dossierIn(status string) (*syncproto.RecordState, error) {
	found, err := h.w.states(h.dossier)
	if s := found[h.dossier]; err == nil && s != nil && h.w.codeOf(s, "status") == status {
		return s, nil
	}
	return nil, err
}

// decide is the committee's meeting on dossiers: it approves most of those that
// were reviewed and returns some.
func (w *world) decide(sent int64) error {
	t := sent - 4*hour
	d, rng := w.office.secretary, w.office.rng
	var m recordID
	for i, h := range w.hoods {
		s, err := h.dossierIn("county_reviewed")
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if m == (recordID{}) {
			m = w.meeting(t, "بررسی شناسنامه‌های رسیده", "محله‌هایی که مهلتشان گذشته است")
		}
		at := t + hour + int64(i)*1000
		switch weigh(rng, 68, 20, 12) {
		case 0:
			made := w.decision(at, m, "approve_dossier", h.dossier, fmt.Sprintf("شناسنامهٔ %s تأیید شد.", h.name), "approved", s)
			if err := d.approve(at, h, s, fields{"approved_by_decision_id": made, "approved_on": today(t)}); err != nil {
				return err
			}
		case 1:
			section := pick(rng, "needs_survey", "harm_map", "assets", "key_persons", "participation", "profile")
			w.decision(at, m, "return_dossier", h.dossier, fmt.Sprintf("شناسنامهٔ %s برای اصلاح بازگردانده شد.", h.name), "returned", s)
			d.edit(at, s, fields{"returned": rows{{"on": today(t), "by": w.office.people[1], "section": section,
				"reason": say(rng, returnReason[section])}}})
			d.step(at, s, "status", "returned")
		default:
			w.decision(at, m, "approve_dossier", h.dossier, fmt.Sprintf("بررسی شناسنامهٔ %s به جلسهٔ بعد موکول شد.", h.name), "deferred", s)
		}
	}
	return d.sync(sent)
}
