package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// folder is the data directory of a server.
type folder struct {
	dir string
	// pid is the process that works in it.
	pid int
}

// The files in the data directory.
const (
	databaseName = "server.db"
	erasuresName = "erasures.journal"
	doorName     = "admin.json"
	socketName   = "admin.sock"
)

func openFolder(dir string) (folder, error) {
	abs, err := filepath.Abs(dir)
	return folder{dir: abs, pid: os.Getpid()}, err
}

func (f folder) database() string { return filepath.Join(f.dir, databaseName) }
func (f folder) erasures() string { return filepath.Join(f.dir, erasuresName) }
func (f folder) door() string     { return filepath.Join(f.dir, doorName) }
func (f folder) socket() string   { return filepath.Join(f.dir, socketName) }

// fresh says that there is no database yet.
func (f folder) fresh() bool {
	_, err := os.Stat(f.database())
	return os.IsNotExist(err)
}

// holder is the number of the process that holds the database, as far as its
// lock file tells.
func (f folder) holder() string {
	raw, err := os.ReadFile(f.database() + ".lock")
	if pid := strings.TrimSpace(string(raw)); err == nil {
		if _, err := strconv.Atoi(pid); err == nil {
			return pid
		}
	}
	return "?"
}
