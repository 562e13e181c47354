package jalali

import (
	"fmt"
	"strconv"

	"mahalleh/schemas/persian"
)

// Weekday is a day of the Iranian week, which begins on Saturday.
type Weekday int

// The days of the week; the last two are the weekend of most offices.
const (
	Saturday Weekday = iota
	Sunday
	Monday
	Tuesday
	Wednesday
	Thursday
	Friday
)

var (
	monthsFa = [...]string{"فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"}
	monthsEn = [...]string{"Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar", "Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand"}
	daysFa   = [...]string{"شنبه", "یکشنبه", "دوشنبه", "سه\u200cشنبه", "چهارشنبه", "پنجشنبه", "جمعه"}
	daysEn   = [...]string{"Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"}
)

// MonthFa returns the Persian name of a month from 1 to 12, else "".
func MonthFa(month int) string { return at(monthsFa[:], month-1) }

// MonthEn returns the English name of a month from 1 to 12, else "".
func MonthEn(month int) string { return at(monthsEn[:], month-1) }

// Fa returns the Persian name of the day, "" for a value that is none.
func (w Weekday) Fa() string { return at(daysFa[:], int(w)) }

// En returns the English name of the day, "" for a value that is none.
func (w Weekday) En() string { return at(daysEn[:], int(w)) }

func at(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return ""
	}
	return names[i]
}

// Weekday returns the day of the week.
func (d Date) Weekday() Weekday { return d.EpochDay().Weekday() }

// String returns the date in ASCII digits, 1404/10/26, and "" for no date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d/%02d/%02d", d.year, d.month, d.day)
}

// Fa returns the date in Persian digits: ۱۴۰۴/۱۰/۲۶, "" for no date.
func (d Date) Fa() string { return persian.ToPersianDigits(d.String()) }

// LongFa returns the date in Persian words: «۲۶ دی ۱۴۰۴», "" for no date.
func (d Date) LongFa() string {
	if d.IsZero() {
		return ""
	}
	return persian.ToPersianDigits(d.long(MonthFa))
}

// LongEn returns the date in English letters: "26 Dey 1404", "" for no date.
func (d Date) LongEn() string {
	if d.IsZero() {
		return ""
	}
	return d.long(MonthEn)
}

func (d Date) long(month func(int) string) string {
	return strconv.Itoa(d.DayOfMonth()) + " " + month(d.Month()) + " " + strconv.Itoa(d.Year())
}
