package sqlitestore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"mahalleh/server/store"
)

// errHeld is what lockFile returns when another holds the lock.
var errHeld = errors.New("lock is held")

// maxPID bounds what is read of a lock file that holds a process number.
const maxPID = 20

// acquire takes the lock file of a database, which lies beside it for ever, and
// writes this process's number into it. The system gives the lock back when
// the process ends, however it ends.
func acquire(path string) (*os.File, error) {
	f, err := openOwn(path)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		b, _ := io.ReadAll(io.LimitReader(f, maxPID))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			return nil, fmt.Errorf("%w: process %d holds %s", store.ErrInUse, pid, path)
		}
		return nil, fmt.Errorf("%w: %s is held", store.ErrInUse, path)
	}
	// The number only helps who meets the lock: on a full disk there is none, and
	// what is stored can be opened all the same.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

// errOdd says that there is something else in a file's place.
var errOdd = errors.New("a link or a folder is in the place of a file; take it away")

// openOwn opens a file of the server's own, which is made if it is not there, to
// read and write it. It follows no link: what is written would be lost to whoever
// owns the target.
func openOwn(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, errOdd)
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

// release gives the lock back.
func release(f *os.File) error {
	// Without a number nobody is named; that it cannot be taken out harms nobody.
	_ = f.Truncate(0)
	return f.Close()
}
