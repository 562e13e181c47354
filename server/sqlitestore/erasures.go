package sqlitestore

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Erasure says that the content of a record was taken away for ever.
type Erasure struct {
	Record syncproto.RecordID
	Scope  syncproto.ScopeID
	At     int64 // Unix ms
}

// Erasures is the journal of erasures: a text file that lies outside the
// database and its backups, so that no restore brings back what was erased.
//
// Each line is "1", the time in Unix ms, record and scope in hexadecimal, and
// the first 8 bytes of SHA-256 over the checksum of the line before (nothing,
// for the first) and the line up to there. It is safe for concurrent use.
type Erasures struct {
	path string
	mu   sync.Mutex
	f    *os.File // nil after an error, until the file was read anew
	list []Erasure
	sum  [erasureSum]byte
}

const (
	erasureSum = 8
	// maxErasureLine bounds a line: version, time of at most 20 characters, two
	// ids and the checksum make 105.
	maxErasureLine = 128
)

// OpenErasures opens the journal, makes it if it is not there, and cuts off a
// last line that a crash left unfinished: it was never acknowledged. The error
// wraps store.ErrCorrupt when another line is damaged.
func OpenErasures(path string) (*Erasures, error) {
	e := &Erasures{path: path}
	if err := e.load(); err != nil {
		return nil, fmt.Errorf("open erasures: %w", err)
	}
	return e, nil
}

func (e *Erasures) load() error {
	f, err := openOwn(e.path)
	if err != nil {
		return err
	}
	list, sum, whole, err := parseErasures(f)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil && whole > 0 {
		_, err = f.WriteAt([]byte("\n"), whole-1) // should the last line's end be damaged
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = SyncDir(filepath.Dir(e.path))
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	e.f, e.list, e.sum = f, list, sum
	return nil
}

// parseErasures reads whole lines; whole is how many bytes they take. A last line
// that is whole but for its very end counts.
func parseErasures(r io.Reader) (list []Erasure, sum [erasureSum]byte, whole int64, err error) {
	in := bufio.NewReaderSize(r, maxErasureLine)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			if n := len(line); n > 1 {
				if e, ok := parseErasure(string(line[:n-1])+"\n", &sum); ok {
					list, whole = append(list, e), whole+int64(n)
				}
			}
			return list, sum, whole, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, sum, 0, fmt.Errorf("line %d is too long: %w", n, store.ErrCorrupt)
		}
		if err != nil {
			return nil, sum, 0, err
		}
		e, ok := parseErasure(string(line), &sum)
		if !ok {
			return nil, sum, 0, fmt.Errorf("line %d: %w", n, store.ErrCorrupt)
		}
		list = append(list, e)
		whole += int64(len(line))
	}
}

// parseErasure reads one line and moves the checksum on.
func parseErasure(line string, sum *[erasureSum]byte) (e Erasure, ok bool) {
	parts := strings.Split(line, " ")
	if len(parts) != 5 || parts[0] != "1" {
		return e, false
	}
	at, err := strconv.ParseInt(parts[1], 10, 64)
	record, rerr := hex.DecodeString(parts[2])
	scope, serr := hex.DecodeString(parts[3])
	if err != nil || rerr != nil || serr != nil || len(record) != 16 || len(scope) != 16 {
		return e, false
	}
	e = Erasure{Record: syncproto.RecordID(record), Scope: syncproto.ScopeID(scope), At: at}
	want, next := appendErasure(nil, e, *sum)
	if string(want) != line {
		return e, false
	}
	*sum = next
	return e, true
}

// appendErasure writes one line after the one with this checksum.
func appendErasure(b []byte, e Erasure, sum [erasureSum]byte) ([]byte, [erasureSum]byte) {
	body := fmt.Sprintf("1 %d %x %x", e.At, e.Record[:], e.Scope[:])
	h := sha256.Sum256(append(sum[:], body...))
	sum = [erasureSum]byte(h[:])
	return fmt.Appendf(b, "%s %x\n", body, sum), sum
}

// Add keeps an erasure durably before it returns. After an error it may or may
// not be kept; adding it again does no harm.
func (e *Erasures) Add(x Erasure) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.f == nil {
		if err := e.load(); err != nil {
			return fmt.Errorf("add erasure: %w", err)
		}
	}
	line, sum := appendErasure(nil, x, e.sum)
	_, err := e.f.Write(line)
	if err == nil {
		err = e.f.Sync()
	}
	if err != nil {
		// What of it is on disk is seen when the file is read anew.
		err = errors.Join(err, e.f.Close())
		e.f = nil
		return fmt.Errorf("add erasure: %w", err)
	}
	e.list, e.sum = append(e.list, x), sum
	return nil
}

// All returns the erasures, oldest first.
func (e *Erasures) All() ([]Erasure, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.f == nil {
		if err := e.load(); err != nil {
			return nil, fmt.Errorf("read erasures: %w", err)
		}
	}
	return append([]Erasure(nil), e.list...), nil
}

// Close closes the file.
func (e *Erasures) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.f == nil {
		return nil
	}
	err := e.f.Close()
	e.f = nil
	return err
}

// SyncDir makes the names in a folder durable. Windows has no such call: there
// the file system's own journal keeps them.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeDurable writes a small file so that it is there whole or not at all.
func writeDurable(path string, b []byte) error {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(b))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
