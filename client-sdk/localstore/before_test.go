package localstore

import (
	"testing"

	"mahalleh/syncproto"
)

// TestBeforeGoesWithWhatItIsOf holds that what stood before a change is kept for
// as long as the change says something, and goes with its record and its scope.
func TestBeforeGoesWithWhatItIsOf(t *testing.T) {
	save := func(b *box, id syncproto.RecordID, words, before string) *syncproto.Change {
		t.Helper()
		made, err := b.Append(ctx, func(At) (Saving, error) {
			h := syncproto.Header{Verb: syncproto.VerbEdit, Record: id, Form: formPlace, Scope: plain, Author: author}
			return Saving{Changes: []NewChange{{Header: h, Ops: []syncproto.Op{{Kind: syncproto.OpSet, Field: 10, Value: text(words)}}, Before: []byte(before)}}}, nil
		})
		check(t, err)
		return made[0]
	}
	kept := func(b *box, id syncproto.RecordID) int {
		t.Helper()
		all, err := b.Before(ctx, id)
		check(t, err)
		return len(all)
	}
	for _, x := range []struct {
		name string
		lose func(*box, *fakeServer, syncproto.RecordID)
	}{
		{"content", func(b *box, f *fakeServer, id syncproto.RecordID) {
			check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 2))
			_, err := b.Trim(ctx, -1)
			check(t, err)
		}},
		{"record", func(b *box, f *fakeServer, id syncproto.RecordID) {
			f.erase(id)
			f.catchUp(b, nil, plain)
		}},
		{"scope", func(b *box, f *fakeServer, id syncproto.RecordID) {
			_, err := b.DropScope(ctx, plain)
			check(t, err)
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			b, f := newBox(t), newServer(t)
			id := b.newRecord()
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
			ch := save(b, id, "ب", "الف")
			all, err := b.Before(ctx, id)
			if err != nil || string(all[ch.ID]) != "الف" {
				t.Fatalf("before: %q, %v", all, err)
			}
			f.sync(b, plain)
			if kept(b, id) != 1 {
				t.Fatal("it went with a sync")
			}
			if problems, err := b.Check(ctx); err != nil || len(problems) > 0 {
				t.Errorf("check: %v, %v", problems, err)
			}
			x.lose(b, f, id)
			if n := kept(b, id); n != 0 {
				t.Errorf("%d are left", n)
			}
			if x.name == "record" {
				save(b, id, "پ", "ب")
				if kept(b, id) != 0 {
					t.Error("what is saved after an erasure is remembered")
				}
			}
		})
	}
}
