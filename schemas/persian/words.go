package persian

import "strings"

var (
	unitWords = [...]string{"صفر", "یک", "دو", "سه", "چهار", "پنج", "شش", "هفت", "هشت", "نه",
		"ده", "یازده", "دوازده", "سیزده", "چهارده", "پانزده", "شانزده", "هفده", "هجده", "نوزده"}
	tenWords     = [...]string{2: "بیست", 3: "سی", 4: "چهل", 5: "پنجاه", 6: "شصت", 7: "هفتاد", 8: "هشتاد", 9: "نود"}
	hundredWords = [...]string{1: "صد", 2: "دویست", 3: "سیصد", 4: "چهارصد", 5: "پانصد", 6: "ششصد", 7: "هفتصد", 8: "هشتصد", 9: "نهصد"}
	// scaleWords are the powers of a thousand, as Iranian banks name them.
	scaleWords = [...]string{"", "هزار", "میلیون", "میلیارد", "تریلیون", "کوادریلیون", "کوینتیلیون"}
)

const (
	andJoined = string(zwnj) + "و" // between the parts below a thousand: بیست‌ودو
	andSpaced = " و "              // between powers of a thousand
)

// Words writes any whole number in Persian words: 22,000,000 is
// «بیست‌ودو میلیون», 1000 is «هزار», negative numbers begin with «منفی».
func Words(n int64) string {
	if n < 0 {
		return "منفی " + words(-uint64(n))
	}
	return words(uint64(n))
}

func words(n uint64) string {
	if n == 0 {
		return unitWords[0]
	}
	var groups []string // highest first
	for scale := 0; n > 0; scale++ {
		group := int(n % 1000)
		n /= 1000
		if group == 0 {
			continue
		}
		text := wordsBelowThousand(group)
		switch {
		case scale == 1 && group == 1:
			text = scaleWords[1]
		case scale > 0:
			text += " " + scaleWords[scale]
		}
		groups = append([]string{text}, groups...)
	}
	return strings.Join(groups, andSpaced)
}

func wordsBelowThousand(n int) string {
	var parts []string
	if n >= 100 {
		parts = append(parts, hundredWords[n/100])
		n %= 100
	}
	if n >= 20 {
		parts = append(parts, tenWords[n/10])
		n %= 10
	}
	if n > 0 {
		parts = append(parts, unitWords[n])
	}
	return strings.Join(parts, andJoined)
}

// wordValues maps the folded spelling of each word below a thousand to its
// value, with the spoken forms that people also write.
var wordValues = numberWords()

func numberWords() map[string]uint64 {
	values := map[string]uint64{"یکصد": 100, "هیجده": 18, "پونزده": 15, "شونزده": 16, "هیفده": 17, "شیش": 6, "پونصد": 500, "شیشصد": 600}
	for i, w := range unitWords {
		values[Fold(w)] = uint64(i)
	}
	for i, w := range tenWords {
		if w != "" {
			values[Fold(w)] = uint64(10 * i)
		}
	}
	for i, w := range hundredWords {
		if w != "" {
			values[Fold(w)] = uint64(100 * i)
		}
	}
	return values
}

// scaleValues maps the folded name of a power of ten to its exponent.
var scaleValues = map[string]int{
	"هزار": 3, "میلیون": 6, "ملیون": 6, "میلیارد": 9, "ملیارد": 9, "بیلیون": 12,
	"تریلیون": 12, "کوادریلیون": 15, "کوینتیلیون": 18,
}
