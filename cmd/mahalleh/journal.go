package main

import (
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
)

// journal keeps which records were erased in a file of its own beside the
// database, which is not part of backups. It is what server.Open asks for.
type journal struct{ *sqlitestore.Erasures }

// Add implements server.Erasures.
func (j journal) Add(e hub.Erasure) error { return j.Erasures.Add(sqlitestore.Erasure(e)) }

// All implements server.Erasures.
func (j journal) All() ([]hub.Erasure, error) {
	kept, err := j.Erasures.All()
	all := make([]hub.Erasure, len(kept))
	for i, e := range kept {
		all[i] = hub.Erasure(e)
	}
	return all, err
}
