package store

import (
	"crypto/hmac"
	"crypto/sha256"

	"mahalleh/syncproto"
)

// PlaceKind says what a place is. Numbers are for ever.
type PlaceKind uint8

// The kinds of places.
const (
	PlaceNation        PlaceKind = 1
	PlaceProvince      PlaceKind = 2
	PlaceCounty        PlaceKind = 3
	PlaceNeighbourhood PlaceKind = 4
)

// Place is a place of the country's order.
type Place struct {
	ID     syncproto.PlaceID
	Number uint32 // short, unique; stands in typed enrolment codes
	Kind   PlaceKind
	Parent syncproto.PlaceID
	// Code is the official code, such as "01" for Guilan; may be empty.
	Code           string
	NameFa, NameEn string
}

// Person is somebody who may author changes.
type Person struct {
	ID       syncproto.PersonID
	Name     string
	Disabled bool
	// AliasOf names the person this row only stands in for: a device enrolled by
	// a typed code authors under an id derived from the code until its first
	// contact. Zero for a person.
	AliasOf syncproto.PersonID
	// Password is an encoded argon2id hash, empty if the person has no sign-in.
	Password string
	Created  int64
}

// Grant lets a person play a role at a place; access expands it to scopes.
type Grant struct {
	Person syncproto.PersonID
	Place  syncproto.PlaceID
	Role   string
	// Serial is the server-wide number of this act of granting or revoking.
	Serial  uint64
	From    int64 // Unix ms
	Revoked int64 // Unix ms, 0 while it holds
}

// Device is an enrolled device.
type Device struct {
	ID     syncproto.DeviceID
	Person syncproto.PersonID // who enrolled it
	// Key is the enrolment key (Ed25519 public), Noise its static X25519 key.
	Key, Noise [32]byte
	Name       string
	Enrolled   int64
	LastSeen   int64
	Revoked    int64 // Unix ms, 0 while it holds
	Lost       bool
	// Queue, OldestQueued and ClockAhead are what it last reported of itself:
	// unsent changes, the oldest one's time, and its clock minus the server's, ms.
	Queue        uint64
	OldestQueued int64
	ClockAhead   int64
	App          string
}

// Code is an enrolment code that was given out.
type Code struct {
	// SecretHash is SHA-256 of the secret; the secret itself is not kept.
	SecretHash syncproto.Hash
	Person     syncproto.PersonID
	Place      syncproto.PlaceID
	Created    int64
	Expires    int64
	// UsedBy is the device that redeemed it, or zero.
	UsedBy syncproto.DeviceID
	UsedAt int64
}

// AccessReader reads people, places, grants, devices and codes.
type AccessReader interface {
	Place(syncproto.PlaceID) (Place, error)
	PlaceByNumber(uint32) (Place, error)
	Places() ([]Place, error)
	Person(syncproto.PersonID) (Person, error)
	People() ([]Person, error)
	// Grants returns a person's grants, revoked ones too; everybody's if zero.
	Grants(syncproto.PersonID) ([]Grant, error)
	// GrantSerial is the last serial given out.
	GrantSerial() (uint64, error)
	Device(syncproto.DeviceID) (Device, error)
	DeviceByNoise([32]byte) (Device, error)
	Devices() ([]Device, error)
	Code(syncproto.Hash) (Code, error)
	// DevicePeople returns who may author changes on a device.
	DevicePeople(syncproto.DeviceID) ([]syncproto.PersonID, error)
	// Audits returns the administrative acts of a scope (zero: of the server as
	// a whole), oldest first.
	Audits(syncproto.ScopeID) ([]AuditEntry, error)
	// AuditAt returns how the scope's chain stood after so many acts, after all
	// of them if there are fewer.
	AuditAt(scope syncproto.ScopeID, count uint64) (syncproto.Checkpoint, error)
	// AuditLinks returns the digests of the scope's acts from+1, from+2 and so
	// on, at most max.
	AuditLinks(scope syncproto.ScopeID, from uint64, max int) ([]syncproto.Hash, error)
}

// AccessWriter writes them.
type AccessWriter interface {
	PutPlace(Place) error
	PutPerson(Person) error
	// PutGrant inserts or replaces the grant of person, place and role.
	PutGrant(Grant) error
	PutDevice(Device) error
	AddDevicePerson(syncproto.DeviceID, syncproto.PersonID) error
	PutCode(Code) error
	// Audit appends to the chain of administrative acts of a scope. The salt of
	// its digest derives from the value of AuditKey and from the chain before it.
	Audit(AuditEntry) error
}

// AuditKey names the value (MetaReader) from which the salts of acts derive.
// It is made at the first start and stays in the store: digests travel to devices, which
// shall not guess from them what was done.
const AuditKey = "audit.key"

// AuditSalt is the salt of the act that follows in a scope's chain.
func AuditSalt(key []byte, scope syncproto.ScopeID, prev syncproto.Hash) [syncproto.SaltSize]byte {
	m := hmac.New(sha256.New, key)
	m.Write(scope[:])
	m.Write(prev[:])
	return [syncproto.SaltSize]byte(m.Sum(nil))
}

// AuditEntry is one administrative act: who did what to what, when, and why.
type AuditEntry struct {
	Scope   syncproto.ScopeID // zero for the server as a whole
	At      int64
	By      syncproto.PersonID
	Act     string
	Subject string
	Note    string
	// Salt is filled in by the store.
	Salt [syncproto.SaltSize]byte
}

// Digest is what the scope's chain takes up of the act.
func (e *AuditEntry) Digest() syncproto.Hash {
	a := syncproto.Act{Scope: e.Scope, At: e.At, By: e.By, What: e.Act, About: e.Subject, Notes: e.Note}
	return a.Digest(e.Salt)
}
