package demo

import (
	"fmt"
	"math/rand/v2"

	"mahalleh/syncproto"
)

// writer makes up what a facilitator records: fictional, and the same for the
// same seed.
type writer struct {
	rng *rand.Rand
	n   uint64
}

func newWriter(n uint64) *writer { return &writer{rng: rand.New(rand.NewPCG(n, 11)), n: n} }

func pick[T any](w *writer, all ...T) T { return all[w.rng.IntN(len(all))] }

func (w *writer) block(i int) map[string]any {
	return map[string]any{"code": fmt.Sprintf("B%02d", int(w.n)*10+i), "households": 60 + w.rng.IntN(90)}
}

func (w *writer) household(block syncproto.RecordID, i int) map[string]any {
	size := 2 + w.rng.IntN(5)
	problems := []map[string]any{
		{"service": "sewage", "severity": w.rng.IntN(5)},
		{"service": "lighting", "severity": w.rng.IntN(5)},
	}
	needs := []map[string]any{
		{"rank": 1, "category": pick(w, "livelihood", "infrastructure", "health"), "text": pick(w,
			"کارِ ثابت برای دخترم که دیپلم گرفته", "جمع‌کردن فاضلاب کوچهٔ لاله", "درمانگاه شبانه‌روزی نزدیک محله", "روشنایی مسیر مدرسه")},
		{"rank": 2, "category": pick(w, "education", "addiction", "leisure")},
	}
	return map[string]any{
		"block_id": block.String(), "household_no": i + 1, "consent": true,
		"respondent_sex": pick(w, "female", "male"), "respondent_age_band": pick(w, "19-29", "30-44", "45-59"), "respondent_relation": pick(w, "head", "spouse"),
		"size": size, "children_u18": w.rng.IntN(size), "elders_60": w.rng.IntN(2), "disabled": 0, "women_headed": w.rng.IntN(5) == 0,
		"services_problem": problems, "perceived_needs": needs, "willing_to_participate": w.rng.IntN(3) > 0, "belonging": 1 + w.rng.IntN(5),
	}
}

var assetKinds = []struct{ category, subtype, title string }{
	{"physical", "hall", "سالن ورزشی دبستان"}, {"physical", "vacant_land", "زمین خالی کنار رودخانه"}, {"association", "heyat", "هیئت عزاداران"},
	{"association", "sandogh", "صندوق خانوادگی"}, {"economic", "workshop", "کارگاه خیاطی"}, {"economic", "weekly_market", "بازار هفتگیِ سه‌شنبه‌ها"},
	{"culture_story", "ritual", "آیین نوروزخوانی"}, {"economic", "coop", "تعاونی کشاورزان"},
}

func (w *writer) asset(block syncproto.RecordID, i int) map[string]any {
	k := assetKinds[(i+int(w.n))%len(assetKinds)]
	v := map[string]any{
		"category": k.category, "subtype": k.subtype, "title_fa": fmt.Sprintf("%s %d‑%d", k.title, w.n, i+1),
		"description": pick(w, "کلید نزد سرایدار است؛ پس از ساعت ۱۶ با هماهنگی در اختیار اهالی قرار می‌گیرد.",
			"هفته‌ای دو روز باز است و اهالی آن را می‌شناسند.", "به تعمیر سقف نیاز دارد."),
		"owner_kind": pick(w, "public", "private", "community"), "availability": pick(w, "always", "scheduled", "by_permission"),
		"condition": 1 + w.rng.IntN(5), "capacity_value": 10 * (1 + w.rng.IntN(12)), "capacity_unit": "person",
	}
	if k.category == "physical" || k.category == "economic" {
		v["block_id"] = block.String()
		v["location"] = map[string]any{"lat": 37.25 + float64(w.rng.IntN(200))/1e5, "lon": 49.61 + float64(w.rng.IntN(200))/1e5, "accuracy_m": 8}
	}
	return v
}

func (w *writer) need(evidence []syncproto.RecordID, i int) map[string]any {
	refs := make([]string, len(evidence))
	for k, id := range evidence {
		refs[k] = id.String()
	}
	titles := []string{"نبودِ روشنایی و احساس ناامنی زنان در مسیر مدرسه", "بیکاری جوانان دیپلمه", "فاضلاب روباز در کوچه‌های پایین‌دست",
		"دوری مرکز بهداشت از بافت قدیم", "نبود فضای بازی برای کودکان"}
	categories := []string{"security", "livelihood", "infrastructure", "health", "leisure"}
	return map[string]any{"title_fa": titles[i%5], "category": categories[i%5], "affected_groups": []string{pick(w, "women", "children", "all"), "youth"},
		"affected_count": 100 + w.rng.IntN(900), "affected_basis": "estimate", "evidence_refs": refs, "root_causes": []map[string]any{{"cause": "خاموش‌بودن ۱۴ تیر برق"}}, "status": "proposed"}
}

// edit is what this facilitator thinks of the i-th asset of the list: some
// things that only they change, one that everybody changes.
func (w *writer) edit(i int) map[string]any {
	v := map[string]any{}
	switch (i + int(w.n)) % 3 {
	case 0:
		v["condition"] = 1 + w.rng.IntN(5)
	case 1:
		v["availability"] = pick(w, "always", "scheduled", "by_permission", "unavailable")
	case 2:
		v["accessible"] = pick(w, "yes", "partly", "no")
	}
	if i%4 == 0 {
		v["capacity_value"] = 10*int(w.n) + 7
	}
	return v
}
