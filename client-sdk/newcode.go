package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/wsdial"
)

// TakeCode gives a device that the server has not confirmed another enrolment
// code, because the server refused the one it has: expired, used by another
// device, or unknown. Records, log, keys and passphrase stay, and what was
// recorded under the old code counts for the person of the new one. The code
// must be for the same neighbourhood of the same server, and not for another
// person than is known: ErrOtherCode. ErrEnrolled: the device is confirmed, or
// has this code already. The device must be unlocked.
func (c *Client) TakeCode(ctx context.Context, code string) error {
	const doing = "take another code"
	invitation, err := ReadInvitation(code)
	if err != nil {
		return err
	}
	id, err := c.store.Identity(ctx)
	if err != nil {
		return told(doing, err)
	}
	if err := c.takeCode(&id, invitation); err != nil {
		return told(doing, err)
	}
	if err := c.store.SetIdentity(ctx, id); err != nil {
		return told(doing, err)
	}
	if err := c.keepPlaceName(ctx, invitation); err != nil {
		return told(doing, err)
	}
	if err := c.opened(ctx); err != nil {
		return told(doing, err)
	}
	return told(doing, c.learnRecovery(ctx))
}

func (c *Client) takeCode(id *localstore.Identity, i *Invitation) error {
	known := i.sheet != nil && !i.sheet.Person.IsZero()
	switch {
	case id.Confirmed || slices.Equal(id.Secret, i.Code.Secret[:]):
		return refuse(ErrEnrolled, nil)
	case !slices.Equal(id.Fingerprint, i.Code.Fingerprint[:]) || id.Place != i.Place:
		return refuse(ErrOtherCode, nil)
	case known && !id.Provisional && id.Person != i.sheet.Person:
		return refuse(ErrOtherCode, errors.New("the code is for another person"))
	}
	for _, a := range slices.Concat(c.opt.Addresses, i.Addresses) {
		if _, err := wsdial.ParseAddress(a); err != nil {
			return refuse(ErrBadAddress, fmt.Errorf("in the new code: %w", err), "address", a)
		}
		if !slices.Contains(id.Addresses, a) {
			id.Addresses = append(id.Addresses, a)
		}
	}
	// The device goes on recording under the author of its first code; only that
	// one must be shown beside the new code.
	if len(id.First) == 0 {
		id.First = id.Secret
	}
	id.Secret = i.Code.Secret[:]
	if i.sheet != nil {
		id.Name, id.Server = i.sheet.PersonName, i.sheet.Keys
		if known {
			id.Person, id.Provisional = i.sheet.Person, false
		}
		for _, scope := range i.sheet.Scopes() {
			if !slices.Contains(id.Scopes, scope) {
				id.Scopes = append(id.Scopes, scope)
			}
		}
	}
	return nil
}
