package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// desk is where acts are done, in whichever process holds the store. server is
// nil for acts that need the store alone.
type desk struct {
	server  *server.Server
	store   *sqlitestore.Store
	journal journal
	// report is there while a server follows the store with it, and during the acts
	// that read it.
	report *report.Report
	folder folder
	// addresses are where devices reach the server, nil if it does not listen.
	addresses []string
	// log is the running server's, nil without one.
	log *slog.Logger
	// clock is the machine's, Unix milliseconds.
	clock func() int64
	// free, if set, stands in for the system's word on the free bytes of a disk.
	free func(dir string) int64
	// settle, if set, takes the place of sqlitestore.SyncDir in tests.
	settle func(dir string) error
	// backing is held while a backup is made.
	backing sync.Mutex
	watched watched
}

func (d *desk) view(ctx context.Context, f func(store.Reader) error) error {
	return d.store.View(ctx, f)
}

// changed tells running sessions that somebody's rights are others now.
func (d *desk) changed() { d.server.Hub().AccessChanged() }

// note writes an act into the audit that no other transaction holds, and tells
// the sessions of the scopes that it concerns.
func (d *desk) note(ctx context.Context, act, subject, why string, scopes ...syncproto.ScopeID) error {
	if err := d.server.Admin().Audit(ctx, act, subject, why, scopes...); err != nil {
		return err
	}
	d.server.Hub().ActsNoted(scopes...)
	return nil
}

// tell is how an act hands out what it finds.
type tell struct {
	// item is one result; it becomes one line of JSON.
	item func(any) error
	// progress says how far a long act has come.
	progress func(cli.Key, cli.Args)
}

// now is the server's time, Unix milliseconds.
func (d *desk) now() int64 {
	if d.server == nil {
		return d.clock()
	}
	ms, _ := d.server.Hub().Now()
	return ms
}

// act does one thing. request is its JSON.
type act func(ctx context.Context, d *desk, request json.RawMessage, out tell) error

// acts are all acts by the names under which they are asked for. The admin
// socket offers exactly these.
func acts() map[string]act {
	return map[string]act{
		"place.add":           typed(actPlaceAdd),
		"place.list":          typed(actPlaceList),
		"person.add":          typed(actPersonAdd),
		"person.list":         typed(actPersonList),
		"person.disable":      typed(actPersonDisable),
		"person.invite":       typed(actPersonInvite),
		"person.link":         typed(actPersonLink),
		"person.unlink":       typed(actPersonUnlink),
		"session.list":        typed(actSessionList),
		"session.end":         typed(actSessionEnd),
		"grant.add":           typed(actGrantAdd),
		"grant.revoke":        typed(actGrantRevoke),
		"grant.list":          typed(actGrantList),
		"enrol":               typed(actEnrol),
		"device.list":         typed(actDeviceList),
		"device.revoke":       typed(actDeviceRevoke),
		"conflicts":           typed(actConflicts),
		"quarantine.list":     typed(actQuarantineList),
		"quarantine.show":     typed(actQuarantineShow),
		"quarantine.release":  typed(actQuarantineRelease),
		"quarantine.correct":  typed(actQuarantineCorrect),
		"quarantine.reassign": typed(actQuarantineReassign),
		"quarantine.keep":     typed(actQuarantineKeep),
		"erase":               typed(actErase),
		"subject.show":        typed(actSubjectShow),
		"subject.erase":       typed(actSubjectErase),
		actNameBackup:         typed(actBackup),
		actNameCheck:          typed(actCheck),
		"export":              typed(actExport),
		"clock":               typed(actClock),
		"report":              typed(actReport),
		"report.rebuild":      typed(actReportRebuild),
		"audit.list":          typed(actAuditList),
		"audit.verify":        typed(actAuditVerify),
	}
}

// The acts that need the store alone. Without a running server they are done
// without opening one: a damaged store can still be looked at and copied.
const (
	actNameBackup = "backup"
	actNameCheck  = "fsck"
)

// nothing is the request of an act that needs none.
type nothing struct{}

// typed makes an act of a function over its own request. A field that the
// function does not know is refused: the asker is of another release.
func typed[Q any](f func(context.Context, *desk, Q, tell) error) act {
	return func(ctx context.Context, d *desk, request json.RawMessage, out tell) error {
		var q Q
		dec := json.NewDecoder(bytes.NewReader(request))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&q); err != nil {
			return fmt.Errorf("read the request: %w", err)
		}
		return f(ctx, d, q, out)
	}
}
