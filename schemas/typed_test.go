package schemas

import "testing"

// What a person types on a screen: money in toman, a place with its accuracy, an
// area one corner a line.
func TestParseTyped(t *testing.T) {
	pkg, err := Load(demoFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	form := pkg.Forms()[0]
	field := func(kind Type) *Field {
		return &Field{Name: "x", Type: kind, Label: Text{Fa: "مقدار", En: "Value"}, MaxLength: 100}
	}
	at := Point{LatE7: 37_2511000, LonE7: 49_6124000}
	exact := at
	exact.AccuracyDM = 80
	for _, c := range []struct {
		kind Type
		text string
		want Value
	}{
		{TypeMoney, "۲۲ میلیون تومان", IntValue(220_000_000)},
		{TypeMoney, "1500", IntValue(15_000)},
		{TypeMoney, "  ", Value{}},
		{TypePoint, "37.2511, 49.6124", PointValue(at)},
		{TypePoint, "۳۷٫۲۵۱۱، ۴۹٫۶۱۲۴ ±۸", PointValue(exact)},
		{TypePolygon, "37.2511, 49.6124 ±8\n\n 37.2511 49.6124\n", PolygonValue([]Point{exact, at})},
		{TypePolygon, "\n", Value{}},
		{TypeInteger, "۱۲", IntValue(12)},
	} {
		if got, err := ParseTyped(form, pkg, field(c.kind), c.text); err != nil || !got.Equal(c.want) {
			t.Errorf("%s %q is %v, %v", c.kind, c.text, got, err)
		}
	}
	for kind, text := range map[Type]string{TypeMoney: "1.000", TypePoint: "خانه", TypePolygon: "37.2511, 49.6124\nخانه", TypeInteger: "ده"} {
		got, err := ParseTyped(form, pkg, field(kind), text)
		if bad, ok := err.(*FieldError); !ok || bad.Message.Fa == "" || bad.Message.En == "" {
			t.Errorf("%s %q is %v, %v; want a FieldError in both languages", kind, text, got, err)
		}
	}
}
