package sqlitestore

import (
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// A snapshot from before a commit that changed who is who does not read, nor fill,
// what is remembered since: it would be told of a right, or keep one, that is not
// its own.
func TestNothingIsRememberedForOlderSnapshots(t *testing.T) {
	s := openAt(t, t.TempDir()+"/server.db")
	put := func(name string) {
		t.Helper()
		if err := s.Update(t.Context(), func(tx store.Tx) error {
			return tx.PutPerson(store.Person{ID: syncproto.PersonID{1}, Name: name})
		}); err != nil {
			t.Fatal(err)
		}
	}
	put("مریم")
	before := s.commits
	if s.memoOf(before) == nil {
		t.Error("nothing is remembered for what stands")
	}
	put("مریم رضایی")
	if s.memoOf(before) != nil {
		t.Error("a snapshot from before the commit is given what is remembered after it")
	}
	if s.memoOf(s.commits) == nil {
		t.Error("nothing is remembered for what stands now")
	}
}
