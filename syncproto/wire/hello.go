package wire

import "mahalleh/syncproto"

// Hello opens a session of an enrolled device.
type Hello struct {
	// ProtoMin and ProtoMax are the protocol versions the device speaks.
	ProtoMin, ProtoMax uint32
	Device             syncproto.DeviceID
	// Cert is the certificate of Log, see LogCert.
	Cert []byte
	// Log is the log the device writes, HeadSeq its last sequence, Head the
	// chain hash there.
	Log     syncproto.LogID
	HeadSeq uint64
	Head    syncproto.Hash
	// Ancestors are the logs this one forked from whose changes are still kept.
	Ancestors []Ancestor
	// Cursors say what the device holds of each scope.
	Cursors []Cursor
	// Grants is the serial of the grants the device has.
	Grants uint64
	// Packages are the form packages, Dictionaries the dictionary ids it has.
	Packages     []uint32
	Dictionaries []uint32
	// Credit is how many bytes the device is ready to receive.
	Credit uint32
	// DeviceTime is the device's clock, Unix milliseconds; Uptime milliseconds
	// since it booted, Boot a count of boots.
	DeviceTime int64
	Uptime     uint64
	Boot       uint64
	// App names program and release.
	App string
	// Queue is how many changes are unsent, OldestQueued when the first of
	// them was saved, Unix milliseconds by the device's clock.
	Queue        uint64
	OldestQueued int64
	// ResultsFrom is the lowest sequence of Log whose result the device lacks.
	ResultsFrom uint64
	// Unsettled are own changes that were parked, quarantined or kept out when the
	// device last heard of them; it is told again if that has changed.
	Unsettled []syncproto.ChangeID
	// Acts says of how many administrative acts the device holds the checkpoint,
	// for each cursor; nothing if it holds none.
	Acts []uint64
}

// MaxUnsettled bounds Hello.Unsettled.
const MaxUnsettled = 1000

// Ancestor is a log that the device's database forked from.
type Ancestor struct {
	Log syncproto.LogID
	// Kept is the lowest sequence still kept, HeadSeq the last one, Head the
	// chain hash there.
	Kept, HeadSeq uint64
	Head          syncproto.Hash
	Cert          []byte
}

// Cursor says up to where a device holds a scope.
type Cursor struct {
	Scope    syncproto.ScopeID
	Era      syncproto.EraID
	Position uint64
	// Sum is the additive sum of the state hashes of the scope's live records
	// at Position.
	Sum [16]byte
}

// Enrol asks to become a device of the person whom a code was made for.
type Enrol struct {
	// Secret is the secret part of the code, followed by those of codes that were
	// refused before and under whose authors the device recorded.
	Secret []byte
	// DeviceKey is the device's Ed25519 enrolment key, public.
	DeviceKey [32]byte
	// Name is the device's name for people.
	Name               string
	ProtoMin, ProtoMax uint32
	// Cert is the certificate of the device's log.
	Cert []byte
	// Proof is an Ed25519 signature by DeviceKey over EnrolProof.
	Proof []byte
}

// EnrolProof returns the bytes that an enrolling device signs: it proves that
// it holds its key, in this handshake and no other.
func EnrolProof(handshake []byte) []byte {
	return append([]byte("mahalleh enrol 1\n"), handshake...)
}

// Status is the device's heartbeat.
type Status struct {
	Queue uint64
	// OldestQueued and DeviceTime are Unix milliseconds by the device's clock.
	OldestQueued int64
	DeviceTime   int64
}

// Bye ends a session on purpose; either side may send it before it closes.
type Bye struct {
	Code uint8
	Text string
}

// Type implements Message.
func (*Hello) Type() MsgType { return MsgHello }

// Type implements Message.
func (*Enrol) Type() MsgType { return MsgEnrol }

// Type implements Message.
func (*Status) Type() MsgType { return MsgStatus }

// Type implements Message.
func (*Bye) Type() MsgType { return MsgBye }

func (m *Hello) fields(f *fields) {
	fieldNum(f, 1, &m.ProtoMin)
	fieldNum(f, 2, &m.ProtoMax)
	fieldID(f, 3, &m.Device)
	fieldBytes(f, 4, &m.Cert, maxCert)
	fieldID(f, 5, &m.Log)
	fieldNum(f, 6, &m.HeadSeq)
	fieldHash(f, 7, &m.Head)
	fieldList(f, 8, &m.Ancestors, MaxAncestors, func(f *fields, a *Ancestor) {
		fieldID(f, 1, &a.Log)
		fieldNum(f, 2, &a.Kept)
		fieldNum(f, 3, &a.HeadSeq)
		fieldHash(f, 4, &a.Head)
		fieldBytes(f, 5, &a.Cert, maxCert)
	})
	fieldList(f, 9, &m.Cursors, syncproto.MaxScopes, func(f *fields, c *Cursor) {
		fieldID(f, 1, &c.Scope)
		fieldID(f, 2, &c.Era)
		fieldNum(f, 3, &c.Position)
		fieldID(f, 4, &c.Sum)
	})
	fieldNum(f, 10, &m.Grants)
	fieldNums(f, 11, &m.Packages, MaxPackages)
	fieldNums(f, 12, &m.Dictionaries, MaxPackages)
	fieldNum(f, 13, &m.Credit)
	fieldInt(f, 14, &m.DeviceTime)
	fieldNum(f, 15, &m.Uptime)
	fieldNum(f, 16, &m.Boot)
	fieldText(f, 17, &m.App, maxName)
	fieldNum(f, 18, &m.Queue)
	fieldInt(f, 19, &m.OldestQueued)
	fieldNum(f, 20, &m.ResultsFrom)
	fieldIDs(f, 21, &m.Unsettled, MaxUnsettled)
	fieldNums(f, 22, &m.Acts, syncproto.MaxScopes)
}

func (m *Enrol) fields(f *fields) {
	fieldBytes(f, 1, &m.Secret, maxSecret)
	fieldHash(f, 2, &m.DeviceKey)
	fieldText(f, 3, &m.Name, maxName)
	fieldNum(f, 4, &m.ProtoMin)
	fieldNum(f, 5, &m.ProtoMax)
	fieldBytes(f, 6, &m.Cert, maxCert)
	fieldExact(f, 7, &m.Proof, 64)
}

func (m *Status) fields(f *fields) {
	fieldNum(f, 1, &m.Queue)
	fieldInt(f, 2, &m.OldestQueued)
	fieldInt(f, 3, &m.DeviceTime)
}

func (m *Bye) fields(f *fields) {
	fieldNum(f, 1, &m.Code)
	fieldText(f, 2, &m.Text, maxDetail)
}
