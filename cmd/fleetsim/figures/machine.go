package figures

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine is what a figure was measured on. What the system does not tell is
// empty or zero.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// Memory is in bytes.
	Memory uint64 `json:"memory"`
	OS     string `json:"os"`
	Go     string `json:"go"`
}

// ThisMachine describes the machine that the program runs on.
func ThisMachine() Machine {
	m := Machine{CPU: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), OS: runtime.GOOS, Go: runtime.Version()}
	if model := fieldOf("/proc/cpuinfo", "model name"); model != "" {
		m.CPU = model
	}
	if kb, err := strconv.ParseUint(strings.TrimSuffix(fieldOf("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.Memory = kb << 10
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.OS += " " + strings.TrimSpace(string(release))
	}
	return m
}

// fieldOf returns the first value of a name in a file of Linux's /proc, where
// a line is a name, a colon and a value; "" if there is none.
func fieldOf(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// MemoryDir returns a directory on a file system in memory in which files can
// be made, or other if the system has none.
func MemoryDir(other string) string {
	const shm = "/dev/shm"
	dir, err := os.MkdirTemp(shm, "look")
	if err != nil {
		return other
	}
	// An empty directory of our own; if it stays, it takes no room.
	_ = os.Remove(dir)
	return shm
}
