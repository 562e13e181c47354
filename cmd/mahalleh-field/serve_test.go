package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestServe opens the link that serve prints, as a browser does, and ends the
// program while a page listens for events.
func TestServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() {
		defer stdout.Close()
		code <- program().Main(ctx, []string{"serve", "--json"}, strings.NewReader(""), stdout, io.Discard,
			[]string{"MAHALLEH_FIELD_DATA_DIR=" + filepath.Join(t.TempDir(), "phone"), "MAHALLEH_FIELD_LANG=en"})
	}()
	var s served
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func(url string) (status int, body string) {
		r, err := browser.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(raw)
	}
	status, opened := get(s.Link)
	leads := regexp.MustCompile(`url=(/[a-z2-7]+/)"`).FindStringSubmatch(opened)
	if status != http.StatusOK || leads == nil {
		t.Fatalf("the link gives %d:\n%s", status, opened)
	}
	base := "http://" + s.Address + leads[1]
	if status, page := get(base); status != http.StatusOK || !strings.Contains(page, "<h1>Make this device yours</h1>") {
		t.Errorf("the first page gives %d:\n%s", status, page)
	}
	if status, page := get("http://" + s.Address + "/"); status != http.StatusForbidden {
		t.Errorf("a page outside gives %d:\n%s", status, page)
	}
	events, err := browser.Get(base + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	stop()
	if got := <-code; got != 0 {
		t.Errorf("it ends with %d, want 0", got)
	}
	// Whoever listened is let go.
	if _, err := io.Copy(io.Discard, events.Body); err != nil {
		t.Errorf("the page that listened was cut off: %v", err)
	}
}
