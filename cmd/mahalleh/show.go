package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/server/store"
)

// require makes a flag needed, from whichever source it comes.
func require(c *cobra.Command, flag string) {
	// The only error is that there is no such flag, which cli.Check would find.
	_ = c.MarkFlagRequired(flag)
}

// stamp writes Unix milliseconds as JSON results have them: RFC 3339, UTC; ""
// for none.
func stamp(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// day writes a stamp as people in Iran read it: the Jalali day in Persian, the
// Gregorian one in English, both of Tehran.
func day(a *cli.App, stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return ""
	}
	d := tehran().Day(t)
	if a.Lang() == cli.Persian {
		if date, err := d.Date(); err == nil {
			return date.Fa()
		}
	}
	return d.ISO()
}

// minute is day with the time of day.
func minute(a *cli.App, stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return ""
	}
	clock := tehran().In(t).Format("15:04")
	if a.Lang() == cli.Persian {
		clock = persian.ToPersianDigits(clock)
	}
	return day(a, stamp) + " " + clock
}

// tehran is the zone of Iran; without zone data it is UTC+3:30 for all time.
func tehran() jalali.Tehran {
	z, err := jalali.LoadTehran()
	if err != nil {
		return jalali.Tehran{}
	}
	return z
}

// say writes a text to the data stream, indented by some columns.
func say(a *cli.App, indent int, key cli.Key, args cli.Args) error {
	if _, err := fmt.Fprintf(a.Stdout(), "%*s%s\n", indent, "", a.T(key, args)); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func byNumber(places []store.Place) []store.Place {
	sorted := slices.Clone(places)
	slices.SortFunc(sorted, func(x, y store.Place) int { return cmp.Compare(x.Number, y.Number) })
	return sorted
}

// placeText is a place as tables show it.
func placeText(number uint32, name string) string { return fmt.Sprint(number) + " " + name }
