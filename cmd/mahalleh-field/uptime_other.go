//go:build !linux && !darwin && !windows

package main

import "time"

// machineUptime is not known here; a lease then stands still between commands.
func machineUptime() time.Duration { return 0 }
