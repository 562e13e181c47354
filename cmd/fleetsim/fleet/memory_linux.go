package fleet

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processorTime is how long processors have worked for this process.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// residentMemory is how much memory this process has now and how much it ever had.
func residentMemory() (now, peak uint64, err error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, 0, fmt.Errorf("read this process's memory: %w", err)
	}
	defer f.Close()
	found := map[string]uint64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if kb, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64); err == nil {
			found[name] = kb << 10
		}
	}
	if found["VmRSS"] == 0 || found["VmHWM"] == 0 {
		return 0, 0, fmt.Errorf("the system does not tell this process's memory")
	}
	return found["VmRSS"], found["VmHWM"], nil
}
