package clientsdk_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// hall records an asset and returns its id.
func hall(ctx context.Context, c *clientsdk.Client, title string, condition int) (syncproto.RecordID, error) {
	draft, err := c.New(ctx, "asset")
	if err == nil {
		err = draft.SetJSON(fmt.Appendf(nil, `{"category": "physical", "subtype": "hall", "title_fa": %q, "condition": %d}`, title, condition))
	}
	if err != nil {
		return syncproto.RecordID{}, err
	}
	saved, err := draft.Save(ctx)
	return saved.Record, err
}

// assess edits the condition of an asset.
func assess(ctx context.Context, c *clientsdk.Client, id syncproto.RecordID, condition string) error {
	edit, err := c.Edit(ctx, id)
	if err == nil {
		err = edit.Set("condition", condition)
	}
	if err == nil {
		_, err = edit.Save(ctx)
	}
	return err
}

// Every spelling finds a record: other letters for yeh and kaf, no joiner,
// digits of any keyboard, a part of a word.
func ExampleClient_Find() {
	ctx := context.Background()
	c, done := enrolled(ctx)
	defer done()
	if _, err := hall(ctx, c, "کتابخانهٔ شمارهٔ ۱۲ علی‌رضا", 3); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	for _, text := range []string{"کتابخانه", "كتابخانه عليرضا", "شماره 12", "کتاب", "مدرسه"} {
		found, err := c.Find(ctx, text)
		fmt.Println(text, len(found), err)
	}
	// Output:
	// کتابخانه 1 <nil>
	// كتابخانه عليرضا 1 <nil>
	// شماره 12 1 <nil>
	// کتاب 1 <nil>
	// مدرسه 0 <nil>
}

// Before anything is sent, Preview says what the server will make of it, by
// the same decision that the server calls.
func ExampleClient_Preview() {
	ctx := context.Background()
	c, done := enrolled(ctx)
	defer done()
	id, err := hall(ctx, c, "سالن", 3)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	if err := assess(ctx, c, id, "4"); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	preview, err := c.Preview(ctx, id)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	for _, v := range preview.Verdicts {
		fmt.Println(clientsdk.OutcomeKey(v.Outcome))
	}
	fmt.Println("conflicts:", len(preview.Conflicts))
	// Output:
	// sdk.outcome.applied
	// sdk.outcome.applied
	// conflicts: 0
}

// Two people wrote different values: both are kept, and a person settles it,
// offline too.
func ExampleClient_Settle() {
	ctx := context.Background()
	c, done := enrolled(ctx)
	defer done()
	id, err := hall(ctx, c, "سالن", 3)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	colleague := clientsdk.NewColleague(c)
	colleague.Sync()
	if err := assess(ctx, c, id, "4"); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	colleague.Writes(id, "condition", "2")
	colleague.Sync()

	conflicts, err := c.Conflicts(ctx)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	for _, x := range conflicts {
		fmt.Println(x.Label.En, "has", len(x.Values), "values")
		for _, v := range x.Values { // the first is the one shown
			if v.Mine {
				fmt.Println("mine is", v.Value.Int())
			}
		}
		// Mine, Theirs, Nth or NewValue.
		if _, err := c.Settle(ctx, x.Record, x.ID, clientsdk.NewValue(schemas.IntValue(5)), "seen together"); err != nil {
			fmt.Println(clientsdk.Explain(err))
			return
		}
	}
	record, err := c.Record(ctx, id)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	field, _ := record.Form.FieldByName("condition")
	fmt.Println("settled on", record.Values.Fields[field.ID].Int(), "- conflicts left:", len(record.Conflicts))
	// Output:
	// Condition has 2 values
	// mine is 4
	// settled on 5 - conflicts left: 0
}

// An old copy of the device's file is recognised when it is opened: the device
// goes on under a new log, so that no two changes ever share a name.
func ExampleOpen_oldCopy() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "mahalleh-example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "device")
	secret := clientsdk.Credentials{KeyFile: bytes.Repeat([]byte("k"), clientsdk.MinKeyFile)}
	c, err := clientsdk.Enrol(ctx, dir, code, secret, options())
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	// reopen is what an application does at each start.
	starts := byte(0)
	reopen := func() error {
		opt := options()
		starts++
		opt.Rand = rand.NewChaCha8([32]byte{2, starts})
		if c, err = clientsdk.Open(ctx, dir, opt); err != nil {
			return err
		}
		return c.Unlock(ctx, secret)
	}
	if _, err := hall(ctx, c, "سالن", 3); err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	c.Close()
	file := filepath.Join(dir, "device.db")
	old, err := os.ReadFile(file)
	if err == nil {
		err = reopen()
	}
	if err == nil {
		_, err = hall(ctx, c, "پارک", 3)
	}
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	c.Close()

	// Somebody puts the file of yesterday back.
	err = os.WriteFile(file, old, 0o600)
	if err == nil {
		err = reopen()
	}
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
	fmt.Println("goes on under a new log:", s.Forked != "", "- still to send:", s.Pending)
	// Output:
	// goes on under a new log: true - still to send: 1
}

// movable is a clock that an example sets.
type movable struct{ now time.Time }

func (c *movable) Now() time.Time        { return c.now }
func (c *movable) Uptime() time.Duration { return time.Hour }

// For months without a network every save stands, and nothing is asked for.
func ExampleClient_Status_monthsOffline() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "mahalleh-example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	opt := options()
	today := &movable{now: clock{}.Now()}
	opt.Clock = today
	c, err := clientsdk.Enrol(ctx, filepath.Join(dir, "device"), code, clientsdk.Credentials{KeyFile: make([]byte, 32)}, opt)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	defer c.Close()
	for day := range 90 {
		if _, err := hall(ctx, c, fmt.Sprint("سالن ", day+1), 3); err != nil {
			fmt.Println(clientsdk.Explain(err))
			return
		}
		today.now = today.now.Add(24 * time.Hour)
	}
	s, err := c.Status(ctx)
	if err != nil {
		fmt.Println(clientsdk.Explain(err))
		return
	}
	fmt.Println("recorded:", s.Received+s.Pending, "received:", s.Received)
	fmt.Println("the oldest waits for", int(today.now.Sub(s.Oldest).Hours()/24), "days")
	// Output:
	// recorded: 90 received: 0
	// the oldest waits for 90 days
}
