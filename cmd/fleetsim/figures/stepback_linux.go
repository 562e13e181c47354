package figures

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// lowest is the priority of a process that works with what others leave.
const lowest = 19

// stepBack leaves the processors to the other processes of the measuring. On Linux
// each thread has a priority of its own, and those to come inherit it.
func stepBack() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("read this process's threads: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, id, lowest); err != nil {
			return fmt.Errorf("take a lower priority: %w", err)
		}
	}
	return nil
}
