package persian

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		n    int64
		want string
	}{
		{0, "صفر"}, {1, "یک"}, {10, "ده"}, {11, "یازده"}, {19, "نوزده"}, {20, "بیست"},
		{22, "بیست\u200Cودو"}, {100, "صد"}, {101, "صد\u200Cویک"}, {999, "نهصد\u200Cونود\u200Cونه"},
		{1000, "هزار"}, {1404, "هزار و چهارصد\u200Cوچهار"}, {2000, "دو هزار"}, {1_000_000, "یک میلیون"},
		{22_000_000, "بیست\u200Cودو میلیون"}, {1_000_001, "یک میلیون و یک"},
		{21_900_000, "بیست\u200Cویک میلیون و نهصد هزار"}, {3_000_000_000, "سه میلیارد"},
		{5_000_000_000_000, "پنج تریلیون"}, {-7, "منفی هفت"},
		{math.MaxInt64, "نه کوینتیلیون و دویست\u200Cوبیست\u200Cوسه کوادریلیون و سیصد\u200Cوهفتاد\u200Cودو تریلیون و سی\u200Cوشش میلیارد و هشتصد\u200Cوپنجاه\u200Cوچهار میلیون و هفتصد\u200Cوهفتاد\u200Cوپنج هزار و هشتصد\u200Cوهفت"},
	} {
		if got := Words(tt.n); got != tt.want {
			t.Errorf("Words(%d) = %q, want %q", tt.n, got, tt.want)
		}
	}
	if got := Words(math.MinInt64); !strings.HasSuffix(got, "هشتصد\u200Cوهشت") || !strings.HasPrefix(got, "منفی نه کوینتیلیون") {
		t.Errorf("Words of the smallest = %q", got)
	}
}

func TestMoneyText(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"words", MoneyWords(220_000_000), "بیست\u200Cودو میلیون تومان"},
		{"words with rial left", MoneyWords(15), "یک تومان و پنج ریال"},
		{"words of rial only", MoneyWords(5), "پنج ریال"},
		{"words of nothing", MoneyWords(0), "صفر تومان"},
		{"negative words", MoneyWords(-10), "منفی یک تومان"},
		{"toman", FormatToman(220_000_000), "۲۲٬۰۰۰٬۰۰۰ تومان"},
		{"toman with a rial left", FormatToman(15), "۱٫۵ تومان"},
		{"rial", FormatRial(220_000_000), "۲۲۰٬۰۰۰٬۰۰۰ ریال"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestParseMoney(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		unit     Unit
		want     int64
	}{
		{"bare number in toman", "۲۲٬۰۰۰٬۰۰۰", Toman, 220_000_000},
		{"bare number in rial", "22,000,000", Rial, 22_000_000},
		{"toman named", "۲۲٬۰۰۰٬۰۰۰ تومان", Rial, 220_000_000},
		{"rial named", "22000000 ریال", Toman, 22_000_000},
		{"rial sign", "22,000﷼", Toman, 22_000},
		{"unit without a space", "۵۰۰۰تومان", Rial, 50_000},
		{"spoken toman", "۵ هزار تومن", Rial, 50_000},
		{"English", "5000 Toman", Rial, 50_000},
		{"digits and scale", "۲۲ میلیون تومان", Rial, 220_000_000},
		{"scale without a space", "۲۲میلیون", Toman, 220_000_000},
		{"decimal and scale", "۲۲٫۵ میلیون", Toman, 225_000_000},
		{"slash and scale", "۳/۵ میلیون تومان", Toman, 35_000_000},
		{"three decimals and scale", "1.250 میلیون تومان", Toman, 12_500_000},
		{"two scales", "۲ میلیون و ۵۰۰ هزار تومان", Toman, 25_000_000},
		{"comma between", "۲ میلیون، ۵۰۰ هزار تومان", Toman, 25_000_000},
		{"words", "بیست\u200Cودو میلیون تومان", Rial, 220_000_000},
		{"words apart", "بیست و دو میلیون تومان", Rial, 220_000_000},
		{"Arabic letters", "بيست و يك ميليون تومان", Rial, 210_000_000},
		{"half", "دو و نیم میلیون تومان", Rial, 25_000_000},
		{"half alone", "نیم میلیون تومان", Rial, 5_000_000},
		{"scale alone", "هزار تومان", Rial, 10_000},
		{"thousand milliards", "هزار میلیارد تومان", Rial, 10_000_000_000_000},
		{"thousands of milliards", "دو هزار و پانصد میلیارد تومان", Rial, 25_000_000_000_000},
		{"thousands of milliards and more", "هزار و دویست میلیارد و سه میلیون", Rial, 1_200_003_000_000},
		{"decimal toman", "1.5 تومان", Toman, 15},
		{"toman and rial", "یک تومان و پنج ریال", Rial, 15},
		{"negative", "-۵ تومان", Toman, -50},
		{"negative in words", "منفی پنج تومان", Toman, -50},
		{"zero", "۰", Toman, 0},
		{"smallest", "منفی ۹۲۲۳۳۷۲۰۳۶۸۵۴۷۷۵۸۰۸ ریال", Toman, math.MinInt64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseMoney(tt.in, tt.unit); err != nil || got != tt.want {
				t.Errorf("ParseMoney(%q) = %d (%v), want %d", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		kind     error
	}{
		{"empty", "", ErrEmpty},
		{"unit alone", "تومان", ErrSyntax},
		{"letters", "زیاد", ErrSyntax},
		{"dot before three digits", "۱.۰۰۰", ErrAmbiguous},
		{"slash before three digits", "۱/۵۰۰ تومان", ErrAmbiguous},
		{"part of a rial", "1.25 تومان", ErrNotWhole},
		{"decimal rial", "1.5 ریال", ErrNotWhole},
		{"scales rising", "۵ میلیون و ۲ میلیارد", ErrSyntax},
		{"scale twice", "۲ هزار و ۳ هزار", ErrSyntax},
		{"two numbers", "۲ ۳", ErrSyntax},
		{"two units", "۲ تومان تومان", ErrSyntax},
		{"rial before toman", "۵ ریال و ۲ تومان", ErrSyntax},
		{"number behind the unit", "۵ تومان ۲", ErrSyntax},
		{"words out of order", "دو بیست", ErrSyntax},
		{"words that do not add", "بیست سی", ErrSyntax},
		{"ends with and", "دو میلیون و", ErrSyntax},
		{"begins with and", "و دو میلیون", ErrSyntax},
		{"percent", "۵٪", ErrSyntax},
		{"brackets", "(500)", ErrSyntax},
		{"sign inside", "۲ میلیون و -۵ هزار", ErrSyntax},
		{"too large", "9223372036854775807 تومان", ErrOutOfRange},
		{"too large in words", "ده کوینتیلیون ریال", ErrOutOfRange},
		{"far too large", "میلیارد میلیارد میلیارد", ErrOutOfRange},
		{"too long", strings.Repeat("و ", MaxMoneyBytes), ErrTooLong},
		{"broken bytes", "5\xff", ErrInvalidUTF8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseMoney(tt.in, Toman); !errors.Is(err, tt.kind) {
				t.Errorf("ParseMoney(%q) = %d (%v), want %v", tt.in, got, err, tt.kind)
			}
		})
	}
	if _, err := ParseMoney("5", Unit(3)); !errors.Is(err, ErrSyntax) {
		t.Errorf("unknown unit: %v", err)
	}
}

// TestMoneyWordsReadBack writes amounts of every size in words and reads them.
func TestMoneyWordsReadBack(t *testing.T) {
	const seed = 1404
	r := rand.New(rand.NewPCG(seed, seed))
	amounts := []int64{0, 1, 9, 10, 11, math.MaxInt64, math.MaxInt64 - 7, math.MinInt64, math.MinInt64 + 1}
	for shift := range 63 {
		for range 50 {
			n := r.Int64() >> shift
			amounts = append(amounts, n, -n, n/1000*1000)
		}
	}
	for _, n := range amounts {
		for _, text := range []string{MoneyWords(n), FormatToman(n), FormatRial(n)} {
			if back, err := ParseMoney(text, Rial); err != nil || back != n {
				t.Fatalf("seed %d: %d is %q, read back %d (%v)", seed, n, text, back, err)
			}
		}
		if back, err := ParseMoney(Words(n), Rial); err != nil || back != n {
			t.Fatalf("seed %d: %d is %q, read back %d (%v)", seed, n, Words(n), back, err)
		}
	}
}

func TestTenfoldSlip(t *testing.T) {
	for _, tt := range []struct {
		name             string
		amount, expected int64
		want             bool
	}{
		{"ten times", 219_000_000, 21_900_000, true},
		{"a tenth", 2_190_000, 21_900_000, true},
		{"equal", 21_900_000, 21_900_000, false},
		{"nearly ten times", 219_000_010, 21_900_000, false},
		{"no budget", 10, 0, false},
		{"nothing", 0, 10, false},
		{"a tenth with a remainder", 2, 25, false},
		{"largest", math.MaxInt64, math.MaxInt64 / 10, false},
	} {
		if got := TenfoldSlip(tt.amount, tt.expected); got != tt.want {
			t.Errorf("%s: TenfoldSlip(%d, %d) = %v", tt.name, tt.amount, tt.expected, got)
		}
	}
}

func FuzzParseMoney(f *testing.F) {
	f.Add("بیست‌ودو میلیون تومان", true)
	f.Fuzz(func(t *testing.T, s string, toman bool) {
		unit := Rial
		if toman {
			unit = Toman
		}
		n, err := ParseMoney(s, unit)
		if err != nil {
			if n != 0 || !isNamed(err) {
				t.Fatalf("ParseMoney(%+q) = %d with error %v", s, n, err)
			}
			return
		}
		if back, err := ParseMoney(MoneyWords(n), unit); err != nil || back != n {
			t.Fatalf("ParseMoney(%+q) = %d, in words %q, read back %d (%v)", s, n, MoneyWords(n), back, err)
		}
	})
}
