//go:build !linux

package figures

import "errors"

// peakMemory is the most memory that this process ever held, in bytes.
func peakMemory() (uint64, error) {
	return 0, errors.New("the memory of a process is read on Linux only")
}
