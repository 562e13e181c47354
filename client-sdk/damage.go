package clientsdk

import (
	"context"

	"mahalleh/client-sdk/localstore"
)

// Damage is one thing that a check found damaged in the device's data.
type Damage = localstore.Problem

// Check reads the device's data through and returns what is damaged: the file,
// every row, the logs of own changes, records, drafts and the lists made of them.
// It changes nothing. The device must be unlocked.
func (c *Client) Check(ctx context.Context) ([]Damage, error) {
	found, err := c.store.Check(ctx)
	return found, told("check", err)
}

// Noticed returns what was damaged in the device's bookkeeping when it was
// opened; Check finds it too, as long as the device stays open.
func (c *Client) Noticed() []Damage { return c.store.Noticed() }
