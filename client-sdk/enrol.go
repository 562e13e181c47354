package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Notice is a sentence that a person must read, as a key of the catalogues.
type Notice struct {
	Key  string
	Args map[string]any
}

// Invitation is what an enrolment code says, before anything is made of it.
type Invitation struct {
	Code syncproto.EnrolCode
	// Person and PlaceName are for whom and where; empty for a typed code,
	// which names the place by its Number only.
	Person, PlaceName string
	Place             syncproto.PlaceID
	// Addresses are where the server listens; a typed code has none.
	Addresses []string
	// Recovery reports whether the province can open this device if the
	// passphrase is forgotten.
	Recovery bool

	sheet *syncproto.EnrolSheet
	keys  *wire.ServerKeys
}

// ReadInvitation reads an enrolment code, typed or as the text of a QR code.
// It needs no network. The error is ErrMistypedCode, which says in which part
// the mistake is, ErrBadCode, or ErrIncompatible for a code of a newer release.
func ReadInvitation(text string) (*Invitation, error) {
	if !syncproto.IsEnrolSheet(text) {
		code, err := syncproto.ParseEnrolCode(text)
		if err != nil {
			return nil, told("read enrolment code", err)
		}
		return &Invitation{Code: *code, Place: code.Place()}, nil
	}
	sheet, err := syncproto.ParseEnrolSheet(text)
	if err != nil {
		return nil, told("read enrolment code", err)
	}
	keys, err := wire.DecodeServerKeys(sheet.Keys)
	if err != nil {
		return nil, told("read enrolment code", fmt.Errorf("%w: %w", syncproto.ErrCodeMalformed, err))
	}
	if !sheet.Code.Fits(keys.Fingerprint()) {
		return nil, told("read enrolment code", fmt.Errorf("%w: the server's keys do not fit the code", syncproto.ErrCodeMalformed))
	}
	return &Invitation{Code: sheet.Code, Person: sheet.PersonName, PlaceName: sheet.PlaceName, Place: sheet.Code.Place(),
		Addresses: sheet.Addresses, Recovery: keys.Recovery != [32]byte{}, sheet: sheet, keys: keys}, nil
}

// The notices of BeforePassphrase.
const (
	noticeRecoverable  = "sdk.notice.forgotten_recoverable"
	noticeUntilContact = "sdk.notice.forgotten_until_contact"
	noticeLost         = "sdk.notice.forgotten_lost"
)

// BeforePassphrase is what must be said before a passphrase or key file is
// set: what happens if it is forgotten. With a recovery key, the province can
// open the device and no work is lost; with a typed code that key is learnt at
// first contact, and until then what was not sent would be lost.
func (i *Invitation) BeforePassphrase() Notice {
	key := noticeUntilContact
	if i.Recovery {
		key = noticeRecoverable
	} else if i.keys != nil {
		key = noticeLost
	}
	return Notice{Key: key, Args: map[string]any{"least": MinPassphrase}}
}

// Enrol makes the folder that of an enrolled device and returns its client,
// unlocked. It needs no network: recording can begin at once, and the device's
// key is confirmed at first contact. With a typed code, which says less than a
// QR code, Options.Addresses must name the server.
//
// Say Invitation.BeforePassphrase before asking for the passphrase.
func Enrol(ctx context.Context, dir, code string, secret Credentials, opt Options) (*Client, error) {
	const doing = "enrol"
	invitation, err := ReadInvitation(code)
	if err != nil {
		return nil, err
	}
	if err := secret.check(); err != nil {
		return nil, told(doing, err)
	}
	c, err := newClient(dir, opt)
	if err != nil {
		return nil, told(doing, err)
	}
	setup, err := c.setup(invitation, secret)
	if err != nil {
		return nil, told(doing, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, told(doing, refuse(ErrDiskFailed, err))
	}
	if c.store, err = localstore.Create(ctx, c.storeOptions(), setup); err != nil {
		return nil, told(doing, err)
	}
	if setup.Identity.Provisional {
		err = c.store.SetSetting(ctx, settingAlias, setup.Identity.Person[:])
	}
	if err == nil {
		err = c.keepPlaceName(ctx, invitation)
	}
	if err == nil {
		err = c.opened(ctx)
	}
	if err != nil {
		return nil, errors.Join(told(doing, err), c.store.Close())
	}
	return c, nil
}

// keepPlaceName remembers what the sheet calls the place.
func (c *Client) keepPlaceName(ctx context.Context, i *Invitation) error {
	if i.PlaceName == "" {
		return nil
	}
	return c.store.SetSetting(ctx, settingPlace, []byte(i.PlaceName))
}

// setup is what the store begins with.
func (c *Client) setup(i *Invitation, secret Credentials) (s localstore.Setup, err error) {
	addresses := slices.Concat(c.opt.Addresses, i.Addresses)
	if len(addresses) == 0 {
		return s, refuse(ErrNoAddress, nil)
	}
	for _, a := range addresses {
		if _, err := wsdial.ParseAddress(a); err != nil {
			return s, refuse(ErrBadAddress, err, "address", a)
		}
	}
	id := localstore.Identity{
		Person: i.Code.Author(), Provisional: true,
		Place: i.Place, Fingerprint: i.Code.Fingerprint[:], Addresses: addresses, Secret: i.Code.Secret[:],
	}
	if i.sheet != nil {
		id.Name, id.Server, id.Scopes = i.sheet.PersonName, i.sheet.Keys, i.sheet.Scopes()
		if !i.sheet.Person.IsZero() {
			id.Person, id.Provisional = i.sheet.Person, false
		}
		if i.Recovery {
			s.Recovery = i.keys.Recovery[:]
		}
	}
	if len(id.Scopes) == 0 {
		// A typed code does not say which compartments the person has. Nothing
		// that is recorded is lost: what the person may not write is set aside
		// by the server, with its reason.
		for _, name := range c.compartments() {
			id.Scopes = append(id.Scopes, syncproto.ScopeOf(i.Place, name))
		}
	}
	s.Identity = id
	s.Credentials = []localstore.Credential{{Person: id.Person, Passphrase: secret.Passphrase, KeyFile: secret.KeyFile}}
	return s, nil
}

// compartments are those of the forms, sorted.
func (c *Client) compartments() []string {
	var names []string
	for _, form := range c.forms.Forms() {
		names = append(names, string(form.Compartment))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s Credentials) check() error {
	if len(s.KeyFile) > 0 {
		if len(s.KeyFile) < MinKeyFile {
			return refuse(ErrWeakPassphrase, nil, "least", MinKeyFile)
		}
		return nil
	}
	if persian.Length(s.Passphrase) < MinPassphrase {
		return refuse(ErrWeakPassphrase, nil, "least", MinPassphrase)
	}
	return nil
}

// Enrolled reports whether a folder holds a device.
func Enrolled(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, databaseName))
	return err == nil
}
