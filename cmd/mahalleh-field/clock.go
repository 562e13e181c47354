package main

import "time"

// systemClock is the machine's clock: the wall clock of the program, and how
// long the machine has been up.
type systemClock struct {
	now func() time.Time
}

// Now returns the wall clock, right or wrong.
func (c systemClock) Now() time.Time { return c.now() }

// Uptime returns how long the machine has been up. A command lives for a
// second: only the machine's own count lets a lease run between two of them.
func (c systemClock) Uptime() time.Duration { return machineUptime() }
