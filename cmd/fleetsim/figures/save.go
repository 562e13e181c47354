package figures

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

func save() *Figure {
	return &Figure{
		Name: "save",
		Size: []Count{{"records", 20_000}, {"saves", 2000}},
		Goals: []Goal{
			{"save.commits", Exactly, 1, "commits"},
			{"save.syncs", Exactly, 1, "syncs"},
			{"save.p99", AtMost, 5, "ms"},
		},
		Takes:   time.Minute,
		measure: measureSave,
	}
}

func measureSave(ctx context.Context, r *run) error {
	records, saves := r.size("records"), r.size("saves")
	dir, err := os.MkdirTemp(r.Dir, "save")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	store, err := r.filledDevice(ctx, dir, r.Disk.VFS, records)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Maintain(ctx); err != nil {
		return err
	}
	desk, err := newSaver(ctx, store)
	if err != nil {
		return err
	}
	bare, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		return fmt.Errorf("make a bare file: %w", err)
	}
	defer bare.Close()

	var saved, synced []time.Duration
	var commits, syncs tally
	for i := range saves {
		syncs0, commits0, bytes0 := r.Disk.Counts()
		took, err := desk.save(ctx, i)
		if err != nil {
			return fmt.Errorf("save %d: %w", i+1, err)
		}
		syncs1, commits1, bytes1 := r.Disk.Counts()
		commits.add(commits1 - commits0)
		syncs.add(syncs1 - syncs0)
		saved = append(saved, took)
		// The same number of bytes to the same disk, and nothing else.
		took, err = bareSync(bare, int(bytes1-bytes0))
		if err != nil {
			return err
		}
		synced = append(synced, took)
		r.Progress(r.figure.Name, i+1, saves)
	}
	r.report("save.commits", commits.worst(1), commits.detail(saves))
	r.report("save.syncs", syncs.worst(1), syncs.detail(saves))
	form, disk := milliseconds(saved), milliseconds(synced)
	r.report("save.p99", percentile(form, 99)-percentile(disk, 99), map[string]float64{
		"save_p50": percentile(form, 50), "save_p99": percentile(form, 99), "save_most": form[len(form)-1],
		"fsync_p50": percentile(disk, 50), "fsync_p99": percentile(disk, 99), "fsync_most": disk[len(disk)-1],
	})
	return nil
}

// bareSync appends n bytes to a file and makes them durable.
func bareSync(f *os.File, n int) (time.Duration, error) {
	b := make([]byte, n)
	began := time.Now()
	if _, err := f.Write(b); err != nil {
		return 0, fmt.Errorf("write to a bare file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("sync a bare file: %w", err)
	}
	return time.Since(began), nil
}

// tally counts how often something happened a given number of times.
type tally map[int64]int

func (t *tally) add(n int64) {
	if *t == nil {
		*t = tally{}
	}
	(*t)[n]++
}

// worst is the number farthest from what is wanted.
func (t tally) worst(wanted int64) float64 {
	far := wanted
	for n := range t {
		if max(n-wanted, wanted-n) > max(far-wanted, wanted-far) {
			far = n
		}
	}
	return float64(far)
}

func (t tally) detail(saves int) map[string]float64 {
	total := 0.0
	for n, times := range t {
		total += float64(n) * float64(times)
	}
	return map[string]float64{"mean": total / float64(saves), "once": float64(t[1]), "of": float64(saves)}
}

// milliseconds sorts.
func milliseconds(all []time.Duration) []float64 {
	ms := make([]float64, len(all))
	for i, d := range all {
		ms[i] = float64(d) / float64(time.Millisecond)
	}
	slices.Sort(ms)
	return ms
}

// percentile is the nearest rank of sorted numbers.
func percentile(sorted []float64, p int) float64 {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// saver saves forms as a client does: open the record, change some answers,
// look whether they fit, make the operations, append them to the log.
type saver struct {
	store *localstore.Store
	forms *schemas.Package
	edit  []syncproto.RecordID // records of the form that are there
	form  *schemas.Form
}

func newSaver(ctx context.Context, store *localstore.Store) (*saver, error) {
	pkg, err := forms.Load()
	if err != nil {
		return nil, fmt.Errorf("load the forms: %w", err)
	}
	form, ok := pkg.FormByName("asset")
	if !ok {
		return nil, fmt.Errorf("there is no form %q", "asset")
	}
	s := &saver{store: store, forms: pkg, form: form}
	list, err := store.List(ctx, localstore.Filter{Form: uint32(form.ID), Max: localstore.MaxRows})
	for _, row := range list.Rows {
		s.edit = append(s.edit, row.Record)
	}
	return s, err
}

// save saves one form, every second time a new one, and says how long it took
// from the press of the button, so without opening the form.
func (s *saver) save(ctx context.Context, i int) (time.Duration, error) {
	id := syncproto.RecordID{1, byte(i >> 8), byte(i)}
	if i%2 == 1 && len(s.edit) > 0 {
		id = s.edit[i/2%len(s.edit)]
	}
	held, err := s.store.State(ctx, id)
	if err != nil {
		return 0, err
	}
	edit := merge.Edit{Form: s.form, Opened: held.State, Before: merge.Content(s.form, held.State), Author: facilitator()}
	if edit.After, err = s.answers(edit.Before, i); err != nil {
		return 0, err
	}
	header := syncproto.Header{Verb: syncproto.VerbEdit, Record: id, Form: uint32(s.form.ID), Package: s.forms.Version,
		Scope: scopes()[0], Base: held.State.Latest, Author: facilitator(), Role: 10}
	if !held.State.Exists() {
		header.Verb = syncproto.VerbCreate
	}
	began := time.Now()
	today := int32(began.Unix() / 86_400)
	if a := schemas.Assess(s.form, s.forms, edit.After, schemas.Env{Today: today}); !a.Sendable() {
		return 0, fmt.Errorf("the form cannot be sent: %v", a.Problems)
	}
	_, err = s.store.Append(ctx, func(at localstore.At) (localstore.Saving, error) {
		edit.NewItem = func(n int) syncproto.ItemID { return syncproto.OwnItem(at.Log, at.Seq, n) }
		return localstore.Saving{Changes: []localstore.NewChange{{Header: header, Ops: edit.Ops()}}}, nil
	})
	return time.Since(began), err
}
