package figures

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/forms"
)

func unlock() *Figure {
	return &Figure{
		Name: "unlock",
		Size: []Count{{"records", 10_000}},
		Goals: []Goal{
			{"unlock.time", AtMost, 2, "s"},
			{"unlock.memory", AtMost, 64, "MB"},
			{"unlock.anew.time", AtMost, 2, "s"},
			{"unlock.anew.memory", AtMost, 64, "MB"},
		},
		Takes:   30 * time.Second,
		measure: measureUnlock,
	}
}

// unlockings is how often a client process is started; the median counts for
// time, the most for memory.
const unlockings = 5

func measureUnlock(ctx context.Context, r *run) error {
	n := r.size("records")
	dir, err := os.MkdirTemp(r.Dir, "unlock")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := r.filledDevice(ctx, dir, n); err != nil {
		return err
	}
	if err := r.unlockings(ctx, dir, n, "unlock", false); err != nil {
		return err
	}
	return r.unlockings(ctx, dir, n, "unlock.anew", true)
}

// unlocked is what a client process tells of its unlocking.
type unlocked struct {
	// Open, Unlock and List are how long opening the file, the unlock itself
	// and the first screen of a list took, in seconds.
	Open, Unlock, List float64
	// Memory is the most that the process ever held, in bytes, Records how many
	// it lists.
	Memory  uint64
	Records int
}

// unlockings starts client processes one after another and reports two values.
func (r *run) unlockings(ctx context.Context, dir string, n int, name string, anew bool) error {
	var times, opens, memories []float64
	for i := range unlockings {
		args := []string{childUnlock, dir, strconv.FormatBool(anew)}
		cmd := r.Child(ctx, args...)
		var out, problem bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problem
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("client process: %w: %s", err, strings.TrimSpace(problem.String()))
		}
		var u unlocked
		if err := json.Unmarshal(out.Bytes(), &u); err != nil {
			return fmt.Errorf("client process: %w", err)
		}
		if u.Records != n {
			return fmt.Errorf("client process: it lists %d records of %d", u.Records, n)
		}
		times, opens, memories = append(times, u.Open+u.Unlock+u.List), append(opens, u.Open), append(memories, float64(u.Memory)/1e6)
		r.Progress(r.figure.Name, i+1, unlockings)
	}
	slices.Sort(times)
	slices.Sort(opens)
	slices.Sort(memories)
	middle := unlockings / 2
	r.report(name+".time", times[middle], map[string]float64{"least": times[0], "most": times[unlockings-1], "open": opens[middle]})
	r.report(name+".memory", memories[unlockings-1], map[string]float64{"least": memories[0]})
	return nil
}

// childUnlock is what a child process does here: be a client that is started,
// unlocked and shows a list. It ends without closing what it opened, like a
// process that is killed.
const childUnlock = "unlock"

func startClient(ctx context.Context, dir string, anew bool, out io.Writer) error {
	began := time.Now()
	opt := clientsdk.Options{Clock: newClock(), Rand: rand.Reader}
	if anew {
		// With forms of another version the stored index is not used.
		embedded, err := forms.Load()
		if err != nil {
			return fmt.Errorf("load the forms: %w", err)
		}
		newer := *embedded
		newer.Version++
		opt.Forms = &newer
	}
	var u unlocked
	client, err := clientsdk.Open(ctx, dir, opt)
	if err != nil {
		return err
	}
	u.Open, began = time.Since(began).Seconds(), time.Now()
	if err := client.Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		return err
	}
	u.Unlock, began = time.Since(began).Seconds(), time.Now()
	if _, err := client.List(ctx, clientsdk.Query{}); err != nil {
		return err
	}
	u.List = time.Since(began).Seconds()
	if u.Records, err = client.Count(ctx, clientsdk.Query{}); err != nil {
		return err
	}
	if u.Memory, err = peakMemory(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(u)
}
