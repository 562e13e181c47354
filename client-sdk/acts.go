package clientsdk

import (
	"context"
	"time"

	"mahalleh/client-sdk/sessionstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Acts is what the device holds of the server's lists of administrative acts,
// one for each of its scopes: by it, those who run the server cannot rewrite
// what they did unnoticed.
type Acts struct {
	Held []ActsHeld
	// Confirmed is when the server last showed that its lists go on from those
	// held, to about an hour; zero before the first time.
	Confirmed time.Time
	// Broken are the proofs that once they did not, oldest first. A server that
	// was put back from a backup looks the same: whoever compares a proof with the
	// server's lists can tell.
	Broken []ActsBroken
}

// ActsHeld is how the list of one scope stood.
type ActsHeld struct {
	syncproto.Checkpoint
	// PlaceName and Compartment are empty if the scope is not known any more.
	PlaceName   schemas.Text
	Compartment string
}

// ActsBroken is one such proof: what the device held when the server's list did
// not go on from it.
type ActsBroken struct {
	At   time.Time
	Held []ActsHeld
}

// Acts returns what the device holds of the server's lists of acts.
func (c *Client) Acts(ctx context.Context) (Acts, error) {
	const doing = "read the checkpoints of acts"
	kept, err := sessionstore.ActsOf(ctx, c.store)
	if err != nil {
		return Acts{}, told(doing, err)
	}
	_, k := c.known()
	name := func(list []syncproto.Checkpoint) []ActsHeld {
		named := make([]ActsHeld, len(list))
		for i, at := range list {
			named[i].Checkpoint = at
			if g, ok := k.grants[at.Scope]; ok {
				named[i].Compartment, named[i].PlaceName = g.Compartment, k.placeName(g.Place)
			}
		}
		return named
	}
	a := Acts{Held: name(kept.Held)}
	if kept.Confirmed != 0 {
		a.Confirmed = time.UnixMilli(kept.Confirmed)
	}
	for _, b := range kept.Breaks {
		a.Broken = append(a.Broken, ActsBroken{At: time.UnixMilli(b.At), Held: name(b.Held)})
	}
	return a, nil
}
