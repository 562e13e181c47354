package fieldapp

import (
	"context"
	"fmt"
	"io"
	"os"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) tourRoutes() []route {
	return []route{
		{pattern: "GET /tour", handle: (*visit).getTour, need: needNothing, quiet: true},
		{pattern: "POST /tour/begin", handle: (*visit).beginTour, need: needNothing, quiet: true},
		{pattern: "POST /tour/end", handle: (*visit).endTour, need: needNothing, quiet: true},
	}
}

// tour is a device that is made for a minute: the same pages over sample
// records, in a folder that is thrown away. It knows no server.
type tour struct {
	*clientsdk.Client
	dir string
}

// touring is the tour that goes on, nil if none does. A device that is enrolled
// has none: nobody shall record for a month into what is thrown away.
func (a *App) touring() *tour {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tour
}

type tourData struct {
	On bool
}

func (v *visit) getTour() error {
	if v.device() != nil {
		return v.redirect("/")
	}
	p := v.bare("tour", v.say("screen.tour.title", nil))
	p.Data = tourData{On: v.touring() != nil}
	p.Back = "/"
	return v.render(p)
}

func (v *visit) beginTour() error {
	if v.device() != nil || v.touring() != nil {
		return v.redirect("/")
	}
	t, err := newTour(v.ctx(), v.opt.SDK)
	if err != nil {
		return err
	}
	v.mu.Lock()
	late := v.App.tour != nil
	if !late {
		v.App.tour = t
	}
	v.mu.Unlock()
	if late { // touched twice
		if err := t.end(); err != nil {
			return err
		}
	}
	return v.redirect("/")
}

func (v *visit) endTour() error {
	if err := v.leaveTour(); err != nil {
		return err
	}
	return v.redirect("/start")
}

// leaveTour throws the tour away.
func (a *App) leaveTour() error {
	a.mu.Lock()
	t := a.tour
	a.tour = nil
	a.mu.Unlock()
	a.counts.forget()
	if t == nil {
		return nil
	}
	return t.end()
}

func (t *tour) end() error {
	err := t.Close()
	if gone := os.RemoveAll(t.dir); err == nil {
		err = gone
	}
	return err
}

func newTour(ctx context.Context, opt clientsdk.Options) (*tour, error) {
	dir, err := os.MkdirTemp("", "mahalleh-tour-")
	if err != nil {
		return nil, fmt.Errorf("begin the tour: %w", err)
	}
	code := syncproto.EnrolCode{Number: 1}
	secret := make([]byte, 2*clientsdk.MinKeyFile)
	for _, random := range [][]byte{code.Secret[:], secret} {
		if _, err := io.ReadFull(opt.Rand, random); err != nil {
			return nil, fmt.Errorf("begin the tour: %w", err)
		}
	}
	opt.Addresses = []string{"tour.invalid:1"}
	opt.Dial = func(context.Context, []string) (clientsdk.Pipe, error) { return nil, clientsdk.ErrNoNetwork }
	c, err := clientsdk.Enrol(ctx, dir+"/device", code.String(), clientsdk.Credentials{KeyFile: secret}, opt)
	if err != nil {
		_ = os.RemoveAll(dir) // the first error is the one to tell
		return nil, err
	}
	t := &tour{Client: c, dir: dir}
	if err := t.fill(ctx); err != nil {
		_ = t.end() // the first error is the one to tell
		return nil, err
	}
	return t, nil
}

// sampleRecords are what a neighbourhood has after some days of work; %[1]s is
// the day of the assignment, %[2]s the day on which the dossier is due, %[3]s
// the neighbourhood's record.
var sampleRecords = []struct{ form, values string }{
	{"dossier", `{"neighbourhood_id": "%[3]s", "revision_no": 1, "assigned_on": "%[1]s", "due_on": "%[2]s", "status": "assigned"}`},
	{"block", `{"code": "B01", "households": 60, "walk_order": 1}`},
	{"block", `{"code": "B02", "households": 45, "walk_order": 2}`},
	{"asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشی دبستان", "address": "خیابان بهار", "availability": "by_permission", "condition": 3}`},
	{"asset", `{"category": "institution", "subtype": "mosque", "title_fa": "مسجد امام علی", "address": "میدان اصلی", "availability": "always", "condition": 4}`},
	{"asset", `{"category": "individual", "subtype": "craft", "title_fa": "کارگاه حصیربافی", "availability": "scheduled"}`},
}

// fill records the sample. What a form does not take stays out: the tour shows
// what it can.
func (t *tour) fill(ctx context.Context) error {
	today := t.Today()
	assigned, due := today-9, today+21
	for _, s := range sampleRecords {
		d, err := t.New(ctx, s.form)
		if err != nil {
			return err
		}
		values := s.values
		if s.form == "dossier" {
			values = fmt.Sprintf(s.values, iranian(assigned), iranian(due), "019bc6a0-0001-7000-8000-000000000001")
		}
		if err := d.SetJSON([]byte(values)); err != nil {
			return fmt.Errorf("fill the tour's %s: %w", s.form, err)
		}
		if r, err := d.Save(ctx); err != nil {
			return err
		} else if !r.Saved {
			return fmt.Errorf("fill the tour's %s: not complete: %v", s.form, r.Problems)
		}
	}
	return nil
}

func iranian(day jalali.Day) string {
	date, err := day.Date()
	if err != nil {
		return day.ISO()
	}
	return date.String()
}

// tourNotice says on every page of the tour that nothing is kept.
func (v *visit) tourNotice() formview.Notice {
	return formview.Notice{Level: formview.Warning, Text: v.say("screen.tour.on", nil), To: "/tour", Label: v.say("screen.tour.more", texts.Args{})}
}
