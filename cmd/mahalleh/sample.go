package main

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/cmd/internal/sample"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/server"
)

// sampleFlags are what a sample is to be like.
type sampleFlags struct {
	province       string
	neighbourhoods int
	months         int
	start          string
	seed           uint64
	scale          float64
}

// The bounds of a sample: beyond them nothing is plausible any more.
const (
	mostNeighbourhoods = 7000
	mostMonths         = 120
	mostScale          = 100
)

func sampleCommand(a *cli.App) *cobra.Command {
	var f sampleFlags
	c := a.Command("sample", "mahalleh_sample", func(ctx context.Context, _ []string) error { return runSample(ctx, a, f) })
	c.Flags().StringVar(&f.province, "province", "01", a.T("mahalleh_sample.flag_province"))
	c.Flags().IntVar(&f.neighbourhoods, "neighbourhoods", 81, a.T("mahalleh_sample.flag_neighbourhoods"))
	c.Flags().IntVar(&f.months, "months", 1, a.T("mahalleh_sample.flag_months"))
	c.Flags().StringVar(&f.start, "start", "1404/10/26", a.T("mahalleh_sample.flag_start"))
	c.Flags().Uint64Var(&f.seed, "seed", 1, a.T("mahalleh_sample.flag_seed"))
	c.Flags().Float64Var(&f.scale, "scale", 1, a.T("mahalleh_sample.flag_scale"))
	return c
}

// options reads what the flags say.
func (f sampleFlags) options() (sample.Options, error) {
	outside := func(name string, most any) error {
		return &cli.Error{Code: cli.Usage, Key: "mahalleh_sample.outside", Args: cli.Args{"flag": name, "most": most}, Hint: "mahalleh_sample.outside_hint"}
	}
	o := sample.Options{Province: persian.ToASCIIDigits(f.province), Neighbourhoods: f.neighbourhoods, Months: f.months, Seed: f.seed, Scale: f.scale}
	switch {
	case f.neighbourhoods < 1 || f.neighbourhoods > mostNeighbourhoods:
		return o, outside("--neighbourhoods", mostNeighbourhoods)
	case f.months < 1 || f.months > mostMonths:
		return o, outside("--months", mostMonths)
	case !(f.scale > 0 && f.scale <= mostScale):
		return o, outside("--scale", mostScale)
	}
	var err error
	if o.Start, err = jalali.Parse(f.start); err != nil {
		return o, &cli.Error{Code: cli.Usage, Key: "mahalleh_sample.start", Args: cli.Args{"start": f.start}, Hint: "mahalleh_sample.start_hint", Cause: err}
	}
	return o, nil
}

func runSample(ctx context.Context, a *cli.App, flags sampleFlags) (err error) {
	o, err := flags.options()
	if err != nil {
		return err
	}
	f, err := folderOf(a)
	if err != nil {
		return err
	}
	if !f.fresh() || f.lost() {
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.demo.not_empty", Args: cli.Args{"dir": f.dir}, Hint: "mahalleh_sample.not_empty_hint"}
	}
	d, err := openStoreDesk(ctx, a, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	progress := a.Progress()
	o.Store, o.Erasures, o.Clock = d.store, d.journal, d.clock
	o.Fold = func(ctx context.Context) error {
		_, err := d.store.Checkpoint(ctx)
		return err
	}
	o.Progress = func(changes, day, days int) {
		progress.Update("mahalleh_sample.progress", cli.Args{"changes": changes, "day": day, "days": days})
	}
	server.CollectLess()
	made, err := sample.Make(ctx, o)
	progress.Done()
	if errors.Is(err, sample.ErrProvince) {
		return &cli.Error{Code: cli.Usage, Key: "mahalleh_sample.province", Args: cli.Args{"province": flags.province}, Hint: "mahalleh_sample.province_hint"}
	}
	if err != nil {
		return err
	}
	return showSample(a, made)
}

// sampleItem is what sample prints as one JSON object.
type sampleItem struct {
	Neighbourhoods int            `json:"neighbourhoods"`
	People         int            `json:"people"`
	Trained        int            `json:"trained"`
	Devices        int            `json:"devices"`
	Silent         int            `json:"silent"`
	Revoked        int            `json:"revoked"`
	Records        map[string]int `json:"records"`
	Total          int            `json:"total"`
	Changes        int            `json:"changes"`
	Conflicts      int            `json:"conflicts"`
	Settled        int            `json:"settled"`
	Dossiers       map[string]int `json:"dossiers"`
	Late           int            `json:"late"`
	Content        string         `json:"content"`
}

func showSample(a *cli.App, m *sample.Made) error {
	item := sampleItem{m.Neighbourhoods, m.People, m.Trained, m.Devices, m.Silent, m.Revoked, m.Records, 0, m.Changes, m.Conflicts, m.Settled, m.Dossiers, m.Late, hex.EncodeToString(m.Content[:])}
	for _, n := range m.Records {
		item.Total += n
	}
	if a.JSON() {
		return a.PrintJSON(item)
	}
	pkg, err := forms.Load()
	if err != nil {
		return err
	}
	t := a.Table("mahalleh_sample.col_form", "mahalleh_sample.col_records")
	for _, form := range pkg.Forms() {
		if n := m.Records[form.Name]; n > 0 {
			t.Row(form.Label.In(string(a.Lang())), n)
		}
	}
	if err := t.Write(); err != nil {
		return err
	}
	t = a.Table("mahalleh_sample.col_state", "mahalleh_sample.col_dossiers")
	states, _ := pkg.List("DOSSIERSTATUS")
	for _, s := range states.Items {
		if n := m.Dossiers[s.Code]; n > 0 {
			t.Row(s.Label.In(string(a.Lang())), n)
		}
	}
	if err := t.Write(); err != nil {
		return err
	}
	a.Say("mahalleh_sample.totals", cli.Args{"records": item.Total, "changes": m.Changes, "neighbourhoods": m.Neighbourhoods, "people": m.People, "trained": m.Trained})
	a.Say("mahalleh_sample.devices", cli.Args{"devices": m.Devices, "silent": m.Silent, "revoked": m.Revoked})
	a.Say("mahalleh_sample.conflicts", cli.Args{"open": m.Conflicts, "settled": m.Settled})
	a.Say("mahalleh_sample.late", cli.Args{"late": m.Late})
	return a.Say("mahalleh_sample.content", cli.Args{"hash": item.Content})
}
