package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/syncer"
	"mahalleh/cmd/internal/cli"
)

const (
	// lookEvery is how often a watcher looks whether another command wants the
	// device: soon enough for a person who waits for a prompt.
	lookEvery = 100 * time.Millisecond
	// leaveFor is how long a watcher waits for the command that asked before it
	// takes the wish for one that was left behind by a crash.
	leaveFor = 2 * time.Second
	// returnWithin is how long a watcher waits to get the device back: a person
	// may think for long over a form.
	returnWithin = 12 * time.Hour
)

// errWanted ends a connection because another command wants the device.
var errWanted = errors.New("another command wants the device")

// remember keeps the secret in memory: a watcher unlocks again each time it
// gets the device back, and nobody is there to type it.
func remember(secret credentials) credentials {
	var kept *clientsdk.Credentials
	return func(ctx context.Context) (clientsdk.Credentials, error) {
		if kept != nil {
			return *kept, nil
		}
		c, err := secret(ctx)
		if err == nil {
			kept = &c
		}
		return c, err
	}
}

// watch stays connected until it is interrupted, and lends the device to other
// commands in between.
func watch(ctx context.Context, a *cli.App, secret credentials, q connecting) error {
	dir, err := a.DataDir()
	if err != nil {
		return err
	}
	wanted := filepath.Join(dir, wantedName)
	d, err := openDevice(ctx, a, secret, q.apply)
	for err == nil {
		err = errors.Join(watchOnce(ctx, d, wanted), d.Close())
		if !errors.Is(err, errWanted) {
			break
		}
		if err = leave(ctx, wanted); err == nil {
			d, err = reopen(ctx, a, secret, q)
		}
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // a watch ends by being interrupted
	}
	return err
}

// watchOnce stays connected until ctx ends, another command wants the device,
// or only a person can help.
func watchOnce(ctx context.Context, d *device, wanted string) error {
	watching, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-watching.Done():
				return
			case <-look.C:
				if exists(wanted) {
					stop(errWanted)
				}
			}
		}
	}()
	w := watcher{d: d}
	r, err := d.Watch(watching, w.progress)
	w.left(r.Progress)
	if errors.Is(context.Cause(watching), errWanted) {
		return errWanted
	}
	if err == nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// leave waits until the command that wanted the device has it: it then takes
// its wish away.
func leave(ctx context.Context, wanted string) error {
	for giveUp := time.Now().Add(leaveFor); exists(wanted) && time.Now().Before(giveUp); {
		if err := pause(ctx, tryEvery); err != nil {
			return err
		}
	}
	if err := os.Remove(wanted); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileError(wanted, err)
	}
	return nil
}

// reopen waits for the device without asking for it.
func reopen(ctx context.Context, a *cli.App, secret credentials, q connecting) (*device, error) {
	for giveUp := time.Now().Add(returnWithin); ; {
		d, err := openDeviceWithin(ctx, a, 0, secret, q.apply)
		if !errors.Is(err, clientsdk.ErrInUse) || time.Now().After(giveUp) {
			return d, err
		}
		if err := pause(ctx, lookEvery); err != nil {
			return nil, err
		}
	}
}

// watchItem is one line of sync --watch --json.
type watchItem struct {
	// Phase is connecting, sending, receiving, comparing, idle or waiting.
	Phase     string `json:"phase"`
	Sent      uint64 `json:"sent"`
	Received  uint64 `json:"received"`
	BytesUp   uint64 `json:"bytes_up"`
	BytesDown uint64 `json:"bytes_down"`
	Left      uint64 `json:"left"`
	// WaitMS is after how many milliseconds it tries again, with phase waiting.
	WaitMS int64 `json:"wait_ms,omitempty"`
	// Why is the key of what ended the connection then, such as session.lost.
	Why string `json:"why,omitempty"`
}

// watcher tells how a lasting connection goes: a line whenever it has caught
// up after something moved, or lost the line.
type watcher struct {
	d    *device
	told clientsdk.Progress
	idle bool
}

func (w *watcher) progress(p clientsdk.Progress) {
	if p.Phase != syncer.Idle && p.Phase != syncer.Waiting {
		if p.Phase == syncer.Connecting {
			w.told, w.idle = clientsdk.Progress{}, false
		}
		return
	}
	moved := p.ChangesUp != w.told.ChangesUp || p.RecordsDown != w.told.RecordsDown
	if p.Phase == syncer.Idle && w.idle && !moved {
		return
	}
	w.tell(p)
}

// left tells what moved and was not told yet when the connection was left.
func (w *watcher) left(p clientsdk.Progress) {
	if p.ChangesUp != w.told.ChangesUp || p.RecordsDown != w.told.RecordsDown {
		w.tell(p)
	}
}

func (w *watcher) tell(p clientsdk.Progress) {
	before := w.told
	w.told, w.idle = p, p.Phase == syncer.Idle
	a := w.d.app
	// A data stream that was closed ends the watch at the next signal; there is
	// nobody left to tell.
	switch {
	case a.JSON():
		_ = a.PrintJSON(watchItem{Phase: p.Phase.String(), Sent: p.ChangesUp, Received: p.RecordsDown, BytesUp: p.BytesUp, BytesDown: p.BytesDown, Left: p.ChangesLeft, WaitMS: p.Wait, Why: p.Why})
	case p.Phase == syncer.Waiting:
		a.Note("field.watch.waiting", cli.Args{"when": w.d.minute(a.Now()), "wait": time.Duration(p.Wait) * time.Millisecond})
	case p.Phase != syncer.Idle:
		_ = a.Say("field.watch.moved", cli.Args{"when": w.d.minute(a.Now()), "up": p.ChangesUp - before.ChangesUp, "down": p.RecordsDown - before.RecordsDown})
	default:
		_ = a.Say("field.watch.caught", cli.Args{"when": w.d.minute(a.Now()), "up": p.ChangesUp - before.ChangesUp, "down": p.RecordsDown - before.RecordsDown,
			"bytes_up": cli.Bytes(p.BytesUp - before.BytesUp), "bytes_down": cli.Bytes(p.BytesDown - before.BytesDown)})
	}
}
