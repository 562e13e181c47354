package sqlitestore

import (
	"bytes"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func sortByID[T any](list []T, id func(T) [16]byte) {
	slices.SortFunc(list, func(a, b T) int {
		x, y := id(a), id(b)
		return bytes.Compare(x[:], y[:])
	})
}

const placeColumns = "SELECT id, number, kind, parent, code, name_fa, name_en FROM places "

func scanPlace(row *row) store.Place {
	return store.Place{
		ID: row.id(), Number: uint32(row.int()), Kind: store.PlaceKind(row.int()), Parent: row.id(),
		Code: row.text(), NameFa: row.text(), NameEn: row.text(),
	}
}

// Place implements store.AccessReader.
func (r *reader) Place(id syncproto.PlaceID) (p store.Place, err error) {
	err = r.c.one(placeColumns+"WHERE id = ?", func(row *row) error { p = scanPlace(row); return nil }, id[:])
	if err != nil {
		return store.Place{}, fmt.Errorf("place %s: %w", id, err)
	}
	return p, nil
}

// PlaceByNumber implements store.AccessReader.
func (r *reader) PlaceByNumber(n uint32) (p store.Place, err error) {
	err = r.c.one(placeColumns+"WHERE number = ?", func(row *row) error { p = scanPlace(row); return nil }, int64(n))
	if err != nil {
		return store.Place{}, fmt.Errorf("place number %d: %w", n, err)
	}
	return p, nil
}

// Places implements store.AccessReader.
func (r *reader) Places() (list []store.Place, err error) {
	err = r.each(placeColumns+"ORDER BY number", func(row *row) error { list = append(list, scanPlace(row)); return nil })
	if err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	return list, nil
}

// PutPlace implements store.AccessWriter.
func (t *tx) PutPlace(p store.Place) error {
	t.unsettle()
	err := t.put(`INSERT INTO places (id, number, kind, parent, code, name_fa, name_en) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET number = excluded.number, kind = excluded.kind, parent = excluded.parent,
			code = excluded.code, name_fa = excluded.name_fa, name_en = excluded.name_en`,
		p.ID[:], int64(p.Number), int64(p.Kind), p.Parent[:], p.Code, p.NameFa, p.NameEn)
	if err != nil {
		return fmt.Errorf("put place %s: %w", p.ID, err)
	}
	return nil
}

const personColumns = "SELECT id, name, disabled, alias_of, password, created FROM people "

func scanPerson(row *row) store.Person {
	return store.Person{
		ID: row.id(), Name: row.text(), Disabled: row.int() != 0, AliasOf: row.id(),
		Password: row.text(), Created: row.int(),
	}
}

func (r *reader) person(id syncproto.PersonID) (p store.Person, err error) {
	err = r.c.one(personColumns+"WHERE id = ?", func(row *row) error { p = scanPerson(row); return nil }, id[:])
	if err != nil {
		return store.Person{}, fmt.Errorf("person %s: %w", id, err)
	}
	return p, nil
}

// People implements store.AccessReader.
func (r *reader) People() (list []store.Person, err error) {
	err = r.each(personColumns+"ORDER BY id", func(row *row) error { list = append(list, scanPerson(row)); return nil })
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	return list, nil
}

// PutPerson implements store.AccessWriter.
func (t *tx) PutPerson(p store.Person) error {
	t.unsettle()
	err := t.put(`INSERT INTO people (id, name, disabled, alias_of, password, created) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, disabled = excluded.disabled, alias_of = excluded.alias_of,
			password = excluded.password, created = excluded.created`,
		p.ID[:], p.Name, yes(p.Disabled), p.AliasOf[:], p.Password, p.Created)
	if err != nil {
		return fmt.Errorf("put person %s: %w", p.ID, err)
	}
	return nil
}

// Grants implements store.AccessReader.
func (r *reader) Grants(person syncproto.PersonID) (list []store.Grant, err error) {
	const columns = "SELECT person, place, role, serial, since, revoked FROM grants "
	add := func(row *row) error {
		list = append(list, store.Grant{
			Person: row.id(), Place: row.id(), Role: row.text(), Serial: uint64(row.int()), From: row.int(), Revoked: row.int(),
		})
		return nil
	}
	if person.IsZero() {
		err = r.each(columns+"ORDER BY person, place, role", add)
	} else {
		err = r.each(columns+"WHERE person = ? ORDER BY place, role", add, person[:])
	}
	if err != nil {
		return nil, fmt.Errorf("grants: %w", err)
	}
	return list, nil
}

func (r *reader) grantSerial() (serial uint64, err error) {
	err = r.c.one("SELECT coalesce(max(serial), 0) FROM grants", func(row *row) error { serial = uint64(row.int()); return nil })
	if err != nil {
		return 0, fmt.Errorf("serial of grants: %w", err)
	}
	return serial, nil
}

// PutGrant implements store.AccessWriter.
func (t *tx) PutGrant(g store.Grant) error {
	t.unsettle()
	err := t.put(`INSERT INTO grants (person, place, role, serial, since, revoked) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (person, place, role) DO UPDATE SET serial = excluded.serial, since = excluded.since, revoked = excluded.revoked`,
		g.Person[:], g.Place[:], g.Role, int64(g.Serial), g.From, g.Revoked)
	if err != nil {
		return fmt.Errorf("put grant of %s: %w", g.Person, err)
	}
	return nil
}

const deviceColumns = `SELECT id, person, key, noise, name, enrolled, last_seen, revoked, lost, queue, oldest_queued, clock_ahead, app FROM devices `

func scanDevice(row *row) store.Device {
	return store.Device{
		ID: row.id(), Person: row.id(), Key: row.hash(), Noise: row.hash(), Name: row.text(),
		Enrolled: row.int(), LastSeen: row.int(), Revoked: row.int(), Lost: row.int() != 0,
		Queue: uint64(row.int()), OldestQueued: row.int(), ClockAhead: row.int(), App: row.text(),
	}
}

func (r *reader) device(id syncproto.DeviceID) (d store.Device, err error) {
	err = r.c.one(deviceColumns+"WHERE id = ?", func(row *row) error { d = scanDevice(row); return nil }, id[:])
	if err != nil {
		return store.Device{}, fmt.Errorf("device %s: %w", id, err)
	}
	return d, nil
}

// DeviceByNoise implements store.AccessReader.
func (r *reader) DeviceByNoise(key [32]byte) (d store.Device, err error) {
	err = r.c.one(deviceColumns+"WHERE noise = ?", func(row *row) error { d = scanDevice(row); return nil }, key[:])
	if err != nil {
		return store.Device{}, fmt.Errorf("device by key: %w", err)
	}
	return d, nil
}

// Devices implements store.AccessReader.
func (r *reader) Devices() (list []store.Device, err error) {
	err = r.each(deviceColumns+"ORDER BY id", func(row *row) error { list = append(list, scanDevice(row)); return nil })
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	return list, nil
}

// PutDevice implements store.AccessWriter.
func (t *tx) PutDevice(d store.Device) error {
	t.unsettle()
	err := t.put(`INSERT INTO devices (id, person, key, noise, name, enrolled, last_seen, revoked, lost, queue, oldest_queued, clock_ahead, app)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET person = excluded.person, key = excluded.key, noise = excluded.noise, name = excluded.name,
			enrolled = excluded.enrolled, last_seen = excluded.last_seen, revoked = excluded.revoked, lost = excluded.lost,
			queue = excluded.queue, oldest_queued = excluded.oldest_queued, clock_ahead = excluded.clock_ahead, app = excluded.app`,
		d.ID[:], d.Person[:], d.Key[:], d.Noise[:], d.Name, d.Enrolled, d.LastSeen, d.Revoked, yes(d.Lost),
		int64(d.Queue), d.OldestQueued, d.ClockAhead, d.App)
	if err != nil {
		return fmt.Errorf("put device %s: %w", d.ID, err)
	}
	return nil
}

func (r *reader) devicePeople(id syncproto.DeviceID) (list []syncproto.PersonID, err error) {
	err = r.each("SELECT person FROM device_people WHERE device = ? ORDER BY person", func(row *row) error {
		list = append(list, row.id())
		return nil
	}, id[:])
	if err != nil {
		return nil, fmt.Errorf("people of device %s: %w", id, err)
	}
	return list, nil
}

// AddDevicePerson implements store.AccessWriter.
func (t *tx) AddDevicePerson(d syncproto.DeviceID, p syncproto.PersonID) error {
	t.unsettle()
	err := t.put("INSERT INTO device_people (device, person) VALUES (?, ?) ON CONFLICT DO NOTHING", d[:], p[:])
	if err != nil {
		return fmt.Errorf("add person to device %s: %w", d, err)
	}
	return nil
}

// Code implements store.AccessReader.
func (r *reader) Code(secret syncproto.Hash) (c store.Code, err error) {
	err = r.c.one("SELECT person, place, created, expires, used_by, used_at FROM codes WHERE secret_hash = ?", func(row *row) error {
		c = store.Code{
			SecretHash: secret, Person: row.id(), Place: row.id(), Created: row.int(), Expires: row.int(),
			UsedBy: row.id(), UsedAt: row.int(),
		}
		return nil
	}, secret[:])
	if err != nil {
		return store.Code{}, fmt.Errorf("enrolment code: %w", err)
	}
	return c, nil
}

// PutCode implements store.AccessWriter.
func (t *tx) PutCode(c store.Code) error {
	err := t.put(`INSERT INTO codes (secret_hash, person, place, created, expires, used_by, used_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (secret_hash) DO UPDATE SET person = excluded.person, place = excluded.place, created = excluded.created,
			expires = excluded.expires, used_by = excluded.used_by, used_at = excluded.used_at`,
		c.SecretHash[:], c.Person[:], c.Place[:], c.Created, c.Expires, c.UsedBy[:], c.UsedAt)
	if err != nil {
		return fmt.Errorf("put enrolment code: %w", err)
	}
	return nil
}

// auditKey is the value from which the salts of acts derive, empty in a store
// that no server has opened yet.
func (r *reader) auditKey() ([]byte, error) {
	key, err := r.Meta(store.AuditKey)
	if isNotFound(err) {
		return nil, nil
	}
	return key, err
}

// Audit implements store.AccessWriter.
func (t *tx) Audit(e store.AuditEntry) error {
	if err := t.audit(&e); err != nil {
		return fmt.Errorf("audit %s: %w", e.Act, err)
	}
	return nil
}

func (t *tx) audit(e *store.AuditEntry) error {
	scope, err := t.intern(e.Scope)
	if err != nil {
		return err
	}
	by, err := t.intern(e.By)
	if err != nil {
		return err
	}
	var chain syncproto.Hash
	err = t.c.one("SELECT chain FROM audit WHERE scope = ? ORDER BY num DESC LIMIT 1", func(row *row) error { chain = row.hash(); return nil }, scope)
	if err != nil && !isNotFound(err) {
		return err
	}
	key, err := t.auditKey()
	if err != nil {
		return err
	}
	e.Salt = store.AuditSalt(key, e.Scope, chain)
	chain = syncproto.ActsNext(chain, e.Digest())
	return t.put("INSERT INTO audit (scope, at, by, act, subject, note, chain) VALUES (?, ?, ?, ?, ?, ?, ?)",
		scope, e.At, by, e.Act, e.Subject, e.Note, chain[:])
}

// Audits implements store.AccessReader.
func (r *reader) Audits(scope syncproto.ScopeID) ([]store.AuditEntry, error) {
	return r.audits(scope, 0, -1)
}

// audits reads the acts of a scope after the first from, at most max of them.
func (r *reader) audits(scope syncproto.ScopeID, from uint64, max int) (list []store.AuditEntry, err error) {
	num, err := r.numOf(scope)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit of scope %s: %w", scope, err)
	}
	key, err := r.auditKey()
	var prev syncproto.Checkpoint
	if err == nil {
		prev, err = r.AuditAt(scope, from)
	}
	if err == nil {
		err = r.each("SELECT at, by, act, subject, note, chain FROM audit WHERE scope = ? ORDER BY num LIMIT ? OFFSET ?", func(row *row) error {
			e := store.AuditEntry{Scope: scope, At: row.int(), Salt: store.AuditSalt(key, scope, prev.Head)}
			by, err := r.idOf(row.int())
			e.By, e.Act, e.Subject, e.Note, prev.Head = by, row.text(), row.text(), row.text(), row.hash()
			list = append(list, e)
			return err
		}, num, int64(max), int64(from))
	}
	if err != nil {
		return nil, fmt.Errorf("audit of scope %s: %w", scope, err)
	}
	return list, nil
}

// AuditAt implements store.AccessReader.
func (r *reader) AuditAt(scope syncproto.ScopeID, count uint64) (at syncproto.Checkpoint, err error) {
	at.Scope = scope
	num, err := r.numOf(scope)
	if isNotFound(err) {
		return at, nil
	}
	if err == nil {
		err = r.c.one("SELECT count(*) FROM audit WHERE scope = ?", func(row *row) error { at.Count = uint64(row.int()); return nil }, num)
	}
	if at.Count = min(at.Count, count); err == nil && at.Count > 0 {
		err = r.c.one("SELECT chain FROM audit WHERE scope = ? ORDER BY num LIMIT 1 OFFSET ?", func(row *row) error { at.Head = row.hash(); return nil }, num, int64(at.Count-1))
	}
	if err != nil {
		return syncproto.Checkpoint{}, fmt.Errorf("audit of scope %s: %w", scope, err)
	}
	return at, nil
}

// AuditLinks implements store.AccessReader.
func (r *reader) AuditLinks(scope syncproto.ScopeID, from uint64, max int) ([]syncproto.Hash, error) {
	acts, err := r.audits(scope, from, max)
	links := make([]syncproto.Hash, len(acts))
	for i := range acts {
		links[i] = acts[i].Digest()
	}
	return links, err
}
