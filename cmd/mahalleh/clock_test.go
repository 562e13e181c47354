package main

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
)

// leap makes the machine's clock stand some days ahead of the time that the
// server in the data directory kept last: leap DAYS.
func leap(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: leap DAYS")
	}
	days, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx := context.Background()
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(ts.MkAbs("data"), databaseName)})
	ts.Check(err)
	last := time.Now().AddDate(0, 0, -days).UnixMilli()
	ts.Check(st.Update(ctx, func(tx store.Tx) error {
		return tx.PutMeta("hub.clock", binary.BigEndian.AppendUint64(nil, uint64(last)))
	}))
	ts.Check(st.Close())
}
