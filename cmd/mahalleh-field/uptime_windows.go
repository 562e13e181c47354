package main

import (
	"time"

	"golang.org/x/sys/windows"
)

func machineUptime() time.Duration { return windows.DurationSinceBoot() }
