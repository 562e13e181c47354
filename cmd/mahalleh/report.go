package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// figureItem is a figure as commands print it.
type figureItem struct {
	indicators.Figure
	// Scope is the place that it is about, empty for all.
	Scope scopeName `json:"scope"`
	// Settings is the version of the settings, "shipped" for those of the program.
	Settings string `json:"settings"`
	// Places names the places of the rows.
	Places map[indicators.ID]string `json:"places,omitempty"`
}

type reportQuery struct {
	Figures []string `json:"figures"`
	Scope   string   `json:"scope"`
	// From and To are Jalali months, year*100+month, 0 for no bound.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Today is the day as of which deadlines are judged, in days since 1970, 0 for
	// the present one.
	Today int32 `json:"today,omitempty"`
}

// actReport reckons figures. Where no server follows the store, the report takes
// in first what has moved.
func actReport(ctx context.Context, d *desk, q reportQuery, out tell) error {
	done, err := d.withReport(ctx, out)
	if err != nil {
		return err
	}
	defer done()
	var at asked
	if err := d.view(ctx, func(r store.Reader) error { return at.read(r, d.server.Hub().Packages(), q.Scope) }); err != nil {
		return err
	}
	moment := indicators.Moment{Now: d.now(), From: q.From, To: q.To}
	moment.Today = tehran().Day(time.UnixMilli(moment.Now))
	if q.Today != 0 {
		moment.Today = jalali.Day(q.Today)
		moment.Now = min(moment.Now, tehran().EndOfDay(moment.Today).UnixMilli()-1)
	}
	figures, err := d.report.Figures(ctx, moment, at.places, &at.settings)
	if errors.Is(err, report.ErrBuilding) {
		return &cli.Error{Code: cli.Failure, Key: "mahalleh_data.report.building", Hint: "mahalleh_data.report.building_hint", Cause: err}
	}
	if err != nil {
		return err
	}
	for _, asked := range q.Figures {
		if _, ok := figures.Figure(asked); !ok {
			return unknownFigure(asked, figures.Figures)
		}
	}
	for _, f := range figures.Figures {
		if len(q.Figures) > 0 && !slices.Contains(q.Figures, f.ID) {
			continue
		}
		item := figureItem{Figure: f, Scope: at.scope, Settings: figures.Settings, Places: map[indicators.ID]string{}}
		for _, t := range f.Tables {
			for _, row := range t.Rows {
				if name, ok := at.names[row.Place]; ok {
					item.Places[row.Place] = name
				}
			}
		}
		if err := out.item(item); err != nil {
			return err
		}
	}
	return nil
}

func unknownFigure(asked string, all []indicators.Figure) error {
	ids := make([]string, len(all))
	for i, f := range all {
		ids[i] = f.ID
	}
	return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.report.unknown", Args: cli.Args{"figure": asked, "known": strings.Join(ids, " · ")}, Hint: "mahalleh_data.report.unknown_hint"}
}

// actReportRebuild makes the report anew.
func actReportRebuild(ctx context.Context, d *desk, _ nothing, out tell) error {
	opened := d.report == nil
	if opened {
		if err := d.openReport(ctx); err != nil {
			return err
		}
	}
	began, n := time.Now(), 0
	err := d.report.Rebuild(ctx, func(records int) {
		n = records
		out.progress("mahalleh_data.report.progress", cli.Args{"n": records})
	})
	if opened {
		err = errors.Join(err, d.closeReport())
	}
	if err != nil {
		return err
	}
	return out.item(rebuilt{Records: n, Seconds: time.Since(began).Seconds()})
}

// rebuilt says what was read to make the report anew.
type rebuilt struct {
	Records int     `json:"records"`
	Seconds float64 `json:"seconds"`
}

// openReport opens the report beside the store.
func (d *desk) openReport(ctx context.Context) (err error) {
	d.report, err = report.Open(ctx, report.Options{Path: d.folder.report(), View: d.store.View, Forms: d.server.Hub().Packages(), Log: d.log})
	return err
}

func (d *desk) closeReport() error {
	err := d.report.Close()
	d.report = nil
	return err
}

// withReport has the report there: that of the running server as it is, or else
// one that is opened here and brought up to date.
func (d *desk) withReport(ctx context.Context, out tell) (done func(), err error) {
	if d.report != nil {
		return func() {}, nil
	}
	if err := d.openReport(ctx); err != nil {
		return nil, err
	}
	if d.report.Current() {
		_, err = d.report.CatchUp(ctx)
	} else {
		err = d.report.Rebuild(ctx, func(n int) { out.progress("mahalleh_data.report.progress", cli.Args{"n": n}) })
	}
	if err != nil {
		return nil, errors.Join(err, d.closeReport())
	}
	return func() {
		if err := d.closeReport(); err != nil {
			d.log.Warn("the report was not closed in order", "err", err)
		}
	}, nil
}

// forgetInReport has what was erased go from the report's file too. A running
// server's follows by itself; without one it would keep it until somebody asks for
// figures.
func (d *desk) forgetInReport(ctx context.Context) error {
	if d.report != nil {
		return nil
	}
	if _, err := os.Stat(d.folder.report()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := d.openReport(ctx); err != nil {
		return err
	}
	if d.report.Current() {
		_, err := d.report.CatchUp(ctx)
		return errors.Join(err, d.closeReport())
	}
	// Nobody reads it as it is: it is made anew when somebody asks.
	return errors.Join(d.closeReport(), report.Remove(d.folder.report()))
}

// follow has the report follow the store until ctx is over.
func (d *desk) follow(ctx context.Context) {
	stop := d.server.Hub().Subscribe(func(hub.Event) { d.report.Moved() })
	defer stop()
	d.report.Run(ctx)
}

// asked is the place that figures are asked of, with all that lies in it.
type asked struct {
	scope    scopeName
	places   []syncproto.PlaceID
	names    map[indicators.ID]string
	settings indicators.Settings
}

func (q *asked) read(r store.Reader, forms *schemas.Package, scope string) error {
	all, err := r.Places()
	if err != nil {
		return fmt.Errorf("read places: %w", err)
	}
	var top store.Place
	if scope != "" {
		if top, err = access.FindPlace(r, scope); err != nil {
			return err
		}
		q.scope = scopeName{Place: top.Number, PlaceName: top.NameFa}
	}
	inside := map[syncproto.PlaceID]bool{top.ID: true}
	q.names = map[indicators.ID]string{}
	// Parents come before what lies in them: a place's number is higher.
	for _, p := range byNumber(all) {
		if scope == "" || inside[p.ID] || inside[p.Parent] {
			inside[p.ID] = true
			q.places = append(q.places, p.ID)
			q.names[indicators.ID(p.ID)] = p.NameFa
		}
	}
	q.settings, err = report.SettingsAt(r, forms, top)
	return err
}

// onDay reads a day, Jalali as people type it, or ISO.
func onDay(text string) (int32, error) {
	if text == "" {
		return 0, nil
	}
	if d, err := jalali.ParseISO(text); err == nil {
		return int32(d), nil
	}
	date, err := jalali.Parse(text)
	if err != nil {
		return 0, &cli.Error{Code: cli.Usage, Key: "mahalleh_data.report.bad_day", Args: cli.Args{"day": text}, Hint: "mahalleh_data.report.bad_day_hint", Cause: err}
	}
	return int32(date.EpochDay()), nil
}

// month reads a Jalali month such as 1404/10, in any digits.
func month(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	var year, m int64
	if n, err := fmt.Sscanf(persian.ToASCIIDigits(text), "%d/%d", &year, &m); err != nil || n != 2 || year < 1300 || year > 1500 || m < 1 || m > 12 {
		return 0, &cli.Error{Code: cli.Usage, Key: "mahalleh_data.report.bad_month", Args: cli.Args{"flag": flag, "month": text}, Hint: "mahalleh_data.report.bad_month_hint"}
	}
	return year*100 + m, nil
}
