package recount

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas/jalali"
)

// calendar are the province's days off, as its record lists them.
type calendar struct {
	working bool
	weekend []string        // names of weekdays in small letters
	every   map[string]bool // month/day of each Jalali year
	once    map[int64]bool
}

// usualCalendar is the description's: Thursday and Friday, and the feasts that the sun
// fixes.
func usualCalendar() calendar {
	return calendar{weekend: []string{"thursday", "friday"}, once: map[int64]bool{}, every: map[string]bool{
		"1/1": true, "1/2": true, "1/3": true, "1/4": true, "1/12": true, "1/13": true, "3/14": true, "3/15": true, "11/22": true, "12/29": true}}
}

func (c *calendar) read(r *record) {
	c.working = r.yes("working_days")
	if own := r.strs("weekend"); len(own) > 0 {
		c.weekend = own
	}
	every := map[string]bool{}
	for _, x := range r.rows("holidays") {
		day, _ := x.date("day")
		if x.yes("yearly") {
			every[monthAndDay(day)] = true
		} else {
			c.once[day] = true
		}
	}
	if len(every) > 0 {
		c.every = every
	}
}

func monthAndDay(day int64) string {
	d, err := jalali.Day(day).Date()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d/%d", d.Month(), d.DayOfMonth())
}

// last is the last of so many days after a day.
func (c *calendar) last(day, n int64) int64 {
	for left := n; left > 0; {
		day++
		name := strings.ToLower(time.Unix(day*86400, 0).UTC().Weekday().String())
		if !c.working || !slices.Contains(c.weekend, name) && !c.every[monthAndDay(day)] && !c.once[day] {
			left--
		}
	}
	return day
}
