package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"mahalleh/cmd/internal/cli"
)

// The admin door lets commands work beside a running server: each act is asked
// for by POST /v1/NAME and answered with one JSON object a line. It is described
// in docs/design/admin.md.

// doorFile tells commands where the door of the running server is. Only the
// server's own user can read it.
type doorFile struct {
	Network string `json:"network"` // unix or tcp
	Address string `json:"address"`
	// Token is sent along as proof of having read the file.
	Token string `json:"token"`
	PID   int    `json:"pid"`
	// Serves is where devices and those who watch reach the server.
	Serves string `json:"serves"`
}

const (
	// maxSocketPath is the longest path of a unix socket on every platform.
	maxSocketPath = 100
	// maxRequest bounds an act's request; a correction of one record is the largest.
	maxRequest = 1 << 20
	// maxLine bounds one result: a record with its whole history.
	maxLine = 64 << 20
	// maxDoorFile bounds what is read as a doorFile.
	maxDoorFile = 64 << 10
	// doorHeaderTimeout bounds how long an asker may take to ask.
	doorHeaderTimeout = 10 * time.Second
)

// reply is one line of an answer: exactly one of its fields.
type reply struct {
	Item     json.RawMessage `json:"item,omitempty"`
	Progress *said           `json:"progress,omitempty"`
	Error    *refusal        `json:"error,omitempty"`
	Done     bool            `json:"done,omitempty"`
}

// said is a text of the catalogue with its arguments, to be put into words by
// whoever asked.
type said struct {
	Key  cli.Key  `json:"key"`
	Args cli.Args `json:"args,omitempty"`
}

// refusal is an error on its way through the door.
type refusal struct {
	Code cli.Code `json:"code"`
	said
	Hint  cli.Key `json:"hint"`
	Cause string  `json:"cause,omitempty"`
}

// openDoor listens for commands, and writes the door file. close takes both
// away again.
func openDoor(f folder, d *desk, serves string, failed func(error)) (shut func(context.Context) error, err error) {
	file := doorFile{Network: "unix", Address: f.socket(), Token: rand.Text(), PID: f.pid, Serves: serves}
	if runtime.GOOS == "windows" || len(file.Address) > maxSocketPath {
		file.Network, file.Address = "tcp", "127.0.0.1:0"
	} else if err := os.Remove(file.Address); err != nil && !errors.Is(err, os.ErrNotExist) {
		// Whoever left it is gone: the store's lock is ours.
		return nil, fmt.Errorf("open the admin door: %w", err)
	}
	l, err := net.Listen(file.Network, file.Address)
	if err != nil {
		return nil, fmt.Errorf("open the admin door: %w", err)
	}
	if file.Network == "unix" {
		err = os.Chmod(file.Address, 0o600)
	}
	file.Address = l.Addr().String()
	if err == nil {
		err = writeDoor(f, file)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the admin door: %w", err), l.Close())
	}
	s := &http.Server{Handler: doorHandler(d, file.Token), ReadHeaderTimeout: doorHeaderTimeout}
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed(fmt.Errorf("serve the admin door: %w", err))
		}
	}()
	return func(ctx context.Context) error {
		err := s.Shutdown(ctx)
		if gone := os.Remove(f.door()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}, nil
}

// writeDoor puts the file in place whole, readable by this user alone.
func writeDoor(f folder, file doorFile) error {
	raw, err := json.Marshal(file)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.dir, doorName+".*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(raw, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), f.door())
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

func readDoor(f folder) (doorFile, error) {
	var file doorFile
	r, err := os.Open(f.door())
	if err != nil {
		return file, err
	}
	defer r.Close()
	if err := json.NewDecoder(io.LimitReader(r, maxDoorFile)).Decode(&file); err != nil {
		return file, fmt.Errorf("read %s: %w", f.door(), err)
	}
	return file, nil
}

func doorHandler(d *desk, token string) http.Handler {
	all := acts()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/{act}", func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.Error(w, "the token of the door file is needed", http.StatusUnauthorized)
			return
		}
		do, ok := all[r.PathValue("act")]
		if !ok {
			http.Error(w, "there is no such act", http.StatusNotFound)
			return
		}
		request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, "the request cannot be read", http.StatusBadRequest)
			return
		}
		answer(r.Context(), w, d, do, request)
	})
	return mux
}

// answer does the act and writes what it finds, line by line.
func answer(ctx context.Context, w http.ResponseWriter, d *desk, do act, request []byte) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	out := tell{
		item: func(v any) error {
			raw, err := marshal(v)
			if err != nil {
				return err
			}
			return enc.Encode(reply{Item: raw})
		},
		progress: func(key cli.Key, args cli.Args) {
			// An asker that is gone ends the act through its context.
			_ = enc.Encode(reply{Progress: &said{Key: key, Args: plain(args)}})
			_ = http.NewResponseController(w).Flush()
		},
	}
	last := reply{Done: true}
	if err := do(ctx, d, request, out); err != nil {
		e := told(err)
		last = reply{Error: &refusal{Code: e.Code, said: said{Key: e.Key, Args: plain(e.Args)}, Hint: e.Hint}}
		if e.Cause != nil {
			last.Error.Cause = e.Cause.Error()
		}
	}
	_ = enc.Encode(last)
}

// marshal writes JSON with Persian letters and signs as they are.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// plain makes arguments of a text fit to travel as JSON.
func plain(args cli.Args) cli.Args {
	out := cli.Args{}
	for name, v := range args {
		switch v := v.(type) {
		case error:
			out[name] = v.Error()
		case fmt.Stringer:
			out[name] = v.String()
		default:
			out[name] = v
		}
	}
	return out
}

// errNoDoor says that nobody opened a door.
var errNoDoor = errors.New("no admin door is open")

// knock asks the running server for an act.
func knock(ctx context.Context, f folder, name string, request []byte, out tell) error {
	file, err := readDoor(f)
	if errors.Is(err, os.ErrNotExist) || err == nil && pidText(file.PID) != f.holder() && f.holder() != "?" {
		return errNoDoor // none, or one that a process left which is gone
	}
	if err != nil {
		return err
	}
	if file.Network == "unix" && filepath.Dir(file.Address) != f.dir || file.Network != "unix" && file.Network != "tcp" {
		return fmt.Errorf("%s names another place", f.door())
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, file.Network, file.Address)
	}}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://mahalleh/v1/"+name, bytes.NewReader(request))
	if err != nil {
		return fmt.Errorf("ask the running server: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+file.Token)
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return &cli.Error{Code: cli.NotReachable, Key: "mahalleh.door.silent", Args: cli.Args{"pid": pidText(file.PID)}, Hint: "mahalleh.door.silent_hint", Cause: err}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &cli.Error{Code: cli.Incompatible, Key: "mahalleh.door.other", Args: cli.Args{"status": res.Status}, Hint: "mahalleh.door.other_hint"}
	}
	return hear(res.Body, out)
}

// pidText is a process number as people type it: never grouped.
func pidText(pid int) string { return fmt.Sprint(pid) }

// hear reads an answer line by line.
func hear(body io.Reader, out tell) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.UseNumber()
		var r reply
		if err := dec.Decode(&r); err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		switch {
		case r.Error != nil:
			e := &cli.Error{Code: r.Error.Code, Key: r.Error.Key, Args: counted(r.Error.Args), Hint: r.Error.Hint}
			if r.Error.Cause != "" {
				e.Cause = errors.New(r.Error.Cause)
			}
			return e
		case r.Progress != nil:
			out.progress(r.Progress.Key, counted(r.Progress.Args))
		case r.Item != nil:
			if err := out.item(r.Item); err != nil {
				return err
			}
		case r.Done:
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return &cli.Error{Code: cli.NotReachable, Key: "mahalleh.door.cut", Hint: "mahalleh.door.cut_hint"}
}

// counted gives numbers that came as JSON their type back, so that they are
// written in the digits of the language.
func counted(args cli.Args) cli.Args {
	for name, v := range args {
		if n, ok := v.(json.Number); ok {
			if whole, err := n.Int64(); err == nil {
				args[name] = whole
			} else {
				args[name] = n.String()
			}
		}
	}
	return args
}
