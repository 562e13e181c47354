// Package api answers machines that watch or use a server: for now its metrics,
// in the text format that Prometheus and its kin read.
package api

import (
	"bufio"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/syncproto"
)

// MetricsType is the content type of what Metrics writes.
const MetricsType = "text/plain; version=0.0.4; charset=utf-8"

// Facts are what metrics are made of. Nothing in them says who somebody is, or
// which places there are.
type Facts struct {
	Version  string
	Uptime   time.Duration
	Counters server.Counters
	// Alarms are the names of those that can stand, with whether they do.
	Alarms map[string]bool
	// ClockAhead is the machine's clock minus the server's time.
	ClockAhead time.Duration
	// Database, WAL and DiskFree are bytes, negative if not known.
	Database, WAL, DiskFree int64
	// Cache is the memory in which pages of the database are kept.
	Cache  int64
	Backup Backup
}

// Backup is how the backups of a server stand.
type Backup struct {
	// Last is when the last verified one was made, Unix milliseconds, 0 for never;
	// Age how long ago that is, or since the store was begun.
	Last int64
	Age  time.Duration
	// Every is the interval of the schedule, 0 for none.
	Every time.Duration
	// Took and Bytes are of the last one, Done and Failed counted since the start.
	Took         time.Duration
	Bytes        int64
	Done, Failed int64
}

// lines writes metrics; the first error stays in the buffered writer.
type lines struct{ w *bufio.Writer }

func (l lines) head(name, kind, help string) {
	l.w.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// value writes one line; labels are pairs of name and value.
func (l lines) value(name string, v float64, labels ...string) {
	l.w.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		l.w.WriteByte("{,"[min(i, 1)])
		l.w.WriteString(labels[i] + `="` + escaper.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		l.w.WriteByte('}')
	}
	l.w.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (l lines) gauge(name, help string, v float64) {
	l.head(name, "gauge", help)
	l.value(name, v)
}

func (l lines) counter(name, help string, v int64) {
	l.head(name, "counter", help)
	l.value(name, float64(v))
}

// Metrics writes all metrics.
func Metrics(w io.Writer, f Facts) error {
	l := lines{bufio.NewWriter(w)}
	l.head("mahalleh_info", "gauge", "The running release.")
	l.value("mahalleh_info", 1, "version", f.Version, "go", runtime.Version())
	l.gauge("mahalleh_uptime_seconds", "Since the process began.", f.Uptime.Seconds())
	l.alarms(f)
	l.sessions(f)
	l.hub(&f.Counters.Hub)
	l.storage(f)
	l.backup(&f.Backup)
	l.process()
	return l.w.Flush()
}

func (l lines) alarms(f Facts) {
	l.head("mahalleh_alarm", "gauge", "1 while the alarm of this name stands; docs/operate.md says what each means.")
	for _, name := range sortedNames(f.Alarms) {
		v := 0.0
		if f.Alarms[name] {
			v = 1
		}
		l.value("mahalleh_alarm", v, "name", name)
	}
	l.gauge("mahalleh_clock_ahead_seconds", "The machine's clock minus the server's time.", f.ClockAhead.Seconds())
}

func (l lines) sessions(f Facts) {
	s := &f.Counters.Sessions
	l.gauge("mahalleh_sessions", "Connections of devices that stand now.", float64(s.Sessions))
	l.counter("mahalleh_sessions_opened_total", "Connections that became sessions.", s.Opened)
	l.head("mahalleh_sessions_ended_total", "counter", "Sessions that are over, by how.")
	for _, e := range []struct {
		how string
		n   int64
	}{{"broken", s.Broken}, {"refused", s.Refused}, {"replaced", s.Replaced}, {"other", max(s.Ended-s.Broken-s.Refused-s.Replaced, 0)}} {
		l.value("mahalleh_sessions_ended_total", float64(e.n), "how", e.how)
	}
	l.head("mahalleh_requests_turned_away_total", "counter", "Connections that did not become sessions: no room, or no device.")
	l.value("mahalleh_requests_turned_away_total", float64(s.Busy), "why", "busy")
	l.value("mahalleh_requests_turned_away_total", float64(s.Rejected), "why", "rejected")
	for _, d := range []struct {
		name, help string
		in, out    int64
	}{
		{"mahalleh_frames_total", "Messages on the line, by direction.", s.FramesIn, s.FramesOut},
		{"mahalleh_line_bytes_total", "Bytes on the line, sealed, by direction.", s.BytesIn, s.BytesOut},
	} {
		l.head(d.name, "counter", d.help)
		l.value(d.name, float64(d.in), "direction", "in")
		l.value(d.name, float64(d.out), "direction", "out")
	}
}

func (l lines) hub(h *hub.Counters) {
	l.counter("mahalleh_pushes_total", "Batches of changes taken in, or refused for good.", h.Pushes)
	l.counter("mahalleh_pushes_failed_total", "Batches that could not be taken in then; devices send them again.", h.Failed)
	l.head("mahalleh_changes_total", "counter", "Changes by what became of them when they arrived; one that is sent again counts again.")
	for o := syncproto.Applied; int(o) < hub.Outcomes; o++ {
		l.value("mahalleh_changes_total", float64(h.Changes[o]), "outcome", o.String())
	}
	l.gauge("mahalleh_push_queue", "Batches that wait for their commit.", float64(h.Queue))
	const commits = "mahalleh_commit_seconds"
	l.head(commits, "histogram", "How long transactions that take batches in last, sync of the disk included.")
	n := int64(0)
	for i, bound := range hub.CommitBounds {
		n += h.Classes[i]
		l.value(commits+"_bucket", float64(n), "le", strconv.FormatFloat(bound.Seconds(), 'g', -1, 64))
	}
	n += h.Classes[len(hub.CommitBounds)]
	l.value(commits+"_bucket", float64(n), "le", "+Inf")
	l.value(commits+"_sum", h.Took.Seconds())
	l.value(commits+"_count", float64(n))
}

func (l lines) storage(f Facts) {
	for _, x := range []struct {
		name, help string
		v          int64
	}{
		{"mahalleh_database_bytes", "The database's file.", f.Database},
		{"mahalleh_wal_bytes", "The write-ahead log's file.", f.WAL},
		{"mahalleh_database_cache_bytes", "Memory in which pages of the database are kept; it grows with the data up to a bound.", f.Cache},
		{"mahalleh_disk_free_bytes", "What may still be written to the disk of the data.", f.DiskFree},
	} {
		if x.v >= 0 {
			l.gauge(x.name, x.help, float64(x.v))
		}
	}
}

func (l lines) backup(b *Backup) {
	l.gauge("mahalleh_backup_age_seconds", "Since the last verified backup, or since the store was begun.", b.Age.Seconds())
	l.gauge("mahalleh_backup_last_seconds", "When the last verified backup was made, Unix time, 0 for never.", float64(b.Last)/1000)
	l.gauge("mahalleh_backup_every_seconds", "The interval of the schedule, 0 for none.", b.Every.Seconds())
	l.gauge("mahalleh_backup_duration_seconds", "How long the last one took, with its drill.", b.Took.Seconds())
	l.gauge("mahalleh_backup_bytes", "How large the last one is.", float64(b.Bytes))
	l.counter("mahalleh_backups_total", "Verified backups since the start.", b.Done)
	l.counter("mahalleh_backups_failed_total", "Backups since the start that failed, or did not pass their drill.", b.Failed)
}

func (l lines) process() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l.gauge("mahalleh_goroutines", "Goroutines.", float64(runtime.NumGoroutine()))
	l.gauge("mahalleh_heap_bytes", "Memory in use by the program's own data.", float64(m.HeapAlloc))
	l.gauge("mahalleh_memory_bytes", "Memory that the Go runtime has from the system.", float64(m.Sys-m.HeapReleased))
	if limit := debug.SetMemoryLimit(-1); limit < 1<<60 {
		l.gauge("mahalleh_memory_limit_bytes", "What GOMEMLIMIT allows.", float64(limit))
	}
}

func sortedNames(m map[string]bool) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
