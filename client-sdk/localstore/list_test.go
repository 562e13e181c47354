package localstore

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"mahalleh/syncproto"
)

func titles(t testing.TB, b *box, f Filter) []string {
	t.Helper()
	var all []string
	for {
		l, err := b.List(ctx, f)
		check(t, err)
		for _, r := range l.Rows {
			all = append(all, r.Title)
		}
		if l.Next == "" {
			return all
		}
		f.After = l.Next
	}
}

func TestListsAsAPersianReaderExpects(t *testing.T) {
	b := newBox(t)
	names := []string{"گلستان", "پارسا", "بهار", "کوی ۱۲", "یاس", "آزادی", "کوی ۲", "چمن", "بهار"}
	for _, n := range names {
		b.clock.pass(time.Second)
		b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text(n)})
	}
	for _, limit := range []int{0, 1, 2, 4, 9, 5000} {
		got := titles(t, b, Filter{Form: formPlace, Max: limit})
		want := []string{"آزادی", "بهار", "بهار", "پارسا", "چمن", "کوی ۱۲", "کوی ۲", "گلستان", "یاس"}
		if !slices.Equal(got, want) {
			t.Errorf("by title, %d a page: got %v, want %v", limit, got, want)
		}
		got = titles(t, b, Filter{Order: ByChanged, Max: limit})
		want = slices.Clone(names)
		slices.Reverse(want)
		if !slices.Equal(got, want) {
			t.Errorf("by change, %d a page: got %v, want %v", limit, got, want)
		}
	}
	if n, err := b.Count(ctx, Filter{Form: formPlace}); err != nil || n != len(names) {
		t.Errorf("count: %d, %v, want %d", n, err, len(names))
	}
	for _, bad := range []string{"x", "00", "zz", "01" + "00"} {
		if _, err := b.List(ctx, Filter{After: bad}); !errors.Is(err, ErrBadCursor) {
			t.Errorf("cursor %q: got %v, want ErrBadCursor", bad, err)
		}
	}
}

func TestFind(t *testing.T) {
	b := newBox(t)
	b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("علیرضا کتابچی"), 11: text("کنار رود می‌نشیند")})
	b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("گلستان"), 11: text("شمارهٔ ۱۲۳")})
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"whole word", "گلستان", []string{"گلستان"}},
		{"beginning of a word", "گلس", []string{"گلستان"}},
		{"arabic letters", "كتابچي", []string{"علیرضا کتابچی"}},
		{"parted name", "علی رضا", []string{"علیرضا کتابچی"}},
		{"half space left out", "مینشیند", []string{"علیرضا کتابچی"}},
		{"half space typed as space", "می نشیند", []string{"علیرضا کتابچی"}},
		{"latin digits", "123", []string{"گلستان"}},
		{"every word must be there", "گلستان کتابچی", nil},
		{"nothing to search", "؟!", nil},
		{"query syntax", `" OR NEAR(`, nil},
	} {
		rows, err := b.Find(ctx, c.text, 10)
		check(t, err)
		var got []string
		for _, r := range rows {
			got = append(got, r.Title)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %q: got %v, want %v", c.name, c.text, got, c.want)
		}
	}
}

// Titles are made of texts, labels and dates, and led by what they refer to.
func TestTitlesAndReferences(t *testing.T) {
	b := newBox(t)
	place, member := b.newRecord(), b.newRecord()
	b.save(member, formMember, persons, map[uint32]syncproto.Value{10: syncproto.Ref(place), 11: text("زهرا"), 12: syncproto.Date(19_437), 13: syncproto.Code("teacher")})
	if got, want := titles(t, b, Filter{Form: formMember}), []string{"زهرا · آموزگار · 1402/01/01"}; !slices.Equal(got, want) {
		t.Errorf("before the place is known: got %v, want %v", got, want)
	}
	b.save(place, formPlace, plain, map[uint32]syncproto.Value{10: text("گلستان")})
	if got, want := titles(t, b, Filter{Form: formMember}), []string{"گلستان · زهرا · آموزگار · 1402/01/01"}; !slices.Equal(got, want) {
		t.Errorf("after: got %v, want %v", got, want)
	}
	for _, c := range []struct {
		name string
		f    Filter
		want int
	}{
		{"refers by any field", Filter{RefersTo: place}, 1},
		{"refers by that field", Filter{RefersTo: place, Field: 10}, 1},
		{"refers by another field", Filter{RefersTo: place, Field: 11}, 0},
		{"refers to another", Filter{RefersTo: member}, 0},
		{"of a scope", Filter{Scopes: []syncproto.ScopeID{persons}}, 1},
		{"of both scopes", Filter{Scopes: []syncproto.ScopeID{persons, plain}}, 2},
		{"of no scope", Filter{Scopes: []syncproto.ScopeID{}}, 0},
		{"pending", Filter{Attention: SyncPending}, 2},
		{"in conflict", Filter{Conflicts: true}, 0},
		{"with a draft", Filter{Drafts: true}, 0},
	} {
		if n, err := b.Count(ctx, c.f); err != nil || n != c.want {
			t.Errorf("%s: %d, %v, want %d", c.name, n, err, c.want)
		}
	}
}

func TestConflictsAndDeletionsAreListed(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id, dead := b.newRecord(), b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	b.save(dead, formPlace, plain, map[uint32]syncproto.Value{10: text("رفته")})
	f.sync(b, plain)
	// Both name the same version: a conflict.
	f.other(id, formPlace, plain, map[uint32]syncproto.Value{10: text("از دیگری")})
	b.clock.pass(time.Hour)
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("از ما")})
	h, err := b.State(ctx, dead)
	check(t, err)
	_, err = b.Append(ctx, func(At) (Saving, error) {
		n := NewChange{Header: syncproto.Header{Verb: syncproto.VerbDelete, Record: dead, Form: formPlace, Scope: plain, Author: author, Base: h.State.Latest}}
		op := edit(h.State, dead, formPlace, plain, author, nil).Ops[0]
		op.Value = syncproto.Bool(false)
		n.Ops = []syncproto.Op{op}
		return Saving{Changes: []NewChange{n}}, nil
	})
	check(t, err)
	f.sync(b, plain)
	f.same(b, plain)
	l, err := b.List(ctx, Filter{Conflicts: true})
	check(t, err)
	if len(l.Rows) != 1 || l.Rows[0].Conflicts != 1 || l.Rows[0].Sync != SyncConflict || l.Rows[0].Title != "از ما" {
		t.Errorf("conflicts: %+v, want the one record", l.Rows)
	}
	if n, err := b.Count(ctx, Filter{}); err != nil || n != 1 {
		t.Errorf("standing records: %d, %v, want 1", n, err)
	}
	l, err = b.List(ctx, Filter{Deleted: true, Text: "رفته"})
	check(t, err)
	if len(l.Rows) != 1 || !l.Rows[0].Deleted {
		t.Errorf("with deleted ones: %+v", l.Rows)
	}
}

func TestDrafts(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	d := Draft{ID: DraftID{1}, Record: id, Form: formMember, Scope: persons, Body: []byte("نیمه")}
	check(t, b.PutDraft(ctx, d))
	b.clock.pass(time.Minute)
	d.Body = []byte("نیمه‌کاره")
	check(t, b.PutDraft(ctx, d))
	check(t, b.PutDraft(ctx, Draft{ID: DraftID{2}, Record: b.newRecord(), Form: formPlace, Scope: plain}))
	// The battery dies.
	dir := t.TempDir()
	copyStore(t, b.opt.Path, dir)
	check(t, b.Close())
	b.openAt(dir + "/device.db")
	got, err := b.Draft(ctx, d.ID)
	check(t, err)
	if string(got.Body) != "نیمه‌کاره" || got.Scope != persons || got.Record != id || got.Form != formMember || got.Saved != b.clock.now.UnixMilli() {
		t.Errorf("draft after a crash: %+v", got)
	}
	all, err := b.Drafts(ctx)
	check(t, err)
	if len(all) != 2 {
		t.Errorf("%d drafts, want 2", len(all))
	}
	q, err := b.Queue(ctx)
	check(t, err)
	if q.Drafts != 2 || q.Changes != 0 {
		t.Errorf("queue: %+v, want two drafts and nothing to send", q)
	}
	l, err := b.List(ctx, Filter{Drafts: true, Form: formMember})
	check(t, err)
	if len(l.Rows) != 1 || l.Rows[0].Record != id || !l.Rows[0].Draft {
		t.Errorf("list of drafts: %+v", l.Rows)
	}
	check(t, b.DropDraft(ctx, d.ID))
	check(t, b.DropDraft(ctx, d.ID))
	if _, err := b.Draft(ctx, d.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("dropped draft: got %v, want ErrNotFound", err)
	}
	if n, err := b.Count(ctx, Filter{}); err != nil || n != 1 {
		t.Errorf("index lists %d, %v, want the other draft", n, err)
	}
	if err := b.PutDraft(ctx, Draft{ID: DraftID{3}, Scope: plain, Body: make([]byte, MaxDraft+1)}); err == nil {
		t.Error("a draft over the limit was stored")
	}
}

func TestSettings(t *testing.T) {
	b := newBox(t)
	if _, err := b.Setting(ctx, "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("absent setting: got %v, want ErrNotFound", err)
	}
	check(t, b.SetSetting(ctx, "keys", []byte("not the store's own")))
	check(t, b.SetSetting(ctx, "x", []byte("یک")))
	check(t, b.SetSetting(ctx, "x", []byte("دو")))
	b.reopenStore()
	if v, err := b.Setting(ctx, "x"); err != nil || string(v) != "دو" {
		t.Errorf("setting: %q, %v, want «دو»", v, err)
	}
	check(t, b.SetSetting(ctx, "x", nil))
	if _, err := b.Setting(ctx, "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed setting: got %v, want ErrNotFound", err)
	}
	if _, err := b.Keys(); err != nil {
		t.Error(err)
	}
}

// The snapshot is read, followed by what changed since; without it, or with
// one that this release cannot use, the index is the same.
// TestFirstLoadIsListedWhenAskedFor: the index looks at records that come for
// the first time when somebody asks for them, not as they come.
func TestFirstLoadIsListedWhenAskedFor(t *testing.T) {
	b, f := newBox(t), newServer(t)
	ours := b.newRecord()
	b.save(ours, formPlace, plain, map[uint32]syncproto.Value{10: text("از ما")})
	for _, name := range []string{"الف", "ب", "پ"} {
		f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text(name)})
	}
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("ت")})
	f.sync(b, plain, persons)
	if got := len(b.index.late); got != 4 {
		t.Errorf("after a first load the index has %d records to look at, want 4", got)
	}
	// What is asked for by state needs none of them.
	for _, filter := range []Filter{{Conflicts: true}, {Attention: SyncParked}} {
		if n, err := b.Count(ctx, filter); n != 0 || err != nil || len(b.index.late) != 4 {
			t.Errorf("count of %+v: got %d, %v, and %d records to look at, want 0 and 4", filter, n, err, len(b.index.late))
		}
	}
	want := []string{"از ما", "الف", "ب", "پ", "ت"}
	titles := func() (all []string) {
		l, err := b.List(ctx, Filter{})
		check(t, err)
		for _, r := range l.Rows {
			all = append(all, r.Title)
		}
		return all
	}
	if got := titles(); !slices.Equal(got, want) || b.index.behind.Load() {
		t.Errorf("got %v, want %v", got, want)
	}
	// Whoever asks first may also find, count, or look for peers; and a store that
	// was closed before anybody asked lists all the same.
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("ث")})
	f.sync(b, plain, persons)
	if n, err := b.Count(ctx, Filter{}); n != 6 || err != nil {
		t.Errorf("count: got %d, %v, want 6", n, err)
	}
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("ج")})
	f.sync(b, plain, persons)
	b.reopenStore()
	if n, err := b.Count(ctx, Filter{}); n != 7 || err != nil {
		t.Errorf("count after opening again: got %d, %v, want 7", n, err)
	}
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("چ")})
	f.sync(b, plain, persons)
	if problems, err := b.Check(ctx); len(problems) > 0 || err != nil {
		t.Errorf("check before anybody asked: got %v, %v, want nothing", problems, err)
	}
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("ح")})
	f.sync(b, plain, persons)
	check(t, b.SaveIndex(ctx))
	b.reopenStore()
	if n, err := b.Count(ctx, Filter{}); n != 9 || err != nil {
		t.Errorf("count after a snapshot: got %d, %v, want 9", n, err)
	}
}

func TestSnapshot(t *testing.T) {
	b := newBox(t)
	var last syncproto.RecordID
	for _, n := range []string{"الف", "ب", "پ"} {
		last = b.newRecord()
		b.save(last, formPlace, plain, map[uint32]syncproto.Value{10: text(n)})
	}
	check(t, b.SaveIndex(ctx))
	b.save(last, formPlace, plain, map[uint32]syncproto.Value{10: text("پس از آن")})
	b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("تازه")})
	want := []string{"الف", "ب", "پس از آن", "تازه"}
	loads := func() bool {
		t.Helper()
		parts := 0
		err := b.readSnapshot(ctx, func([]byte) error { parts++; return nil })
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		return err == nil && parts > 0
	}
	for _, c := range []struct {
		name, spoil string
		loads       bool
	}{
		{"as it is", "SELECT 1", true},
		{"of another layout", "UPDATE snapshot SET layout = 99", false},
		{"of other forms", "UPDATE snapshot SET package = 99", false},
		{"of a lying size", "UPDATE snapshot SET size = 1 << 40", false},
		{"cut short", "DELETE FROM snapshot_part", false},
		{"absent", "DELETE FROM snapshot", false},
	} {
		if _, err := b.db.write.Exec(c.spoil); err != nil {
			t.Fatal(err)
		}
		if got := loads(); got != c.loads {
			t.Errorf("%s: snapshot is read: %v, want %v", c.name, got, c.loads)
		}
		// A crash: no closing that would write another.
		dir := t.TempDir()
		copyStore(t, b.opt.Path, dir)
		check(t, b.Close())
		b.openAt(dir + "/device.db")
		if got := titles(t, b, Filter{}); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c.name, got, want)
		}
		if got := titles(t, b, Filter{Text: "تازه"}); !slices.Equal(got, []string{"تازه"}) {
			t.Errorf("%s: found %v, want the new one", c.name, got)
		}
	}
}

// TestListsOutliveWhoAskedFirst: somebody who asks for a list after a first load and
// goes away again leaves it to the next.
func TestListsOutliveWhoAskedFirst(t *testing.T) {
	b, f := newBox(t), newServer(t)
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain, persons)
	gone, leave := context.WithCancel(ctx)
	leave()
	// Whether this one is answered is not promised.
	_, _ = b.List(gone, Filter{})
	if got := titles(t, b, Filter{}); !slices.Equal(got, []string{"الف"}) {
		t.Errorf("got %v, want the record that came", got)
	}
}
