package texts

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"mahalleh/schemas/persian"
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
			b.WriteString(c.Value(value))
		}
	}
	if c.lang == Persian {
		return isolateLatin(b.String())
	}
	return b.String()
}

// Value writes one argument out as a text of the language shows it.
func (c *Catalogue) Value(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case Key:
		return c.Text(v, nil)
	case string:
		return c.Embed(v)
	case Bytes:
		return c.bytes(v)
	case time.Duration:
		return c.duration(v)
	case error:
		return c.Embed(v.Error())
	case fmt.Stringer:
		return c.Embed(v.String())
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return c.Number(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := v.Uint(); n <= math.MaxInt64 {
			return c.Number(int64(n))
		}
	case reflect.Float32, reflect.Float64:
		return c.decimal(v.Float(), -1)
	case reflect.String:
		return c.Embed(v.String())
	}
	return c.Embed(fmt.Sprint(value))
}

// Number writes an integer with grouped digits: 12,345 or ۱۲٬۳۴۵.
func (c *Catalogue) Number(n int64) string {
	if c.lang == Persian {
		return persian.FormatInt(n)
	}
	return persian.FormatIntASCII(n)
}

// decimal writes a number with at most the given digits after the point, -1
// for as many as it needs, and without trailing zeros.
func (c *Catalogue) decimal(f float64, digits int) string {
	s := strconv.FormatFloat(f, 'f', digits, 64)
	if digits > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if c.lang != Persian {
		return s
	}
	n, err := persian.ParseNumber(s)
	if err != nil {
		return c.Embed(s) // infinite, or with more digits than anybody reads
	}
	return persian.FormatNumber(n)
}

func (c *Catalogue) bytes(n Bytes) string {
	// Powers of ten, as disks and data plans are sold and metered.
	switch f := float64(n); {
	case n < 1000:
		return c.Text("cli.unit.byte", Args{"n": int64(n)})
	case n < 1_000_000:
		return c.Text("cli.unit.kilobyte", Args{"n": preformatted(c.decimal(f/1e3, 1))})
	case n < 1_000_000_000:
		return c.Text("cli.unit.megabyte", Args{"n": preformatted(c.decimal(f/1e6, 1))})
	default:
		return c.Text("cli.unit.gigabyte", Args{"n": preformatted(c.decimal(f/1e9, 1))})
	}
}

func (c *Catalogue) duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return c.Text("cli.unit.millisecond", Args{"n": d.Milliseconds()})
	case d < time.Minute:
		return c.Text("cli.unit.second", Args{"n": preformatted(c.decimal(d.Seconds(), 1))})
	case d < time.Hour:
		return c.Text("cli.unit.minute", Args{"n": int64(d / time.Minute), "s": int64(d % time.Minute / time.Second)})
	default:
		return c.Text("cli.unit.hour", Args{"n": int64(d / time.Hour), "m": int64(d % time.Hour / time.Minute)})
	}
}

// preformatted is a number that already stands in the language's digits.
type preformatted string

// String keeps the number as it is; Embed leaves Persian digits alone.
func (p preformatted) String() string { return string(p) }
