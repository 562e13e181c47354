package wire

import "mahalleh/syncproto"

// Welcome answers Hello.
type Welcome struct {
	// Proto is the protocol version of the session.
	Proto uint32
	// ServerTime is the server's clock, Unix milliseconds.
	ServerTime int64
	// Era is this opening of the server's store; Eras are, newest first, the
	// earlier ones of its history in which a cursor of the device may stand.
	Era  syncproto.EraID
	Eras []syncproto.EraID
	// Received is the highest sequence up to which the server holds the
	// device's log without a hole, ReceivedHead the chain hash there.
	Received     uint64
	ReceivedHead syncproto.Hash
	// Fork says that the server knows another head at a sequence the device
	// claims: another copy of the database writes this log, open a new one.
	Fork bool
	// Ancestors answers for each ancestor log the device named.
	Ancestors []LogReceived
	// BackupSafe is the sequence up to which the device's log stands in a
	// verified backup.
	BackupSafe uint64
	// GrantSerial names the grants that follow, by their content; they are left out
	// if the device has those of this name.
	GrantSerial uint64
	Grants      []Grant
	Places      []Place
	People      []Person
	// Lease is for how many seconds of the device's uptime reading stays
	// unlocked without another contact.
	Lease uint64
	// Credit is how many bytes of pushes may be under way unacknowledged.
	Credit uint32
	// Dictionary is the dictionary id the device should compress with, 0 none.
	Dictionary uint32
	// ClockAhead is by how many milliseconds the device's clock is ahead of
	// the server's, negative if it is behind.
	ClockAhead int64
	// ServerKeys are the server's keys when they differ from those the device
	// may know, see ServerKeys.
	ServerKeys []byte
	// Acts is syncproto.ActsKnown over what the server has of the checkpoints
	// whose counts Hello named, in the order of its cursors; scopes of which it
	// named none, and those that are not granted, are left out. It is zero when
	// nothing is left.
	Acts [16]byte
}

// LogReceived says how far the server holds a log.
type LogReceived struct {
	Log                  syncproto.LogID
	Received, BackupSafe uint64
}

// Grant is one scope that the session's person may use.
type Grant struct {
	Scope       syncproto.ScopeID
	Place       syncproto.PlaceID
	Compartment string
	// Rights are bits, named where access is decided.
	Rights uint32
	Role   uint8
}

// Place is a place the device may name.
type Place struct {
	ID syncproto.PlaceID
	// Number is the short number by which a typed enrolment code names it.
	Number         uint32
	Kind           uint8
	Parent         syncproto.PlaceID
	NameFa, NameEn string
}

// Person is a name to show for an author.
type Person struct {
	ID   syncproto.PersonID
	Name string
}

// Enrolled answers Enrol; a Welcome follows.
type Enrolled struct {
	Device syncproto.DeviceID
	Person syncproto.PersonID
	// Name is the person's name.
	Name string
	// ServerKeys is the server key document, see ServerKeys.
	ServerKeys []byte
}

// GrantsNote tells a live session of changed grants, places and people, each
// list whole.
type GrantsNote struct {
	GrantSerial uint64
	Grants      []Grant
	Places      []Place
	People      []Person
}

// RefuseCode says why the server does not go on.
type RefuseCode uint8

// The reasons to refuse. Numbers are for ever.
const (
	RefuseProtocolOld   RefuseCode = 1
	RefuseProtocolNew   RefuseCode = 2
	RefuseUnknownDevice RefuseCode = 3
	RefuseRevoked       RefuseCode = 4
	RefuseBadCode       RefuseCode = 5
	RefuseUsedCode      RefuseCode = 6
	RefuseBusy          RefuseCode = 7
	RefuseFull          RefuseCode = 8
	RefuseMalformed     RefuseCode = 9
	RefuseLimits        RefuseCode = 10
	RefuseClock         RefuseCode = 11
)

// Refuse ends a session, or asks to come back later.
type Refuse struct {
	Code RefuseCode
	// Key names the text for people in the catalogues.
	Key string
	// RetryAfter is after how many milliseconds to try again, 0 not at all.
	RetryAfter uint64
	// Detail is for logs.
	Detail string
}

// Type implements Message.
func (*Welcome) Type() MsgType { return MsgWelcome }

// Type implements Message.
func (*Enrolled) Type() MsgType { return MsgEnrolled }

// Type implements Message.
func (*GrantsNote) Type() MsgType { return MsgGrants }

// Type implements Message.
func (*Refuse) Type() MsgType { return MsgRefuse }

func (m *Welcome) fields(f *fields) {
	fieldNum(f, 1, &m.Proto)
	fieldInt(f, 2, &m.ServerTime)
	fieldID(f, 3, &m.Era)
	fieldIDs(f, 4, &m.Eras, MaxEras)
	fieldNum(f, 5, &m.Received)
	fieldHash(f, 6, &m.ReceivedHead)
	fieldBool(f, 7, &m.Fork)
	fieldList(f, 8, &m.Ancestors, MaxAncestors, func(f *fields, a *LogReceived) {
		fieldID(f, 1, &a.Log)
		fieldNum(f, 2, &a.Received)
		fieldNum(f, 3, &a.BackupSafe)
	})
	fieldNum(f, 9, &m.BackupSafe)
	fieldNum(f, 10, &m.GrantSerial)
	fieldList(f, 11, &m.Grants, syncproto.MaxScopes, describeGrant)
	fieldList(f, 12, &m.Places, MaxPlaces, describePlace)
	fieldList(f, 13, &m.People, MaxPlaces, describePerson)
	fieldNum(f, 14, &m.Lease)
	fieldNum(f, 15, &m.Credit)
	fieldNum(f, 16, &m.Dictionary)
	fieldInt(f, 17, &m.ClockAhead)
	fieldBytes(f, 18, &m.ServerKeys, maxCert)
	fieldID(f, 19, &m.Acts)
}

func describeGrant(f *fields, g *Grant) {
	fieldID(f, 1, &g.Scope)
	fieldID(f, 2, &g.Place)
	fieldText(f, 3, &g.Compartment, maxName)
	fieldNum(f, 4, &g.Rights)
	fieldNum(f, 5, &g.Role)
}

func describePlace(f *fields, p *Place) {
	fieldID(f, 1, &p.ID)
	fieldNum(f, 2, &p.Number)
	fieldNum(f, 3, &p.Kind)
	fieldID(f, 4, &p.Parent)
	fieldText(f, 5, &p.NameFa, maxName)
	fieldText(f, 6, &p.NameEn, maxName)
}

func describePerson(f *fields, p *Person) {
	fieldID(f, 1, &p.ID)
	fieldText(f, 2, &p.Name, maxName)
}

func (m *Enrolled) fields(f *fields) {
	fieldID(f, 1, &m.Device)
	fieldID(f, 2, &m.Person)
	fieldText(f, 3, &m.Name, maxName)
	fieldBytes(f, 4, &m.ServerKeys, maxCert)
}

func (m *GrantsNote) fields(f *fields) {
	fieldNum(f, 1, &m.GrantSerial)
	fieldList(f, 2, &m.Grants, syncproto.MaxScopes, describeGrant)
	fieldList(f, 3, &m.Places, MaxPlaces, describePlace)
	fieldList(f, 4, &m.People, MaxPlaces, describePerson)
}

func (m *Refuse) fields(f *fields) {
	fieldNum(f, 1, &m.Code)
	fieldText(f, 2, &m.Key, maxName)
	fieldNum(f, 3, &m.RetryAfter)
	fieldText(f, 4, &m.Detail, maxDetail)
}
