package figures

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mahalleh/server"
	"mahalleh/server/access"
	"mahalleh/server/dashboard"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func pagesFigure() *Figure {
	return &Figure{
		Name: "pages",
		Size: []Count{{"records", 5_500_000}, {"seconds", 30}},
		Goals: []Goal{
			{"pages.overview", AtMost, 300, "ms"},
			{"pages.neighbourhood", AtMost, 300, "ms"},
			{"pages.table", AtMost, 200, "ms"},
			{"pages.export-start", AtMost, 2, "s"},
			{"pages.export-memory", AtMost, 64, "MB"},
			{"pages.crowd", AtMost, 500, "ms"},
			{"pages.ack", AtMost, 2, "s"},
		},
		Takes:   90 * time.Minute,
		measure: measurePages,
	}
}

const (
	// pagesAsks is how often each page is asked for.
	pagesAsks = 25
	// pagesTable is how many neighbourhoods the table has.
	pagesTable = 7000
	// pagesExport is how many rows the file has, from as many records as it takes.
	pagesExport = 1_000_000
	// pagesReaders have the overview open while pagesRate changes arrive in a second.
	pagesReaders, pagesRate = 200, 500
	// pagesLook is how often an open page asks anew while something moves.
	pagesLook = time.Second
)

func measurePages(ctx context.Context, r *run) (err error) {
	dir, err := os.MkdirTemp(r.Dir, "pages")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := r.fillProvince(ctx, dir); err != nil {
		return err
	}
	cmd := r.Child(ctx, childPages, dir, strconv.Itoa(r.size("seconds")))
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("process that shows pages: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	var told paged
	if err := json.Unmarshal(out.Bytes(), &told); err != nil {
		return fmt.Errorf("process that shows pages: %w", err)
	}
	r.report("pages.overview", told.Overview.P95, told.Overview.detail())
	r.report("pages.neighbourhood", told.Hood.P95, told.Hood.detail())
	r.report("pages.table", told.Table.P95, told.Table.detail())
	// A file of fewer rows than stated shows nothing.
	r.shortened = r.shortened || told.Rows < pagesExport
	rows := map[string]float64{"rows": float64(told.Rows), "seconds": told.Export, "bytes": float64(told.Bytes)}
	r.report("pages.export-start", told.Start, rows)
	r.report("pages.export-memory", told.More/1e6, rows)
	r.report("pages.crowd", told.Crowd.P95, told.Crowd.detail())
	r.report("pages.ack", told.Ack.P95/1000, map[string]float64{"changes": float64(told.Changes), "rate": told.Rate, "p50": told.Ack.P50 / 1000, "most": told.Ack.Most / 1000})
	return nil
}

// childPages is what a child process does here: show pages over a store.
const childPages = "pages"

// spread are times in milliseconds.
type spread struct {
	P50, P95, Most, First float64
	N                     int
}

func (s spread) detail() map[string]float64 {
	return map[string]float64{"p50": s.P50, "most": s.Most, "first": s.First, "asked": float64(s.N)}
}

// spreadOf sorts the times.
func spreadOf(all []time.Duration) spread {
	if len(all) == 0 {
		return spread{}
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	s := spread{First: ms(all[0]), N: len(all)}
	sorted := slices.Sorted(slices.Values(all))
	s.P50, s.P95, s.Most = ms(sorted[len(sorted)/2]), ms(sorted[(len(sorted)*95+99)/100-1]), ms(sorted[len(sorted)-1])
	return s
}

// paged is what the child process tells. Times of export are seconds, More bytes.
type paged struct {
	Overview, Hood, Table, Crowd, Ack spread
	Rows, Changes                     int
	Start, Export, More, Rate         float64
	Bytes                             int64
}

// paging is the work of the child process.
type paging struct {
	reporting
	server *server.Server
	report *report.Report
	app    *dashboard.App
	web    http.Handler
	token  string
	// hoods are the neighbourhoods, number is that of the first.
	hoods  []syncproto.PlaceID
	number uint32
	got    paged
}

func pagesChild(ctx context.Context, dir string, seconds int, out io.Writer) (err error) {
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
	p := &paging{reporting: reporting{ctx: ctx, store: st, hub: s.Hub(), path: filepath.Join(dir, "report.db")}, server: s}
	if p.report, err = p.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.report.Close()) }()
	if err := p.report.Rebuild(ctx, nil); err != nil {
		return err
	}
	signer := access.NewSigner(s.Admin(), s.Hub().Now)
	if p.app, err = dashboard.New(dashboard.Options{Hub: s.Hub(), Admin: s.Admin(), Signer: signer, Report: p.report}); err != nil {
		return err
	}
	defer p.app.Close()
	p.web = p.app.Handler()
	for _, step := range []func() error{func() error { return p.signIn(signer) }, p.pages, p.export, func() error { return p.crowd(time.Duration(seconds) * time.Second) }, p.table} {
		if err := step(); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(p.got)
}

// signIn makes a reader of the whole province, and finds its places.
func (p *paging) signIn(signer *access.Signer) error {
	const name = "بینندهٔ صفحه‌ها"
	admin := p.server.Admin()
	if _, err := admin.AddPerson(p.ctx, name); err != nil {
		return err
	}
	if _, _, err := admin.Grant(p.ctx, name, string(access.Province), "11"); err != nil {
		return err
	}
	secret, _, err := signer.Invite(p.ctx, name)
	if err != nil {
		return err
	}
	if p.token, err = signer.Accept(p.ctx, secret, "باران روی بام", access.Browser{Agent: "fleetsim"}); err != nil {
		return err
	}
	if err := p.setFactor(signer); err != nil {
		return err
	}
	return p.store.View(p.ctx, func(r store.Reader) error {
		all, err := r.Places()
		for _, place := range all {
			if place.Kind != store.PlaceNeighbourhood {
				continue
			}
			if p.hoods = append(p.hoods, place.ID); p.number == 0 {
				p.number = place.Number
			}
		}
		return err
	})
}

// setFactor sets up the second factor that a province's reader needs.
func (p *paging) setFactor(signer *access.Signer) error {
	key := []byte("twenty bytes of a key")[:20]
	now, _ := p.hub.Now()
	m := hmac.New(sha1.New, key)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(now/30_000)))
	sum := m.Sum(nil)
	code := (binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff) % 1_000_000
	return signer.SetFactor(p.ctx, p.token, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key), fmt.Sprintf("%06d", code))
}

// sink takes an answer and forgets it.
type sink struct {
	head   http.Header
	status int
	bytes  int64
	lines  int
	first  time.Time
}

func (s *sink) Header() http.Header { return s.head }
func (s *sink) WriteHeader(n int)   { s.status = n }
func (s *sink) Write(b []byte) (int, error) {
	if s.first.IsZero() {
		s.first = time.Now()
	}
	s.bytes += int64(len(b))
	s.lines += bytes.Count(b, []byte("\r\n"))
	return len(b), nil
}

// ask asks for a page, or sends a form, and says how long it took.
func (p *paging) ask(to string, form url.Values) (*sink, time.Duration, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(p.ctx, method, "http://office.example"+to, body)
	if err != nil {
		return nil, 0, err
	}
	r.RequestURI, r.RemoteAddr = to, "192.0.2.7:5000"
	r.AddCookie(&http.Cookie{Name: "mahalleh-session", Value: p.token})
	if form != nil {
		r.Header.Set("Origin", "http://office.example")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	s := &sink{head: http.Header{}, status: http.StatusOK}
	began := time.Now()
	p.web.ServeHTTP(s, r)
	took := time.Since(began)
	if s.status != http.StatusOK {
		return nil, 0, fmt.Errorf("%s: %d", to, s.status)
	}
	return s, took, nil
}

// times asks again and again; before each, what was kept of figures is forgotten if
// that is asked for.
func (p *paging) times(forget bool, to func(n int) string) (spread, error) {
	var all []time.Duration
	for n := range pagesAsks {
		if forget {
			p.app.Forget()
		}
		_, took, err := p.ask(to(n), nil)
		if err != nil {
			return spread{}, err
		}
		all = append(all, took)
	}
	return spreadOf(all), nil
}

// pages asks for the overview and a neighbourhood, each time of figures that have to
// be reckoned again.
func (p *paging) pages() (err error) {
	if p.got.Overview, err = p.times(true, func(int) string { return "/?place=11" }); err != nil {
		return err
	}
	p.got.Hood, err = p.times(true, func(int) string { return fmt.Sprintf("/neighbourhood/%d", p.number) })
	return err
}

// table asks for the table of many neighbourhoods in every order and with filters.
func (p *paging) table() (err error) {
	if err := p.morePlaces(); err != nil {
		return err
	}
	if _, _, err := p.ask("/neighbourhoods?place=11", nil); err != nil {
		return err
	}
	orders := []string{"", "county", "status", "due", "late", "completeness", "gates", "stage", "conflicts"}
	p.got.Table, err = p.times(false, func(n int) string {
		to := "/neighbourhoods?place=11&sort=" + orders[n%len(orders)]
		if n%2 == 1 {
			to += "&q=" + url.QueryEscape("افزوده 1") + "&down=1"
		}
		return to
	})
	return err
}

// morePlaces adds neighbourhoods without records, in one transaction: each by itself
// would read all that are there.
func (p *paging) morePlaces() error {
	// The first opens what every reader of the province knows to be new.
	if _, err := p.server.Admin().AddPlace(p.ctx, access.NewPlace{Kind: store.PlaceCounty, Parent: "11", NameFa: "شهرستان افزوده"}); err != nil {
		return err
	}
	err := p.store.Update(p.ctx, func(tx store.Tx) error {
		province, err := tx.PlaceByNumber(11)
		if err != nil {
			return err
		}
		all, err := tx.Places()
		if err != nil {
			return err
		}
		number := uint32(0)
		for _, x := range all {
			number = max(number, x.Number)
		}
		for n := len(all); n < pagesTable; n++ {
			number++
			id := syncproto.PlaceID{0xfe, 0xed, byte(n >> 8), byte(n)}
			if err := tx.PutPlace(store.Place{ID: id, Number: number, Kind: store.PlaceNeighbourhood, Parent: province.ID, NameFa: fmt.Sprintf("محلهٔ افزوده %04d", n)}); err != nil {
				return err
			}
		}
		return nil
	})
	p.hub.AccessChanged()
	return err
}

// export takes the records of forms that a province reads as CSV, one file after
// the other until there are enough rows, and looks how memory grows.
func (p *paging) export() error {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, watched := make(chan struct{}), make(chan struct{})
	most := uint64(0)
	go func() {
		defer close(watched)
		for {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse+now.StackInuse)
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	began := time.Now()
	var err error
	for _, form := range []string{"asset", "ballot", "activity", "need", "service_delivery", "measurement"} {
		if p.got.Rows >= pagesExport || err != nil {
			break
		}
		var s *sink
		asked := time.Now()
		if s, _, err = p.ask("/take/records", url.Values{"place": {"11"}, "form": {form}, "as": {"csv"}}); err == nil {
			p.got.Rows += s.lines - 1
			p.got.Bytes += s.bytes
			p.got.Start = max(p.got.Start, s.first.Sub(asked).Seconds())
		}
	}
	p.got.Export = time.Since(began).Seconds()
	close(stop)
	<-watched
	p.got.More = max(0, float64(most)-float64(before.HeapInuse+before.StackInuse))
	return err
}

// crowd has many readers look at the overview while changes arrive.
func (p *paging) crowd(length time.Duration) error {
	coming, err := p.arrivals(int(length.Seconds() * pagesRate))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(p.ctx)
	followed := make(chan struct{})
	p.report.Tell(p.app.Moved)
	unsubscribe := p.hub.Subscribe(func(hub.Event) { p.report.Moved() })
	go func() { defer close(followed); p.report.Run(ctx) }()
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var readers sync.WaitGroup
	for n := range pagesReaders {
		readers.Go(func() {
			// They do not all ask at once.
			time.Sleep(pagesLook * time.Duration(n) / pagesReaders)
			for ctx.Err() == nil {
				_, took, err := p.ask("/overview/tiles?place=11", nil)
				mu.Lock()
				all = append(all, took)
				failed = errors.Join(failed, err)
				mu.Unlock()
				if err != nil {
					return
				}
				time.Sleep(max(0, pagesLook-took))
			}
		})
	}
	acks, err := p.arriving(coming, length)
	stop()
	readers.Wait()
	unsubscribe()
	<-followed
	p.got.Crowd, p.got.Ack = spreadOf(all), spreadOf(acks)
	return errors.Join(err, failed)
}
