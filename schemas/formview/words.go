package formview

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
)

// Words writes in one language. It is made once for each language and shared.
type Words struct {
	catalogue *texts.Catalogue
	tehran    jalali.Tehran
}

// NewWords opens the catalogue of a language.
func NewWords(lang texts.Lang) (*Words, error) {
	c, err := texts.OpenCatalogue(lang)
	if err != nil {
		return nil, err
	}
	z, err := jalali.LoadTehran()
	if err != nil {
		return nil, err
	}
	return &Words{catalogue: c, tehran: z}, nil
}

// Lang is the language as HTML names it: "fa" or "en".
func (w *Words) Lang() string { return string(w.catalogue.Lang()) }

// Persian reports whether the language is Persian.
func (w *Words) Persian() bool { return w.catalogue.Lang() == texts.Persian }

// Dir is the direction of the language as HTML names it.
func (w *Words) Dir() string {
	if w.Persian() {
		return "rtl"
	}
	return "ltr"
}

// Catalogue is the catalogue that Words writes from.
func (w *Words) Catalogue() *texts.Catalogue { return w.catalogue }

// T is a text of the catalogue; its arguments follow as names and values:
// {{.T "screen.today.left" "n" .Days}}. A [texts.Args] gives several at once.
func (w *Words) T(key string, args ...any) (string, error) {
	all, err := arguments(args)
	if err != nil {
		return "", fmt.Errorf("text %s: %w", key, err)
	}
	return w.catalogue.Text(texts.Key(key), all), nil
}

// Member is the text of a family for a name that is computed:
// {{.Member "field_sdk.outcome" .Outcome}}.
func (w *Words) Member(family, name string, args ...any) (string, error) {
	all, err := arguments(args)
	if err != nil {
		return "", fmt.Errorf("texts %s: %w", family, err)
	}
	return w.catalogue.Member(texts.Family(family), name, all), nil
}

// arguments reads names and values in turn.
func arguments(args []any) (texts.Args, error) {
	all := texts.Args{}
	for i := 0; i < len(args); i++ {
		switch a := args[i].(type) {
		case texts.Args:
			maps.Copy(all, a)
		case string:
			if i++; i == len(args) {
				return nil, fmt.Errorf("the argument %s has no value", a)
			}
			all[a] = args[i]
		default:
			return nil, fmt.Errorf("the name of an argument is expected, not %T", a)
		}
	}
	return all, nil
}

// Say is a text of the catalogue, for handlers; the keys are checked by the
// test that checks those of commands.
func (w *Words) Say(key texts.Key, args texts.Args) string { return w.catalogue.Text(key, args) }

// In is a text that stands in both languages in a form or a figure. What is
// missing in one is shown in the other: a name in the wrong script is better
// than none.
func (w *Words) In(t schemas.Text) string {
	s := t.In(w.Lang())
	if s == "" {
		s = t.Fa
	}
	return w.Embed(s)
}

// Embed keeps a text that a person wrote from disturbing the direction of the
// line around it.
func (w *Words) Embed(s string) string { return w.catalogue.Embed(s) }

// Number writes a whole number with its thousands apart.
func (w *Words) Number(n any) string { return w.catalogue.Value(n) }

// Digits writes the digits of a text in those of the language: for years,
// codes and positions, which are never grouped.
func (w *Words) Digits(v any) string {
	s := fmt.Sprint(v)
	if w.Persian() {
		return persian.ToPersianDigits(s)
	}
	return s
}

// Percent writes a part of one, 0.256 as 26 %.
func (w *Words) Percent(part float64) string {
	s := strconv.FormatFloat(part*100, 'f', 0, 64)
	if w.Persian() {
		return persian.ToPersianDigits(s) + "٪"
	}
	return s + "%"
}

// Date writes a civil day in words: ۲۶ دی ۱۴۰۴, "26 Dey 1404". It is the same
// calendar in both languages, or two people could not speak of one day.
func (w *Words) Date(d jalali.Day) string {
	date, err := d.Date()
	switch {
	case err != nil:
		return d.ISO()
	case w.Persian():
		return date.LongFa()
	}
	return date.LongEn()
}

// ShortDate writes a civil day in digits: ۱۴۰۴/۱۰/۲۶.
func (w *Words) ShortDate(d jalali.Day) string {
	date, err := d.Date()
	switch {
	case err != nil:
		return d.ISO()
	case w.Persian():
		return date.Fa()
	}
	return date.String()
}

// Minute writes an instant by its day and minute in Iran; "–" for none.
func (w *Words) Minute(t time.Time) string {
	if t.IsZero() || t.UnixMilli() == 0 {
		return "–"
	}
	return w.Date(w.tehran.Day(t)) + w.comma() + " " + w.Digits(w.tehran.In(t).Format("15:04"))
}

func (w *Words) comma() string {
	if w.Persian() {
		return "،"
	}
	return ","
}

// Day is the civil day of an instant in Iran.
func (w *Words) Day(t time.Time) jalali.Day { return w.tehran.Day(t) }

const oneDay = 24 * time.Hour

// Ago writes how long something is past: "3 days ago".
func (w *Words) Ago(since time.Duration) string {
	switch since = max(since, 0); {
	case since >= 2*oneDay:
		return w.Say("view.age.days", texts.Args{"n": int64(since / oneDay)})
	case since < time.Minute:
		return w.Say("view.age.now", nil)
	case since < 2*time.Hour:
		return w.Say("view.age.minutes", texts.Args{"n": int64(since / time.Minute)})
	}
	return w.Say("view.age.hours", texts.Args{"n": int64(since / time.Hour)})
}

// Span writes how long something takes, as coarse as a person would say it.
func (w *Words) Span(d time.Duration) string {
	switch d = d.Abs(); {
	case d >= 2*oneDay:
		return w.Say("view.span.days", texts.Args{"n": int64(d / oneDay)})
	case d >= 2*time.Hour:
		return w.Say("view.span.hours", texts.Args{"n": int64(d / time.Hour)})
	case d >= 2*time.Minute:
		return w.Say("view.span.minutes", texts.Args{"n": int64(d / time.Minute)})
	}
	return w.Say("view.span.seconds", texts.Args{"n": int64((d + time.Second - 1) / time.Second)})
}

// Left writes how many days there are until a deadline, or since: "9 days
// left", "today", "2 days late".
func (w *Words) Left(due, today jalali.Day) string {
	switch n := int64(due) - int64(today); {
	case n > 0:
		return w.Say("view.left.days", texts.Args{"n": n})
	case n == 0:
		return w.Say("view.left.today", nil)
	default:
		return w.Say("view.left.late", texts.Args{"n": -n})
	}
}

// Money writes an amount of rial in toman, as people say amounts.
func (w *Words) Money(rial int64) string {
	if w.Persian() {
		return persian.FormatToman(rial)
	}
	whole, rest := persian.FormatIntASCII(rial/10), ""
	if r := rial % 10; r != 0 {
		rest = "." + strconv.FormatInt(max(r, -r), 10)
		if rial < 0 && rial > -10 {
			whole = "-0"
		}
	}
	return w.Say("view.toman", texts.Args{"n": strings.TrimSpace(whole + rest)})
}

// MoneyWords writes an amount of rial in Persian words: an amount that was
// typed with a nought too many is seen there.
func (w *Words) MoneyWords(rial int64) string { return w.Embed(persian.MoneyWords(rial)) }

// Bytes writes a number of bytes with a unit that fits.
func (w *Words) Bytes(n uint64) string { return w.catalogue.Value(texts.Bytes(n)) }
