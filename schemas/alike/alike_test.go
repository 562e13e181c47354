package alike_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/alike"
	"mahalleh/schemas/forms"
)

func people(t *testing.T, all ...[2]string) (*alike.Comparison, []schemas.Record) {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pkg.FormByName("person")
	name, _ := form.FieldByName("full_name")
	phone, _ := form.FieldByName("phone")
	var records []schemas.Record
	for _, p := range all {
		r := schemas.Record{Form: form.ID, Fields: map[schemas.FieldID]schemas.Value{name.ID: schemas.TextValue(p[0])}}
		if p[1] != "" {
			r.Fields[phone.ID] = schemas.TextValue(p[1])
		}
		records = append(records, r)
	}
	return alike.Of(form), records
}

// TestPairs: of a place's records those are paired that are the same in another
// spelling, the other way round or by their number, and nobody who only shares a name.
func TestPairs(t *testing.T) {
	c, records := people(t, [2]string{"طاهره رضائی"}, [2]string{"محمدرضا کریمی", "09122222222"}, [2]string{"محمدرضا صادقی"}, [2]string{"تاهره رضایی"},
		[2]string{"کریمی محمدرضا"}, [2]string{"م. ک.", "09122222222"}, [2]string{"زهرا احمدی"})
	left := 1000
	pairs, all := c.Pairs(records, &left)
	var got [][2]int
	for _, p := range pairs {
		got = append(got, [2]int{p.A, p.B})
		if len(p.Alike) == 0 || p.Sure < alike.Here || p.Sure > 1 {
			t.Errorf("%+v", p)
		}
	}
	slices.SortFunc(got, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	if want := [][2]int{{0, 3}, {1, 4}, {1, 5}}; !slices.Equal(got, want) || !all {
		t.Errorf("pairs %v, all %t, want %v", got, all, want)
	}
	if !slices.IsSortedFunc(pairs, func(x, y alike.Pair) int { return cmp.Compare(y.Sure, x.Sure) }) {
		t.Errorf("not the surest first: %+v", pairs)
	}
}

// TestPairsAreBounded: a neighbourhood in which all share a name costs no more than a
// few comparisons for each, and a bound that does not do is told.
func TestPairsAreBounded(t *testing.T) {
	var all [][2]string
	const n = 3000
	for i := range n {
		all = append(all, [2]string{fmt.Sprintf("محمد خانواده %d", i)})
	}
	c, records := people(t, all...)
	left := 1 << 30
	if _, whole := c.Pairs(records, &left); !whole || 1<<30-left > 40*n {
		t.Errorf("%d comparisons of %d records, whole %t", 1<<30-left, n, whole)
	}
	left = 100
	if _, whole := c.Pairs(records, &left); whole || left != 0 {
		t.Errorf("with a bound of 100: whole %t, %d left", whole, left)
	}
}
