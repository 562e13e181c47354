//go:build !linux

package fleet

import "errors"

// residentMemory is read on Linux only.
func residentMemory() (now, peak uint64, err error) {
	return 0, 0, errors.New("a process's memory is read on Linux only")
}
