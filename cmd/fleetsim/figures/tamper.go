package figures

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // reads databases as they are, whatever a check says
)

func tamper() *Figure {
	return &Figure{
		Name: "tamper",
		Size: []Count{{"flips", 10_000}},
		Goals: []Goal{
			{"tamper.missed", Exactly, 0, "flips"},
			{"tamper.unnamed", Exactly, 0, "flips"},
			{"tamper.entries", Exactly, 0, "failures"},
		},
		Takes:   6 * time.Minute,
		measure: measureTamper,
	}
}

// tampered is something whose bits are flipped, each on its own copy.
type tampered struct {
	name string
	// share of all flips, of a hundred.
	share int
	whole []byte
	// look says what notices that the bytes are others, and what reads from them
	// if nothing does; the directory is the copy's own.
	look func(dir string, b []byte) (found, read string, err error)
	// named says whether what was found tells where byte at was; nil takes any of
	// places in the text.
	named  func(found string, at int) bool
	places []string
}

func (t *tampered) tells(found string, at int) bool {
	if t.named != nil {
		return t.named(found, at)
	}
	return slices.ContainsFunc(t.places, func(p string) bool { return strings.Contains(found, p) })
}

// flipped is what became of one flip.
type flipped struct {
	harmless, missed, unnamed bool
	problem                   string
}

// maxHarmless bounds how often a flip is drawn again that changed nothing that
// is read.
const maxHarmless = 50

func measureTamper(ctx context.Context, r *run) error {
	n := r.size("flips")
	r.from = r.From
	k := &tampering{run: r, ctx: ctx}
	all, err := k.prepare()
	if err != nil {
		return err
	}
	defer k.close()
	missed, unnamed, done := 0, 0, 0
	detail := map[string]float64{}
	var failures []Failure
	for _, t := range all {
		want, err := k.untouched(t)
		if err != nil {
			return err
		}
		flips := max(n*t.share/100, 1)
		got, err := k.flipAll(t, want, flips, func(i int) { r.Progress(r.figure.Name, done+i, n) })
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		done += flips
		detail[t.name], detail[t.name+".harmless"] = float64(flips), float64(got.harmless)
		missed, unnamed = missed+got.missed, unnamed+got.unnamed
		failures = append(failures, got.failures...)
	}
	r.report("tamper.missed", float64(missed), detail, failures[:min(len(failures), maxFailures)]...)
	r.report("tamper.unnamed", float64(unnamed), nil)
	acts, wrong, err := k.entries()
	failures = nil
	for i, problem := range wrong {
		failures = append(failures, Failure{Seed: uint64(i), Problem: problem})
	}
	r.report("tamper.entries", float64(len(wrong)), map[string]float64{"tried": float64(acts)}, failures[:min(len(failures), maxFailures)]...)
	return err
}

// untouched looks at the whole bytes: nothing may be found in them.
func (k *tampering) untouched(t *tampered) (read string, err error) {
	dir, err := os.MkdirTemp(k.Memory, k.figure.Name)
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	found, read, err := t.look(dir, slices.Clone(t.whole))
	if err == nil && found != "" {
		err = fmt.Errorf("%s: without a flip, found was: %s", t.name, found)
	}
	return read, err
}

type flips struct {
	harmless, missed, unnamed int
	failures                  []Failure
}

// flipAll flips so many bits of one thing.
func (k *tampering) flipAll(t *tampered, want string, n int, progress func(done int)) (sum flips, err error) {
	// Much of a database is empty; nine flips of ten hit something that is not.
	var used []int
	for i, b := range t.whole {
		if b != 0 {
			used = append(used, i)
		}
	}
	var mu sync.Mutex
	var errs []error
	done := 0
	each(workersOf(k.Workers), n, func(i int) bool {
		rng := rand.New(rand.NewPCG(k.From+uint64(i), uint64(len(t.whole))))
		for tries := 0; ; tries++ {
			at := used[rng.IntN(len(used))]
			if rng.IntN(10) == 0 {
				at = rng.IntN(len(t.whole))
			}
			f, err := k.flip(t, want, at, rng.IntN(8))
			mu.Lock()
			if err != nil || tries > maxHarmless {
				errs = append(errs, fmt.Errorf("byte %d, %d tries: %w", at, tries, causeOf(err)))
				mu.Unlock()
				return false
			}
			if f.harmless {
				sum.harmless++
				mu.Unlock()
				continue
			}
			if f.missed {
				sum.missed++
			}
			if f.unnamed {
				sum.unnamed++
			}
			if f.problem != "" {
				sum.failures = append(sum.failures, Failure{Seed: uint64(i), Problem: fmt.Sprintf("%s, byte %d: %s", t.name, at, f.problem)})
			}
			done++
			progress(done)
			mu.Unlock()
			return true
		}
	})
	return sum, errors.Join(errs...)
}

func (k *tampering) flip(t *tampered, want string, at, bit int) (f flipped, err error) {
	dir, err := os.MkdirTemp(k.Memory, k.figure.Name)
	if err != nil {
		return f, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	b := slices.Clone(t.whole)
	b[at] ^= 1 << bit
	found, read, err := t.look(dir, b)
	switch {
	case err != nil:
		return f, err
	case found == "" && read == want:
		f.harmless = true
	case found == "":
		f.missed, f.problem = true, fmt.Sprintf("bit %d: nothing was noticed: %s", bit, firstDifference(read, want))
	case !t.tells(found, at):
		f.unnamed, f.problem = true, fmt.Sprintf("bit %d: what was found does not say where: %.300s", bit, found)
	}
	return f, nil
}

// allRows reads every value of every table of a database, as text.
func allRows(ctx context.Context, path string) (text string, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := texts(ctx, db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, table := range tables {
		columns, err := texts(ctx, db, "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid", table)
		if err != nil {
			return "", err
		}
		lines, err := texts(ctx, db, "SELECT quote("+strings.Join(columns, ") || ' ' || quote(")+") FROM "+table+" ORDER BY "+strings.Join(columns, ", "))
		if err != nil {
			return "", err
		}
		for _, line := range lines {
			fmt.Fprintln(&all, table, line)
		}
	}
	return all.String(), nil
}

// pagesOf says to which table or index each page of a database belongs.
func pagesOf(ctx context.Context, path string) (names map[int]string, size int, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	names = map[int]string{}
	rows, err := db.QueryContext(ctx, "SELECT d.pageno, coalesce(s.tbl_name, d.name) FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name")
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var page int
		var name string
		if err := rows.Scan(&page, &name); err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", path, err)
		}
		names[page] = name
	}
	return names, size, rows.Err()
}

func texts(ctx context.Context, db *sql.DB, query string, args ...any) (all []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read a database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, fmt.Errorf("read a database: %w", err)
		}
		all = append(all, line)
	}
	return all, rows.Err()
}
