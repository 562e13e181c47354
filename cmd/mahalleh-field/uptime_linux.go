package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// machineUptime counts sleep too: a phone sleeps most of the day.
func machineUptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
