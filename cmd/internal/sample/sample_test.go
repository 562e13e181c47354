package sample

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
)

// noErasures keeps nothing: in a sample nobody is erased.
type noErasures struct{}

func (noErasures) Add(hub.Erasure) error       { return nil }
func (noErasures) All() ([]hub.Erasure, error) { return nil, nil }

// small are options of a small sample in a store of its own.
func small(t *testing.T, hoods int, scale float64) Options {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "server.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	start, err := jalali.New(1404, 10, 26)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Store: st, Erasures: noErasures{}, Clock: func() int64 { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).UnixMilli() }, Province: "01", Neighbourhoods: hoods, Months: 1, Start: start,
		Seed: 7, Scale: scale, Fold: func(ctx context.Context) error { _, err := st.Checkpoint(ctx); return err }}
}

// Every record is one that its form lets pass, as its author saved it; no texts
// have slots left open, and what is typed is clean.
func TestEveryRecordIsValid(t *testing.T) {
	o := small(t, 3, 0.3)
	o.Months = 3
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	o.inspect = func(form *schemas.Form, r schemas.Record, env schemas.Env) {
		seen[form.Name]++
		for _, p := range schemas.Assess(form, pkg, r, env).Problems {
			if p.Level == schemas.LevelIncomplete || p.Level == schemas.LevelError {
				t.Errorf("%s: field %d, %s: %s", form.Name, p.Field, p.Rule, p.Message.En)
			}
		}
		text, err := schemas.EncodeJSON(form, r)
		if err != nil {
			t.Error(err)
		}
		if i := bytes.IndexAny(text, "يك"); i >= 0 {
			t.Errorf("%s keeps an Arabic letter: %.80s", form.Name, text[i:])
		}
		for _, v := range r.Fields {
			if s := v.Text(); bytes.ContainsAny([]byte(s), "{}") {
				t.Errorf("%s: a slot is open in %q", form.Name, s)
			} else if clean, err := persian.CleanMultiline(s); err != nil || clean != s {
				t.Errorf("%s: %q is not clean", form.Name, s)
			}
		}
	}
	made, err := Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", made)
	t.Logf("%v", seen)
}

// The same seed makes the same content, and a store that a server could have
// written; another seed makes another.
func TestSameSeedSameContent(t *testing.T) {
	var first *Made
	for i, seed := range []uint64{7, 7, 8} {
		o := small(t, 2, 0.15)
		o.Seed = seed
		made, err := Make(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := o.Store.(*sqlitestore.Store).Check(t.Context())
		if err != nil || len(rep.Problems) > 0 {
			t.Fatalf("the store is not sound: %v, %v", rep.Problems, err)
		}
		if int(rep.Changes) != made.Changes {
			t.Errorf("the store holds %d changes, %d were made", rep.Changes, made.Changes)
		}
		switch {
		case i == 0:
			first = made
		case (made.Content == first.Content) != (seed == 7):
			t.Errorf("seed %d: the content is %x, that of the first %x", seed, made.Content, first.Content)
		}
	}
}
