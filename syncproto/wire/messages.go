package wire

import (
	"errors"
	"fmt"
)

// MsgType is the number that leads every message. Below 64 the device speaks,
// from 64 on the server.
type MsgType uint8

// The messages. Numbers are for ever.
const (
	MsgHello         MsgType = 1
	MsgEnrol         MsgType = 2
	MsgPush          MsgType = 3
	MsgCredit        MsgType = 4
	MsgCompare       MsgType = 5
	MsgEntries       MsgType = 6
	MsgWant          MsgType = 7
	MsgGap           MsgType = 8
	MsgPurged        MsgType = 9
	MsgBye           MsgType = 10
	MsgStatus        MsgType = 11
	MsgWelcome       MsgType = 64
	MsgEnrolled      MsgType = 65
	MsgAck           MsgType = 66
	MsgPage          MsgType = 67
	MsgCaught        MsgType = 68
	MsgServerEntries MsgType = 69
	MsgRecords       MsgType = 70
	MsgPurge         MsgType = 71
	MsgBackupSafe    MsgType = 72
	MsgReceipt       MsgType = 73
	MsgRefuse        MsgType = 74
	MsgGrants        MsgType = 75
	MsgCheckpoints   MsgType = 76
)

// ErrUnknownMessage says that a message's type is none of this protocol
// version; versions are agreed first, so no right peer sends one.
var ErrUnknownMessage = errors.New("message of an unknown type")

// Message is one message of the session. Byte slices of a decoded message
// belong to the payload that it was decoded from.
type Message interface {
	// Type returns the number that leads the message.
	Type() MsgType
	fields(*fields)
}

// NewMessage returns an empty message of the type, or nil if there is none.
func NewMessage(t MsgType) Message {
	switch t {
	case MsgHello:
		return new(Hello)
	case MsgEnrol:
		return new(Enrol)
	case MsgPush:
		return new(Push)
	case MsgCredit:
		return new(Credit)
	case MsgCompare:
		return new(Compare)
	case MsgEntries:
		return new(Entries)
	case MsgWant:
		return new(Want)
	case MsgGap:
		return new(Gap)
	case MsgPurged:
		return new(Purged)
	case MsgBye:
		return new(Bye)
	case MsgStatus:
		return new(Status)
	case MsgWelcome:
		return new(Welcome)
	case MsgEnrolled:
		return new(Enrolled)
	case MsgAck:
		return new(Ack)
	case MsgPage:
		return new(Page)
	case MsgCaught:
		return new(Caught)
	case MsgServerEntries:
		return new(ServerEntries)
	case MsgRecords:
		return new(Records)
	case MsgPurge:
		return new(Purge)
	case MsgBackupSafe:
		return new(BackupSafe)
	case MsgReceipt:
		return new(ReceiptNote)
	case MsgRefuse:
		return new(Refuse)
	case MsgGrants:
		return new(GrantsNote)
	case MsgCheckpoints:
		return new(Checkpoints)
	}
	return nil
}

// AppendMessage appends the payload of a message: its fields, ascending,
// without the type.
func AppendMessage(b []byte, m Message) []byte { return writeFields(b, m.fields) }

// DecodeMessage reads a payload. Unknown fields are stepped over unless they
// are marked critical (ErrTooNew); an unknown type is ErrUnknownMessage.
func DecodeMessage(t MsgType, payload []byte) (Message, error) {
	m, _, err := decodeMessage(t, payload)
	return m, err
}

func decodeMessage(t MsgType, payload []byte) (m Message, skipped int, err error) {
	if m = NewMessage(t); m == nil {
		return nil, 0, fmt.Errorf("message type %d: %w", t, ErrUnknownMessage)
	}
	skipped, err = readFields(payload, m.fields)
	if err != nil {
		return nil, skipped, fmt.Errorf("message type %d: %w", t, err)
	}
	return m, skipped, nil
}

// Limits of what stands in messages, checked before allocating.
const (
	// MaxAncestors bounds the logs a device's database forked from: a copy is
	// a rare accident, and each ancestor ends some months after a backup holds it.
	MaxAncestors = 32
	// MaxEras bounds the eras named in a welcome: one per opening of the
	// server's store in which a cursor of the device may stand.
	MaxEras = 4096
	// MaxPlaces bounds the places and people a device is told of at once; a
	// province has some hundred neighbourhoods.
	MaxPlaces = 16384
	// MaxResults bounds the results in one message; more go into further ones.
	MaxResults = 4096
	// MaxPageRecords bounds the records of a page; the smallest take some
	// forty bytes, a page 64 KiB.
	MaxPageRecords = 16384
	// MaxPages bounds the pages in a Caught.
	MaxPages = 4096
	// MaxEntries bounds the entries of one comparison and the records asked for.
	MaxEntries = 65536
	// MaxPackages bounds the form packages and dictionaries a device names.
	MaxPackages = 256
	// maxName bounds names of people, places, devices and programs, in bytes.
	maxName = 1024
	// maxDetail bounds explanations for people and logs, in bytes.
	maxDetail = 4096
	// maxCert bounds a log certificate, which takes some 180 bytes.
	maxCert = 1024
	// maxSecret bounds the secret of an enrolment code.
	maxSecret = 64
)
