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
	reportName   = "report.db"
	doorName     = "admin.json"
	socketName   = "admin.sock"
)

func openFolder(dir string) (folder, error) {
	abs, err := filepath.Abs(dir)
	return folder{dir: abs, pid: os.Getpid()}, err
}

func (f folder) database() string { return filepath.Join(f.dir, databaseName) }
func (f folder) erasures() string { return filepath.Join(f.dir, erasuresName) }
func (f folder) report() string   { return filepath.Join(f.dir, reportName) }
func (f folder) door() string     { return filepath.Join(f.dir, doorName) }
func (f folder) socket() string   { return filepath.Join(f.dir, socketName) }

// fresh says that there is no database yet.
func (f folder) fresh() bool {
	_, err := os.Stat(f.database())
	return os.IsNotExist(err)
}

// lost says that a server worked here whose database is gone or empty. The
// journal of erasures is made after the database's first transaction, so a
// first start that was cut short leaves none.
func (f folder) lost() bool {
	if _, err := os.Lstat(f.erasures()); err != nil {
		return false
	}
	for _, path := range []string{f.database(), f.database() + "-wal"} {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 || err != nil && !os.IsNotExist(err) {
			return false // there, or not to be judged by us
		}
	}
	return true
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
