package access_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas/forms"
	"mahalleh/server/access"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// office is an administration over a store of its own, with the country made
// and a county 101 and two neighbourhoods 102 and 103 in Guilan.
type office struct {
	*access.Admin
	t   *testing.T
	now int64
}

func newOffice(t *testing.T) *office {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "s.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{t: t, now: 1_800_000_000_000}
	o.Admin = &access.Admin{Store: st, Fingerprint: [8]byte{1, 2, 3}, Clock: func() int64 { return o.now }, Rand: rand.NewChaCha8([32]byte{7})}
	o.country()
	o.place("رشت", store.PlaceCounty, "گیلان")
	o.place("پیرسرا", store.PlaceNeighbourhood, "101")
	o.place("سرچشمه", store.PlaceNeighbourhood, "101")
	return o
}

func (o *office) country() {
	o.t.Helper()
	p, err := forms.Load()
	if err != nil {
		o.t.Fatal(err)
	}
	list, ok := p.List("PROVINCE")
	if !ok {
		o.t.Fatal("there is no list of provinces")
	}
	if err := o.Country(o.t.Context(), list); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) place(name string, kind store.PlaceKind, in string) store.Place {
	o.t.Helper()
	p, err := o.AddPlace(o.t.Context(), access.NewPlace{Kind: kind, Parent: in, NameFa: name})
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func (o *office) person(name string) store.Person {
	o.t.Helper()
	p, err := o.AddPerson(o.t.Context(), name)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func (o *office) grant(person, role, place string) {
	o.t.Helper()
	if _, _, err := o.Grant(o.t.Context(), person, role, place); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) read(f func(store.Reader) error) {
	o.t.Helper()
	if err := o.Store.View(o.t.Context(), f); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) serial() (n uint64) {
	o.t.Helper()
	o.read(func(r store.Reader) (err error) {
		n, err = r.GrantSerial()
		return err
	})
	return n
}

func TestCountry(t *testing.T) {
	o := newOffice(t)
	o.country() // a second start adds nothing
	o.read(func(r store.Reader) error {
		all, err := r.Places()
		if err != nil {
			return err
		}
		if got, want := len(all), 1+31+3; got != want {
			t.Errorf("got %d places, want %d", got, want)
		}
		guilan, err := r.PlaceByNumber(11)
		if err != nil {
			return err
		}
		if got, want := guilan.NameFa+" "+guilan.Code, "گیلان 01"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := guilan.ID, syncproto.PlaceOf(o.Fingerprint, 11); got != want {
			t.Errorf("got id %s, want %s", got, want)
		}
		return nil
	})
	other := *o.Admin
	other.Fingerprint[0]++
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	list, _ := p.List("PROVINCE")
	if err := other.Country(t.Context(), list); !errors.Is(err, access.ErrOtherKeys) {
		t.Errorf("got %v, want %v", err, access.ErrOtherKeys)
	}
}

func TestAddPlaceRefuses(t *testing.T) {
	o := newOffice(t)
	tests := []struct {
		name  string
		place access.NewPlace
		check func(error) bool
	}{
		{"no name", access.NewPlace{Kind: store.PlaceCounty, Parent: "11", NameFa: " \u200f"}, func(err error) bool { return errors.Is(err, access.ErrNoName) }},
		{"long name", access.NewPlace{Kind: store.PlaceCounty, Parent: "11", NameFa: longName}, func(err error) bool { return errors.Is(err, access.ErrLongName) }},
		{"long English name", access.NewPlace{Kind: store.PlaceCounty, Parent: "11", NameFa: "لنگرود", NameEn: longName}, func(err error) bool { return errors.Is(err, access.ErrLongName) }},
		{"long code", access.NewPlace{Kind: store.PlaceCounty, Parent: "11", NameFa: "لنگرود", Code: longName}, func(err error) bool { return errors.Is(err, access.ErrLongName) }},
		{"unknown parent", access.NewPlace{Kind: store.PlaceCounty, Parent: "12345", NameFa: "لنگرود"}, as[*access.UnknownPlaceError]},
		{"province in province", access.NewPlace{Kind: store.PlaceProvince, Parent: "11", NameFa: "لنگرود"}, as[*access.ParentKindError]},
		{"county in county", access.NewPlace{Kind: store.PlaceCounty, Parent: "101", NameFa: "لنگرود"}, as[*access.ParentKindError]},
		{"in neighbourhood", access.NewPlace{Kind: store.PlaceNeighbourhood, Parent: "102", NameFa: "لنگرود"}, as[*access.ParentKindError]},
		{"taken, with Arabic letters", access.NewPlace{Kind: store.PlaceNeighbourhood, Parent: "101", NameFa: "پيرسرا"}, as[*access.PlaceTakenError]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := o.AddPlace(t.Context(), test.place); !test.check(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	// What was refused took no number.
	if got, want := o.place("لنگرود", store.PlaceCounty, "۱۱").Number, uint32(104); got != want {
		t.Errorf("got number %d, want %d", got, want)
	}
}

// longName is one letter too long.
var longName = strings.Repeat("م", access.MaxName+1)

// TestNamesFitTheLine: names travel to every device of a place, and one that
// the protocol does not take would keep all of them from synchronising.
func TestNamesFitTheLine(t *testing.T) {
	o := newOffice(t)
	if _, err := o.AddPerson(t.Context(), longName); !errors.Is(err, access.ErrLongName) {
		t.Errorf("got %v, want %v", err, access.ErrLongName)
	}
	p, err := o.AddPerson(t.Context(), strings.TrimPrefix(longName, "م"))
	if err != nil {
		t.Fatal(err)
	}
	m := &wire.Enrolled{Person: p.ID, Name: p.Name}
	back, err := wire.DecodeMessage(m.Type(), wire.AppendMessage(nil, m))
	if err != nil {
		t.Fatalf("the longest name is not read back: %v", err)
	}
	if got := back.(*wire.Enrolled).Name; got != p.Name {
		t.Errorf("got %q, want %q", got, p.Name)
	}
}

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func TestNearPlaces(t *testing.T) {
	o := newOffice(t)
	tests := []struct {
		asked string
		want  []uint32
	}{
		{"110", []uint32{101, 102, 103, 10, 11}},
		{"999", []uint32{}},
		{"پیرسرای", []uint32{102}},
	}
	for _, test := range tests {
		t.Run(test.asked, func(t *testing.T) {
			o.read(func(r store.Reader) error {
				var unknown *access.UnknownPlaceError
				if _, err := access.FindPlace(r, test.asked); !errors.As(err, &unknown) {
					t.Fatalf("got %v, want it unknown", err)
				}
				got := []uint32{}
				for _, p := range unknown.Near {
					got = append(got, p.Number)
				}
				slices.Sort(got)
				want := slices.Sorted(slices.Values(test.want))
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				return nil
			})
		})
	}
}

func TestGrantAndRevoke(t *testing.T) {
	o := newOffice(t)
	who := o.person("مریم رضایی")
	before := o.serial()
	o.grant("مریم رضایی", "facilitator", "102")
	if got, want := o.serial(), max(before+1, uint64(o.now)); got != want {
		t.Errorf("after granting: got serial %d, want %d", got, want)
	}
	if _, fresh, err := o.Grant(t.Context(), who.ID.String(), "facilitator", "پیرسرا"); err != nil || fresh {
		t.Errorf("a second time: got fresh %t, %v", fresh, err)
	}
	if got, want := o.scopes(who.ID), 4+3; got != want {
		t.Errorf("got %d scopes, want four of the neighbourhood and the reference of three above", got)
	}
	o.now++
	g, err := o.Revoke(t.Context(), who.ID.String()[:8], "facilitator", "102", "")
	if err != nil {
		t.Fatal(err)
	}
	if g.Revoked != o.now || g.Serial != max(before+2, uint64(o.now)) {
		t.Errorf("got revoked %d, serial %d; want %d, %d", g.Revoked, g.Serial, o.now, max(before+2, uint64(o.now)))
	}
	if got := o.scopes(who.ID); got != 0 {
		t.Errorf("after revoking: got %d scopes, want none", got)
	}
	if _, err := o.Revoke(t.Context(), "مریم رضایی", "facilitator", "102", ""); !errors.Is(err, access.ErrNotGranted) {
		t.Errorf("a second time: got %v, want %v", err, access.ErrNotGranted)
	}
	if _, fresh, err := o.Grant(t.Context(), "مریم رضایی", "facilitator", "102"); err != nil || !fresh {
		t.Errorf("again: got fresh %t, %v", fresh, err)
	}
}

func (o *office) scopes(person syncproto.PersonID) (n int) {
	o.t.Helper()
	o.read(func(r store.Reader) error {
		grants, err := access.Of(r, person)
		n = len(grants)
		return err
	})
	return n
}

func TestGrantRefuses(t *testing.T) {
	o := newOffice(t)
	o.person("مریم رضایی")
	o.person("علی پورمحمد")
	o.person("علی پورمحمد")
	tests := []struct {
		name, person, role, place string
		check                     func(error) bool
	}{
		{"unknown person", "مریم", "facilitator", "102", as[*access.UnknownPersonError]},
		{"two of a name", "علی پورمحمد", "facilitator", "102", as[*access.AmbiguousPersonError]},
		{"three letters of an id", "abc", "facilitator", "102", as[*access.UnknownPersonError]},
		{"unknown role", "مریم رضایی", "boss", "102", func(err error) bool {
			return errors.Is(err, access.ErrUnknownRole) && as[*access.UnknownRoleError](err)
		}},
		{"unknown place", "مریم رضایی", "facilitator", "109", as[*access.UnknownPlaceError]},
		{"facilitator of a county", "مریم رضایی", "facilitator", "101", as[*access.TooWideError]},
		{"province of the nation", "مریم رضایی", "province", "1", as[*access.TooWideError]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := o.Grant(t.Context(), test.person, test.role, test.place); !test.check(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestSerialMoves proves that devices learn of every act that changes what
// they hold.
func TestSerialMoves(t *testing.T) {
	o := newOffice(t)
	o.person("رئیس")
	o.grant("رئیس", "county", "101")
	acts := []struct {
		name  string
		act   func() error
		moves bool
	}{
		{"a neighbourhood below the grant", func() error {
			_, err := o.AddPlace(t.Context(), access.NewPlace{Kind: store.PlaceNeighbourhood, Parent: "101", NameFa: "چله‌خانه"})
			return err
		}, true},
		{"a county elsewhere", func() error {
			_, err := o.AddPlace(t.Context(), access.NewPlace{Kind: store.PlaceCounty, Parent: "11", NameFa: "لنگرود"})
			return err
		}, false},
		{"a person without roles", func() error {
			_, err := o.AddPerson(t.Context(), "مینا")
			return err
		}, false},
		{"disabled", func() error {
			_, err := o.SetDisabled(t.Context(), "رئیس", true, "")
			return err
		}, true},
		{"disabled already", func() error {
			_, err := o.SetDisabled(t.Context(), "رئیس", true, "")
			return err
		}, false},
		{"enabled", func() error {
			_, err := o.SetDisabled(t.Context(), "رئیس", false, "")
			return err
		}, true},
	}
	for _, test := range acts {
		t.Run(test.name, func(t *testing.T) {
			before := o.serial()
			if err := test.act(); err != nil {
				t.Fatal(err)
			}
			if got := o.serial() > before; got != test.moves {
				t.Errorf("the serial moved: got %t, want %t", got, test.moves)
			}
		})
	}
}

func TestMakeCode(t *testing.T) {
	o := newOffice(t)
	who := o.person("مریم رضایی")
	o.grant("مریم رضایی", "facilitator", "102")
	made, err := o.MakeCode(t.Context(), "مریم رضایی", "102", 48*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := made.Compartments, access.Compartments; !slices.Equal(got, want) {
		t.Errorf("got compartments %v, want %v", got, want)
	}
	if got, want := made.Expires, o.now+48*3600*1000; got != want {
		t.Errorf("got expiry %d, want %d", got, want)
	}
	if got, want := made.Code.Place(), made.Place.ID; got != want {
		t.Errorf("the code's place is %s, the place's id %s", got, want)
	}
	o.read(func(r store.Reader) error {
		kept, err := r.Code(made.Code.SecretHash())
		if err == nil && (kept.Person != who.ID || kept.Expires != made.Expires || !kept.UsedBy.IsZero()) {
			t.Errorf("got %+v", kept)
		}
		return err
	})
	if _, err := o.MakeCode(t.Context(), "مریم رضایی", "103", time.Hour); !as[*access.NothingToReadError](err) {
		t.Errorf("elsewhere: got %v", err)
	}
	if _, err := o.MakeCode(t.Context(), "مریم رضایی", "101", time.Hour); !as[*access.NothingToReadError](err) {
		t.Errorf("above: got %v", err)
	}
	if _, err := o.SetDisabled(t.Context(), "مریم رضایی", true, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := o.MakeCode(t.Context(), "مریم رضایی", "102", time.Hour); !errors.Is(err, access.ErrDisabled) {
		t.Errorf("disabled: got %v", err)
	}
}

func TestRevokeDevice(t *testing.T) {
	o := newOffice(t)
	who := o.person("مریم رضایی")
	for i, id := range []syncproto.DeviceID{{0xab, 0xcd, 1}, {0xab, 0xcd, 2}} {
		d := store.Device{ID: id, Person: who.ID, Noise: [32]byte{byte(i + 1)}, Name: "گوشی", Enrolled: o.now + int64(i)}
		if err := o.Store.Update(context.Background(), func(tx store.Tx) error { return tx.PutDevice(d) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.RevokeDevice(t.Context(), "abcd", false, ""); !as[*access.AmbiguousDeviceError](err) {
		t.Errorf("two begin so: got %v", err)
	}
	if _, err := o.RevokeDevice(t.Context(), "ffff", false, ""); !as[*access.UnknownDeviceError](err) {
		t.Errorf("none begins so: got %v", err)
	}
	d, err := o.RevokeDevice(t.Context(), "ABCD01", false, "")
	if err != nil || d.Revoked != o.now || d.Lost {
		t.Errorf("revoked: got %+v, %v", d, err)
	}
	at := o.now
	o.now++
	if d, err = o.RevokeDevice(t.Context(), "abcd01", true, "در تاکسی"); err != nil || d.Revoked != at || !d.Lost {
		t.Errorf("lost: got %+v, %v", d, err)
	}
	o.read(func(r store.Reader) error {
		all, err := access.Devices(r)
		if err == nil && (len(all) != 2 || all[0].ID[2] != 2) {
			t.Errorf("got %v, want the latest first", all)
		}
		return err
	})
}
