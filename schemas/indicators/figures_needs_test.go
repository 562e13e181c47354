package indicators_test

import (
	"testing"

	"mahalleh/schemas/indicators"
)

// ranking records needs of these categories, and a round that ranks them in this
// order.
func (p *place) ranking(first int, approved bool, held string, categories ...string) {
	var rows []map[string]any
	for i, c := range categories {
		p.add(first+i, "need", map[string]any{"title_fa": "نیاز", "category": c, "affected_count": 100 * (i + 1)})
		rows = append(rows, map[string]any{"need_id": ref(first + i), "score": 10 - i, "rank": i + 1})
	}
	v := map[string]any{"method": "borda", "held_on": held, "result": rows}
	if approved {
		v["approved_by_decision_id"] = ref(900)
	}
	p.add(first+50, "prioritisation_round", v)
}

// TestPriorities are D10 and D11 over three neighbourhoods, one without a round
// that was approved.
func TestPriorities(t *testing.T) {
	a, b, c := newPlace(t, 1), newPlace(t, 2), newPlace(t, 3)
	a.ranking(100, true, "1404/10/01", "leisure", "health") // an older round
	a.ranking(200, true, "1404/11/01", "livelihood", "health", "livelihood", "security")
	b.ranking(100, true, "1404/11/01", "health", "security", "housing")
	c.ranking(100, false, "1404/11/01", "culture")
	service := func(n int, category, kind, on string) {
		c.add(n, "service_delivery", map[string]any{"on": on, "kind": kind, "deputy": "social", "need_category": category, "served_total": 10, "served_women": 6, "served_men": 4})
	}
	service(1, "health", "service", "1404/11/05")
	service(2, "health", "service", "1404/11/06")
	service(3, "culture", "service", "1404/11/06")
	service(4, "livelihood", "service", "1404/12/06")
	service(5, "livelihood", "contact", "1404/11/06")
	f := combine(t, "1404/12/20", a, b, c)
	want(t, f, "D10", map[string]string{"ranked_places": "2", "needs": "10"})
	wantRow(t, f, "D10", "by_need", "health", "1.500", "100.0", "500", "300.0", "3") // 1/2 + 1/1; 400/2 of the one, 100/1 of the other
	wantRow(t, f, "D10", "by_need", "livelihood", "1.000", "50.0", "400", "400.0", "2")
	wantRow(t, f, "D10", "by_need", "security", "0.750", "50.0", "600", "200.0", "2")
	wantRow(t, f, "D10", "by_need", "culture", "0.000", "0.0", "100", "0.0", "1")
	// First needs: livelihood 2, health 2, security 1, housing 1 of six. Services: health 2, culture 1, livelihood 1 of four.
	want(t, f, "D11", map[string]string{"services": "4", "served": "40", "red_categories": "2"})
	wantRow(t, f, "D11", "by_need", "health", "2", "2", "33.3", "50.0", "1.50", "green")
	wantRow(t, f, "D11", "by_need", "livelihood", "2", "1", "33.3", "25.0", "0.75", "green")
	wantRow(t, f, "D11", "by_need", "housing", "1", "0", "16.7", "0.0", "0.00", "red")
	wantRow(t, f, "D11", "by_need", "culture", "0", "1", "0.0", "25.0", "—", "blank")
	settings := indicators.ShippedValues()
	f = indicators.Combine(indicators.Moment{From: 140412, To: 140412}, []indicators.Summary{a.summary(), c.summary()}, &settings)
	want(t, f, "D11", map[string]string{"services": "1"})
}

// TestCapacityFigure is D14 over two rounds, of which one was corrected.
func TestCapacityFigure(t *testing.T) {
	a, b := newPlace(t, 1), newPlace(t, 2)
	a.add(1, "neighbourhood", neighbourhood("الف", "رشت"))
	b.add(1, "neighbourhood", neighbourhood("ب", "رشت"))
	round := func(p *place, n, no int, held string, corrects int, links, leadership int) {
		v := map[string]any{"instrument": "simple_s1", "round_no": no, "held_on": held,
			"scores": []map[string]any{{"domain": "links", "consensus": links}, {"domain": "leadership", "consensus": leadership}}}
		if corrects > 0 {
			v["corrects_id"] = ref(corrects)
		}
		p.add(n, "capacity_assessment", v)
	}
	round(a, 10, 1, "1403/11/01", 0, 2, 3)
	round(a, 11, 2, "1404/11/01", 0, 5, 5)
	round(a, 12, 2, "1404/11/01", 11, 4, 3)
	round(b, 10, 1, "1404/11/01", 0, 1, 4)
	f := combine(t, "1404/11/20", a, b)
	want(t, f, "D14", map[string]string{"assessed": "2", "rounds": "3", "mean_score": "3.00", "low_domains": "1"})
	wantRow(t, f, "D14", "by_domain", "links", "2.50", "2.00", "2", "1", "simple_s1")
	wantRow(t, f, "D14", "by_domain", "leadership", "3.50", "0.00", "2", "0", "simple_s1")
}

// TestParticipation is D22 with a block in which somebody met, and one without.
func TestParticipation(t *testing.T) {
	p := newPlace(t, 1)
	ring := func(lat float64) []map[string]any {
		return []map[string]any{{"lat": lat, "lon": 49.60}, {"lat": lat + 0.001, "lon": 49.60}, {"lat": lat + 0.001, "lon": 49.601}, {"lat": lat, "lon": 49.601}, {"lat": lat, "lon": 49.60}}
	}
	p.add(1, "neighbourhood_profile", map[string]any{"reference_year": 1404, "data_basis": "census", "population": 1000, "age_0_6": 100, "age_7_18": 200, "age_19_59": 600, "age_60_plus": 100})
	p.add(2, "block", map[string]any{"code": "B01", "boundary": ring(37.25)})
	p.add(3, "block", map[string]any{"code": "B02", "boundary": ring(37.26)})
	p.add(4, "block", map[string]any{"code": "B03"})
	p.add(5, "activity", map[string]any{"type": "group_talk", "held_on": "1404/11/01", "location": map[string]any{"lat": 37.2505, "lon": 49.6005},
		"participants_total": 30, "participants_women": 20, "participants_men": 10, "participants_u18": 6, "participants_pwd": 3})
	p.add(6, "activity", map[string]any{"type": "group_talk", "held_on": "1404/12/01", "participants_total": 5, "participants_women": 1, "participants_men": 4})
	f := combine(t, "1404/12/20", p)
	want(t, f, "D22", map[string]string{"activities": "2", "took_part": "35", "of_adults": "5.0", "women_share": "60.0", "youth_share": "17.1", "disabled_share": "8.6", "blocks_reached": "50.0"})
}

// TestBudget is D16 with the numbers of s3:30: 40 × 22 million toman and 120
// million for training, of which one neighbourhood gets too little.
func TestBudget(t *testing.T) {
	province, p := newPlace(t, 1), newPlace(t, 2)
	p.add(1, "neighbourhood", neighbourhood("کوی", "گرگان"))
	const floor = 220_000_000
	line := func(n int, values map[string]any) {
		values["programme"], values["province_code"], values["jalali_year"] = "elder_network", "27", 1404
		province.add(n, "budget_line", values)
	}
	for i := range 39 {
		line(100+i, map[string]any{"item": "group_formation", "neighbourhood_id": ref(500 + i), "approved_rial": floor, "allocated_rial": floor})
	}
	line(139, map[string]any{"item": "group_formation", "neighbourhood_id": ref(1), "approved_rial": floor, "allocated_rial": floor - 1})
	line(140, map[string]any{"item": "executor_training", "approved_rial": 1_200_000_000})
	txn := func(n int, line int, kind string, rial int) {
		p.add(n, "budget_txn", map[string]any{"line_id": ref(line), "kind": kind, "amount_rial": rial, "on": "1404/11/01"})
	}
	txn(10, 100, "pay", 100_000_000)
	txn(11, 139, "pay", 50_000_001)
	txn(12, 139, "return", 1)
	txn(13, 139, "commit", 170_000_000)
	f := combine(t, "1404/12/20", province, p)
	want(t, f, "D16", map[string]string{"approved": "10000000000", "allocated": "8799999999", "paid": "150000000", "allocation": "88.0", "absorption": "1.7",
		"training_share": "12.0", "paid_per_place": "3750000", "below_floor": "1", "training_plan": "12"})
	wantRow(t, f, "D16", "below_floor_list", "کوی", "219999999", "220000000")
}
