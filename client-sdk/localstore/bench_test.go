package localstore

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// The form that benchmarks fill: a person, by number and fields.
const (
	formPerson   = 2
	benchAuthors = 5
)

var benchNames = strings.Fields("فاطمه زهرا علی حسین محمد رضا مریم گلناز پروین بهرام کاوه نرگس سارا امیر یاسمن داریوش شیرین لیلا آرش کیوان")

func benchForms(t testing.TB) *schemas.Package {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// benchRecord is the n-th person as the server sends it.
func benchRecord(n int) *syncproto.RecordState {
	id := syncproto.RecordID{0x01, 0x9a, byte(n >> 16), byte(n >> 8), byte(n), 0x70, 15: 1}
	s := syncproto.NewRecordState(id)
	version := syncproto.IDOf(id[:])
	s.Form, s.Created, s.Latest, s.Home, s.Number = formPerson, version, version, persons, 1
	s.Versions[version] = syncproto.VersionMeta{Author: syncproto.PersonID{byte(n % benchAuthors)}, Time: int64(n)}
	put := func(field uint32, v syncproto.Value) {
		s.Cells[syncproto.CellKey{Field: field}] = &syncproto.Cell{Candidates: []syncproto.Candidate{{Version: version, Value: v}}}
	}
	name := func(k int) string { return benchNames[(n/k)%len(benchNames)] }
	put(syncproto.FieldPresence, syncproto.Bool(true))
	put(syncproto.FieldHome, syncproto.Scope(persons))
	put(10, syncproto.Text(fmt.Sprintf("%s %s %s‌پور %d", name(1), name(20), name(400), n)))
	put(11, syncproto.Code("f"))
	put(12, syncproto.Year(int32(1340+n%60)))
	put(14, syncproto.Text(fmt.Sprintf("0912%07d", n)))
	put(15, syncproto.Ref(syncproto.RecordID{0x01, 0x9b, 3: byte(n)}))
	return s
}

// fillBench brings n persons into a store, a page at a time.
func fillBench(t testing.TB, s *Store, n int) { fillBenchFrom(t, s, 0, n) }

// fillBenchFrom brings those from first on, of n that are to be there then.
func fillBenchFrom(t testing.TB, s *Store, first, n int) {
	t.Helper()
	const page = 100
	for from := first; from < n; from += page {
		size := min(page, n-from)
		p := &wire.Page{Scope: persons, Era: syncproto.EraID{1}, From: uint64(from), To: uint64(from + size)}
		for i := range size {
			p.Records = append(p.Records, wire.AppendRecord(nil, benchRecord(from+i), 0))
		}
		if err := s.ApplyPage(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
}

func newBenchBox(b *testing.B, records int) *box {
	bx := newBoxWith(b, func(o *Options) { o.Packages = benchForms(b) })
	fillBench(b, bx.Store, records)
	return bx
}

// BenchmarkSave saves a form with 20,000 records there and sets it against
// syncs of the same disk, taken in turns: p99 may be 5 ms longer.
func BenchmarkSave(b *testing.B) {
	bx := newBenchBox(b, 20_000)
	check(b, bx.Maintain(ctx))
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	check(b, err)
	defer f.Close()
	block := make([]byte, 24<<10) // what a save adds to the write-ahead log
	var saves, syncs []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		_, err := f.Write(block)
		check(b, err)
		check(b, f.Sync())
		syncs = append(syncs, time.Since(start))
		id := bx.newRecord()
		if i%2 == 1 {
			id = benchRecord(i * 37 % 20_000).Record
		}
		start = time.Now()
		bx.save(id, formPerson, persons, map[uint32]syncproto.Value{10: text("مریم گلستانی"), 12: syncproto.Year(1360), 14: text("09121234567")})
		saves = append(saves, time.Since(start))
	}
	for _, m := range []struct {
		name string
		all  []time.Duration
	}{{"save", saves}, {"sync", syncs}} {
		slices.Sort(m.all)
		b.ReportMetric(float64(m.all[len(m.all)/2].Microseconds()), m.name+"-p50-µs")
		b.ReportMetric(float64(m.all[len(m.all)*99/100].Microseconds()), m.name+"-p99-µs")
	}
}

// benchUnlock names the store that a child process of this test unlocks.
const benchUnlock = "LOCALSTORE_BENCH_UNLOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(benchUnlock); path != "" {
		if err := unlockAlone(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// unlockAlone opens and unlocks a store, lists a page, and prints how long it
// took and the most memory the process held.
func unlockAlone(path string) error {
	pkg, err := forms.Load()
	if err != nil {
		return err
	}
	start := time.Now()
	s, err := Open(ctx, Options{Path: path, Clock: newClock(), Rand: seeded("child"), Packages: pkg})
	if err != nil {
		return err
	}
	if err := s.Unlock(ctx, Credential{Passphrase: "گذرواژه"}); err != nil {
		return err
	}
	l, err := s.List(ctx, Filter{Form: formPerson})
	if err != nil || len(l.Rows) != DefaultRows {
		return fmt.Errorf("%d rows: %w", len(l.Rows), err)
	}
	took := time.Since(start)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(took.Milliseconds(), strings.Fields(peak)[0])
	return nil
}

// BenchmarkUnlock unlocks 10,000 records with a passphrase in a process of its
// own: from the snapshot, and without one as after a crash in the first load.
func BenchmarkUnlock(b *testing.B) {
	for _, c := range []struct {
		name     string
		snapshot bool
	}{{"snapshot", true}, {"no-snapshot", false}} {
		b.Run(c.name, func(b *testing.B) {
			bx := newBenchBox(b, 10_000)
			check(b, bx.SetCredential(ctx, Credential{Person: author, Passphrase: "گذرواژه"}))
			if c.snapshot {
				check(b, bx.SaveIndex(ctx))
			}
			dir := b.TempDir()
			copyStore(b, bx.opt.Path, dir)
			st, err := os.Stat(bx.opt.Path)
			check(b, err)
			b.ReportMetric(float64(st.Size())/10_000, "file-B/record")
			var times, peaks []int
			for b.Loop() {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), benchUnlock+"="+filepath.Join(dir, "device.db"))
				out, err := cmd.Output()
				check(b, err)
				f := strings.Fields(string(out))
				took, err := strconv.Atoi(f[0])
				check(b, err)
				peak, err := strconv.Atoi(f[1])
				check(b, err)
				times, peaks = append(times, took), append(peaks, peak)
				// The child wrote a snapshot only if it closed the store; it did not.
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2]), "unlock-ms")
			b.ReportMetric(float64(slices.Max(peaks))/1024, "peak-MB")
		})
	}
}
