package sample

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Names of people, as common as they are; who bears them here does not exist.
var (
	womenNames = []string{"فاطمه", "زهرا", "مریم", "معصومه", "سکینه", "طاهره", "زینب", "لیلا", "رقیه", "صدیقه", "نرگس", "سمیه", "پروین", "اعظم",
		"مهری", "شهناز",
		"نسرین", "آزاده", "مینا", "سارا", "نگین", "مهناز", "گلناز", "شیرین", "رویا", "هاجر", "ملیحه", "کبری", "پریسا", "الهام", "بهاره", "یاسمن",
		"ژاله", "چمن", "گلی",
		"حدیث", "مائده", "ریحانه", "ناهید", "مهدیه", "فرشته", "عاطفه", "سمانه", "شهربانو", "ماه‌نساء", "گل‌بهار"}
	menNames = []string{"محمد", "علی", "حسین", "مهدی", "رضا", "حسن", "احمد", "یوسف", "فرهاد", "ابراهیم", "مجید", "حمید", "سعید", "جواد", "اکبر",
		"کاوه", "بهروز",
		"امیر", "محسن", "مرتضی", "ناصر", "رحمان", "عباس", "یعقوب", "سلمان", "پویا", "آرش", "میلاد", "هادی", "صادق", "قاسم", "نادر", "ایرج", "بهمن",
		"سیاوش", "ادریس",
		"محمدرضا", "علی‌اکبر", "غلام‌حسین", "نعمت‌الله", "سید مصطفی", "عین‌الله"}
	familyNames = []string{"محمدی", "حسینی", "احمدی", "رضایی", "کریمی", "موسوی", "رحیمی", "جعفری", "حیدری", "قاسمی", "علی‌پور", "صادقی", "ابراهیمی",
		"نیک‌پی",
		"پورحسن", "علی‌نژاد", "رضازاده", "محمودزاده", "یوسفی", "اکبری", "شریفی", "نوری", "امینی", "سلیمانی", "خدایی", "باقری", "عباسی", "مرادی",
		"یزدان‌پناه",
		"دریابیگی", "شالی‌کار", "چای‌چی", "باغبان", "سپیدرودی", "کوهپایه", "گیلک‌نژاد", "تالش‌پور", "رودباری‌نیا", "خوش‌سیرت", "پاک‌نهاد", "ژرف‌بین",
		"گل‌محمدی",
		"حاجی‌زاده", "میرزایی", "نجفی", "فلاح", "زارع", "صیادی", "نجاری", "آهنگری", "کشاورز", "شعبانی", "غلامی", "طاهری", "بهرامی", "فتحی", "وحیدی",
		"هاشمی"}
	// The parts of the names of neighbourhoods; no place is meant.
	placeFirst = []string{"چشمه", "سیاه", "سپید", "پیر", "گل", "نارنج", "انار", "بید", "چنار", "توسکا", "شمشاد", "سرو", "آلو", "گردو", "تپه", "دره",
		"رود", "پل", "سنگ", "باغ", "دشت", "کوه", "آسیاب", "نی", "لاله"}
	placeSecond = []string{"‌سر", "‌کوچه", "ستان", "‌محله", "‌زار", "‌پشت", "‌کلا", "آباد", "‌بن", "‌دره", "‌گاه", "رود", "‌دشت", "‌تپه", "‌کنار",
		"‌بالا"}
	placeKinds = []struct{ setting, before string }{{"urban", "محلهٔ "}, {"urban", "کوی "}, {"urban", "محلهٔ "}, {"rural", "روستای "},
		{"fringe", "شهرک "}, {"fringe", "محلهٔ "}, {"rural", "روستای "}, {"urban", "کوی "}}
	countyNames = []string{"دشت‌آرام", "سپیدکنار", "کوه‌سایه", "نی‌زار", "شالی‌دشت", "توسکابن", "چشمه‌ساران", "پیرکوه", "رودبالا", "آسیاب‌سر",
		"سنگ‌پل", "گردوبن", "باغ‌دشت", "نارنج‌زار", "بیدستان", "لاله‌تپه"}
	streets = []string{"کوچهٔ لاله", "کوچهٔ یاس", "خیابان بهار", "کوچهٔ نسترن", "خیابان مدرسه", "کوچهٔ پشت مسجد", "کوچهٔ بن‌بست", "خیابان اصلی",
		"کوچهٔ حمام", "کوچهٔ نانوایی", "جادهٔ قدیم",
		"کوچهٔ آسیاب", "خیابان شالی‌کوبی", "کوچهٔ چنار", "کوچهٔ پنجم", "خیابان رودخانه", "کوچهٔ باغ", "کوچهٔ معلم", "گذر قدیم", "کوچهٔ ارغوان",
		"کوچهٔ سروناز", "خیابان ساحلی", "کوچهٔ تعاونی", "کوچهٔ شبنم", "کوچهٔ خیاط‌ها"}
)

// common picks from a list in which the first are the commonest, as words are.
func common[T any](rng *rand.Rand, all []T) T {
	total := 0.0
	for i := range all {
		total += 1 / float64(i+2)
	}
	at := rng.Float64() * total
	for i := range all {
		if at -= 1 / float64(i+2); at < 0 {
			return all[i]
		}
	}
	return all[len(all)-1]
}

// pick picks from a list, all alike.
func pick[T any](rng *rand.Rand, all ...T) T { return all[rng.IntN(len(all))] }

// weigh picks by weights.
func weigh(rng *rand.Rand, weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := rng.IntN(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return 0
}

// personName is somebody's name.
func personName(rng *rand.Rand, sex string) string {
	first := common(rng, menNames)
	if sex == "female" {
		first = common(rng, womenNames)
	}
	name := first + " " + common(rng, familyNames)
	if rng.IntN(12) == 0 {
		name += pick(rng, " اصل", "‌فر", " مقدم", " نژاد", "‌پور")
	}
	return name
}

// placeName is the name of the n-th neighbourhood, and how it is settled.
func placeName(n int) (name, setting string) {
	kind := placeKinds[n%len(placeKinds)]
	// Steps that have no factor in common with how many there are visit every
	// pair before one comes again.
	all := len(placeFirst) * len(placeSecond)
	at := n * 77 % all
	first, second := placeFirst[at%len(placeFirst)], placeSecond[at/len(placeFirst)]
	if strings.ContainsRune("ادذرزژو", []rune(first)[len([]rune(first))-1]) {
		second = strings.TrimPrefix(second, string(zwnj)) // these letters do not join anyway
	}
	name = kind.before + first + second
	if n >= all {
		name += " " + written(n/all+1)
	}
	return name, kind.setting
}

// nationalID is a number that was never given to anybody: its first three digits
// are zeros. Its check digit is right.
func nationalID(rng *rand.Rand) string {
	n := fmt.Sprintf("000%06d", 1+rng.IntN(999_999))
	sum := 0
	for i, c := range n {
		sum += int(c-'0') * (10 - i)
	}
	check := sum % 11
	if check >= 2 {
		check = 11 - check
	}
	return n + fmt.Sprint(check)
}

// phone is a number of a range in which there are no lines.
func phone(rng *rand.Rand) string { return fmt.Sprintf("0900000%04d", rng.IntN(10_000)) }
