package indicators

import (
	"encoding/json"
	"testing"

	"mahalleh/schemas/expr"
	"mahalleh/schemas/forms"
)

// TestValuesInBothLanguages prints values of every kind as people read them, and
// as programs do.
func TestValuesInBothLanguages(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value            Value
		fa, en, raw, out string
	}{
		{percent("x", 655, 1000), "۶۵٫۵٪", "65.5%", "65.5", "65.5"},
		{percent("x", 1, 0), "—", "—", "—", "null"},
		{quotient("x", KindScore, -1, 4, 1, 2), "\u200e\u2212۰٫۲۵", "-0.25", "-0.25", "-0.25"},
		{quotient("x", KindRatio, 123456, 100, 1, 2), "۱٬۲۳۴٫۵۶", "1,234.56", "1234.56", "1234.56"},
		{number("x", KindRial, 220_000_000), "۲۲۰٬۰۰۰٬۰۰۰ ریال", "220,000,000 rial", "220000000", "220000000"},
		{number("x", KindDays, 14), "۱۴ روز", "14 days", "14", "14"},
		{number("x", KindMonth, 140407), "۱۴۰۴/۰۷", "1404/07", "1404-07", `"1404-07"`},
		{date("x", 20500), "۱۴۰۴/۱۱/۲۷", "1404/11/27", "1404/11/27", `"2026-02-16"`},
		{date("x", 0), "—", "—", "—", "null"},
		{withheld(count("x", 3), Small), "کمتر از ۵", "<5", "<5", "null"},
		{withheld(count("x", 9), Hidden), "پنهان", "hidden", "*", "null"},
		{colour("x", Red), "قرمز", "red", "red", `"red"`},
		{code("x", "NEEDCAT", "health"), "بهداشت و درمان", "Health care", "health", `"health"`},
		{code("x", "NEEDCAT", "unheard"), "unheard", "unheard", "unheard", `"unheard"`},
		{label("x", "شهرداری"), "شهرداری", "شهرداری", "شهرداری", `"شهرداری"`},
	} {
		if fa, en, raw := c.value.In("fa", pkg), c.value.In("en", pkg), c.value.String(); fa != c.fa || en != c.en || raw != c.raw {
			t.Errorf("%+v is %q, %q, %q; want %q, %q, %q", c.value, fa, en, raw, c.fa, c.en, c.raw)
		}
		b, err := json.Marshal(c.value)
		var read struct{ Value json.RawMessage }
		if err == nil {
			err = json.Unmarshal(b, &read)
		}
		if err != nil || string(read.Value) != c.out {
			t.Errorf("%+v is written as %s, want %s (%v)", c.value, read.Value, c.out, err)
		}
		var back Value
		if err := json.Unmarshal(b, &back); err != nil || back.In("fa", pkg) != c.fa || back.In("en", pkg) != c.en || back.String() != c.raw {
			t.Errorf("%s is read as %+v (%v)", b, back, err)
		}
	}
	for _, bad := range []string{`{"kind":"days","value":"ten"}`, `{"kind":"date","value":"1404/11/27"}`, `{"kind":"month","value":null}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), new(Value)); err == nil {
			t.Errorf("%s is a value", bad)
		}
	}
	if v := code("x", "NEEDCAT", "health"); v.In("en", nil) != "health" {
		t.Error("without lists a code is not itself")
	}
}

// TestQuotientsAreRoundedOnce takes halves, and what does not fit.
func TestQuotientsAreRoundedOnce(t *testing.T) {
	for _, c := range []struct {
		num, den int64
		want     expr.Decimal
	}{{1, 16, expr.Decimal{Mantissa: 63, Scale: 1}}, {-1, 16, expr.Decimal{Mantissa: -63, Scale: 1}}, {1, -16, expr.Decimal{Mantissa: -63, Scale: 1}}, {1, 3, expr.Decimal{Mantissa: 333, Scale: 1}}} {
		if v := percent("x", c.num, c.den); v.Number != c.want {
			t.Errorf("%d/%d is %v", c.num, c.den, v.Number)
		}
		sum := &fractions{}
		sum.add(c.num, c.den)
		if v := sum.over("x", KindPercent, 1, 100, 1); v.Number != c.want {
			t.Errorf("as a sum %d/%d is %v", c.num, c.den, v.Number)
		}
	}
	if v := percent("x", 1<<62, 1); v.State != Unknown {
		t.Errorf("what does not fit is %v", v)
	}
}
