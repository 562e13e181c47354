package clientsdk

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"mahalleh/client-sdk/localstore/disktest"
)

func TestFullDisk(t *testing.T) {
	disk := disktest.New(t)
	d := newDevice(t, func(o *Options) { o.VFS = disktest.Name })
	id := d.record("asset", assetJSON)
	draft := d.open(id)
	d.set(draft, "condition", "1")
	unsaved := d.begin("asset", `{"category": "physical", "title_fa": "پل"}`)
	if err := unsaved.Autosave(ctx); err != nil {
		t.Fatal(err)
	}

	disk.Full.Store(true)
	if _, err := draft.Save(ctx); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("save: got %v, want %v", err, ErrDiskFull)
	}
	// Nobody is let type what cannot be saved.
	if _, err := d.New(ctx, "asset"); !errors.Is(err, ErrDiskFull) {
		t.Errorf("new form: got %v, want %v", err, ErrDiskFull)
	}
	if _, err := d.Edit(ctx, id); !errors.Is(err, ErrDiskFull) {
		t.Errorf("edit: got %v, want %v", err, ErrDiskFull)
	}
	// What is pending can be read and exported.
	if got := d.value(id, "condition").Int(); got != 3 {
		t.Errorf("condition is %d, want what was saved", got)
	}
	s, err := d.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Disk.Full || s.Pending != 1 {
		t.Errorf("status says full %v, pending %d", s.Disk.Full, s.Pending)
	}
	var out bytes.Buffer
	n, err := d.ExportPending(ctx, &out)
	if err != nil || n != 2 || strings.Count(out.String(), "\n") != 2 || !strings.Contains(out.String(), "سالن ورزشی دبستان") {
		t.Errorf("exported %d lines, %v: %s", n, err, out.String())
	}

	disk.Full.Store(false)
	d.mustSave(draft) // what was typed is still there
	if _, err := d.New(ctx, "asset"); err != nil {
		t.Errorf("new form after space was made: %v", err)
	}
}

// TestOpenOnAFullDisk holds that a device opens on a disk without a byte left:
// everything is read and exported, nobody is let type what cannot be saved, and
// it goes on once there is room.
func TestOpenOnAFullDisk(t *testing.T) {
	disk := disktest.New(t)
	d := newDevice(t, func(o *Options) { o.VFS = disktest.Name })
	id := d.record("asset", assetJSON)
	unsaved := d.begin("asset", `{"category": "physical", "title_fa": "پل"}`)
	if err := unsaved.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	disk.Full.Store(true)
	disk.Tight.Store(true)
	d.restart()

	if got := d.value(id, "condition").Int(); got != 3 {
		t.Errorf("condition is %d, want what was saved", got)
	}
	if l, err := d.List(ctx, Query{}); err != nil || len(l.Rows) != 2 {
		t.Errorf("list: %d rows, %v; want the record and the draft's", len(l.Rows), err)
	}
	if h, err := d.History(ctx, id); err != nil || len(h) != 1 {
		t.Errorf("history: %d steps, %v; want one", len(h), err)
	}
	if all, err := d.Conflicts(ctx); err != nil || len(all) != 0 {
		t.Errorf("conflicts: %v, %v", all, err)
	}
	if s, err := d.Status(ctx); err != nil || s.Pending != 1 || s.Drafts != 1 {
		t.Errorf("status: %+v, %v; want one change and one draft", s, err)
	}
	if n, err := d.ExportPending(ctx, io.Discard); err != nil || n != 2 {
		t.Errorf("exported %d lines, %v; want two", n, err)
	}
	drafts, err := d.Drafts(ctx)
	if err != nil || len(drafts) != 1 {
		t.Fatalf("drafts: %v, %v; want one", drafts, err)
	}
	draft, err := d.OpenDraft(ctx, drafts[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := draft.Save(ctx); !errors.Is(err, ErrDiskFull) {
		t.Errorf("save: got %v, want %v", err, ErrDiskFull)
	}
	if _, err := d.New(ctx, "asset"); !errors.Is(err, ErrDiskFull) {
		t.Errorf("new form: got %v, want %v", err, ErrDiskFull)
	}
	if s, err := d.Status(ctx); err != nil || !s.Disk.Full {
		t.Errorf("status: full %v, %v; want true", s.Disk.Full, err)
	}

	disk.Full.Store(false)
	disk.Tight.Store(false)
	d.edit(id, "condition", "1")
	d.restart()
	if got := d.value(id, "condition").Int(); got != 1 {
		t.Errorf("condition is %d, want what was saved once there was room", got)
	}
}

// TestFailedSync holds that a save is told as saved only if it is on the disk,
// and never twice.
func TestFailedSync(t *testing.T) {
	disk := disktest.New(t)
	d := newDevice(t, func(o *Options) { o.VFS = disktest.Name })
	draft := d.begin("asset", assetJSON)
	disk.Fails.Store(1)
	r, err := draft.Save(ctx)
	disk.Fails.Store(0)
	if err != nil && !errors.Is(err, ErrDiskFailed) {
		t.Fatalf("got %v, want a save or %v", err, ErrDiskFailed)
	}
	if err != nil {
		r = d.mustSave(draft)
	}
	d.restart()
	p, err := d.PendingOf(ctx, r.Record)
	if err != nil || len(p) != 1 || p[0].Change != r.Change.String() {
		t.Errorf("pending is %+v, %v; want the one change", p, err)
	}
}

func TestLowDisk(t *testing.T) {
	free := uint64(lowSpace - 1)
	d := newDevice(t, func(o *Options) { o.FreeSpace = func(string) (uint64, error) { return free, nil } })
	_, err := d.New(ctx, "asset")
	if key, args := Explain(err); key != "sdk.error.disk_full" || args["free"] != free {
		t.Errorf("got %s %v, want a full disk", key, args)
	}
	free = lowSpace
	if _, err := d.New(ctx, "asset"); err != nil {
		t.Error(err)
	}
	if n, err := FreeSpace(d.dir); err != nil || n == 0 {
		t.Errorf("the system says %d bytes are free, %v", n, err)
	}
}
