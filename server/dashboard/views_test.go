package dashboard

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mahalleh/server/access"
)

// TestSavedViews: a view of the table is kept under a name, is its person's alone,
// and shows what that person may see now.
func TestSavedViews(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	k.catchUp()
	b, other := k.as(access.Province, "11"), k.as(access.County, "101")
	keep := func(name string) int {
		return b.post("/views/keep", "name", name, "place", "11", "sort", "late", "col", "late", "q", "پیر", "page", "3").StatusCode
	}
	if got := keep("  دیرها  <b> "); got != http.StatusSeeOther {
		t.Fatalf("not kept: %d", got)
	}
	page := b.get("/neighbourhoods")
	k.shows(page, "دیرها &lt;b&gt;", "sort=late", "The view is kept.")
	k.hides(page, "page=3")
	_, rest, _ := strings.Cut(page, `<a href="/neighbourhoods?col=late`)
	to, _, _ := strings.Cut(rest, `"`)
	k.shows(b.get("/neighbourhoods?col=late"+strings.ReplaceAll(to, "&amp;", "&")), `aria-current="page"><bdi>دیرها`)
	k.hides(other.get("/neighbourhoods"), "دیرها")
	for _, bad := range []string{"", "   ", strings.Repeat("ن", mostViewName+1)} {
		if got := keep(bad); got != http.StatusUnprocessableEntity {
			t.Errorf("a view named %q: %d", bad, got)
		}
	}
	for n := range mostViews - 1 {
		keep(fmt.Sprint("نمای ", n))
	}
	if got := keep("یکی بیش"); got != http.StatusUnprocessableEntity {
		t.Errorf("one too many: %d", got)
	}
	if got := keep("نمای 3"); got != http.StatusSeeOther {
		t.Errorf("one of the same name: %d", got)
	}
	if got := b.post("/views/drop", "name", "دیرها <b>", "place", "11").StatusCode; got != http.StatusSeeOther {
		t.Errorf("not dropped: %d", got)
	}
	k.hides(b.get("/neighbourhoods"), "دیرها")
	if got := k.as(access.National, "1").post("/views/keep", "name", "x", "place", "1").StatusCode; got != http.StatusNotFound {
		t.Errorf("the national office keeps a view of what it does not see: %d", got)
	}
}
