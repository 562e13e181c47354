package fieldapp

import (
	"net/url"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/syncproto"
)

// What a list may be narrowed to, as its address says it.
const (
	onlyUnsent    = "unsent"
	onlyConflicts = "conflict"
	onlyDrafts    = "draft"
	onlyAside     = "aside"
)

var onlyNames = []string{onlyUnsent, onlyConflicts, onlyDrafts, onlyAside}

// latestFirst is the order that is not the alphabet's.
const latestFirst = "latest"

// listing is what a list was asked for, all of which stands in its address: who
// comes back to it, or loads it anew, finds the same place.
type listing struct {
	Text, Form, Only, Order string
	// Of lists what refers to a record, such as to a block.
	Of syncproto.RecordID
	// After is where the page begins, Trail where those before it did.
	After string
	Trail []string
}

// maxTrail bounds how many pages one can go back; who looks further searches.
const maxTrail = 20

func readListing(f url.Values) listing {
	l := listing{Text: strings.TrimSpace(f.Get("q")), Form: f.Get("form"), Only: f.Get("only"), Order: f.Get("order"), After: f.Get("after")}
	if !slices.Contains(onlyNames, l.Only) {
		l.Only = ""
	}
	if l.Order != latestFirst {
		l.Order = ""
	}
	if id, err := clientsdk.ParseRecordID(f.Get("of")); err == nil {
		l.Of = id
	}
	if trail := f.Get("trail"); trail != "" {
		l.Trail = strings.Split(trail, ".")
	}
	return l
}

// address is where the list stands.
func (l listing) address() string {
	f := url.Values{}
	set := func(name, value string) {
		if value != "" {
			f.Set(name, value)
		}
	}
	set("q", l.Text)
	set("form", l.Form)
	set("only", l.Only)
	set("order", l.Order)
	if !l.Of.IsZero() {
		set("of", l.Of.String())
	}
	set("after", l.After)
	set("trail", strings.Join(l.Trail, "."))
	if len(f) == 0 {
		return "/records"
	}
	return "/records?" + f.Encode()
}

// next and previous are the pages beside this one.
func (l listing) next(after string) listing {
	begin := l.After
	if begin == "" {
		begin = firstPage
	}
	l.Trail = append(slices.Clone(l.Trail), begin)
	l.Trail = l.Trail[max(0, len(l.Trail)-maxTrail):]
	l.After = after
	return l
}

func (l listing) previous() listing {
	last := len(l.Trail) - 1
	l.After, l.Trail = l.Trail[last], l.Trail[:last]
	if l.After == firstPage {
		l.After = ""
	}
	return l
}

// firstPage stands in a trail for the page that begins nowhere.
const firstPage = "0"

// narrowed reports whether the list is less than all there is.
func (l listing) narrowed() bool {
	return l.Text != "" || l.Form != "" || l.Only != "" || !l.Of.IsZero()
}

// rowsApart is how many rows a page holds: two screens of a telephone.
const rowsApart = 30

// query is the list as the SDK is asked for it.
func (l listing) query() clientsdk.Query {
	q := clientsdk.Query{Text: l.Text, Form: l.Form, RefersTo: l.Of, Latest: l.Order == latestFirst, After: l.After, Max: rowsApart}
	switch l.Only {
	case onlyUnsent:
		q.States = []clientsdk.SyncState{clientsdk.SyncPending}
	case onlyConflicts:
		q.Conflicts, q.Deleted = true, true
	case onlyDrafts:
		q.Drafts = true
	case onlyAside:
		q.States = []clientsdk.SyncState{clientsdk.SyncParked, clientsdk.SyncQuarantined}
	}
	return q
}
