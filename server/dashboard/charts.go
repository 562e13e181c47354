package dashboard

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
)

// spider is the drawing of a community's capacity: one ray for each domain, one
// outline for the latest round and one for the round before. The same numbers stand
// in a table beside it.
type spider struct {
	Rings, Rays []string
	Now, Before string
	Labels      []spiderLabel
	Rows        []spiderRow
	Round       string
	BeforeRound string
}

type spiderLabel struct {
	X, Y string
	Text string
}

type spiderRow struct{ Name, Now, Before string }

const (
	spiderSize, spiderRadius = 400.0, 130.0
	topScore                 = 5
)

func at(ray, rays int, share float64) (x, y float64) {
	angle := 2*math.Pi*float64(ray)/float64(rays) - math.Pi/2
	return spiderSize/2 + spiderRadius*share*math.Cos(angle), spiderSize/2 + spiderRadius*share*math.Sin(angle)
}

func point(x, y float64) string { return fmt.Sprintf("%.1f,%.1f", x, y) }

// spider draws the latest round of the instrument with the most domains; nil
// without one.
func (v *visit) spider(rounds []indicators.CapacityRound) *spider {
	var last, before *indicators.CapacityRound
	for i := range rounds {
		r := &rounds[i]
		switch {
		case last == nil || r.Round > last.Round && r.Instrument == last.Instrument || len(r.Scores) > len(last.Scores) && r.Instrument != last.Instrument:
			if last != nil && last.Instrument == r.Instrument {
				before = last
			} else {
				before = nil
			}
			last = r
		case r.Instrument == last.Instrument && r.Round < last.Round && (before == nil || r.Round > before.Round):
			before = r
		}
	}
	if last == nil || len(last.Scores) < 3 {
		return nil
	}
	s := &spider{Round: v.words.Number(last.Round)}
	if before != nil {
		s.BeforeRound = v.words.Number(before.Round)
	}
	var domains []string
	if list, ok := v.forms.List("CAPDOMAIN"); ok {
		for _, item := range list.Items {
			if _, has := last.Scores[item.Code]; has {
				domains = append(domains, item.Code)
			}
		}
	}
	n := len(domains)
	outline := func(share func(domain string) float64) string {
		points := make([]string, n)
		for i, d := range domains {
			points[i] = point(at(i, n, share(d)))
		}
		return strings.Join(points, " ")
	}
	for ring := 1; ring <= topScore; ring++ {
		s.Rings = append(s.Rings, outline(func(string) float64 { return float64(ring) / topScore }))
	}
	s.Now = outline(func(d string) float64 { return float64(last.Scores[d]) / topScore })
	if before != nil {
		s.Before = outline(func(d string) float64 { return float64(before.Scores[d]) / topScore })
	}
	for i, d := range domains {
		s.Rays = append(s.Rays, point(spiderSize/2, spiderSize/2)+" "+point(at(i, n, 1)))
		x, y := at(i, n, 1.13)
		label := spiderLabel{X: fmt.Sprintf("%.1f", x), Y: fmt.Sprintf("%.1f", y+4), Text: v.words.Number(i + 1)}
		s.Labels = append(s.Labels, label)
		row := spiderRow{Name: v.words.Number(i+1) + ". " + v.code("CAPDOMAIN", d), Now: v.words.Number(last.Scores[d]), Before: "–"}
		if before != nil {
			if score, has := before.Scores[d]; has {
				row.Before = v.words.Number(score)
			}
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

// gantt is a plan over time. Time runs as the language reads: in Persian from right
// to left.
type gantt struct {
	Height, Today int
	HasToday      bool
	From, To      string
	Bars          []bar
}

type bar struct {
	Y, TextY                 int
	X, Width, Done           int
	Name, Start, Due, Status string
	Progress                 string
	Late                     bool
}

const (
	ganttWidth  = 1000
	ganttRow    = 30
	mostBars    = 60
	longestDays = 5 * 366
)

// gantt draws the items of a plan; nil if none has both its days.
func (v *visit) gantt(items []indicators.Item, titles map[indicators.ID]string, today jalali.Day) *gantt {
	items = slices.DeleteFunc(slices.Clone(items), func(i indicators.Item) bool {
		return i.Start == 0 || i.Due < i.Start || int64(i.Due)-int64(i.Start) > longestDays
	})
	slices.SortStableFunc(items, func(a, b indicators.Item) int { return int(a.Start) - int(b.Start) })
	items = items[:min(len(items), mostBars)]
	if len(items) == 0 {
		return nil
	}
	from, to := items[0].Start, items[0].Due
	for _, i := range items {
		from, to = min(from, i.Start), max(to, i.Due)
	}
	span := int64(to) - int64(from) + 1
	along := func(d jalali.Day) int { return int((int64(d) - int64(from)) * ganttWidth / span) }
	place := func(x, width int) int {
		if v.words.Persian() {
			return ganttWidth - x - width
		}
		return x
	}
	g := &gantt{Height: ganttRow * len(items), From: v.words.ShortDate(from), To: v.words.ShortDate(to)}
	if today >= from && today <= to {
		g.HasToday, g.Today = true, place(along(today), 0)
	}
	for n, i := range items {
		width := max(along(i.Due+1)-along(i.Start), 3)
		b := bar{Y: ganttRow*n + 6, TextY: ganttRow*n + 20, Width: width, X: place(along(i.Start), width), Name: titles[i.Record],
			Start: v.words.ShortDate(i.Start), Due: v.words.ShortDate(i.Due), Status: v.code("ACTIONSTATE", i.Status),
			Progress: v.words.Percent(float64(i.Progress) / 100), Late: i.Due < today && i.Progress < 100}
		if b.Name == "" {
			b.Name = i.Code
		}
		b.Done = width * int(min(max(i.Progress, 0), 100)) / 100
		g.Bars = append(g.Bars, b)
	}
	return g
}

// DoneX is where the part of a bar that is done begins.
func (b bar) DoneX(rtl bool) int {
	if rtl {
		return b.X + b.Width - b.Done
	}
	return b.X
}
