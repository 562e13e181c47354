package localstore

import (
	"errors"
	"strings"
	"testing"

	"mahalleh/syncproto"
)

// TestRecordThatWouldBeTooLarge: what the server would set aside because the
// record would be too large with it is refused when it is saved, and other forms
// of the record go on.
func TestRecordThatWouldBeTooLarge(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain)
	long := text(strings.Repeat("پر", 50_000))
	put := func(field uint32, v syncproto.Value) error {
		_, err := b.Append(ctx, func(At) (Saving, error) {
			op := syncproto.Op{Kind: syncproto.OpSet, Field: field, Value: v}
			return Saving{Changes: []NewChange{{Header: syncproto.Header{Verb: syncproto.VerbEdit, Record: id, Form: formPlace, Scope: plain, Author: author}, Ops: []syncproto.Op{op}}}}, nil
		})
		return err
	}
	check(t, put(1000, long))
	check(t, put(1001, long))
	before := b.cur.seq
	if err := put(1002, long); !errors.Is(err, ErrTooLarge) || b.cur.seq != before {
		t.Errorf("saved at %d after %d: %v, want ErrTooLarge and nothing", b.cur.seq, before, err)
	}
	check(t, put(1003, text("کوتاه")))
	h, err := b.State(ctx, id)
	check(t, err)
	if h.State.TooLarge() || len(h.Aside) > 0 || h.Over != 3 {
		t.Errorf("three changes are laid over, got %d, and %d aside", h.Over, len(h.Aside))
	}
}

// TestOverlayIsBoundedAsTheServerIs: others' values came meanwhile, with which an
// own change makes the record too large: the device shows the record without it,
// as the server will have it, and with those after it.
func TestOverlayIsBoundedAsTheServerIs(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain)
	long := text(strings.Repeat("پر", 50_000))
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: long})
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("کوتاه")})
	f.other(id, formPlace, plain, map[uint32]syncproto.Value{1000: long})
	f.other(id, formPlace, plain, map[uint32]syncproto.Value{1001: long})
	f.catchUp(b, nil, plain)
	h, err := b.State(ctx, id)
	check(t, err)
	if h.State.TooLarge() || len(h.Aside) != 1 || h.Over != 1 || h.Sync != SyncPending {
		t.Errorf("laid over %d, aside %d, %v; want one each, pending", h.Over, len(h.Aside), h.Sync)
	}
	if b.text(id, 10) != "الف" || b.text(id, 11) != "کوتاه" {
		t.Errorf("shows %d letters and %q", len(b.text(id, 10)), b.text(id, 11))
	}
	written, err := b.AsWritten(ctx, id)
	check(t, err)
	if written.Over != 2 {
		t.Errorf("as written %d are laid over, want 2", written.Over)
	}
}
