package api

import (
	"bufio"
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mahalleh/server/hub"
	"mahalleh/syncproto"
)

var (
	sampleLine = regexp.MustCompile(`^([a-z_]+)(\{([a-z]+="(?:[^"\\\n]|\\.)*",?)+\})? (\S+)$`)
	headLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-z_]+) (.+)$`)
)

// read reads the text format as strictly as its readers do: every family is
// announced once, before its samples, which stand together.
func read(t *testing.T, text string) map[string]float64 {
	t.Helper()
	values, kinds, helps := map[string]float64{}, map[string]string{}, map[string]bool{}
	family := ""
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if m := headLine.FindStringSubmatch(line); m != nil {
			switch {
			case m[1] == "HELP" && helps[m[2]], m[1] == "TYPE" && kinds[m[2]] != "":
				t.Errorf("%s is announced twice", m[2])
			case m[1] == "HELP":
				helps[m[2]] = true
			default:
				kinds[m[2]] = m[3]
			}
			family = m[2]
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q is no line of the format", line)
			continue
		}
		name := m[1]
		if kinds[family] == "histogram" {
			name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		}
		if name != family || kinds[family] == "" || !helps[family] {
			t.Errorf("%q does not stand under its own family, but under %s", line, family)
		}
		if (kinds[family] == "counter") != strings.HasSuffix(family, "_total") {
			t.Errorf("%s is a %s", family, kinds[family])
		}
		v, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			t.Error(err)
		}
		if _, twice := values[m[1]+m[2]]; twice {
			t.Errorf("%s%s stands twice", m[1], m[2])
		}
		values[m[1]+m[2]] = v
	}
	return values
}

func TestMetrics(t *testing.T) {
	f := Facts{Version: "1.2\"\\\n", Uptime: time.Minute, Alarms: map[string]bool{"clock": true, "disk_low": false}, ClockAhead: -2 * time.Second,
		Database: 4096, WAL: -1, DiskFree: 7, Backup: Backup{Last: 5_500, Age: time.Hour, Every: 24 * time.Hour, Done: 3, Failed: 1}}
	f.Counters.Sessions.Sessions, f.Counters.Sessions.Ended, f.Counters.Sessions.Broken = 3, 9, 2
	h := &f.Counters.Hub
	h.Commits, h.Took, h.Queue, h.Pushes = 5, 1500*time.Millisecond, 4, 6
	h.Classes[0], h.Classes[2], h.Classes[len(hub.CommitBounds)] = 2, 2, 1
	h.Changes[syncproto.Quarantined] = 8
	var b bytes.Buffer
	if err := Metrics(&b, f); err != nil {
		t.Fatal(err)
	}
	values := read(t, b.String())
	for name, want := range map[string]float64{
		`mahalleh_alarm{name="clock"}`: 1, `mahalleh_alarm{name="disk_low"}`: 0, "mahalleh_clock_ahead_seconds": -2, "mahalleh_sessions": 3,
		`mahalleh_sessions_ended_total{how="broken"}`: 2, `mahalleh_sessions_ended_total{how="other"}`: 7,
		`mahalleh_changes_total{outcome="quarantined"}`: 8, "mahalleh_push_queue": 4, "mahalleh_pushes_total": 6,
		`mahalleh_commit_seconds_bucket{le="0.001"}`: 2, `mahalleh_commit_seconds_bucket{le="0.005"}`: 4, `mahalleh_commit_seconds_bucket{le="5"}`: 4,
		`mahalleh_commit_seconds_bucket{le="+Inf"}`: 5, "mahalleh_commit_seconds_count": 5, "mahalleh_commit_seconds_sum": 1.5,
		"mahalleh_database_bytes": 4096, "mahalleh_disk_free_bytes": 7, "mahalleh_backup_age_seconds": 3600, "mahalleh_backup_last_seconds": 5.5,
		"mahalleh_backups_failed_total": 1,
	} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
	if _, ok := values["mahalleh_wal_bytes"]; ok {
		t.Error("what is not known is told")
	}
	if !strings.Contains(b.String(), `version="1.2\"\\\n"`) {
		t.Error("the version is not escaped")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestMetricsToNobody(t *testing.T) {
	if Metrics(broken{}, Facts{}) == nil {
		t.Error("the error is lost")
	}
}
