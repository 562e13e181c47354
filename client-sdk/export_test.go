package clientsdk

import (
	"testing"

	"mahalleh/syncproto"
)

// Colleague stands for a server and another person for the examples: an
// application needs neither.
type Colleague struct {
	o *office
	d *device
}

// failures makes the kit of the tests work where no test runs.
type failures struct{ testing.TB }

func (failures) Helper()                   {}
func (failures) Fatal(args ...any)         { panic(args) }
func (failures) Fatalf(f string, a ...any) { panic(a) }

// NewColleague returns somebody with whom a client syncs.
func NewColleague(c *Client) Colleague {
	return Colleague{newOffice(failures{}), &device{TB: failures{}, Client: c, clock: &testClock{now: c.opt.Clock.Now()}}}
}

// Sync is what Client.Sync does over a line.
func (x Colleague) Sync() { x.o.sync(x.d) }

// Writes lets the colleague write a value into a record that the server holds.
func (x Colleague) Writes(record syncproto.RecordID, field, text string) {
	x.o.other(x.d, record, "ali", map[string]string{field: text})
}
