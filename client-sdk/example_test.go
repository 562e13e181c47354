package clientsdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
)

// clock is what an application gives: its system's clock and how long the
// device has been up. This one stands still, so that the examples always print
// the same.
type clock struct{}

func (clock) Now() time.Time        { return time.Date(2026, 1, 16, 8, 30, 0, 0, time.UTC) }
func (clock) Uptime() time.Duration { return time.Hour }

// The code stands on the paper that the office printed, the address below it.
const (
	code    = "2WV5C-DS6AM-X10EH-JPW0G-00006-6CTBS-ECXJQ-4C1G0"
	address = "office.example:8443"
)

func options() clientsdk.Options {
	return clientsdk.Options{
		Clock:     clock{},
		Rand:      rand.NewChaCha8([32]byte{1}), // crypto/rand.Reader in an application
		Addresses: []string{address},
		FreeSpace: clientsdk.FreeSpace,
		TestMode:  true,
	}
}

// enrolled makes a device in a new folder.
func enrolled(ctx context.Context) (*clientsdk.Client, func()) {
	dir, err := os.MkdirTemp("", "mahalleh-example")
	if err != nil {
		panic(err)
	}
	secret := clientsdk.Credentials{KeyFile: bytes.Repeat([]byte("k"), clientsdk.MinKeyFile)}
	c, err := clientsdk.Enrol(ctx, filepath.Join(dir, "device"), code, secret, options())
	if err != nil {
		panic(err)
	}
	return c, func() {
		c.Close()
		os.RemoveAll(dir)
	}
}

// A device is enrolled by a code on paper, without a network.
func ExampleEnrol() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "mahalleh-example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	// First say what happens if the passphrase is forgotten, then ask for it.
	invitation, err := clientsdk.ReadInvitation(code)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	fmt.Println(invitation.BeforePassphrase().Key)

	c, err := clientsdk.Enrol(ctx, filepath.Join(dir, "device"), code, clientsdk.Credentials{Passphrase: "سه سیب سرخ"}, options())
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	defer c.Close()
	s, err := c.Status(ctx)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	fmt.Println("confirmed by the server:", s.Person.Confirmed)
	fmt.Println("recording can begin:", !s.Locked)
	// Output:
	// sdk.notice.forgotten_until_contact
	// confirmed by the server: false
	// recording can begin: true
}

// A form is filled field by field, as a person types, and saved as one change.
func ExampleClient_New() {
	ctx := context.Background()
	c, done := enrolled(ctx)
	defer done()

	draft, err := c.New(ctx, "asset")
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	for _, x := range []struct{ field, text string }{
		{"category", "physical"},
		{"title_fa", "سالن ورزشی دبستان"},
		{"condition", "۳"}, // digits of any keyboard
	} {
		if err := draft.Set(x.field, x.text); err != nil {
			fmt.Println(clientsdk.Explain(err))
			return
		}
	}
	// A field that is always needed is empty: the record stays a draft.
	result, err := draft.Save(ctx)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	fmt.Println("saved:", result.Saved)
	for _, p := range result.Problems {
		if p.Level >= schemas.LevelIncomplete {
			fmt.Println(p.Message.En)
		}
	}
	if err := draft.Set("subtype", "hall"); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	if result, err = draft.Save(ctx); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	fmt.Println("saved:", result.Saved)
	// Output:
	// saved: false
	// “Subtype” is empty. Fill it in; until then the record stays a draft and is not sent.
	// saved: true
}

// Records are listed in the order of the Persian alphabet and found by any
// spelling.
func ExampleClient_List() {
	ctx := context.Background()
	c, done := enrolled(ctx)
	defer done()
	for _, title := range []string{"یخچال محله", "پارک بانوان", "کتابخانهٔ علی‌رضا"} {
		draft, err := c.New(ctx, "asset")
		if err == nil {
			err = draft.SetJSON(fmt.Appendf(nil, `{"category": "physical", "subtype": "hall", "title_fa": %q}`, title))
		}
		if err == nil {
			_, err = draft.Save(ctx)
		}
		if err != nil {
			fmt.Println(clientsdk.Explain(err))
			return
		}
	}
	page, err := c.List(ctx, clientsdk.Query{Form: "asset"})
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	for _, row := range page.Rows {
		fmt.Println(row.Title, "-", clientsdk.SyncKey(row.Sync))
	}
	found, err := c.Find(ctx, "كتابخانه عليرضا") // Arabic letters, no joiner
	fmt.Println(len(found), err)
	// Output:
	// پارک بانوان · سالن - sdk.sync.pending
	// کتابخانهٔ علی‌رضا · سالن - sdk.sync.pending
	// یخچال محله · سالن - sdk.sync.pending
	// 1 <nil>
}

// An edit holds only what was changed.
func ExampleClient_Edit() {
	ctx := context.Background()
	c, done := enrolled(ctx)
	defer done()
	draft, err := c.New(ctx, "asset")
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	if err := draft.SetJSON([]byte(`{"category": "physical", "subtype": "hall", "title_fa": "سالن", "condition": 3}`)); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	saved, err := draft.Save(ctx)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	edit, err := c.Edit(ctx, saved.Record)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	if err := edit.Set("condition", "4"); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	fmt.Println("changes:", edit.Changed())
	if _, err := edit.Save(ctx); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	history, err := c.History(ctx, saved.Record)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	for _, e := range history {
		fmt.Println(e.Verb, len(e.Fields))
	}
	// Output:
	// changes: [condition]
	// create 4
	// edit 1
}

// Without a network a sync says so, and what waits goes on waiting.
func ExampleClient_Sync() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "mahalleh-example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	opt := options()
	opt.Dial = func(context.Context, []string) (clientsdk.Pipe, error) {
		return nil, busy{} // an application leaves Dial out
	}
	c, err := clientsdk.Enrol(ctx, filepath.Join(dir, "device"), code, clientsdk.Credentials{KeyFile: make([]byte, 32)}, opt)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	defer c.Close()
	_, err = c.Sync(ctx, nil)
	if errors.Is(err, clientsdk.ErrBusy) {
		key, args := clientsdk.Explain(err)
		fmt.Println(key, args["after"])
	}
	// Output:
	// sdk.error.busy 10m0s
}

// busy is what the dialer says of a server with too many connections.
type busy struct{}

func (busy) Error() string             { return "busy" }
func (busy) RetryAfter() time.Duration { return 10 * time.Minute }
