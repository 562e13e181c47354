package access_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// TestWhatScreensShow holds what each role's screen shows against a table written
// by hand: f figures, s each by itself, then what is read of the compartments
// (r p n h), settled (R P N H) and supervised (1 2 3 4), in the neighbourhood 102
// where the role or a wider one is played, and of 103 beside it.
func TestWhatScreensShow(t *testing.T) {
	const whole = "fs rpnh RPNH 1234"
	table := []struct {
		role         access.Role
		place        string
		mine, beside string
		second       bool
		tops         string
	}{
		{access.LocalTeam, "102", "fs rp - -", "- - - -", false, "102"},
		{access.Steering, "102", "fs rp - -", "- - - -", false, "102"},
		{access.Clinic, "102", "fs rpn - -", "- - - -", false, "102"},
		{access.Facilitator, "102", "fs rpnh PNH -", "- - - -", false, "102"},
		{access.TechnicalManager, "102", whole, "- - - -", false, "102"},
		{access.TechnicalManager, "101", whole, whole, false, "101"},
		{access.County, "101", "fs rpn R 1", "fs rpn R 1", false, "101"},
		{access.Province, "11", "fs rp RP 12", "fs rp RP 12", true, "11"},
		{access.National, "1", "f r - -", "f r - -", true, "1"},
	}
	seen := map[access.Role]bool{}
	for _, row := range table {
		seen[row.role] = true
		t.Run(string(row.role)+" at "+row.place, func(t *testing.T) {
			o := newOffice(t)
			who := o.person("شخص")
			o.grant("شخص", string(row.role), row.place)
			o.read(func(r store.Reader) error {
				v, err := new(access.Cache).View(r, who.ID)
				if err != nil {
					return err
				}
				for _, x := range []struct {
					place uint32
					want  string
				}{{102, row.mine}, {103, row.beside}} {
					if got := shown(v, o, x.place); got != x.want {
						t.Errorf("of %d: got %q, want %q", x.place, got, x.want)
					}
					_, err := v.Place(x.place)
					if found := err == nil; found != strings.HasPrefix(x.want, "f") || !found && !errors.Is(err, store.ErrNotFound) {
						t.Errorf("place %d: %v", x.place, err)
					}
				}
				if v.Second() != row.second {
					t.Errorf("second factor: %t", v.Second())
				}
				if tops := v.Tops(); len(tops) != 1 || numbers(tops) != row.tops {
					t.Errorf("figures of %s, want %s", numbers(tops), row.tops)
				}
				if inside := v.Inside(placeID(o, 12)); len(inside) != 0 && row.role != access.National {
					t.Errorf("%d places of another province", len(inside))
				}
				return nil
			})
		})
	}
	for _, role := range access.Roles() {
		if !seen[role] {
			t.Errorf("%s is not in the table", role)
		}
	}
}

// shown is what a view shows of a place, in the table's letters.
func shown(v *access.View, o *office, place uint32) string {
	id := placeID(o, place)
	var words [4]string
	if v.Figures(id) {
		words[0] += "f"
	}
	if v.Single(id) {
		words[0] += "s"
	}
	for i, c := range access.Compartments {
		scope := syncproto.ScopeOf(id, c)
		for k, right := range []access.Rights{access.Read, access.Settle, access.Supervise} {
			if v.May(scope, right) {
				words[k+1] += string([]string{"rpnh", "RPNH", "1234"}[k][i])
			}
		}
	}
	for i := range words {
		if words[i] == "" {
			words[i] = "-"
		}
	}
	return strings.Join(words[:], " ")
}

func placeID(o *office, number uint32) syncproto.PlaceID {
	return syncproto.PlaceOf(o.Fingerprint, number)
}

func numbers(places []store.Place) string {
	var all []string
	for _, p := range places {
		all = append(all, fmt.Sprint(p.Number))
	}
	return strings.Join(all, " ")
}

// A grant that ends, and a person who is disabled, show nothing from then on.
func TestViewEndsWithTheGrant(t *testing.T) {
	o := newOffice(t)
	who := o.person("شخص")
	o.grant("شخص", "province", "11")
	o.grant("شخص", "county", "101") // within the other: no top of its own
	cache := new(access.Cache)
	tops := func() (got string) {
		o.read(func(r store.Reader) error {
			v, err := cache.View(r, who.ID)
			if err == nil {
				got = numbers(v.Tops())
			}
			return err
		})
		return got
	}
	if got := tops(); got != "11" {
		t.Errorf("figures of %s, want 11", got)
	}
	if _, err := o.Revoke(t.Context(), "شخص", "province", "11", ""); err != nil {
		t.Fatal(err)
	}
	if got := tops(); got != "101" {
		t.Errorf("after the revocation: figures of %s, want 101", got)
	}
	if _, err := o.SetDisabled(t.Context(), "شخص", true, ""); err != nil {
		t.Fatal(err)
	}
	if got := tops(); got != "" {
		t.Errorf("somebody disabled sees figures of %s", got)
	}
}

// counted counts the records that are read.
type counted struct {
	store.Reader
	rows int
}

func (c *counted) Records(f store.Filter) ([]store.Record, error) {
	rows, err := c.Reader.Records(f)
	c.rows += len(rows)
	return rows, err
}

// TestConflictsElsewhereAreNotRead: with 20,000 records in conflict in another province,
// whoever has three reads three.
func TestConflictsElsewhereAreNotRead(t *testing.T) {
	const elsewhere, here = 20_000, 3
	o := newOffice(t)
	who := o.person("شخص")
	o.grant("شخص", string(access.Province), "11")
	far, near := o.scope(12, "plain"), o.scope(102, "plain")
	if err := o.Store.Update(t.Context(), func(tx store.Tx) error {
		for i := range elsewhere + here {
			s := syncproto.NewRecordState(syncproto.RecordID{1, byte(i >> 16), byte(i >> 8), byte(i), 0, 0, 0x70, 0, 0x80})
			s.Form, s.Home, s.Position, s.Number = 1, far, uint64(i+1), 1
			if i >= elsewhere {
				s.Home = near
			}
			if err := tx.PutRecord(store.Record{State: s, Open: 1}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	o.read(func(r store.Reader) error {
		c := &counted{Reader: r}
		v, err := new(access.Cache).View(c, who.ID)
		if err != nil {
			return err
		}
		for name, scopes := range map[string]map[syncproto.ScopeID]bool{"all of theirs": nil, "one place": {near: true}, "and one of others": {near: true, far: true}} {
			c.rows = 0
			found, err := v.Conflicts(scopes, 2000)
			if err != nil {
				return err
			}
			if len(found) != here || c.rows != here {
				t.Errorf("%s: %d found, %d read", name, len(found), c.rows)
			}
		}
		if found, err := v.Conflicts(map[syncproto.ScopeID]bool{far: true}, 2000); err != nil || len(found) > 0 {
			t.Errorf("of another province: %d, %v", len(found), err)
		}
		return nil
	})
}
