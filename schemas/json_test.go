package schemas

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func day(year int, month time.Month, date int) int32 {
	return int32(time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func mustID(t testing.TB, s string) ID {
	t.Helper()
	id, ok := readID(s)
	if !ok {
		t.Fatalf("%q is no id", s)
	}
	return id
}

const (
	idA = "019bc6a0-0001-7000-8000-000000000001"
	idB = "019bc6a0-0002-7000-8000-000000000002"
)

func TestDecodeJSONValues(t *testing.T) {
	decimal := func(m int64, scale uint8) Value { return DecimalValue(Decimal{Mantissa: m, Scale: scale}) }
	point := Point{LatE7: 372511000, LonE7: 496124000, AccuracyDM: 80}
	rows := []struct {
		name, json, field string
		want              Value
	}{
		{"text is cleaned", `{"title_fa":"  سالن ورزشي  "}`, "title_fa", TextValue("سالن ورزشی")},
		{"empty text is empty", `{"title_fa":" "}`, "title_fa", Value{}},
		{"null clears", `{"title_fa":null}`, "title_fa", Value{}},
		{"long text keeps lines", `{"story":"یک\r\nدو"}`, "story", TextValue("یک\nدو")},
		{"integer", `{"population":4620}`, "population", IntValue(4620)},
		{"integer with exponent", `{"population":4.62e3}`, "population", IntValue(4620)},
		{"integer in Persian digits", `{"population":"۴٬۶۲۰"}`, "population", IntValue(4620)},
		{"largest integer", `{"population":9223372036854775807}`, "population", IntValue(math.MaxInt64)},
		{"money beyond float64", `{"cost":9007199254740993}`, "cost", IntValue(9007199254740993)},
		{"decimal exactly", `{"area":0.1}`, "area", decimal(1, 1)},
		{"decimal with 18 digits", `{"area":0.123456789012345678}`, "area", decimal(123456789012345678, 18)},
		{"decimal trimmed", `{"area":2.500}`, "area", decimal(25, 1)},
		{"decimal with Persian sign", `{"area":"۳٫۵"}`, "area", decimal(35, 1)},
		{"decimal with slash", `{"area":"۳/۵"}`, "area", decimal(35, 1)},
		{"ISO date", `{"held_on":"2026-01-16"}`, "held_on", DateValue(day(2026, 1, 16))},
		{"Jalali date", `{"held_on":"۱۴۰۴/۱۰/۲۶"}`, "held_on", DateValue(day(2026, 1, 16))},
		{"year", `{"year":"۱۴۰۴"}`, "year", IntValue(1404)},
		{"boolean", `{"harm_prone":true}`, "harm_prone", BoolValue(true)},
		{"boolean in Persian", `{"harm_prone":"خیر"}`, "harm_prone", BoolValue(false)},
		{"code", `{"kind":"place"}`, "kind", CodeValue("place")},
		{"code by Persian label", `{"kind":"مكان"}`, "kind", CodeValue("place")},
		{"code by English label", `{"kind":"Person"}`, "kind", CodeValue("person")},
		{"unknown code is kept for Validate", `{"kind":"ghost"}`, "kind", CodeValue("ghost")},
		{"codes are sorted and unique", `{"kinds":["story","place","story"]}`, "kinds", CodesValue("place", "story")},
		{"codes in one text", `{"kinds":"روایت، مکان"}`, "kinds", CodesValue("place", "story")},
		{"reference", `{"block":"` + idA + `"}`, "block", RefValue(mustID(t, idA))},
		{"references", `{"neighbours":["` + idB + `","` + idA + `"]}`, "neighbours", RefsValue(mustID(t, idA), mustID(t, idB))},
		{"point", `{"location":{"lat":37.2511,"lon":49.6124,"accuracy_m":8}}`, "location", PointValue(point)},
		{"point with the digits of a receiver", `{"location":{"lat":37.25110000000000123,"lon":49.61240000000000345,"accuracy_m":8.04}}`, "location", PointValue(point)},
		{"point south west", `{"location":{"lat":-1,"lon":-0.0000001}}`, "location", PointValue(Point{LatE7: -10000000, LonE7: -1})},
		{"point as GeoJSON", `{"location":{"type":"Point","coordinates":[49.6124,37.2511]}}`, "location", PointValue(Point{LatE7: 372511000, LonE7: 496124000})},
		{"point as text", `{"location":"۳۷٫۲۵۱۱ ۴۹٫۶۱۲۴ ۸"}`, "location", PointValue(point)},
		{"polygon as GeoJSON", `{"boundary":{"type":"Polygon","coordinates":[[[49,37],[50,37],[50,38],[49,37]]]}}`, "boundary",
			PolygonValue([]Point{{LatE7: 370000000, LonE7: 490000000}, {LatE7: 370000000, LonE7: 500000000}, {LatE7: 380000000, LonE7: 500000000}, {LatE7: 370000000, LonE7: 490000000}})},
		{"rows", `{"services":[{"id":"` + idA + `","kind":"hall","distance_m":900},{"kind":"سالن"}]}`, "services", ItemsValue([]Item{
			{ID: mustID(t, idA), Fields: map[FieldID]Value{41: CodeValue("hall"), 42: IntValue(900)}},
			{Fields: map[FieldID]Value{41: CodeValue("hall")}}})},
		{"attachment", `{"photos":[{"id":"` + idA + `","size":12,"media_type":"image/jpeg","root":"` + strings.Repeat("ab", 32) + `"}]}`, "photos",
			AttachmentsValue(Attachment{ID: mustID(t, idA), Size: 12, MediaType: "image/jpeg", Root: [32]byte([]byte(strings.Repeat("\xab", 32)))})},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			form, _, record := decodeDemo(t, row.json)
			field, _ := form.FieldByName(row.field)
			got, ok := record.Fields[field.ID]
			if !ok || !got.Equal(row.want) || got.Kind() != row.want.Kind() {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestDecodeJSONRefusals(t *testing.T) {
	rows := []struct{ name, json, path, english string }{
		{"not JSON", `{"a":`, "", "not a JSON object"},
		{"not an object", `[1]`, "", "not an object"},
		{"two values", `{} {}`, "", "after the end"},
		{"name twice", `{"area":1,"area":2}`, "", "stands twice"},
		{"too deep", strings.Repeat("[", 30), "", "levels"},
		{"slip in a name", `{"tilte_fa":"x"}`, "tilte_fa", "Did you mean “title_fa”?"},
		{"unknown name", `{"elephant":"x"}`, "elephant", "no field named “elephant”"},
		{"row's field at the top", `{"services.kind":"hall"}`, "services.kind", "no field named"},
		{"unknown name in the second row", `{"services":[{},{"distance":1}]}`, "services[2].distance", "no field named “distance”"},
		{"computed", `{"density":1}`, "density", "computed"},
		{"text in a number", `{"population":"many"}`, "population", "“Population” takes a whole number; “many” is none"},
		{"fraction in a whole number", `{"population":1.5}`, "population", "whole number"},
		{"number too large", `{"population":9223372036854775808}`, "population", "too large"},
		{"too many digits", `{"area":0.1234567890123456789}`, "area", "too many digits"},
		{"list in a text", `{"title_fa":["x"]}`, "title_fa", "takes text"},
		{"broken text", `{"title_fa":"\ud800x"}`, "title_fa", "cannot be read"},
		{"no date", `{"held_on":"2026-02-30"}`, "held_on", "looks Gregorian"},
		{"no day at all", `{"held_on":"tomorrow"}`, "held_on", "takes a date"},
		{"two-digit year in a date", `{"held_on":"26-01-16"}`, "held_on", "may mean more than one date"},
		{"Gregorian year", `{"year":2026}`, "year", "Did you mean 1404 or 1405?"},
		{"year of another age", `{"year":900}`, "year", "Jalali year between 1300 and 1450"},
		{"two-digit year", `{"year":"۰۴"}`, "year", "Did you mean 1404 or 1304?"},
		{"word for a boolean", `{"harm_prone":"maybe"}`, "harm_prone", "yes or no"},
		{"number for a code", `{"kind":1}`, "kind", "one code"},
		{"short reference", `{"block":"B04"}`, "block", "id of another record; “B04” is none"},
		{"one bad reference", `{"neighbours":["` + idA + `","x"]}`, "neighbours", "“x” is none"},
		{"point beyond the pole", `{"location":{"lat":91,"lon":49}}`, "location", "latitude 91"},
		{"point without longitude", `{"location":{"lat":37}}`, "location", "lat and lon are needed"},
		{"point with a slip", `{"location":{"lat":37,"lng":49}}`, "location", "lng"},
		{"polygon with a hole", `{"boundary":{"type":"Polygon","coordinates":[[],[]]}}`, "boundary", "one ring"},
		{"row that is no object", `{"services":["hall"]}`, "services", "takes rows"},
		{"row with a bad id", `{"services":[{"id":"1"}]}`, "services", "no full id"},
		{"attachment without id", `{"photos":[{"size":1}]}`, "photos", "id and media_type"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			form, pkg := demoForm(t)
			_, err := DecodeJSON(form, pkg, []byte(row.json))
			var fieldError *FieldError
			if !errors.As(err, &fieldError) {
				t.Fatalf("got %v, want a *FieldError", err)
			}
			if fieldError.Path != row.path || !strings.Contains(fieldError.Message.En, row.english) {
				t.Errorf("got %q %q, want %q and %q in it", fieldError.Path, fieldError.Message.En, row.path, row.english)
			}
			if fieldError.Message.Fa == "" || strings.Contains(fieldError.Message.Fa+fieldError.Message.En, "{field}") {
				t.Errorf("message not filled: %+v", fieldError.Message)
			}
		})
	}
}

func TestJSONRoundTrip(t *testing.T) {
	data, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	form, pkg, record := decodeDemo(t, string(data))
	got, err := EncodeJSON(form, record)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(data) {
		t.Errorf("got\n%s\nwant\n%s", got, data)
	}
	again, err := DecodeJSON(form, pkg, got)
	if err != nil || !again.Equal(record) {
		t.Errorf("second reading differs: %v", err)
	}
}

func TestParseInput(t *testing.T) {
	form, pkg := demoForm(t)
	rows := []struct {
		name, field, text string
		want              Value
	}{
		{"number", "population", "۱۲۰", IntValue(120)},
		{"empty", "population", " ", Value{}},
		{"codes", "kinds", "place story", CodesValue("place", "story")},
		{"rows as JSON", "services", `[{"kind":"park"}]`, ItemsValue([]Item{{Fields: map[FieldID]Value{41: CodeValue("park")}}})},
		{"no rows", "services", "", Value{}},
		{"text", "title_fa", "null", TextValue("null")},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			field, _ := form.FieldByName(row.field)
			got, err := ParseInput(form, pkg, field, row.text)
			if err != nil || !got.Equal(row.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, row.want)
			}
		})
	}
	field, _ := form.FieldByName("services")
	if _, err := ParseInput(form, pkg, field, "{"); err == nil {
		t.Error("broken JSON was accepted")
	}
}
