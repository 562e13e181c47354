//go:build !linux

package figures

import (
	"errors"
	"time"
)

// peakMemory is the most memory that this process ever held, in bytes.
func peakMemory() (uint64, error) {
	return 0, errors.New("the memory of a process is read on Linux only")
}

// processorTime is how long processors have worked for this process.
func processorTime() (time.Duration, error) {
	return 0, errors.New("the processor time of a process is read on Linux only")
}
