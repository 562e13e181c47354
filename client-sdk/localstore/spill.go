package localstore

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/crypto/chacha20poly1305"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// spillSuffix, and a number, name the file beside the database that takes what of
// the index has no room in memory. Nobody can read it: its key is in memory only.
const spillSuffix = "-lists"

// spillPage is the index's page size, and what is sealed in one piece.
const spillPage = 4096

// spill is a SQLite file system that knows one file, the one into which a
// temporary database writes what its cache cannot hold. Each page is sealed by a
// key that is drawn for this file and stored nowhere; its nonce and its
// authentication stay in memory. So what remains on the disk says nothing to
// anybody, and an older page put in the place of a newer one is noticed.
type spill struct {
	name   string // under which SQLite knows it
	path   string
	aead   cipher.AEAD
	system uintptr // what SQLite holds of it
	handle uintptr
}

// spillSystem and spillHandle are a file system and an open file as SQLite sees
// them. They lie outside Go's heap, for SQLite holds their addresses; what is
// Go's is reached by its handle.
type spillSystem struct {
	sqlite3.Tsqlite3_vfs
	handle uintptr
}

type spillHandle struct {
	methods uintptr
	handle  uintptr
}

// spilled are the handles; see spillSystem.
var spilled = struct {
	sync.RWMutex
	held    map[uintptr]any
	last    uintptr
	methods uintptr // see spillMethods
}{held: map[uintptr]any{}}

func holdSpilled(v any) uintptr {
	spilled.Lock()
	defer spilled.Unlock()
	spilled.last++
	spilled.held[spilled.last] = v
	return spilled.last
}

func dropSpilled(h uintptr) {
	spilled.Lock()
	defer spilled.Unlock()
	delete(spilled.held, h)
}

func heldSpilled[T any](h uintptr) T {
	spilled.RLock()
	defer spilled.RUnlock()
	return spilled.held[h].(T)
}

// spills numbers the file systems of this process.
var spills atomic.Uint64

// newSpill makes a file system for one index; close it after the database.
func newSpill(path string, rand io.Reader) (*spill, error) {
	k, err := newKey(rand)
	if err != nil {
		return nil, err
	}
	defer clear(k[:])
	n := strconv.FormatUint(spills.Add(1), 10)
	s := &spill{name: "mahalleh-lists-" + n, path: path + n} // an index may be opened while another one still is
	if s.aead, err = chacha20poly1305.New(k[:]); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	tls := libc.NewTLS()
	defer tls.Close()
	if rc := sqlite3.Xsqlite3_initialize(tls); rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("start SQLite: code %d", rc)
	}
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if base == 0 {
		return nil, errors.New("SQLite has no file system here")
	}
	name, err := libc.CString(s.name)
	if err != nil {
		return nil, fmt.Errorf("name file system: %w", err)
	}
	s.system = libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(spillSystem{})))
	if s.system == 0 {
		libc.Xfree(tls, name)
		return nil, errors.New("no memory for a file system")
	}
	s.handle = holdSpilled(s)
	v := foreign[spillSystem](s.system)
	v.Tsqlite3_vfs = *foreign[sqlite3.Tsqlite3_vfs](base)
	v.FpNext, v.FzName, v.handle = 0, name, s.handle
	v.FszOsFile = int32(unsafe.Sizeof(spillHandle{}))
	v.FxOpen = pointer(spillOpen)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, s.system, 0); rc != sqlite3.SQLITE_OK {
		s.free(tls)
		return nil, fmt.Errorf("register file system: code %d", rc)
	}
	return s, nil
}

func (s *spill) close() {
	if s == nil {
		return
	}
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_vfs_unregister(tls, s.system)
	s.free(tls)
}

func (s *spill) free(tls *libc.TLS) {
	libc.Xfree(tls, foreign[spillSystem](s.system).FzName)
	libc.Xfree(tls, s.system)
	dropSpilled(s.handle)
}

// spillFile is the file.
type spillFile struct {
	*spill
	file   *os.File
	pages  []spilledPage
	writes uint64 // of pages, ever
	buf    []byte
}

// spilledPage is what is known of a page: which write of all it was, 0 while it
// never was written, and its authentication.
type spilledPage struct {
	write uint64
	tag   [chacha20poly1305.Overhead]byte
}

func (s *spill) open() (*spillFile, error) {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", s.path, err)
	}
	if runtime.GOOS != "windows" {
		os.Remove(s.path) // it stays while it is open, and no longer
	}
	return &spillFile{spill: s, file: f, buf: make([]byte, spillPage+chacha20poly1305.Overhead)}, nil
}

func (f *spillFile) close() {
	f.file.Close()
	if runtime.GOOS == "windows" {
		os.Remove(f.path)
	}
}

// nonce is never used twice: it is the number of the write.
func nonce(write uint64) []byte {
	var b [chacha20poly1305.NonceSize]byte
	binary.BigEndian.PutUint64(b[:], write)
	return b[:]
}

// errSpill says that the file does not hold what was written to it, or that
// SQLite uses it otherwise than it uses temporary databases.
var errSpill = errors.New("the file of the lists is spoilt")

// page returns a page's content, until the next call.
func (f *spillFile) page(n int) ([]byte, error) {
	p := &f.pages[n]
	if p.write == 0 {
		clear(f.buf)
		return f.buf[:spillPage], nil
	}
	if _, err := f.file.ReadAt(f.buf[:spillPage], int64(n)*spillPage); err != nil {
		return nil, errSpill
	}
	copy(f.buf[spillPage:], p.tag[:])
	plain, err := f.aead.Open(f.buf[:0], nonce(p.write), f.buf, nil)
	if err != nil {
		return nil, errSpill
	}
	return plain, nil
}

// read fills b from an offset on; short says that the file ends before that.
func (f *spillFile) read(b []byte, offset int64) (short bool, err error) {
	for len(b) > 0 {
		n, from := offset/spillPage, offset%spillPage
		if n >= int64(len(f.pages)) {
			clear(b)
			return true, nil
		}
		plain, err := f.page(int(n))
		if err != nil {
			return false, err
		}
		k := copy(b, plain[from:])
		b, offset = b[k:], offset+int64(k)
	}
	return false, nil
}

// write writes one whole page.
func (f *spillFile) write(b []byte, offset int64) error {
	if len(b) != spillPage || offset%spillPage != 0 {
		return errSpill
	}
	n := int(offset / spillPage)
	for n >= len(f.pages) {
		f.pages = append(f.pages, spilledPage{})
	}
	f.writes++
	sealed := f.aead.Seal(f.buf[:0], nonce(f.writes), b, nil)
	if _, err := f.file.WriteAt(sealed[:spillPage], offset); err != nil {
		return err
	}
	f.pages[n].write = f.writes
	copy(f.pages[n].tag[:], sealed[spillPage:])
	return nil
}

func (f *spillFile) truncate(size int64) error {
	n := int((size + spillPage - 1) / spillPage)
	if n >= len(f.pages) {
		return nil
	}
	f.pages = f.pages[:n]
	return f.file.Truncate(size)
}
