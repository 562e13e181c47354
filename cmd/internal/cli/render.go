package cli

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Bytes is a number of bytes, shown with a unit that fits.
type Bytes int64

// render writes a message out in the catalogue's language.
func (c *Catalogue) render(m message, args Args) string {
	var b strings.Builder
	for _, p := range m {
		value, given := args[p.name]
		switch {
		case p.name == "":
			b.WriteString(p.literal)
		case !given:
			b.WriteString("{" + p.name + "}")
		case p.plural:
			if fmt.Sprint(value) == "1" {
				b.WriteString(p.one)
			} else {
				b.WriteString(p.many)
			}
		default:
			b.WriteString(c.value(value))
		}
	}
	if c.lang == Persian {
		return isolateLatin(b.String())
	}
	return b.String()
}

// value writes one argument out.
func (c *Catalogue) value(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case Key:
		return c.Text(v, nil)
	case string:
		return c.embed(v)
	case Bytes:
		return c.bytes(v)
	case time.Duration:
		return c.duration(v)
	case error:
		return c.embed(v.Error())
	case fmt.Stringer:
		return c.embed(v.String())
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return c.Number(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return c.digits(group(strconv.FormatUint(v.Uint(), 10)))
	case reflect.Float32, reflect.Float64:
		return c.digits(strconv.FormatFloat(v.Float(), 'f', -1, 64))
	case reflect.String:
		return c.embed(v.String())
	}
	return c.embed(fmt.Sprint(value))
}

// Number writes an integer with grouped digits: 12,345 or ۱۲٬۳۴۵.
func (c *Catalogue) Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	text := c.digits(sign + group(s))
	if sign != "" && c.lang == Persian {
		// A sign before Persian digits would move to their other side.
		return isolate(text)
	}
	return text
}

// group puts a comma between thousands. Four digits stay together: years and
// short counts read better so.
func group(s string) string {
	if len(s) <= 4 {
		return s
	}
	first := len(s) % 3
	var b strings.Builder
	b.WriteString(s[:first])
	for i := first; i < len(s); i += 3 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(s[i : i+3])
	}
	return b.String()
}

// digits turns a number in ASCII into the digits and separators of the
// language.
func (c *Catalogue) digits(s string) string {
	if c.lang != Persian {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r - '0' + '۰'
		case r == ',':
			return '٬'
		case r == '.':
			return '٫'
		case r == '-':
			return '−'
		}
		return r
	}, s)
}

// asciiDigits turns Persian and Arabic digits into ASCII ones: what people
// type at a prompt is understood in whichever digits their keyboard has.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '۰' && r <= '۹':
			return r - '۰' + '0'
		case r >= '٠' && r <= '٩':
			return r - '٠' + '0'
		}
		return r
	}, s)
}

// oneDecimal writes a number with one digit after the point, none when whole.
func (c *Catalogue) oneDecimal(f float64) string {
	s := strconv.FormatFloat(f, 'f', 1, 64)
	return c.digits(strings.TrimSuffix(s, ".0"))
}

func (c *Catalogue) bytes(n Bytes) string {
	// Powers of ten, as disks and data plans are sold and metered.
	switch f := float64(n); {
	case n < 1000:
		return c.Text("cli.unit.byte", Args{"n": int64(n)})
	case n < 1_000_000:
		return c.Text("cli.unit.kilobyte", Args{"n": preformatted(c.oneDecimal(f / 1e3))})
	case n < 1_000_000_000:
		return c.Text("cli.unit.megabyte", Args{"n": preformatted(c.oneDecimal(f / 1e6))})
	default:
		return c.Text("cli.unit.gigabyte", Args{"n": preformatted(c.oneDecimal(f / 1e9))})
	}
}

func (c *Catalogue) duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return c.Text("cli.unit.millisecond", Args{"n": d.Milliseconds()})
	case d < time.Minute:
		return c.Text("cli.unit.second", Args{"n": preformatted(c.oneDecimal(d.Seconds()))})
	case d < time.Hour:
		return c.Text("cli.unit.minute", Args{"n": int64(d / time.Minute), "s": int64(d % time.Minute / time.Second)})
	default:
		return c.Text("cli.unit.hour", Args{"n": int64(d / time.Hour), "m": int64(d % time.Hour / time.Minute)})
	}
}

// preformatted is a number that already stands in the language's digits.
type preformatted string

// String keeps the number as it is; embed leaves Persian digits alone.
func (p preformatted) String() string { return string(p) }
