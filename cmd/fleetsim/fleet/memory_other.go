//go:build !linux

package fleet

import (
	"errors"
	"time"
)

// processorTime is read on Linux only.
func processorTime() (time.Duration, error) {
	return 0, errors.New("a process's processor time is read on Linux only")
}

// residentMemory is read on Linux only.
func residentMemory() (now, peak uint64, err error) {
	return 0, 0, errors.New("a process's memory is read on Linux only")
}
