package report

import (
	"testing"

	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// An account is taken for the person of a record by its name alone where nobody else
// of that name has a role at the place or above it: somebody who does not work there
// is never meant, and of two nobody is.
func TestAccountsAreToldApart(t *testing.T) {
	nation, province, hood, other := syncproto.PlaceID{1}, syncproto.PlaceID{2}, syncproto.PlaceID{3}, syncproto.PlaceID{4}
	maryam := &account{name: persian.Fold("مریم رضایی")}
	ali, second := &account{name: persian.Fold("علي پور محمد")}, &account{name: persian.Fold("علی پورمحمد")}
	leyla := &account{name: persian.Fold("لیلا صادقی")}
	a := &accounts{
		at:     map[syncproto.PlaceID][]*account{hood: {maryam, ali}, province: {leyla, maryam}, other: {second}},
		parent: map[syncproto.PlaceID]syncproto.PlaceID{hood: province, other: province, province: nation},
	}
	for _, c := range []struct {
		place syncproto.PlaceID
		name  string
		want  *account
	}{
		{hood, "مريم رضایی", maryam}, // a role above as well is the same account
		{hood, "لیلا صادقی", leyla},
		{other, "لیلا صادقی", leyla},
		{other, "مریم رضایی", maryam},
		{hood, "زهرا کاظمی", nil},
		{province, "علی پور محمد", nil}, // works below, not here
		{hood, "علی پور محمد", ali},
	} {
		if got := a.named(c.place, persian.Fold(c.name)); got != c.want {
			t.Errorf("%s at %v: got %v, want %v", c.name, c.place, got, c.want)
		}
	}
	a.at[nation] = append(a.at[nation], &account{name: ali.name})
	if got := a.named(hood, ali.name); got != nil {
		t.Errorf("two bear the name, one is taken: %v", got)
	}
}
