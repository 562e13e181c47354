package wire

import "mahalleh/syncproto"

// idList numbers ids in the order in which they came up; an id is named by
// its distance from the end.
type idList struct {
	ids [][16]byte
	// at is where each id last stood; only who packs needs it.
	at map[[16]byte]int
}

// distance returns how far from the end the id stands, 1 for the last, 0 if
// it does not.
func (l *idList) distance(id [16]byte) uint64 {
	if i, ok := l.at[id]; ok {
		return uint64(len(l.ids) - i)
	}
	return 0
}

func (l *idList) add(id [16]byte) {
	if l.at != nil {
		l.at[id] = len(l.ids)
	}
	l.ids = append(l.ids, id)
}

// back returns the id at a distance from the end.
func (l *idList) back(distance uint64) (id [16]byte, ok bool) {
	if distance == 0 || distance > uint64(len(l.ids)) {
		return id, false
	}
	return l.ids[uint64(len(l.ids))-distance], true
}

// model is what both sides know before a change.
type model struct {
	log    syncproto.LogID
	tables *Tables
	// prev is the header before; its times start at zero.
	prev          syncproto.Header
	scope, author uint64
	// versions holds changes and what they name, records records and what
	// refers to them, others items, groups, logs.
	versions, records, others idList
	// latest is each record's last version in the batch.
	latest map[syncproto.RecordID]syncproto.ChangeID
}

func newModel(log syncproto.LogID, tables *Tables) *model {
	d := &tables.Usual
	return &model{log: log, tables: tables, latest: map[syncproto.RecordID]syncproto.ChangeID{},
		prev: syncproto.Header{Verb: syncproto.VerbEdit, Package: d.Package, Role: d.Role, Verified: d.Verified,
			Grants: d.Grants, Corrected: d.Corrected, Correction: d.Correction, Boot: d.Boot, Time: d.Time, Uptime: d.Uptime}}
}

// usualAlive is the operation by which nearly every change says that its
// record is there: it names the base, if there is one.
func usualAlive(base syncproto.ChangeID) syncproto.Op {
	return syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: syncproto.FieldPresence,
		Names: usualNames(base), Value: syncproto.Bool(true)}
}

func usualNames(base syncproto.ChangeID) []syncproto.ChangeID {
	if base.IsZero() {
		return nil
	}
	return []syncproto.ChangeID{base}
}

// indexed makes the lists ready for who packs.
func (m *model) indexed() {
	for _, l := range []*idList{&m.versions, &m.records, &m.others} {
		l.at = map[[16]byte]int{}
	}
}

// after tells the model of a change whose header is canonical.
func (m *model) after(h *syncproto.Header, id syncproto.ChangeID, scope, author uint64) {
	m.prev, m.scope, m.author = *h, scope, author
	m.latest[h.Record] = id
	m.versions.add(id)
}
