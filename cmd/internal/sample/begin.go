package sample

import (
	"fmt"
	"math"

	"mahalleh/schemas/jalali"
)

// doOffice records who works here and where: the centre, its people, their
// training, the neighbourhood itself. The manager does it before the start.
func doOffice(x *worker, t int64, _ int) {
	h := x.hood
	roles := []string{"facilitator", "technical_manager", "licence_holder"}
	for i, y := range h.team {
		person, consent := h.persons[i], x.newRecord(t)
		x.createAs(consent, t, h.id(), "consent", fields{"person_id": person, "purposes": []string{"dossier", "contact", "team"},
			"text_version": "۱۴۰۴-۲", "given_on": today(t), "method": "signed"})
		x.createAs(person, t, h.id(), "person", fields{"full_name": x.hand.write(x.rng, y.name), "sex": y.sex,
			"birth_year": 1404 - 23 - x.rng.IntN(35), "consent_id": consent,
			"national_id": nationalID(x.rng), "phone": phone(x.rng)})
		x.createAs(h.facilitators[i], t, h.id(), "facilitator", fields{"person_id": person, "role": roles[i], "centre_id": h.office,
			"assigned_neighbourhood_ids": h.record,
			"active_from":                h.w.start - 20, "education": pick(x.rng, "bachelor", "bachelor", "master", "associate", "diploma"),
			"field_of_study": maybe(x.rng, 70, pick(x.rng, "مددکاری اجتماعی", "روان‌شناسی", "علوم اجتماعی", "مشاوره", "مدیریت")),
			"local_resident": x.rng.IntN(100) < 58, "languages": []string{"persian", localTongue(h.w.o.Province)}, "consent_id": consent})
		pre := 25 + x.rng.IntN(45)
		post := min(100, pre+5+x.rng.IntN(40))
		if (h.n+2*i)%13 == 6 {
			continue // was ill on the days of the course
		}
		x.create(t, h.id(), "training_attendance", fields{"course_id": h.w.office.course, "person_id": person, "role": roles[i],
			"present_hours": 10 + x.rng.IntN(7), "pre_score": pre, "post_score": post,
			"certificate_no": "۱۴۰۴/" + written(1000+3*h.n+i), "valid_until": h.until(i), "consent_id": consent})
		h.w.made.Trained++
	}
	x.createAs(h.office, t, h.id(), "organisation", fields{"name_fa": x.hand.write(x.rng, "مرکز مثبت زندگی "+bare(h.name)), "kind": "positive_life",
		"province_code": h.w.o.Province, "county": bare(h.county.place.NameFa),
		"city_or_village": bare(h.name), "address": x.says([]string{"{street}، کنار {place}", "{street}، پلاک {1-120}"}), "location": h.point(x.rng,
			10), "licence_no": "م‌ز/" + written(2000+h.n),
		"licence_issued_on": h.w.start - jalali.Day(200+x.rng.IntN(400)), "licence_expires_on": h.w.start + jalali.Day(40+x.rng.IntN(700)),
		"licence_holder_id": h.persons[holder], "technical_manager_id": h.persons[manager],
		"caseload": 200 + x.rng.IntN(460), "catchment_ids": h.record})
	basis := any(nil)
	if h.harmProne {
		basis = x.says(harmBasis)
	}
	x.createAs(h.record, t, h.id(), "neighbourhood", fields{"name_fa": h.name, "setting": h.setting, "settlement_type": h.settlement,
		"harm_prone": h.harmProne, "harm_basis": basis,
		"province_code": h.w.o.Province, "county": bare(h.county.place.NameFa), "city_or_village": bare(h.name), "boundary": h.boundary(x.rng),
		"responsible_centre_id": h.office, "facilitator_ids": h.facilitators[:]})
}

// bare is a name without the word that says what bears it.
func bare(name string) string {
	for i, c := range name {
		if c == ' ' {
			return name[i+1:]
		}
	}
	return name
}

// localTongue is what people speak at home in a province.
func localTongue(province string) string {
	tongue, ok := map[string]string{"01": "gilaki", "02": "mazandarani", "03": "azeri", "04": "azeri", "05": "kurdish", "06": "arabic",
		"11": "baluchi", "12": "kurdish", "14": "bakhtiari", "15": "luri",
		"16": "kurdish", "17": "luri", "18": "bandari", "19": "azeri", "22": "bandari", "24": "azeri", "27": "turkmen",
		"28": "khorasani_turkic"}[province]
	if !ok {
		return "other"
	}
	return tongue
}

// doBegin records the blocks, the survey's plan and the first sight of the
// neighbourhood.
func doBegin(x *worker, t int64, _ int) {
	h := x.hood
	if d := x.opened[h.dossier]; d != nil {
		x.step(t, d, "status", "collecting")
	}
	left := h.households
	for i := range h.blocks {
		n := left / (h.blocks - i)
		if i < h.blocks-1 {
			n = min(left, int(float64(n)*(0.6+0.8*x.rng.Float64())))
		}
		left -= n
		x.made(poolBlock, x.create(t+int64(i)*minuteMS, h.id(), "block", fields{"code": blockCode(i), "households": n, "walk_order": i + 1,
			"boundary": h.strip(i)}))
		h.said.blocks++
	}
	x.createAs(h.campaign, t, h.id(), "survey_campaign", fields{"method_mix": []string{"household", "key_informant", "focus_group", "observation"},
		"sampling": pick(x.rng, "random_blocks", "random_blocks", "census", "purposive"),
		"target_n": max(1, int(math.Round(90*h.w.o.Scale))), "questionnaire_version": "1404-1", "opens_on": today(t), "closes_on": h.w.due,
		"executor_person_id": h.persons[facilitator]})
	doProfile(x, t, 0)
}

// doProfile records the profile, as far as it is known on the first days; it is
// completed later.
func doProfile(x *worker, t int64, _ int) {
	h, rng := x.hood, x.rng
	p := h.people
	var infra rows
	all := append([]string{"water", "electricity", "gas", "road", "primary_school", "mosque", "mobile", "waste"},
		distinct(rng, 4+rng.IntN(10), []string{"sewage", "lighting", "transport", "health_house", "internet", "park", "drainage", "pharmacy",
			"sports", "market", "kindergarten", "library", "secondary_school", "bank", "health_centre", "emergency", "police", "fire", "post",
			"telephone", "positive_life", "accessibility", "day_rehab", "special_school"})...)
	for _, s := range all {
		row := fields{"service": s, "status": []string{"good", "weak", "none", "nearby", "unknown"}[weigh(rng, 34, 32, 18, 13, 3)],
			"note": maybe(rng, 20, x.says(infraNote))}
		if row["status"] == "nearby" {
			row["distance_m"] = 200 + 50*rng.IntN(60)
		}
		infra = append(infra, row)
	}
	consulted := 12 + rng.IntN(50)
	women := consulted * (40 + rng.IntN(35)) / 100
	h.said.residents, h.said.profile = consulted, 1
	v := fields{"reference_year": jalaliYear(t),
		"data_basis": pick(rng, "health_house", "field_count", "dehyari", "census", "estimate", "municipality"), "population": p.all, "male": p.male,
		"female": p.female, "households": h.households,
		"age_0_6": p.small, "age_7_18": p.school, "age_19_59": p.grown, "age_60_plus": p.old,
		"women_headed_hh": h.households * (7 + rng.IntN(9)) / 100, "disabled_persons": p.all * (15 + rng.IntN(25)) / 1000,
		"behzisti_cases": h.households * (2 + rng.IntN(12)) / 100, "migrants_share": dec(rng.IntN(3000)), "languages": []string{"persian",
			localTongue(h.w.o.Province)}, "tenure_formal_pct": dec(1500 + rng.IntN(8000)),
		"unemployment_pct": dec(700 + rng.IntN(2200)), "illiteracy_pct": dec(400 + rng.IntN(1800)), "infrastructure": infra,
		"history": x.tells(2+rng.IntN(4),
			historyText), "identity_notes": maybe(rng, 70, x.tells(2+rng.IntN(2), identityText)),
		"residents_consulted": consulted, "residents_women": women, "residents_men": consulted - women,
		"residents_youth": consulted * rng.IntN(40) / 100, "residents_elders": consulted * rng.IntN(30) / 100}
	if h.n%9 == 5 { // nobody knows how many live here
		for _, name := range []string{"population", "male", "female", "age_0_6", "age_7_18", "age_19_59", "age_60_plus"} {
			delete(v, name)
		}
	}
	x.create(t, h.id(), "neighbourhood_profile", v)
}

// bandOf is the age band of somebody grown up, by the year of birth.
func bandOf(year int) string {
	for i, until := range []int{18, 29, 44, 59, 74} {
		if 1404-year <= until {
			return bands[i]
		}
	}
	return bands[len(bands)-1]
}

func jalaliYear(t int64) int {
	d, _ := today(t).Date()
	return d.Year()
}

// keyKinds are those whom a neighbourhood listens to, the commonest first.
var keyKinds = []string{"trusted", "active", "teacher", "shopkeeper", "elder", "educated", "health_worker", "clergy", "youth_leader",
	"council_member", "donor", "artist_athlete", "manager", "dehyar", "ngo_rep", "disabled_leader", "official"}

var helps = []string{"host_meeting", "inform_neighbours", "volunteer_work", "invite_women", "join_team", "collect_data", "guide_walk", "teach",
	"mediate", "give_place", "invite_youth", "link_officials", "give_goods", "transport", "give_tools", "give_money"}

// doKeyPerson records somebody whom the neighbourhood listens to.
func doKeyPerson(x *worker, t int64, i int) {
	rng := x.rng
	sex := pick(rng, "male", "female", "male")
	if i < 3 {
		sex = "female"
	}
	name := personName(rng, sex)
	year := born(x.device)
	person, consent := x.somebody(t, x.hood.id(), name, sex, year, "dossier", "contact")
	x.made(poolPerson, person)
	x.create(t, x.hood.id(), "key_person", fields{"full_name": x.hand.write(rng, name), "person_id": person, "kind": common(rng, keyKinds),
		"sex": sex, "age_band": bandOf(year),
		"phone": maybe(rng, 75, phone(rng)), "affiliation": maybe(rng, 65, x.says(affiliations)),
		"role_title": maybe(rng, 55, common(rng, roleTitles)), "influence": 1 + weigh(rng, 4, 14, 32, 32, 18),
		"interest": 1 + weigh(rng, 6, 14, 30, 30, 20),
		"stance":   maybe(rng, 75, []string{"supporter", "neutral", "opponent"}[weigh(rng, 66, 28, 6)]), "skills": distinct(rng, rng.IntN(3),
			skills), "willing_to": distinct(rng, 1+rng.IntN(3), helps), "consent_id": consent})
	x.hood.said.key++
}

// doTeam forms the local team.
func doTeam(x *worker, t int64, _ int) {
	h := x.hood
	x.createAs(h.localTeam, t, h.id(), "local_team", fields{"name": x.hand.write(x.rng, "تیم اجرایی "+h.name), "formed_on": today(t),
		"formed_by_clinic_id": h.office, "status": "forming"})
}

// doActive says that the team has begun to work.
func doActive(x *worker, t int64, _ int) {
	if s := x.opened[x.hood.localTeam]; s != nil && x.w.codeOf(s, "status") == "forming" {
		x.step(t, s, "status", "active")
	}
}

// doMember takes somebody into the team.
func doMember(x *worker, t int64, i int) {
	rng := x.rng
	sex := pick(rng, "female", "male")
	person, consent := x.somebody(t, x.hood.id(), personName(rng, sex), sex, born(x.device), "team", "contact")
	x.made(poolPerson, person)
	role := []string{"head", "secretary", "treasurer", "member", "block_rep", "volunteer"}[min(i, 3+rng.IntN(3))]
	x.create(t, x.hood.id(), "team_member", fields{"team_id": x.hood.localTeam, "person_id": person, "role": role, "joined_on": today(t),
		"block_id": x.one(poolBlock), "hours_per_week": 1 + rng.IntN(12), "consent_id": consent})
	x.hood.said.team++
}

var laverack = []string{"participation", "leadership", "problem_assessment", "asking_why", "structures", "resource_mobilisation", "links",
	"outside_agents", "programme_management"}
var simple = []string{"participation", "leadership", "resource_mobilisation", "links", "skills"}

// doCapacity holds a round of the capacity assessment.
func doCapacity(x *worker, t int64, round int) {
	rng := x.rng
	instrument, domains := "laverack9", laverack
	if rng.IntN(4) == 0 {
		instrument, domains = "simple_s1", simple
	}
	women, men := 3+rng.IntN(9), 3+rng.IntN(7)
	var scores rows
	for _, d := range domains {
		score := 1 + weigh(rng, 12, 30, 34, 18, 6)
		row := fields{"domain": d, "consensus": score, "reason": x.says(capacityReason[(score-1)/2]), "importance": maybe(rng, 60, 1+rng.IntN(4))}
		var votes [6]int
		for range women + men {
			votes[min(5, max(1, score+weigh(rng, 1, 4, 10, 4, 1)-2))]++
		}
		for i, n := range votes[1:] {
			row[fmt.Sprintf("individual_%d", i+1)] = n
		}
		scores = append(scores, row)
	}
	x.create(t, x.hood.id(), "capacity_assessment", fields{"instrument": instrument, "round_no": round + 1, "held_on": today(t),
		"participants_total": women + men, "participants_women": women, "participants_men": men,
		"participants_youth": rng.IntN(5), "participants_elders": rng.IntN(4), "participants_pwd": rng.IntN(2), "scores": scores,
		"actions_agreed": rows{{"domain": domains[rng.IntN(len(domains))], "action": x.says(capacityAction), "who": x.hood.localTeam,
			"when": today(t) + jalali.Day(10+rng.IntN(40))}}})
	x.hood.said.capacity = len(domains)
}

// activities by type, the commonest first.
var activities = []string{"public_meeting", "team_meeting", "group_talk", "block_walk", "home_visit", "training", "ceremony", "brochure",
	"collective_action", "banner", "advocacy_meeting", "manager_visit", "counselling", "screening", "festival"}

// doActivity records a meeting, a visit, a walk.
func doActivity(x *worker, t int64, _ int) {
	rng := x.rng
	kind := common(rng, activities)
	total := 4 + int(rng.ExpFloat64()*18)
	women := total * rng.IntN(101) / 100
	young := total * rng.IntN(40) / 100
	v := fields{"type": kind, "held_on": today(t), "duration_min": 30 + 15*rng.IntN(9), "topic": x.says(activityTopic[kind]),
		"place": maybe(rng, 80, x.says([]string{"{hall}"})), "facilitator_ids": x.hood.facilitators[x.role],
		"participants_total": total, "participants_women": women, "participants_men": total - women, "participants_u18": young,
		"participants_60_plus": (total - young) * rng.IntN(40) / 100, "participants_pwd": rng.IntN(3) * total / 20,
		"summary": x.tells(1+rng.IntN(3), activitySummary), "outcome": maybe(rng, 40, x.tells(1, activitySummary))}
	if rng.IntN(10) < 6 {
		v["location"] = x.hood.point(rng, 12)
	}
	if kind == "brochure" {
		v["materials_distributed"] = 20 + 10*rng.IntN(30)
	}
	if rng.IntN(4) == 0 {
		v["cost_rial"] = 500_000 * (1 + rng.IntN(40))
	}
	if x.knows(poolNeed) > 0 && rng.IntN(3) == 0 {
		v["need_ids"] = x.some(poolNeed, 2)
	}
	x.create(t, x.hood.id(), "activity", v)
	x.hood.said.residents += total / 4
}
