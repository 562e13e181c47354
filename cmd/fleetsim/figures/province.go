package figures

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mahalleh/client-sdk/syncer"
	"mahalleh/server/access"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// province is the data of a real server's process, with many neighbourhoods and
// enrolled devices, and what is watched of it while they work.
type province struct {
	*run
	ctx      context.Context
	programs *programs
	codec    *wire.Codec
	phones   []*phone
	server   *serverProgram

	mu      sync.Mutex
	acks    []time.Duration
	samples []sample
}

// sample is what the server's process was at a moment.
type sample struct {
	at                               time.Duration
	memory, wal                      float64 // MB
	heap, cache                      float64 // MB: the program's own data, SQLite's pages
	goroutines, descriptors, backups float64
}

const provinceData = "province"

// newProvince makes so many neighbourhoods, each with an equal share of the
// devices, which are enrolled and closed. The server holds so many records of
// other neighbourhoods before.
func (r *run) newProvince(ctx context.Context, places, devices, before int) (p *province, err error) {
	codec, err := wire.NewCodec()
	if err != nil {
		return nil, err
	}
	programs, err := r.programs(ctx)
	if err != nil {
		return nil, err
	}
	p = &province{run: r, ctx: ctx, programs: programs, codec: codec}
	if before > 0 {
		g := &grown{fleet: &fleet{r: r, ctx: ctx, dir: p.data("")}, records: before}
		if err := g.build(); err != nil {
			return nil, errors.Join(fmt.Errorf("fill the server: %w", err), p.close())
		}
	}
	codes, err := p.people(places, devices)
	if err == nil {
		p.phones = make([]*phone, devices)
		err = p.all(func(i int) error {
			ph, err := newPhone(ctx, programs.dir, i, codes[i], codec)
			if err != nil {
				return err
			}
			ph.acked = p.acked
			p.phones[i] = ph
			return ph.close()
		})
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *province) close() error {
	var err error
	if p.server != nil {
		err = p.server.kill()
	}
	return errors.Join(err, p.programs.close())
}

func (p *province) data(name string) string { return filepath.Join(p.programs.dir, provinceData, name) }

// people fills the server's data with the office's own functions, and returns a
// code's QR text for each device.
func (p *province) people(places, devices int) (codes []string, err error) {
	st, err := sqlitestore.Open(p.ctx, sqlitestore.Options{Path: p.data(serverName)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s, err := openServer(p.ctx, st)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	keys := s.Identity().Keys()
	county, err := s.Admin().AddPlace(p.ctx, access.NewPlace{Kind: store.PlaceCounty, Parent: "گیلان", NameFa: "لاهیجان"})
	if err != nil {
		return nil, err
	}
	var where []store.Place
	for i := range places {
		place, err := s.Admin().AddPlace(p.ctx, access.NewPlace{Kind: store.PlaceNeighbourhood, Parent: county.NameFa, NameFa: fmt.Sprintf("محلهٔ %d", i+1)})
		if err != nil {
			return nil, err
		}
		where = append(where, place)
	}
	for i := range devices {
		place := fmt.Sprint(where[i%places].Number)
		person, err := s.Admin().AddPerson(p.ctx, fmt.Sprint("هیوا ", i+1))
		if err != nil {
			return nil, err
		}
		if _, _, err := s.Admin().Grant(p.ctx, person.ID.String(), string(access.Facilitator), place); err != nil {
			return nil, err
		}
		made, err := s.Admin().MakeCode(p.ctx, person.ID.String(), place, 24*time.Hour)
		if err != nil {
			return nil, err
		}
		sheet := syncproto.EnrolSheet{Code: made.Code, Keys: wire.AppendServerKeys(nil, &keys), Person: made.Person.ID, PersonName: made.Person.Name,
			PlaceName: made.Place.NameFa, Compartments: made.Compartments}
		qr, err := sheet.Text()
		if err != nil {
			return nil, fmt.Errorf("write a code: %w", err)
		}
		codes = append(codes, qr)
	}
	return codes, nil
}

// all calls f for every device, some at a time.
func (p *province) all(f func(i int) error) error {
	var mu sync.Mutex
	var errs []error
	each(workersOf(p.Workers), len(p.phones), func(i int) bool {
		err := f(i)
		if err != nil {
			mu.Lock()
			errs = append(errs, fmt.Errorf("device %d: %w", i, err))
			mu.Unlock()
		}
		return err == nil && p.ctx.Err() == nil
	})
	return errors.Join(append(errs, p.ctx.Err())...)
}

// acked notes how long an acknowledgement took.
func (p *province) acked(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acks = append(p.acks, took)
}

// serve starts the server's process and looks at it every so often until stop,
// which waits until nobody looks any more.
func (p *province) serve(every time.Duration, args ...string) (stop func(), err error) {
	if p.server, err = p.programs.serve(provinceData, append([]string{"--metrics", "127.0.0.1:0"}, args...)...); err != nil {
		return nil, err
	}
	began := time.Now()
	ended, idle := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(idle)
		look := time.NewTicker(every)
		defer look.Stop()
		for {
			select {
			case <-ended:
				return
			case <-look.C:
				s, err := p.look()
				if err != nil {
					continue // it is busy, or gone, which others notice
				}
				s.at = time.Since(began)
				p.mu.Lock()
				p.samples = append(p.samples, s)
				p.mu.Unlock()
			}
		}
	}()
	return func() { close(ended); <-idle }, nil
}

// look reads what the server's process says of itself, and what the system does.
func (p *province) look() (s sample, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.server.metrics+"/metrics", nil)
	if err != nil {
		return s, fmt.Errorf("ask for the metrics: %w", err)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return s, fmt.Errorf("ask for the metrics: %w", err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue // a comment
		}
		switch name {
		case "mahalleh_goroutines":
			s.goroutines = n
		case "mahalleh_wal_bytes":
			s.wal = n / 1e6
		case "mahalleh_backups_total":
			s.backups = n
		case "mahalleh_heap_bytes":
			s.heap = n / 1e6
		case "mahalleh_database_cache_bytes":
			s.cache = n / 1e6
		case "mahalleh_memory_bytes":
			s.memory = n / 1e6
		}
	}
	// The system knows better where it tells.
	proc := fmt.Sprint("/proc/", p.server.cmd.Process.Pid)
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(fieldOf(proc+"/status", "VmRSS"), " kB"), 64); err == nil {
		s.memory = kb * 1024 / 1e6
	}
	if open, err := os.ReadDir(proc + "/fd"); err == nil {
		s.descriptors = float64(len(open))
	}
	return s, nil
}

// part returns one number of all samples between two parts of the time, such as
// from a half to the end.
func (p *province) part(from, to float64, of func(sample) float64) (all []float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := float64(len(p.samples))
	for _, s := range p.samples[int(from*n):int(to*n)] {
		all = append(all, of(s))
	}
	return all
}

// middle is the median, 0 of nothing.
func middle(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// slope is by how much a value rises in an hour, by the least squares over all
// samples after a part of the time.
func (p *province) slope(from float64, of func(sample) float64) float64 {
	x, y := p.part(from, 1, func(s sample) float64 { return s.at.Hours() }), p.part(from, 1, of)
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	if d := n*sxx - sx*sx; d > 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}

// settle brings every device to rest, and stops the server.
func (p *province) settle() (problems []string, err error) {
	var mu sync.Mutex
	for range 2 {
		err := p.all(func(i int) error {
			if err := p.phones[i].open(); err != nil {
				return err
			}
			if r := p.phones[i].sync(p.ctx, p.server.address, syncer.Once); r.Outcome != syncer.CaughtUp {
				mu.Lock()
				problems = append(problems, fmt.Sprintf("device %d is not up to date in the end: %v %v", i, r.Outcome, r.Err))
				mu.Unlock()
			}
			return p.phones[i].close()
		})
		if err != nil {
			return problems, err
		}
	}
	err = p.server.stop()
	p.server = nil
	if err != nil {
		return problems, err
	}
	if err := p.programs.sound(provinceData); err != nil {
		problems = append(problems, err.Error())
	}
	return problems, nil
}

// reckon compares the server's data with every device, which are opened in turn.
func (p *province) reckon() (all reckoning, err error) {
	for _, ph := range p.phones {
		if err := ph.open(); err != nil {
			return all, err
		}
	}
	all, err = reckon(p.ctx, p.data(serverName), p.phones)
	for _, ph := range p.phones {
		err = errors.Join(err, ph.close())
	}
	return all, err
}
