package sqlitestore

import (
	"slices"
	"sync"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// memo keeps answers to what every session asks again and again and what hardly
// ever changes: who a device is, who shares it, what was granted last, the last
// era, which ids are not there. They hold for all snapshots from a commit on:
// whoever changes any of it puts an empty memo in its place before the commit.
type memo struct {
	since int64 // the number of that commit

	mu      sync.RWMutex
	devices map[syncproto.DeviceID]store.Device
	sharing map[syncproto.DeviceID][]syncproto.PersonID
	people  map[syncproto.PersonID]store.Person
	absent  map[[16]byte]struct{}
	serial  map[struct{}]uint64
	era     map[struct{}]store.Era
}

// maxMemo bounds each kind of answers; whoever comes later is read each time.
const maxMemo = 4096

func newMemo(since int64) *memo {
	return &memo{since: since, devices: map[syncproto.DeviceID]store.Device{}, sharing: map[syncproto.DeviceID][]syncproto.PersonID{},
		people: map[syncproto.PersonID]store.Person{}, absent: map[[16]byte]struct{}{}, serial: map[struct{}]uint64{}, era: map[struct{}]store.Era{}}
}

// memoOf is the memo for the snapshot after so many commits, nil if none holds.
func (s *Store) memoOf(commits int64) *memo {
	if m := s.memo.Load(); commits >= m.since {
		return m
	}
	return nil
}

// unsettle says that the transaction changes what a memo may hold. From then on it
// reads for itself.
func (t *tx) unsettle() { t.memo, t.unsettled = nil, true }

// remembered returns the answer that m has, or asks and remembers it. What is not
// there is not remembered.
func remembered[K comparable, V any](m *memo, of func(*memo) map[K]V, key K, ask func() (V, error)) (V, error) {
	if m == nil {
		return ask()
	}
	m.mu.RLock()
	v, known := of(m)[key]
	m.mu.RUnlock()
	if known {
		return v, nil
	}
	v, err := ask()
	if err == nil {
		m.mu.Lock()
		if answers := of(m); len(answers) < maxMemo {
			answers[key] = v
		}
		m.mu.Unlock()
	}
	return v, err
}

// isAbsent says that an id is known not to be there.
func (m *memo) isAbsent(id [16]byte) bool {
	if m == nil {
		return false
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, absent := m.absent[id]
	return absent
}

func (m *memo) noteAbsent(id [16]byte) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.absent) < maxMemo {
		m.absent[id] = struct{}{}
	}
}

// Device implements store.AccessReader.
func (r *reader) Device(id syncproto.DeviceID) (store.Device, error) {
	return remembered(r.memo, func(m *memo) map[syncproto.DeviceID]store.Device { return m.devices }, id, func() (store.Device, error) { return r.device(id) })
}

// DevicePeople implements store.AccessReader.
func (r *reader) DevicePeople(id syncproto.DeviceID) ([]syncproto.PersonID, error) {
	list, err := remembered(r.memo, func(m *memo) map[syncproto.DeviceID][]syncproto.PersonID { return m.sharing }, id,
		func() ([]syncproto.PersonID, error) { return r.devicePeople(id) })
	return slices.Clone(list), err
}

// Person implements store.AccessReader.
func (r *reader) Person(id syncproto.PersonID) (store.Person, error) {
	return remembered(r.memo, func(m *memo) map[syncproto.PersonID]store.Person { return m.people }, id, func() (store.Person, error) { return r.person(id) })
}

// GrantSerial implements store.AccessReader.
func (r *reader) GrantSerial() (uint64, error) {
	return remembered(r.memo, func(m *memo) map[struct{}]uint64 { return m.serial }, struct{}{}, r.grantSerial)
}

// LastEra implements store.MetaReader.
func (r *reader) LastEra() (store.Era, error) {
	return remembered(r.memo, func(m *memo) map[struct{}]store.Era { return m.era }, struct{}{}, r.lastEra)
}
