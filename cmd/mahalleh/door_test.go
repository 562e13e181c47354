package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/store"
)

// TestDoorRefuses proves that the door opens only to whoever read its file, and
// for the acts there are.
func TestDoorRefuses(t *testing.T) {
	tests := []struct {
		name, path, token, body string
		want                    int
	}{
		{"no token", "/v1/place.list", "", "{}", http.StatusUnauthorized},
		{"other token", "/v1/place.list", "Bearer TOKEM", "{}", http.StatusUnauthorized},
		{"no such act", "/v1/place.burn", "Bearer TOKEN", "{}", http.StatusNotFound},
		{"too large", "/v1/place.list", "Bearer TOKEN", `{"in":"` + strings.Repeat("x", maxRequest) + `"}`, http.StatusBadRequest},
	}
	h := doorHandler(&desk{}, "TOKEN")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, test.path, strings.NewReader(test.body))
			r.Header.Set("Authorization", test.token)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, test.want)
			}
		})
	}
}

// TestDoorCarries proves that results, progress and errors come through the
// door as they went in.
func TestDoorCarries(t *testing.T) {
	do := func(_ context.Context, _ *desk, request json.RawMessage, out tell) error {
		out.progress("mahalleh_data.export.progress", cli.Args{"n": 12})
		if err := out.item(json.RawMessage(request)); err != nil {
			return err
		}
		return &cli.Error{Code: cli.Conflicts, Key: "mahalleh_data.conflicts.pending", Args: cli.Args{"n": 3, "why": errors.New("x")}, Hint: "mahalleh_data.conflicts.pending_hint", Cause: io.EOF}
	}
	w := httptest.NewRecorder()
	answer(t.Context(), w, &desk{}, do, []byte(`{"نام":"<رشت>"}`))
	var items, progress []string
	err := hear(w.Body, tell{
		item: func(v any) error {
			items = append(items, string(v.(json.RawMessage)))
			return nil
		},
		progress: func(key cli.Key, args cli.Args) {
			progress = append(progress, fmt.Sprintf("%s %T %v", key, args["n"], args["n"]))
		},
	})
	if got, want := strings.Join(items, "\n"), `{"نام":"<رشت>"}`; got != want {
		t.Errorf("items: got %s, want %s", got, want)
	}
	if got, want := strings.Join(progress, "\n"), "mahalleh_data.export.progress int64 12"; got != want {
		t.Errorf("progress: got %s, want %s", got, want)
	}
	var e *cli.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error that can be told", err)
	}
	if got, want := e.Error(), "mahalleh_data.conflicts.pending (n=3 why=x): EOF"; got != want || e.Code != cli.Conflicts || e.Hint == "" {
		t.Errorf("got %s with code %d and hint %q, want %s", got, e.Code, e.Hint, want)
	}
}

func TestHearCut(t *testing.T) {
	none := tell{item: func(any) error { return nil }, progress: func(cli.Key, cli.Args) {}}
	for name, body := range map[string]string{"empty": "", "after an item": `{"item":{}}` + "\n"} {
		if got := cli.ExitCode(hear(strings.NewReader(body), none)); got != cli.NotReachable {
			t.Errorf("%s: got code %d, want %d", name, got, cli.NotReachable)
		}
	}
	if err := hear(strings.NewReader("not json\n"), none); err == nil {
		t.Error("an answer that is none was accepted")
	}
}

// FuzzHear proves that no answer of another process makes a command fall over.
func FuzzHear(f *testing.F) {
	f.Add([]byte(`{"item":{"a":1}}` + "\n" + `{"done":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		// Whatever it says, it must come to an end.
		_ = hear(bytes.NewReader(body), tell{item: func(any) error { return nil }, progress: func(cli.Key, cli.Args) {}})
	})
}

// TestTold proves that each thing that can go wrong below is told by a text of
// its own, in both languages, with its exit code and what to do.
func TestTold(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code cli.Code
		key  cli.Key
	}{
		{"a database of a newer release", fmt.Errorf("open: %w", store.ErrNewer), cli.Incompatible, "mahalleh.store.newer"},
		{"two processes on one database", &inUseError{folder: folder{dir: "d"}, err: store.ErrInUse}, cli.Refused, "mahalleh.store.in_use"},
		{"a full disk", fmt.Errorf("commit: %w", store.ErrFull), cli.Failure, "mahalleh.store.full"},
		{"an fsync that fails", fmt.Errorf("commit: %w", store.ErrDisk), cli.Failure, "mahalleh.store.disk"},
		{"a damaged database", fmt.Errorf("read: %w", store.ErrCorrupt), cli.DataInvalid, "mahalleh.store.damaged"},
		{"no rights to the data", &fs.PathError{Op: "open", Path: "server.db", Err: fs.ErrPermission}, cli.Failure, "cli.error.unusable"},
		{"interrupted", fmt.Errorf("read: %w", context.Canceled), cli.Failure, "cli.error.interrupted"},
		{"anything else", errors.New("odd"), cli.Failure, "cli.error.failed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := told(test.err)
			if e.Code != test.code || e.Key != test.key || e.Hint == "" {
				t.Errorf("got %d %s, hint %q; want %d %s", e.Code, e.Key, e.Hint, test.code, test.key)
			}
		})
	}
}

// TestNewerDatabase proves that data of a newer release are left alone.
func TestNewerDatabase(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) (cli.Code, string) {
		var stderr bytes.Buffer
		code := program().Main(t.Context(), append(args, "--data-dir", dir), strings.NewReader(""), io.Discard, &stderr, nil)
		return cli.Code(code), stderr.String()
	}
	if code, stderr := run("place", "list"); code != cli.OK {
		t.Fatal(stderr)
	}
	path := filepath.Join(dir, databaseName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// SQLite keeps user_version, which counts the migrations, there.
	binary.BigEndian.PutUint32(raw[60:], 9999)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"person", "list"}, {"fsck"}, {"backup", filepath.Join(dir, "b")}} {
		if code, stderr := run(args...); code != cli.Incompatible || !strings.Contains(stderr, "newer release") {
			t.Errorf("%s: got %d, %s", args[0], code, stderr)
		}
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, raw) {
		t.Errorf("the data were changed (%v)", err)
	}
}

// TestExitCodes runs commands in this process for their exit codes.
func TestExitCodes(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want cli.Code
	}{
		{"done", []string{"place", "list"}, cli.OK},
		{"unknown command", []string{"plase"}, cli.Usage},
		{"no place", []string{"grant", "add", "x", "facilitator"}, cli.Usage},
		{"unknown place", []string{"place", "list", "--in", "999"}, cli.DataInvalid},
		{"unknown person", []string{"person", "disable", "هیچکس"}, cli.DataInvalid},
		{"a bad address", []string{"serve", "--address", "here"}, cli.Usage},
		{"nothing to restore", []string{"restore", "nowhere", "--force"}, cli.DataInvalid},
		{"not overwritten", []string{"restore", "nowhere"}, cli.Refused},
		{"no consent to erase", []string{"erase", "0198c0de-7c1a-7d11-9a3e-5b2f00a1c9d4"}, cli.DataInvalid},
	}
	dir := t.TempDir()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			got := program().Main(t.Context(), append(test.args, "--data-dir", dir), strings.NewReader(""), io.Discard, &stderr, nil)
			if cli.Code(got) != test.want {
				t.Errorf("got %d, want %d; %s", got, test.want, &stderr)
			}
		})
	}
}
