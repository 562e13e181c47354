package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas/jalali"
)

// device is the unlocked device of the data directory, and whom it is told to.
type device struct {
	*clientsdk.Client
	app    *cli.App
	tehran jalali.Tehran
}

// options are what a client of this program lives on.
func options(a *cli.App) clientsdk.Options {
	v := a.Version()
	return clientsdk.Options{
		Clock: systemClock{now: a.Now}, Rand: rand.Reader, App: v.Program + " " + v.Version,
		FreeSpace: clientsdk.FreeSpace, Log: a.Log(),
	}
}

// patience is how long a command waits for another one to be done with the
// device before it gives up: a watcher ends its session first, which takes some
// seconds on a bad line. noteAfter is when it says why nothing happens,
// tryEvery how often it looks.
const (
	patience  = 10 * time.Second
	noteAfter = time.Second
	tryEvery  = 30 * time.Millisecond
)

// openDevice opens and unlocks the device of the data directory.
func openDevice(ctx context.Context, a *cli.App, secret credentials, change ...func(*clientsdk.Options)) (*device, error) {
	return openDeviceWithin(ctx, a, patience, secret, change...)
}

func openDeviceWithin(ctx context.Context, a *cli.App, patience time.Duration, secret credentials, change ...func(*clientsdk.Options)) (*device, error) {
	dir, err := a.DataDir()
	if err != nil {
		return nil, err
	}
	opt := options(a)
	for _, f := range change {
		f(&opt)
	}
	c, err := openPatiently(ctx, a, dir, opt, patience)
	if err != nil {
		return nil, err
	}
	unlock, err := secret(ctx)
	if err == nil {
		err = c.Unlock(ctx, unlock)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if found := c.Noticed(); len(found) > 0 {
		a.Note("field.device.damaged", cli.Args{"n": len(found)})
		for _, p := range found {
			a.Log().Warn("the device's data are damaged", "part", p.Part, "ref", p.Ref, "what", p.What)
		}
	}
	return newDevice(a, c), nil
}

func newDevice(a *cli.App, c *clientsdk.Client) *device {
	d := &device{Client: c, app: a}
	// Without zone data Iran's time is UTC+3:30, as the zero Tehran has it.
	if z, err := jalali.LoadTehran(); err == nil {
		d.tehran = z
	}
	return d
}

// lang is the language of labels and messages.
func (d *device) lang() string { return string(d.app.Lang()) }

// openPatiently opens a device that another command may be about to let go of.
// A sync --watch that holds it lets go for as long as another command needs:
// the file wantedName asks for that.
func openPatiently(ctx context.Context, a *cli.App, dir string, opt clientsdk.Options, patience time.Duration) (*clientsdk.Client, error) {
	wanted := filepath.Join(dir, wantedName)
	asked, noted := false, false
	began := time.Now()
	giveUp := began.Add(patience)
	for {
		c, err := clientsdk.Open(ctx, dir, opt)
		if asked && (!errors.Is(err, clientsdk.ErrInUse) || time.Now().After(giveUp)) {
			// A wish that stays behind costs a watcher a moment, nothing more.
			_ = os.Remove(wanted)
		}
		if !errors.Is(err, clientsdk.ErrInUse) || time.Now().After(giveUp) {
			return c, err
		}
		if !asked && patience > 0 {
			asked = os.WriteFile(wanted, nil, 0o600) == nil
		}
		if !noted && patience > 0 && time.Since(began) > noteAfter {
			noted = true
			a.Note("field.device.waiting")
		}
		if err := pause(ctx, tryEvery); err != nil {
			return nil, err
		}
	}
}

// wantedName is a file in the data directory by which a command asks a
// sync --watch to let go of the device.
const wantedName = "device.wanted"

func pause(ctx context.Context, d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
