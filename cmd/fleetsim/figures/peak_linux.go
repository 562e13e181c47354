package figures

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// peakMemory is the most memory that this process ever held, in bytes. The
// system's other account of it, ru_maxrss, begins with that of the parent.
func peakMemory() (uint64, error) {
	kb, err := strconv.ParseUint(strings.TrimSuffix(fieldOf("/proc/self/status", "VmHWM"), " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read peak memory: %w", err)
	}
	return kb << 10, nil
}

// processorTime is how long processors have worked for this process.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
