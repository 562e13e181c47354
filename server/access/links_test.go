package access_test

import (
	"errors"
	"testing"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// TestLinks: an account is one record's and a record one account's; each saying is an
// act, and an erased record is nobody's.
func TestLinks(t *testing.T) {
	o := newOffice(t)
	maryam, ali := o.person("مریم رضایی"), o.person("علی پورمحمد")
	one, two := syncproto.RecordID{1}, syncproto.RecordID{2}
	links := func() (all []access.Link) {
		o.read(func(r store.Reader) (err error) { all, err = access.Links(r); return err })
		return all
	}
	link := func(person string, record syncproto.RecordID, fresh bool) {
		t.Helper()
		if _, is, err := o.Link(t.Context(), person, record, "نامهٔ اداره"); err != nil || is != fresh {
			t.Errorf("%s and %s: fresh %t, %v", person, record, is, err)
		}
	}
	link("مریم رضایی", one, true)
	link(maryam.ID.String(), one, false)
	var taken *access.LinkedError
	for what, refused := range map[string]access.Link{"another record of hers": {maryam.ID, two}, "her record for another": {ali.ID, one}} {
		if _, _, err := o.Link(t.Context(), refused.Account.String(), refused.Record, ""); !errors.As(err, &taken) || taken.Person.ID != maryam.ID || taken.Record != one {
			t.Errorf("%s: %v", what, err)
		}
	}
	var unknown *access.UnknownPersonError
	if _, _, err := o.Link(t.Context(), "زهرا کاظمی", two, ""); !errors.As(err, &unknown) {
		t.Errorf("nobody: %v", err)
	}
	link("علی پورمحمد", two, true)
	if got := links(); len(got) != 2 {
		t.Errorf("links %v", got)
	}
	if _, record, err := o.Unlink(t.Context(), "مریم رضایی", ""); err != nil || record != one {
		t.Errorf("unlinked %s, %v", record, err)
	}
	if _, _, err := o.Unlink(t.Context(), "مریم رضایی", ""); !errors.Is(err, access.ErrNotLinked) {
		t.Errorf("unlinked twice: %v", err)
	}
	if err := o.Store.Update(t.Context(), func(tx store.Tx) error { return access.DropLinks(tx, two) }); err != nil || len(links()) != 0 {
		t.Errorf("after the record was erased: %v, %v", links(), err)
	}
	var acts []string
	o.read(func(r store.Reader) error {
		all, err := r.Audits(syncproto.ScopeID{})
		for _, a := range all {
			if a.Act == "record linked" || a.Act == "record unlinked" {
				acts = append(acts, a.Act+" "+a.Note)
			}
		}
		return err
	})
	if len(acts) != 3 || acts[0] != "record linked "+one.String()+" نامهٔ اداره" {
		t.Errorf("acts %q", acts)
	}
}
