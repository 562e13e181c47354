package fieldapp

import (
	"net/url"
	"strings"
	"testing"
)

// TestNobodyIsAskedForWhatTheProgramWrites: a form that the program writes alone is
// not offered, and in others what it writes is neither asked nor taken.
func TestNobodyIsAskedForWhatTheProgramWrites(t *testing.T) {
	s := newOpen(t)
	if strings.Contains(s.get("/new"), "/new/dossier_snapshot") {
		t.Error("the content of snapshots is offered to be recorded by hand")
	}
	f := s.open("/new/dossier?snapshot_number=7")
	if strings.Contains(f.page, `name="snapshot_number"`) || strings.Contains(f.page, "Snapshot number") {
		t.Error("the number of a snapshot is asked")
	}
	f.ask("POST", f.address, url.Values{"was:snapshot_number": {""}, "snapshot_number": {"7"}, "was:revision_no": {""}, "revision_no": {"1"}})
	o := s.drafts.open
	for _, x := range o {
		v, _ := x.d.Value("snapshot_number")
		if no, _ := x.d.Value("revision_no"); !v.IsEmpty() || no.Int() != 1 {
			t.Errorf("the draft holds number %v of revision %v", v, no)
		}
	}
}
