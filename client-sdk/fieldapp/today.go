package fieldapp

import (
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

func (a *App) todayRoutes() []route {
	return []route{
		{pattern: "GET /{$}", handle: (*visit).getToday},
		{pattern: "GET /today/places", handle: (*visit).getPlaces, quiet: true},
		{pattern: "GET /today/waits", handle: (*visit).getWaits, quiet: true},
		{pattern: "POST /today/seen", handle: (*visit).markSeen},
		{pattern: "POST /today/answer", handle: (*visit).answerReturned},
	}
}

// todayData is the first page: what waits for the person, then how the
// neighbourhoods stand.
type todayData struct {
	Waits  waitsData
	Places placesData
}

// waitsData is what waits for a person or for the server.
type waitsData struct {
	Unsent            uint64
	Oldest, Contact   string
	Drafts, Conflicts int
	// Sent says that the server holds everything that was recorded.
	Sent bool
	// Aside are own changes that are not in the server's record, with what was
	// decided and why.
	Aside []asideData
	// More counts those that are not shown.
	More int
}

// asideData is one change that was set aside or waits, and what is said of it.
type asideData struct {
	Title, To string
	Said      []string
}

// maxAside is how many changes that were set aside the first page shows.
const maxAside = 5

func (v *visit) getToday() error {
	p, err := v.today(v.value("counted") != "")
	if err != nil {
		return err
	}
	return v.render(p)
}

// today is the page; whole waits until the neighbourhoods were counted.
func (v *visit) today(whole bool) (*formview.Page, error) {
	s, err := v.c.Status(v.ctx())
	if err != nil {
		return nil, err
	}
	p := v.page("today", v.say("screen.today.title", texts.Args{"day": v.words.Date(v.c.Today())}))
	p.Notices = append(p.Notices, v.alarms(&s)...)
	d := todayData{Waits: v.waits(&s)}
	if d.Places, err = v.places(whole); err != nil {
		return nil, err
	}
	p.Data = d
	return p, nil
}

// getWaits shows anew what waits, after something changed.
func (v *visit) getWaits() error {
	p, err := v.today(false)
	if err != nil {
		return err
	}
	return v.part("waits", p)
}

// getPlaces shows the neighbourhoods anew once they were counted.
func (v *visit) getPlaces() error {
	p, err := v.today(false)
	if err != nil {
		return err
	}
	return v.part("places", p)
}

// alarms are what a person must do something about, wherever they are.
func (v *visit) alarms(s *clientsdk.Status) []formview.Notice {
	var all []formview.Notice
	warn := func(is bool, key, hint texts.Key, args texts.Args) {
		if !is {
			return
		}
		n := formview.Notice{Level: formview.Warning, Text: v.say(key, args)}
		if hint != "" {
			n.Hint = v.say(hint, nil)
		}
		all = append(all, n)
	}
	if !s.Person.Confirmed && !v.tours {
		all = append(all, formview.Notice{Level: formview.Info, Text: v.say("screen.alarm.unconfirmed", nil), Hint: v.say("screen.alarm.unconfirmed_hint", nil)})
	}
	warn(s.ClockWrong && s.ClockBehind > 0, "screen.alarm.clock_behind", "screen.alarm.clock_hint", texts.Args{"difference": v.words.Span(s.ClockBehind)})
	warn(s.ClockWrong && s.ClockBehind < 0, "screen.alarm.clock_ahead", "screen.alarm.clock_hint", texts.Args{"difference": v.words.Span(s.ClockBehind)})
	warn(s.Disk.Full, "screen.alarm.disk_full", "screen.alarm.disk_hint", nil)
	warn(!s.Disk.Full && s.Disk.Known && s.Disk.Free < littleSpace, "screen.alarm.disk_low", "screen.alarm.disk_hint", texts.Args{"free": texts.Bytes(s.Disk.Free)})
	warn(s.LeaseSet && s.Lease <= 0, "screen.alarm.lease_over", "screen.alarm.lease_hint", nil)
	warn(s.LeaseSet && s.Lease > 0 && s.Lease < shortLease, "screen.alarm.lease_short", "screen.alarm.lease_hint", texts.Args{"left": v.words.Span(s.Lease)})
	warn(s.Forked != "", "screen.alarm.forked", "", nil)
	return all
}

const (
	// littleSpace is when a person is told to make room, long before the disk is
	// full: some days of work and photos.
	littleSpace = 100_000_000
	// shortLease is when a person is told to look for a line before reading closes.
	shortLease = 3 * 24 * time.Hour
)

func (v *visit) waits(s *clientsdk.Status) waitsData {
	d := waitsData{Unsent: s.Pending, Drafts: int(s.Drafts), Conflicts: s.Conflicts}
	if !s.LastContact.IsZero() && s.LastContact.UnixMilli() != 0 {
		d.Contact = v.words.Minute(s.LastContact)
	}
	if !s.Oldest.IsZero() {
		d.Oldest = v.words.Ago(v.opt.SDK.Clock.Now().Sub(s.Oldest))
	}
	d.Sent = s.Pending == 0 && s.Received > 0
	for i := range s.Troubles {
		if i == maxAside {
			d.More = len(s.Troubles) - i
			break
		}
		d.Aside = append(d.Aside, v.aside(&s.Troubles[i]))
	}
	return d
}

func (v *visit) aside(t *clientsdk.Trouble) asideData {
	return asideData{Title: v.titled(t.Title), To: "/record/" + t.Record.String(), Said: v.verdict(&t.Verdict)}
}
