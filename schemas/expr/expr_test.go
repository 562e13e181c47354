package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas/jalali"
)

// world is a scope and the values of its fields.
type world struct {
	names  []string
	types  map[string]Type
	values map[string]Value
}

func (w world) Field(name string) (Symbol, error) {
	i := slices.Index(w.names, name)
	if i < 0 {
		return Symbol{}, fmt.Errorf("no field %q", name)
	}
	return Symbol{Key: uint64(i), Type: w.types[name]}, nil
}

func (w world) This() (Symbol, error)          { return w.Field("n3") }
func (w world) HasCode(list, code string) bool { return list == "KIND" && (code == "a" || code == "b") }
func (w world) HasAttr(list, attr string) bool { return list == "KIND" && attr != "lvel" }
func (w world) Value(key uint64) Value         { return w.values[w.names[key]] }

func num(s string) Value {
	d, err := ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return NumberValue(d)
}

func date(t testing.TB, iso string) Value {
	t.Helper()
	day, err := jalali.ParseISO(iso)
	if err != nil {
		t.Fatal(err)
	}
	return DateValue(int32(day))
}

func place(lat, lon float64) Point { return Point{LatE7: int32(lat * e7), LonE7: int32(lon * e7)} }

// square is a closed ring of about 500 by 500 m near Rasht.
var square = []Point{place(37.25, 49.61), place(37.25, 49.615), place(37.2545, 49.615), place(37.2545, 49.61), place(37.25, 49.61)}

// bowTie crosses itself.
var bowTie = []Point{place(37.25, 49.61), place(37.26, 49.62), place(37.25, 49.62), place(37.26, 49.61), place(37.25, 49.61)}

func demo(t testing.TB) world {
	w := world{types: map[string]Type{}, values: map[string]Value{}}
	add := func(name string, typ Type, v Value) {
		w.names = append(w.names, name)
		w.types[name], w.values[name] = typ, v
	}
	numbers := Type{Kind: KindNumber}
	add("n3", numbers, num("3"))
	add("half", numbers, num("0.5"))
	add("huge", numbers, num("9223372036854775807"))
	add("none", numbers, Value{})
	add("yes", Type{Kind: KindBool}, BoolValue(true))
	add("no", Type{Kind: KindBool}, BoolValue(false))
	add("unsure", Type{Kind: KindBool}, Value{})
	add("text", Type{Kind: KindText}, TextValue("سلام محله"))
	add("silence", Type{Kind: KindText}, Value{})
	add("kind", Type{Kind: KindCode, List: "KIND"}, CodeValue("a"))
	add("nokind", Type{Kind: KindCode, List: "KIND"}, Value{})
	add("kinds", Type{Kind: KindCodes, List: "KIND"}, Value{Kind: KindCodes, Strs: []string{"a", "b"}})
	add("nokinds", Type{Kind: KindCodes, List: "KIND"}, Value{})
	add("day", Type{Kind: KindDate}, date(t, "2026-01-16"))
	add("noday", Type{Kind: KindDate}, Value{})
	add("ref", Type{Kind: KindRef}, Value{Kind: KindRef, Str: "0123456789abcdef"})
	add("here", Type{Kind: KindPoint}, Value{Kind: KindPoint, Points: []Point{place(37.252, 49.612)}})
	add("there", Type{Kind: KindPoint}, Value{Kind: KindPoint, Points: []Point{place(37.252, 49.6173)}})
	add("nowhere", Type{Kind: KindPoint}, Value{})
	add("ring", Type{Kind: KindPolygon}, Value{Kind: KindPolygon, Points: square})
	add("open", Type{Kind: KindPolygon}, Value{Kind: KindPolygon, Points: square[:4]})
	add("bow", Type{Kind: KindPolygon}, Value{Kind: KindPolygon, Points: bowTie})
	add("noring", Type{Kind: KindPolygon}, Value{})
	add("photos", Type{Kind: KindFiles}, Value{Kind: KindFiles, Num: Int(2)})
	add("rows", Type{Kind: KindRows}, Value{Kind: KindRows, Num: Int(4)})
	add("norows", Type{Kind: KindRows}, Value{Kind: KindRows})
	add("rows.n", Type{Kind: KindColumn, Elem: KindNumber}, Value{Kind: KindColumn, Column: []Value{num("1.5"), {}, num("2"), num("-1")}})
	add("rows.kind", Type{Kind: KindColumn, Elem: KindCode, List: "KIND"}, Value{Kind: KindColumn, Column: []Value{CodeValue("a"), CodeValue("b"), {}, CodeValue("a")}})
	add("rows.name", Type{Kind: KindColumn, Elem: KindText}, Value{Kind: KindColumn, Column: []Value{TextValue("x"), {}, {}, TextValue("y")}})
	add("norows.n", Type{Kind: KindColumn, Elem: KindNumber}, Value{Kind: KindColumn})
	return w
}

func demoEnv(t testing.TB) *Env {
	return &Env{
		Today:        int32(date(t, "2026-02-01").Num.Mantissa),
		TestMode:     true,
		HomeBoundary: square,
		CodeInfo: func(list, code string) (string, map[string]string, bool) {
			return "top", map[string]string{"level": "block"}, list == "KIND" && code == "a"
		},
	}
}

// show writes a value as the tables below have it.
func show(v Value) string {
	switch {
	case v.Kind == KindEmpty:
		return "empty"
	case v.Kind == KindBool:
		return fmt.Sprint(v.True())
	case v.Kind == KindNumber:
		return v.Num.String()
	case v.Kind == KindDate:
		return jalali.Day(v.Num.Mantissa).ISO()
	case v.Kind == KindText || v.Kind == KindCode:
		return "'" + v.Str + "'"
	}
	return v.Kind.String()
}

func TestEval(t *testing.T) {
	rows := []struct{ source, want string }{
		// Literals and precedence.
		{"1 + 2 * 3", "7"},
		{"(1 + 2) * 3", "9"},
		{"10 - 2 - 3", "5"},
		{"2 * 3 div 4", "1.5"},
		{"-3 + 5", "2"},
		{"--3", "3"},
		{"1 < 2 and 2 < 3", "true"},
		{"false() and false() or true()", "true"},
		{"1 + 1 = 2", "true"},
		{"1 < 2 = true()", "true"},
		{`"it's" = 'x'`, "false"},
		{". + 1", "4"},
		// Exact numbers.
		{"0.1 + 0.2 = 0.3", "true"},
		{"1 div 3", "0.333333333"},
		{"2 div 3", "0.666666667"},
		{"7 mod 3", "1"},
		{"-7 mod 3", "-1"},
		{"5.5 mod 2", "1.5"},
		{"1 div 0", "empty"},
		{"1 mod 0", "empty"},
		// Empty.
		{"${none} + 1", "empty"},
		{"1 div ${none}", "empty"},
		{"-${none}", "empty"},
		{"${none} = ''", "true"},
		{"${none} != ''", "false"},
		{"'' = ''", "true"},
		{"${n3} = ''", "false"},
		{"${n3} != ''", "true"},
		{"${none} = 0", "false"},
		{"${none} != 0", "true"},
		{"${none} < 1", "empty"},
		{"1 >= ${none}", "empty"},
		{"${norows} = ''", "true"},
		{"${rows} = ''", "false"},
		{"${ring} != ''", "true"},
		{"${photos} != ''", "true"},
		{"${kinds} = ''", "false"},
		{"${nokinds} = ''", "true"},
		// Three-valued logic.
		{"${unsure} and ${no}", "false"},
		{"${unsure} and ${yes}", "empty"},
		{"${unsure} or ${yes}", "true"},
		{"${unsure} or ${no}", "empty"},
		{"not(${unsure})", "empty"},
		{"not(${no})", "true"},
		{"not(${none} > 3)", "empty"},
		{"if(${unsure}, 1, 2)", "2"},
		{"if(${yes}, 1, 2)", "1"},
		{"if(${no}, 1, '')", "empty"},
		{"coalesce(${none}, ${n3})", "3"},
		{"coalesce(${none}, ${none}, 7)", "7"},
		{"coalesce(${none})", "empty"},
		// Comparing.
		{"${kind} = 'a'", "true"},
		{"${kind} != 'b'", "true"},
		{"${nokind} = 'a'", "false"},
		{"${text} = 'سلام محله'", "true"},
		{"${day} = date('2026-01-16')", "true"},
		{"${day} < today()", "true"},
		{"${ref} = ${ref}", "true"},
		{"${yes} = true()", "true"},
		{"${unsure} = true()", "false"},
		{"${unsure} != true()", "true"},
		{"3.0 = 3", "true"},
		{"2 >= 2.0", "true"},
		{"2 <= 1.99", "false"},
		{"2 > 1.99", "true"},
		// Numbers.
		{"abs(-2.5)", "2.5"},
		{"abs(2)", "2"},
		{"abs(${none})", "empty"},
		{"round(2.345, 2)", "2.35"},
		{"round(-2.345, 2)", "-2.35"},
		{"round(2.34499, 2)", "2.34"},
		{"round(2.5, 0)", "3"},
		{"round(2, 5)", "2"},
		{"round(${none}, 2)", "empty"},
		{"min(3, 1, 2)", "1"},
		{"max(3, ${none}, 2)", "3"},
		{"max(${rows.n})", "2"},
		{"min(${rows.n}, -5)", "-5"},
		{"min(${none})", "empty"},
		{"max(${norows.n})", "empty"},
		{"max(${day}, today())", "2026-02-01"},
		// Rows and sets.
		{"count(${rows})", "4"},
		{"count(${norows})", "0"},
		{"count(${rows.n})", "3"},
		{"count(${kinds})", "2"},
		{"count(${photos})", "2"},
		{"sum(${rows.n})", "2.5"},
		{"sum(${norows.n})", "0"},
		{"unique(${rows.n})", "true"},
		{"unique(${rows.kind})", "false"},
		{"unique(${norows.n})", "true"},
		{"list-contains(${rows.kind}, 'b')", "true"},
		{"list-contains(${rows.name}, 'z')", "false"},
		{"list-contains(${norows.n}, 1)", "false"},
		{"item-count-where(${rows.kind}, 'a')", "2"},
		{"item-count-where(${rows.kind}, '')", "1"},
		{"item-count-where(${rows.n}, 2.0)", "1"},
		{"selected(${kinds}, 'a')", "true"},
		{"selected(${nokinds}, 'a')", "false"},
		{"selected(${kind}, 'b')", "false"},
		{"count-selected(${kinds})", "2"},
		{"count-selected(${nokinds})", "0"},
		{"parent-code(${kind})", "'top'"},
		{"parent-code(${nokind})", "empty"},
		{"code-attr(${kind}, 'level') = 'block'", "true"},
		{"code-attr(${kind}, 'other')", "empty"},
		// Texts.
		{"string-length(${text})", "9"},
		{"string-length(${silence})", "0"},
		{"regex('B04', 'B[0-9]+')", "true"},
		{"regex('xB04', 'B[0-9]+')", "false"},
		{"regex(${silence}, 'B')", "empty"},
		{"regex('one\ntwo 12', '.*[0-9]+')", "true"},
		{"contains(${text}, 'محله')", "true"},
		{"contains(${silence}, 'x')", "empty"},
		{"starts-with(${text}, 'محله')", "false"},
		{"starts-with(${text}, 'سلام')", "true"},
		{"concat('B', ${n3}, ${silence}, '/', ${kind}, ' ', ${day})", "'B3/a 2026-01-16'"},
		{"concat(${silence})", "empty"},
		{"national-id('0001000047')", "true"},
		{"national-id('0001000048')", "false"},
		{"national-id(${silence})", "empty"},
		// Dates.
		{"today()", "2026-02-01"},
		{"date-add-days(${day}, 16)", "2026-02-01"},
		{"date-add-days(${day}, ${none})", "empty"},
		{"date-add-days(${day}, 99999999999)", "empty"},
		{"days-between(${day}, today())", "16"},
		{"days-between(today(), ${day})", "-16"},
		{"days-between(${noday}, today())", "empty"},
		{"jalali-year(${day})", "1404"},
		{"jalali-year(date('2025-03-20'))", "1403"},
		{"jalali-year(date('2025-03-21'))", "1404"},
		{"jalali-year(${noday})", "empty"},
		{"jalali-year-end(${day})", "2026-03-20"},
		{"jalali-year-end(date('2025-03-20'))", "2025-03-20"}, // 30 Esfand of a leap year
		{"jalali-year-end(date('2029-03-20'))", "2030-03-20"},
		{"jalali-year-end(${noday})", "empty"},
		// Places.
		{"area-ha(${ring})", "22.1535"},
		{"area-ha(${open}) = area-ha(${ring})", "true"},
		{"area-ha(${noring})", "empty"},
		{"is-closed(${ring})", "true"},
		{"is-closed(${open})", "false"},
		{"is-closed(${noring})", "empty"},
		{"is-simple(${ring})", "true"},
		{"is-simple(${open})", "true"},
		{"is-simple(${bow})", "false"},
		{"distance-m(${here}, ${here})", "0"},
		{"distance-m(${here}, ${nowhere})", "empty"},
		{"within(${here}, ${ring})", "true"},
		{"within(${there}, ${ring})", "false"},
		{"within(${there}, ${ring}, 300)", "true"},
		{"within(${there}, ${ring}, 200)", "false"},
		{"within(${nowhere}, ${ring}, 300)", "empty"},
		{"within(${ring}, home-boundary(), 1)", "true"},
		{"within(${bow}, home-boundary(), 1)", "false"},
		{"within(${here}, home-boundary())", "true"},
	}
	w, env := demo(t), demoEnv(t)
	for _, row := range rows {
		t.Run(row.source, func(t *testing.T) {
			program, err := Compile(row.source, w)
			if err != nil {
				t.Fatal(err)
			}
			got, err := program.Eval(w, env)
			if err != nil || show(got) != row.want {
				t.Errorf("got %s, %v, want %s", show(got), err, row.want)
			}
			if !got.IsEmpty() && got.Kind != program.Type().Kind && !isWord(got.Kind) {
				t.Errorf("yields %v, promised %v", got.Kind, program.Type().Kind)
			}
		})
	}
}

// Every function of the language stands in the table above.
func TestEveryFunctionIsTested(t *testing.T) {
	rows := readSource(t, "expr_test.go")
	for name := range functions {
		use := name + "("
		switch name {
		case "negate":
			use = "{\"--3\""
		default:
			if functions[name].operator {
				use = " " + name + " "
			}
		}
		if !strings.Contains(rows, use) {
			t.Errorf("%s is not tested", name)
		}
	}
}

func TestCompileRefusals(t *testing.T) {
	rows := []struct{ name, source, want string }{
		{"nothing", "", "character 1 of \"\": the expression ends too early"},
		{"half an operator", "1 +", "ends too early"},
		{"open parenthesis", "(1", `")" is missing`},
		{"two values", "1 2", "an operator is missing"},
		{"closing parenthesis", ")", `")" cannot stand here`},
		{"open text", "'x", "no closing quotation mark"},
		{"open field", "${x", "written ${name}"},
		{"dollar", "$x", "written ${name}"},
		{"strange sign", "1 # 2", "'#' is not part"},
		{"Persian sign counted in letters", "'سلام' # 2", "character 8 "},
		{"unknown field", "${zzz}", `no field "zzz"`},
		{"unknown function", "sqrt(4)", `no function "sqrt"`},
		{"operator as a function", "div(1, 2)", `no function "div"`},
		{"name alone", "today", `"(" is missing`},
		{"too few arguments", "round(1)", "round takes 2 arguments, not 1"},
		{"too many arguments", "today(1)", "0 arguments, not 1"},
		{"missing comma", "round(1 2)", `"," is missing`},
		{"number too large", "99999999999999999999 > 1", "too large"},
		{"adding text", "'x' + 1", "+ takes number here, not text"},
		{"adding a date", "today() + 1", "not date"},
		{"comparing kinds", "today() > 3", "mixes date and number"},
		{"equality of kinds", "${kind} = 3", "mixes code and number"},
		{"ordering text", "${text} > 'x'", "not text"},
		{"equality of sets", "${kinds} = ${kinds}", "compares codes only with ''"},
		{"equality of places", "${here} = ${there}", "compares point only with ''"},
		{"and of numbers", "1 and 2", "and takes boolean here, not number"},
		{"condition", "if(1, 2, 3)", "boolean here"},
		{"branches", "if(true(), 2, 'x')", "if mixes number and text"},
		{"coalesce", "coalesce(1, today())", "mixes number and date"},
		{"no such code", "${kind} = 'c'", `"c" is not a code of the list KIND`},
		{"no such code on the left", "'c' = ${kind}", `"c" is not a code`},
		{"no such code selected", "selected(${kinds}, 'c')", `"c" is not a code`},
		{"no such code in rows", "list-contains(${rows.kind}, 'c')", `"c" is not a code`},
		{"sum of a number", "sum(${n3})", "sum takes a column of numbers"},
		{"sum of codes", "sum(${rows.kind})", "sum takes a column of numbers"},
		{"column as a number", "${rows.n} + 1", "not column of rows"},
		{"rows as a column", "unique(${rows})", "takes a column"},
		{"value of another kind in rows", "item-count-where(${rows.n}, 'x')", "mixes number and text"},
		{"pattern not literal", "regex(${text}, ${text})", "between quotation marks"},
		{"broken pattern", "regex(${text}, '(')", "missing closing )"},
		{"long pattern", "regex(${text}, '" + strings.Repeat("x", 300) + "')", "at most 200"},
		{"no date", "date('2026-02-30')", "is no date"},
		{"computed date", "date(concat('2026', '-01-01'))", "between quotation marks"},
		{"area of a point", "area-ha(${here})", "not point"},
		{"distance of rings", "distance-m(${ring}, ${here})", "not polygon"},
		{"no such attribute", "code-attr(${kind}, 'lvel') = 'block'", `has an attribute "lvel"`},
		{"parent of a set", "parent-code(${kinds})", "field with one code"},
		{"long", strings.Repeat("1+", MaxSource), "longer than"},
		{"many parts", "concat(" + strings.Repeat("1,", MaxNodes) + "1)", "more than 256 parts"},
		{"deep", strings.Repeat("(", MaxDepth+1) + "1", "nested more than"},
		{"long chain", "1" + strings.Repeat("+1", MaxDepth+1), "nested more than"},
		{"many signs", strings.Repeat("-", MaxDepth+1) + "1", "nested more than"},
	}
	w := demo(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := Compile(row.source, w)
			var place *Error
			if !errors.As(err, &place) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an *Error with %q", err, row.want)
			}
		})
	}
}

func TestReads(t *testing.T) {
	w := demo(t)
	program, err := Compile("${n3} + ${half} + ${n3} + sum(${rows.n}) + .", w)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, key := range program.Reads() {
		got = append(got, w.names[key])
	}
	if want := []string{"n3", "half", "rows.n"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEvalBounds(t *testing.T) {
	w, env := demo(t), demoEnv(t)
	crowd := make([]Point, MaxCorners)
	for i := range crowd {
		crowd[i] = Point{LatE7: int32(i * i), LonE7: int32(i)}
	}
	w.values["ring"] = Value{Kind: KindPolygon, Points: crowd}
	for _, row := range []struct {
		name, source string
		want         error
	}{
		{"overflow", "${huge} * 10", ErrOverflow},
		{"overflow of a sum", "${huge} + ${huge}", ErrOverflow},
		{"one large ring is allowed", "is-simple(${ring})", nil},
		{"three large rings are too much", "is-simple(${ring}) and is-simple(${ring}) and is-simple(${ring})", ErrTooCostly},
	} {
		t.Run(row.name, func(t *testing.T) {
			program, err := Compile(row.source, w)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := program.Eval(w, env); !errors.Is(err, row.want) {
				t.Errorf("got %s, %v, want %v", show(v), err, row.want)
			}
		})
	}
}
