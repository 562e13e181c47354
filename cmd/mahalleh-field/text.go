package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// plain is a number as text, for numbers that are never grouped: years, places,
// positions in a list.
func plain(n int64) string { return strconv.FormatInt(n, 10) }

// digits writes the digits of a text in those of the chosen language.
func digits(a *cli.App, s string) string {
	if a.Lang() == cli.Persian {
		return persian.ToPersianDigits(s)
	}
	return s
}

// stamp writes a time as JSON results have it: RFC 3339, UTC; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() || t.UnixMilli() == 0 {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// day writes a civil day as people in Iran read it: Jalali in Persian,
// Gregorian in English.
func day(a *cli.App, d jalali.Day) string {
	if a.Lang() == cli.Persian {
		if date, err := d.Date(); err == nil {
			return date.Fa()
		}
	}
	return d.ISO()
}

// minute writes a time with its day, in Tehran; "–" for none.
func (d *device) minute(t time.Time) string {
	if stamp(t) == "" {
		return "–"
	}
	return day(d.app, d.tehran.Day(t)) + " " + digits(d.app, d.tehran.In(t).Format("15:04"))
}

// age writes how long something is ago, in days once there are some.
func (d *device) age(since time.Duration) string {
	if since < 0 {
		since = 0
	}
	const oneDay = 24 * time.Hour
	if since >= 2*oneDay {
		return d.app.T("field.age.days", cli.Args{"n": int64(since / oneDay)})
	}
	if since < time.Minute {
		return d.app.T("field.age.now")
	}
	return d.app.T("field.age.ago", cli.Args{"age": since.Truncate(time.Minute)})
}

// span is how long something takes or differs, in days once there are some.
func (d *device) span(t time.Duration) any {
	const oneDay = 24 * time.Hour
	if t >= 2*oneDay {
		return d.app.T("field.age.span_days", cli.Args{"n": int64(t / oneDay)})
	}
	return t
}

// shortID is the end of an id: ids begin with the time, so that those of one
// hour begin alike.
func shortID(id string) string { return id[max(0, len(id)-shortIDLength):] }

const shortIDLength = 8

// nearest returns the name that is closest to a mistyped one, "" if none is
// close enough for a slip.
func nearest(name string, names []string) string {
	best, distance := "", len(name)/3+1
	for _, n := range names {
		if d := persian.Distance(strings.ToLower(name), n); d < distance {
			best, distance = n, d
		}
	}
	return best
}

// lastPart is what follows the last dot of a key.
func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// say writes a text to the data stream, indented by some columns.
func say(a *cli.App, indent int, text string) error {
	if _, err := fmt.Fprintf(a.Stdout(), "%*s%s\n", indent, "", text); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
