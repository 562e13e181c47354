package figures

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	fictional "mahalleh/cmd/internal/sample"
	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

func reportFigure() *Figure {
	return &Figure{
		Name: "report",
		Size: []Count{{"records", 5_500_000}, {"seconds", 30}},
		Goals: []Goal{
			{"report.rebuild", AtMost, 180, "s"},
			{"report.memory", AtMost, 400, "MB"},
			{"report.figures", AtMost, 1, "s"},
			{"report.lag", AtMost, 2, "s"},
		},
		Takes:   90 * time.Minute,
		measure: measureReport,
	}
}

const (
	// reportPlaces is how many neighbourhoods the province has.
	reportPlaces = 81
	// reportPerScale is about how many records a sample of scale 1 has.
	reportPerScale = 40_000
	// reportAsks is how often figures are asked for.
	reportAsks = 5
	// reportRate is how many changes arrive in a second while lag is measured, and
	// reportWatch every how many it is looked when the report has it.
	reportRate, reportWatch = 500, 100
)

func measureReport(ctx context.Context, r *run) (err error) {
	dir, err := os.MkdirTemp(r.Dir, "report")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := r.fillProvince(ctx, dir); err != nil {
		return err
	}
	cmd := r.Child(ctx, childReport, dir, strconv.Itoa(r.size("seconds")))
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("process that reports: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	var told reported
	if err := json.Unmarshal(out.Bytes(), &told); err != nil {
		return fmt.Errorf("process that reports: %w", err)
	}
	millions := float64(told.Records) / 1e6
	r.report("report.rebuild", told.Rebuild/millions, map[string]float64{"records": float64(told.Records), "seconds": told.Rebuild, "file": float64(told.File) / 1e6})
	r.report("report.memory", float64(told.Memory)/1e6, nil)
	r.report("report.figures", told.Figures, map[string]float64{"anew": told.Anew, "again": told.Again})
	r.report("report.lag", told.Lag, map[string]float64{"changes": float64(told.Changes), "rate": told.Rate, "watched": float64(told.Watched)})
	return nil
}

// fillProvince makes a sample of about as many records as were asked for.
func (r *run) fillProvince(ctx context.Context, dir string) (err error) {
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(dir, "server.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	start, err := jalali.Parse("1404/10/26")
	if err != nil {
		return err
	}
	// This process makes records and measures nothing.
	server.CollectLess()
	_, err = fictional.Make(ctx, fictional.Options{Store: st, Erasures: noErasures{}, Clock: func() int64 { return time.Now().UnixMilli() },
		Province: "01", Neighbourhoods: reportPlaces, Months: 1, Start: start, Seed: r.From,
		Scale: float64(r.size("records")) / reportPerScale,
		Fold:  func(ctx context.Context) error { _, err := st.Checkpoint(ctx); return err },
		Progress: func(_, day, days int) {
			r.Progress(r.figure.Name, day, days)
		}})
	if err != nil {
		return fmt.Errorf("make a province: %w", err)
	}
	return nil
}

// childReport is what a child process does here: make a report anew, read figures,
// and follow what arrives.
const childReport = "report"

// reported is what it tells: seconds, bytes, numbers of records and changes.
type reported struct {
	Records              int
	Rebuild              float64
	File                 int64
	Memory               uint64
	Figures, Anew, Again float64
	Lag, Rate            float64
	Changes, Watched     int
}

func reportChild(ctx context.Context, dir string, seconds int, out io.Writer) (err error) {
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(dir, "server.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s, err := openServer(ctx, st)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	p := &reporting{ctx: ctx, store: st, hub: s.Hub(), path: filepath.Join(dir, "report.db")}
	if err := p.rebuild(); err != nil {
		return err
	}
	if err := p.figures(); err != nil {
		return err
	}
	if err := p.follow(time.Duration(seconds) * time.Second); err != nil {
		return err
	}
	if p.told.Memory, err = peakMemory(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(p.told)
}

// reporting is the work of the child process.
type reporting struct {
	ctx    context.Context
	store  *sqlitestore.Store
	hub    *hub.Hub
	path   string
	places []syncproto.PlaceID
	told   reported
}

func (p *reporting) open() (*report.Report, error) {
	return report.Open(p.ctx, report.Options{Path: p.path, View: p.store.View, Forms: p.hub.Packages()})
}

func (p *reporting) rebuild() error {
	rep, err := p.open()
	if err != nil {
		return err
	}
	began := time.Now()
	err = rep.Rebuild(p.ctx, func(n int) { p.told.Records = n })
	p.told.Rebuild = time.Since(began).Seconds()
	if info, failed := os.Stat(p.path); failed == nil {
		p.told.File = info.Size()
	}
	return errors.Join(err, rep.Close())
}

// figures asks for all figures of the province: of summaries that have to be made
// first, of those that were kept, in a process that has just opened the report, and
// again.
func (p *reporting) figures() error {
	err := p.store.View(p.ctx, func(r store.Reader) error {
		all, err := r.Places()
		for _, place := range all {
			p.places = append(p.places, place.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, into := range []*float64{&p.told.Anew, &p.told.Figures} {
		rep, err := p.open()
		if err != nil {
			return err
		}
		if *into, err = p.ask(rep); err != nil {
			return errors.Join(err, rep.Close())
		}
		for range reportAsks {
			again, err := p.ask(rep)
			if err != nil {
				return errors.Join(err, rep.Close())
			}
			p.told.Again = max(p.told.Again, again)
		}
		if err := rep.Close(); err != nil {
			return err
		}
		if into == &p.told.Anew {
			p.told.Again = 0
		}
	}
	return nil
}

func (p *reporting) ask(rep *report.Report) (float64, error) {
	began, settings := time.Now(), indicators.ShippedValues()
	_, err := rep.Figures(p.ctx, indicators.Moment{Today: jalali.Tehran{}.Day(began), Now: began.UnixMilli()}, p.places, &settings)
	return time.Since(began).Seconds(), err
}

// follow has changes arrive at a steady rate while the report follows, and looks
// how long it takes until one that is committed is in the report.
func (p *reporting) follow(length time.Duration) error {
	rep, err := p.open()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(p.ctx)
	idle := make(chan struct{})
	go func() { defer close(idle); rep.Run(ctx) }()
	cancel := p.hub.Subscribe(func(hub.Event) { rep.Moved() })
	err = p.arrive(rep, length)
	cancel()
	stop()
	<-idle
	return errors.Join(err, rep.Close())
}

func (p *reporting) arrive(rep *report.Report, length time.Duration) error {
	form, ok := p.hub.Packages().FormByName("asset")
	if !ok {
		return errors.New("there is no form of assets")
	}
	began := time.Now()
	for ; time.Since(began) < length; p.told.Changes++ {
		if wait := time.Duration(p.told.Changes)*time.Second/reportRate - time.Since(began); wait > 0 {
			time.Sleep(wait)
		}
		scope := syncproto.ScopeOf(p.places[p.told.Changes%len(p.places)], string(form.Compartment))
		record := syncproto.RecordID{0xfe, byte(p.told.Changes >> 16), byte(p.told.Changes >> 8), byte(p.told.Changes)}
		got, err := p.hub.Office(p.ctx, syncproto.PersonID{1}, record, newAsset(form, scope))
		if err != nil {
			return err
		}
		if p.told.Changes%reportWatch != 0 {
			continue
		}
		p.told.Watched++
		committed := time.Now()
		for {
			taken, err := rep.Taken(p.ctx, scope)
			if err != nil {
				return err
			}
			if taken >= got.Position {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		p.told.Lag = max(p.told.Lag, time.Since(committed).Seconds())
	}
	p.told.Rate = float64(p.told.Changes) / time.Since(began).Seconds()
	return nil
}

// newAsset writes a small asset in a scope.
func newAsset(form *schemas.Form, scope syncproto.ScopeID) func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
	return func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		after := schemas.Record{Form: form.ID, Fields: map[schemas.FieldID]schemas.Value{}}
		for name, v := range map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue("سالن ورزش محله")} {
			field, ok := form.FieldByName(name)
			if !ok {
				return hub.OfficeEdit{}, fmt.Errorf("form %s has no field %s", form.Name, name)
			}
			after.Fields[field.ID] = v
		}
		edit := merge.Edit{Form: form, Opened: s, Before: schemas.Record{Form: form.ID}, After: after, Author: syncproto.PersonID{1}, NewItem: newItem}
		return hub.OfficeEdit{Verb: syncproto.VerbCreate, Form: uint32(form.ID), Scope: scope, Ops: edit.Ops()}, nil
	}
}
