package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// lookedAfter is a person of each role, by name, and where they play it; 104 is
// another county with the neighbourhood 105.
var lookedAfter = []struct{ name, role, place string }{
	{"local", "local_team", "102"}, {"facilitator", "facilitator", "102"}, {"steering", "steering", "102"}, {"clinic", "clinic", "102"},
	{"manager", "technical_manager", "102"}, {"county", "county", "101"}, {"province", "province", "11"}, {"national", "national", "1"},
	{"beside", "facilitator", "105"}, {"elsewhere", "facilitator", "107"},
}

// TestWhoLooksAfterWhom holds, against a table written by hand, whom each role may
// invite, stop and enrol devices for: everybody else is not there for them.
func TestWhoLooksAfterWhom(t *testing.T) {
	const below = "local facilitator steering clinic manager"
	table := []struct{ role, place, whom string }{
		{"local_team", "102", ""}, {"facilitator", "102", ""}, {"steering", "102", ""}, {"clinic", "102", ""},
		{"technical_manager", "102", ""}, {"technical_manager", "101", ""},
		{"county", "101", below}, {"county", "104", "beside"},
		{"province", "11", below + " county beside"}, {"province", "12", "elsewhere"},
		{"national", "1", ""},
	}
	for _, row := range table {
		t.Run(row.role+" at "+row.place, func(t *testing.T) {
			o := newOffice(t)
			o.place("لاهیجان", store.PlaceCounty, "11")
			o.place("پرده‌سر", store.PlaceNeighbourhood, "104")
			o.place("شهری", store.PlaceCounty, "12")
			o.place("محله‌ای", store.PlaceNeighbourhood, "106")
			for _, x := range lookedAfter {
				o.person(x.name)
				o.grant(x.name, x.role, x.place)
			}
			me := o.person("me")
			o.grant("me", row.role, row.place)
			mine := o.As(me.ID)
			var invited, stopped, enrolled []string
			signer := access.NewSigner(o.Admin, func() (int64, bool) { return o.now, false })
			for _, x := range append(lookedAfter, struct{ name, role, place string }{"me", row.role, row.place}) {
				note := func(err error, to *[]string) {
					t.Helper()
					var unknown *access.UnknownPersonError
					if err == nil {
						*to = append(*to, x.name)
					} else if !errors.As(err, &unknown) || len(unknown.Near) > 0 {
						t.Errorf("%s: %v", x.name, err)
					}
				}
				_, _, err := signer.InviteAs(t.Context(), x.name, me.ID)
				note(err, &invited)
				_, err = mine.MakeCode(t.Context(), x.name, x.place, time.Hour)
				if x.name != "me" {
					note(err, &enrolled)
				} else if (err == nil) != (row.whom != "") {
					t.Errorf("a code for oneself: %v", err)
				}
				_, err = mine.SetDisabled(t.Context(), x.name, true, "")
				note(err, &stopped)
			}
			for what, got := range map[string][]string{"invited": invited, "stopped": stopped, "enrolled": enrolled} {
				if strings.Join(got, " ") != row.whom {
					t.Errorf("%s: got %q, want %q", what, got, row.whom)
				}
			}
		})
	}
}

// TestWhatMayBeGiven: only roles below one's own, at places inside one's own, and to
// nobody that one does not look after, oneself included.
func TestWhatMayBeGiven(t *testing.T) {
	o := newOffice(t)
	o.place("لاهیجان", store.PlaceCounty, "11")
	o.place("شهری", store.PlaceCounty, "12")
	for _, x := range []struct{ name, role, place string }{{"province", "province", "11"}, {"county", "county", "101"}, {"other", "province", "12"}, {"worker", "facilitator", "102"}} {
		o.person(x.name)
		o.grant(x.name, x.role, x.place)
	}
	by := func(name string) *access.Admin {
		var who store.Person
		o.read(func(r store.Reader) (err error) {
			who, err = access.FindPerson(r, name)
			return err
		})
		return o.As(who.ID)
	}
	var unknown *access.UnknownPersonError
	tests := []struct{ by, to, role, place, want string }{
		{"province", "worker", "facilitator", "103", "given"},
		{"province", "worker", "technical_manager", "101", "given"},
		{"county", "worker", "steering", "103", "given"},
		{"county", "worker", "facilitator", "101", "too wide"},
		{"county", "worker", "county", "101", "beyond"},
		{"county", "worker", "clinic", "104", "beyond"},
		{"county", "worker", "province", "11", "beyond"},
		{"province", "worker", "province", "11", "beyond"},
		{"province", "worker", "county", "105", "beyond"},
		{"province", "province", "facilitator", "102", "unknown"},
		{"province", "other", "facilitator", "102", "unknown"},
		{"county", "province", "facilitator", "102", "unknown"},
		{"other", "worker", "facilitator", "102", "unknown"},
		{"worker", "worker", "facilitator", "103", "unknown"},
	}
	for _, x := range tests {
		_, _, err := by(x.by).Grant(t.Context(), x.to, x.role, x.place)
		got := "given"
		var wide *access.TooWideError
		switch {
		case errors.As(err, &unknown):
			got = "unknown"
		case errors.As(err, &wide):
			got = "too wide"
		case errors.Is(err, access.ErrBeyond):
			got = "beyond"
		case err != nil:
			got = err.Error()
		}
		if got != x.want {
			t.Errorf("%s gives %s %s at %s: %s, want %s", x.by, x.to, x.role, x.place, got, x.want)
		}
	}
	if _, err := by("county").AddPerson(t.Context(), "کسی"); !errors.Is(err, access.ErrBeyond) {
		t.Errorf("somebody without a role was added: %v", err)
	}
	if _, _, err := by("county").AddWith(t.Context(), "کسی", "county", "101"); !errors.Is(err, access.ErrBeyond) {
		t.Errorf("an equal was added: %v", err)
	}
	if _, _, err := by("worker").AddWith(t.Context(), "کسی", "local_team", "102"); !errors.Is(err, access.ErrBeyond) {
		t.Errorf("a facilitator added somebody: %v", err)
	}
	made, _, err := by("county").AddWith(t.Context(), "تازه", "facilitator", "103")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := by("county").Revoke(t.Context(), made.ID.String(), "facilitator", "103", "رفت"); err != nil {
		t.Fatal(err)
	}
	// Whose role of the county is over is still theirs to invite again.
	if _, _, err := by("county").Grant(t.Context(), made.ID.String(), "clinic", "103"); err != nil {
		t.Error(err)
	}
	o.read(func(r store.Reader) error {
		acts, err := r.Audits([16]byte{})
		who, _ := access.FindPerson(r, "county")
		if !slices.ContainsFunc(acts, func(e store.AuditEntry) bool {
			return e.By == who.ID && e.Act == "granted" && e.Subject == made.ID.String()
		}) {
			t.Error("the audit does not name who granted")
		}
		return err
	})
}

// TestWhoseDevicesAndSessions: a device is lost at the word of who looks after all
// that write on it, and a session is ended likewise.
func TestWhoseDevicesAndSessions(t *testing.T) {
	d := newDesk(t)
	county := d.person("county")
	d.grant("county", "county", "101")
	worker, session := d.join("worker")
	d.grant("worker", "facilitator", "102")
	equal, other := d.join("equal")
	d.grant("equal", "county", "101")
	device := func(first byte, people ...store.Person) string {
		x := store.Device{ID: [16]byte{first, 1, 2, 3}, Person: people[0].ID, Key: [32]byte{first}, Noise: [32]byte{first}}
		err := d.Store.Update(t.Context(), func(tx store.Tx) error {
			err := tx.PutDevice(x)
			for _, p := range people {
				err = errors.Join(err, tx.AddDevicePerson(x.ID, p.ID))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return x.ID.String()
	}
	mine := d.As(county.ID)
	for id, want := range map[string]bool{device(1, worker): true, device(2, worker, equal): false, device(3, equal): false, device(4, county, worker): true} {
		_, err := mine.RevokeDevice(t.Context(), id, true, "گم شد")
		var unknown *access.UnknownDeviceError
		if (err == nil) != want || err != nil && !errors.As(err, &unknown) {
			t.Errorf("%s: %v, want it revoked: %t", id[:8], err, want)
		}
	}
	for token, want := range map[string]error{session: nil, other: access.ErrNoSession} {
		x, _, err := d.whose(token)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.End(t.Context(), access.SessionName(&x), syncproto.PersonID{}, county.ID); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}
