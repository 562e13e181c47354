package faultdisk

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Recording is what happened to the files of a directory: how they were, and
// every operation since.
type Recording struct {
	disk  *Disk
	files map[string][]byte
	ops   []Op
}

// Record writes down from now on what happens to the files of a directory. They
// are taken as durable as they are, so nothing may be under way.
func (d *Disk) Record(dir string) (*Recording, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("record a disk: %w", err)
	}
	r := &Recording{disk: d, files: map[string][]byte{}}
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		if r.files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("record a disk: %w", err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.record = r
	return r, nil
}

// Stop ends the recording.
func (r *Recording) Stop() {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	r.disk.record = nil
}

// Len is how many operations there have been.
func (r *Recording) Len() int {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	return len(r.ops)
}

func (r *Recording) add(op Op) {
	if op.File == "" || strings.HasSuffix(op.File, "-shm") {
		return // nothing that outlives the process
	}
	op.Data = bytes.Clone(op.Data)
	r.ops = append(r.ops, op)
}

// Replay goes through a recording, from power loss to power loss.
type Replay struct {
	r     *Recording
	at    int
	files map[string]*content
	// normal reads the recording as if SQLite had run with synchronous=NORMAL.
	normal bool
}

// content is what is known of a file: what surely is on the disk, and what was
// asked for since.
type content struct {
	durable []byte
	there   bool
	pending []Op
}

// Replay begins at the beginning. With normal, the log is not synced when a
// transaction commits, only before it is folded into the database, which is
// what synchronous=NORMAL would have done: the control that the checks can fail.
func (r *Recording) Replay(normal bool) *Replay {
	p := &Replay{r: r, files: map[string]*content{}, normal: normal}
	for name, b := range r.files {
		p.files[name] = &content{durable: bytes.Clone(b), there: true}
	}
	return p
}

// Advance goes on until n operations have been asked for.
func (p *Replay) Advance(n int) {
	for ; p.at < n; p.at++ {
		op := p.r.ops[p.at]
		f := p.files[op.File]
		if f == nil {
			f = &content{}
			p.files[op.File] = f
		}
		switch {
		case op.Kind == Open:
		case op.Kind != Sync:
			f.pending = append(f.pending, op)
		case !p.normal || !p.commits(op):
			for i := range f.pending {
				f.durable, f.there = apply(f.durable, f.there, f.pending[i], nil)
			}
			f.pending, f.there = nil, true
		}
	}
}

// commits says whether a sync of a log ends a transaction: the log is written
// again before the database is.
func (p *Replay) commits(op Op) bool {
	base, is := strings.CutSuffix(op.File, "-wal")
	if !is {
		return false
	}
	for _, next := range p.r.ops[p.at+1:] {
		if next.Kind == Write && next.File == op.File {
			return true
		}
		if next.Kind == Write && next.File == base {
			return false
		}
	}
	return true
}

// Fate says what a power loss does to what was not synced.
type Fate uint8

// The fates. The operations of one file reach the disk in any order.
const (
	// Lost: none of it reached the disk.
	Lost Fate = iota
	// Kept: all of it did.
	Kept
	// Torn: each sector of each write did, or did not, or in part.
	Torn
)

// sector is what a disk writes at once.
const sector = 512

// Image writes into a directory what is on the disk of a database, that of this
// name with its log, if the power goes now.
func (p *Replay) Image(dir, database string, fate Fate, rng *rand.Rand) error {
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if name != database && !strings.HasPrefix(name, database+"-") {
			continue
		}
		f := p.files[name]
		b, there := bytes.Clone(f.durable), f.there
		for _, op := range f.pending {
			switch {
			case fate == Lost:
			case fate == Kept:
				b, there = apply(b, there, op, nil)
			case op.Kind == Write:
				b, there = apply(b, there, op, rng)
			case rng.IntN(2) == 0:
				b, there = apply(b, there, op, nil)
			}
		}
		if !there {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return fmt.Errorf("write an image: %w", err)
		}
	}
	return nil
}

// apply does one operation; with rng a write is torn.
func apply(b []byte, there bool, op Op, rng *rand.Rand) ([]byte, bool) {
	switch op.Kind {
	case Delete:
		return nil, false
	case Truncate:
		if op.Size <= int64(len(b)) {
			return b[:op.Size], true
		}
		return append(b, make([]byte, op.Size-int64(len(b)))...), true
	case Write:
		end := op.Offset + int64(len(op.Data))
		if end > int64(len(b)) {
			b = append(b, make([]byte, end-int64(len(b)))...)
		}
		if rng == nil {
			copy(b[op.Offset:], op.Data)
			return b, true
		}
		for from := op.Offset; from < end; {
			to := min(end, (from/sector+1)*sector)
			switch part := op.Data[from-op.Offset : to-op.Offset]; rng.IntN(5) {
			case 0, 1:
				copy(b[from:], part)
			case 2:
				copy(b[from:], part[:rng.IntN(len(part)+1)])
			}
			from = to
		}
	}
	return b, true
}
