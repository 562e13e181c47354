package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"mahalleh/schemas/jalali"
)

var day, _ = jalali.ParseISO("2026-01-16")

// TestCSV: a byte order mark, numbers and days as such, and no text that would be a
// formula.
func TestCSV(t *testing.T) {
	var b bytes.Buffer
	w := NewCSV(&b)
	must(t, w.Begin("t", []string{"نام", "=head", "ج"}))
	evil := []string{"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "  =1", "\u200f=1", "\u202e=1", "＝1", "\x00=1", "=HYPERLINK(\"http://x\",\"y\")\r\nz,\"q\""}
	for _, s := range evil {
		must(t, w.Row([]Cell{Text(s), Number("-12.5"), Day(day)}))
	}
	must(t, w.Row([]Cell{Text("ساده, \"نقل\""), Number("=1"), {}}))
	must(t, w.Close())
	raw, ok := strings.CutPrefix(b.String(), "\ufeff")
	if !ok {
		t.Fatal("no byte order mark")
	}
	rows, err := csv.NewReader(strings.NewReader(raw)).ReadAll()
	must(t, err)
	if rows[0][1] != "'=head" {
		t.Errorf("a head is %q", rows[0][1])
	}
	for i, row := range rows[1 : 1+len(evil)] {
		if !strings.HasPrefix(row[0], "'") {
			t.Errorf("%q was written as %q", evil[i], row[0])
		}
		if row[1] != "-12.5" || row[2] != "2026-01-16" {
			t.Errorf("number and day are %q", row[1:])
		}
	}
	last := rows[len(rows)-1]
	if last[0] != "ساده, \"نقل\"" || last[1] != "'=1" || last[2] != "" {
		t.Errorf("the last row is %q", last)
	}
	if err := w.Begin("second", nil); !errors.Is(err, ErrOneTable) {
		t.Errorf("a second table: %v", err)
	}
}

// TestXLSX: sheets from right to left, texts that stay texts, numbers, days; a table
// that is longer than a sheet goes on in the next; names that no sheet may have.
func TestXLSX(t *testing.T) {
	var b bytes.Buffer
	w, err := newXLSX(&b, true, 4)
	must(t, err)
	must(t, w.Begin("نیازها: [همه]/*?", []string{"الف", "ب", "پ"}))
	long := strings.Repeat("سلام😀", 9000)
	texts := []string{"=1+1", "0012", long, "a\x00b\x01c", "</x>&"}
	for _, s := range texts {
		must(t, w.Row([]Cell{Text(s), Number("-12.5"), Day(day)}))
	}
	must(t, w.Begin("نیازها: [همه]/*?", []string{"x"}))
	must(t, w.Row([]Cell{Number("9007199254740993")}))
	must(t, w.Close())
	f, err := excelize.OpenReader(&b)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	names := f.GetSheetList()
	if len(names) != 3 || names[0] != "نیازها همه" || names[1] != "نیازها همه 2" || names[2] != "نیازها همه 3" {
		t.Fatalf("sheets are %q", names)
	}
	var got []string
	for _, name := range names[:2] {
		view, err := f.GetSheetView(name, 0)
		must(t, err)
		if view.RightToLeft == nil || !*view.RightToLeft {
			t.Errorf("sheet %s does not read from right to left", name)
		}
		rows, err := f.GetRows(name)
		must(t, err)
		if rows[0][0] != "الف" {
			t.Errorf("the head of %s is %q", name, rows[0])
		}
		for i, row := range rows[1:] {
			got = append(got, row[0])
			if row[1] != "-12.5" || row[2] != "2026-01-16" {
				t.Errorf("number and day are %q", row[1:])
			}
			if formula, err := f.GetCellFormula(name, "A"+string(rune('2'+i))); err != nil || formula != "" {
				t.Errorf("a formula %q, %v", formula, err)
			}
		}
	}
	if len(got) != len(texts) || got[0] != texts[0] || got[1] != texts[1] || got[4] != texts[4] {
		t.Errorf("texts are %q", got)
	}
	if !strings.HasSuffix(got[2], "…") || !strings.HasPrefix(long, strings.TrimSuffix(got[2], "…")) {
		t.Error("a long text was not cut with a mark")
	}
	if n, err := f.GetCellValue(names[2], "A2", excelize.Options{RawCellValue: true}); err != nil || n != "9007199254740993" {
		t.Errorf("a large number is %s, %v", n, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
