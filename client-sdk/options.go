package clientsdk

import (
	"context"
	"io"
	"log/slog"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
)

// Clock tells the time: the wall clock, right or wrong, and how long the
// device has been up.
type Clock = localstore.Clock

// Options are what a client lives on. Clock and Rand must be given: nothing in
// this package asks the system for time or randomness by itself, so that a
// test or a simulation can give its own.
type Options struct {
	Clock Clock
	// Rand is the source of keys, ids and nonces: crypto/rand.Reader.
	Rand io.Reader
	// Forms is the package of forms; nil is the one embedded in this program.
	Forms *schemas.Package
	// Addresses are where the server listens, in the order in which to try
	// them. Enrol needs one with a typed code; afterwards they come before those
	// that the enrolment gave.
	Addresses []string
	// Dial connects to one of the addresses; nil is a websocket.
	Dial func(ctx context.Context, addresses []string) (Pipe, error)
	// App names program and release to the server, Device the device to people.
	App, Device string
	// FreeSpace says how many bytes the disk of a folder still has room for;
	// nil leaves it unknown. FreeSpace of this package asks the system.
	FreeSpace func(dir string) (uint64, error)
	// TestMode lets invented national ids (prefix 000) pass.
	TestMode bool
	// VFS names a SQLite VFS, "" for the system's; for tests.
	VFS string
	// Log takes what helps to find faults; it is never given values of records.
	// nil is silence.
	Log *slog.Logger
}

// Credentials are one way to unlock: a passphrase, or else the content of a
// key file of at least MinKeyFile random bytes.
type Credentials struct {
	Passphrase string
	KeyFile    []byte
}

const (
	// MinPassphrase is the least number of characters of a passphrase. It
	// guards a copied database against guessing, at about ten tries a second
	// and processor.
	MinPassphrase = 8
	// MinKeyFile is the least number of bytes of a key file.
	MinKeyFile = localstore.MinKeyFile
	// MinPIN is the least number of characters of a PIN, which only guards
	// what is in memory and gets few tries.
	MinPIN = 4
)

// databaseName is the database's file in the folder of a device.
const databaseName = "device.db"
