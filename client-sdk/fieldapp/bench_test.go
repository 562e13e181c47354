package fieldapp

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	clientsdk "mahalleh/client-sdk"
)

var benchWords = strings.Fields("سالن کتابخانه مسجد پارک مدرسه کارگاه صندوق بازار زمین ورزشگاه درمانگاه نانوایی حسینیه فرهنگسرا کلاس حیاط")

// fill records n assets, many in one commit.
func (s *screen) fill(n int) {
	s.Helper()
	const together = 100
	word := func(k int) string { return benchWords[k%len(benchWords)] }
	for from := 0; from < n; from += together {
		var drafts []*clientsdk.Draft
		for k := from; k < min(n, from+together); k++ {
			d, err := s.device().New(ctx, "asset")
			if err == nil {
				err = d.SetJSON([]byte(fmt.Sprintf(`{"category": "physical", "subtype": "hall", "title_fa": "%s %s %d", "address": "خیابان %s، کوچهٔ %d",
					"description": "%s", "location": {"lat": %.5f, "lon": %.5f}}`, word(k), word(k/16), k, word(k/7), k%50, strings.Repeat(word(k)+" ", 12), 37.2+float64(k%200)/2500, 49.6+float64(k/200)/2500)))
			}
			if err != nil {
				s.Fatal(err)
			}
			drafts = append(drafts, d)
		}
		if _, err := s.device().SaveGroup(ctx, drafts...); err != nil {
			s.Fatal(err)
		}
	}
}

// benchRecords is how many records a device of the figures has: 5,000, or what is
// asked for to see whether they run at all.
func benchRecords(b *testing.B) int {
	b.Helper()
	asked := os.Getenv("FIELDAPP_BENCH_RECORDS")
	if asked == "" {
		return 5_000
	}
	n, err := strconv.Atoi(asked)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkPages asks for lists and searches where 5,000 and 20,000 records are.
func BenchmarkPages(b *testing.B) {
	for _, n := range []int{benchRecords(b), 4 * benchRecords(b)} {
		s := newOpen(b)
		s.fill(n)
		s.get("/records")
		for _, page := range []struct{ name, to string }{
			{"first", "/records"}, {"list", "/records?form=asset"}, {"latest", "/records?order=latest&only=unsent"},
			{"search", "/records?q=" + url.QueryEscape("سالن 12")}, {"letter", "/records?q=" + url.QueryEscape("س")},
		} {
			b.Run(fmt.Sprintf("%s-%d", page.name, n), func(b *testing.B) {
				for b.Loop() {
					s.get(page.to)
				}
			})
		}
	}
}

// benchFolder names the device that a process of its own starts with.
const benchFolder = "FIELDAPP_BENCH_FOLDER"

// BenchmarkReadyAlone is the body of BenchmarkReady's process: it starts with a
// device, shows its first page of records, and prints how long it took and the most
// memory that it held.
func BenchmarkReadyAlone(b *testing.B) {
	dir := os.Getenv(benchFolder)
	if dir == "" {
		b.Skip("it is a part of BenchmarkReady")
	}
	start := time.Now()
	s := newScreen(b, func(o *Options) { o.Dir = dir })
	if err := s.device().Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		b.Fatal(err)
	}
	s.gate.open()
	s.get("/records?form=asset")
	took := time.Since(start)
	s.get("/records?q=" + url.QueryEscape("سالن 12"))
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println("ready", took.Milliseconds(), strings.Fields(peak)[0])
}

// BenchmarkReady starts the screen with a passphrase in a process of its own.
func BenchmarkReady(b *testing.B) {
	for _, n := range []int{benchRecords(b), 4 * benchRecords(b)} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := newOpen(b)
			s.fill(n)
			s.get("/records")
			dir := s.opt.Dir
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			var times, peaks []int
			for b.Loop() {
				cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkReadyAlone$", "-test.benchtime=1x")
				cmd.Env = append(os.Environ(), benchFolder+"="+dir)
				out, err := cmd.CombinedOutput()
				if err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				_, said, _ := strings.Cut(string(out), "ready ")
				f := strings.Fields(said)
				took, err := strconv.Atoi(f[0])
				if err != nil {
					b.Fatal(err)
				}
				peak, err := strconv.Atoi(f[1])
				if err != nil {
					b.Fatal(err)
				}
				times, peaks = append(times, took), append(peaks, peak)
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2]), "ready-ms")
			b.ReportMetric(float64(slices.Max(peaks))/1024, "peak-MB")
		})
	}
}
