package figures

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/localstore"
	"mahalleh/syncproto"
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
	if err := r.filledDevice(ctx, dir, records); err != nil {
		return err
	}
	client, err := openClient(ctx, dir, clientsdk.Options{VFS: r.Disk.Name()})
	if err != nil {
		return err
	}
	defer client.Close()
	desk, err := newSaver(ctx, client)
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
	begun := r.Disk.Counts().Commits
	for i := range saves {
		draft, err := desk.fill(ctx, i)
		if err != nil {
			return fmt.Errorf("form %d: %w", i+1, err)
		}
		before := r.Disk.Counts()
		took, err := desk.save(ctx, draft)
		if err != nil {
			return fmt.Errorf("save %d: %w", i+1, err)
		}
		after := r.Disk.Counts()
		commits.add(after.Commits - before.Commits)
		syncs.add(after.Syncs - before.Syncs)
		saved = append(saved, took)
		// The same number of bytes to the same disk, and nothing else.
		took, err = bareSync(bare, int(after.LogBytes-before.LogBytes))
		if err != nil {
			return err
		}
		synced = append(synced, took)
		r.Progress(r.figure.Name, i+1, saves)
	}
	// Between two saves the write-ahead log may be folded.
	ended := r.Disk.Counts().Commits
	between := commits.detail(saves)
	between["between"] = float64(ended-begun) - between["mean"]*float64(saves)
	r.report("save.commits", commits.worst(1), between)
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

// saver fills forms in and saves them as an app on the SDK does.
type saver struct {
	client *clientsdk.Client
	there  []syncproto.RecordID // assets that came from the server
}

const savedForm = "asset"

func newSaver(ctx context.Context, client *clientsdk.Client) (*saver, error) {
	s := &saver{client: client}
	page, err := client.List(ctx, clientsdk.Query{Form: savedForm, Max: localstore.MaxRows})
	if err != nil {
		return nil, err
	}
	for _, row := range page.Rows {
		s.there = append(s.there, row.ID)
	}
	return s, nil
}

// fill fills a form in, every second time that of a record that is there.
func (s *saver) fill(ctx context.Context, i int) (*clientsdk.Draft, error) {
	var draft *clientsdk.Draft
	var err error
	if i%2 == 1 && len(s.there) > 0 {
		draft, err = s.client.Edit(ctx, s.there[i/2%len(s.there)])
	} else {
		draft, err = s.client.New(ctx, savedForm)
	}
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(answers(i))
	if err != nil {
		return nil, fmt.Errorf("write answers: %w", err)
	}
	if err := draft.SetJSON(raw); err != nil {
		return nil, err
	}
	return draft, nil
}

// save says how long the save took, from the press of the button until the
// change is durable and the lists show it.
func (s *saver) save(ctx context.Context, draft *clientsdk.Draft) (time.Duration, error) {
	began := time.Now()
	saved, err := draft.Save(ctx)
	took := time.Since(began)
	if err == nil && !saved.Saved {
		err = fmt.Errorf("the form stays a draft: %v", saved.Problems)
	}
	return took, err
}

// answers are those of an asset, each time a little different.
func answers(i int) map[string]any {
	subtypes := []string{"hall", "park", "waqf"}
	return map[string]any{
		"category": "physical", "subtype": subtypes[i%len(subtypes)],
		"title_fa":    fmt.Sprintf("سالن ورزشی کوچهٔ %d (نوبت عصر)", i),
		"description": fmt.Sprintf("کلید نزد سرایدار است؛ پس از ساعت %d با هماهنگی مدیر در اختیار اهالی قرار می‌گیرد.", 8+i%12),
		"location":    map[string]any{"lat": 37.2511 + float64(i%100)/1e4, "lon": 49.6124, "accuracy_m": 8},
		"owner_kind":  "public", "capacity_value": 20 + i%50, "capacity_unit": "person",
		"availability": "by_permission", "condition": 1 + i%4, "accessible": "partly",
	}
}
