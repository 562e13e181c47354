package sheet

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

const (
	// mostRows is how many rows a sheet holds, its head among them; a table with more
	// goes on in another sheet.
	mostRows = 1_048_576
	// mostUnits is how long a text in a cell may be, in units of UTF-16. Longer texts
	// are cut, with a mark.
	mostUnits = 32_767
	// mostTitle is how long the name of a sheet may be, in the same units.
	mostTitle = 31
	// columnWidth is that of all columns, in digits.
	columnWidth = 18
	// firstDay is the day before 1 March 1900 in the calendar of workbooks, whose
	// February 1900 has a day too many; days before it are texts.
	firstDay = 61
	// toSerial is the number of 1970-01-01 there.
	toSerial = 25_569
)

type xlsxWriter struct {
	to    io.Writer
	rtl   bool
	most  int
	file  *excelize.File
	sheet *excelize.StreamWriter
	head  int // style of heads
	day   int // style of days
	names map[string]bool
	title string
	heads []string
	row   int
	line  []any
	err   error
}

// NewXLSX writes tables as a workbook, one sheet for each; with rightToLeft their
// first column stands at the right. It is put together in files of the system's
// folder for temporary files, and goes out with Close.
func NewXLSX(to io.Writer, rightToLeft bool) (Writer, error) {
	return newXLSX(to, rightToLeft, mostRows)
}

func newXLSX(to io.Writer, rightToLeft bool, most int) (*xlsxWriter, error) {
	w := &xlsxWriter{to: to, rtl: rightToLeft, most: most, file: excelize.NewFile(), names: map[string]bool{}}
	var err error
	if w.head, err = w.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "bottom"}}); err == nil {
		format := "yyyy-mm-dd"
		w.day, err = w.file.NewStyle(&excelize.Style{CustomNumFmt: &format})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin workbook: %w", err), w.file.Close())
	}
	return w, nil
}

// Begin implements Writer.
func (w *xlsxWriter) Begin(title string, heads []string) error {
	w.title, w.heads = title, heads
	return w.keep(w.begin())
}

// keep remembers an error, so that half a workbook never goes out.
func (w *xlsxWriter) keep(err error) error {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("write workbook: %w", err)
	}
	return w.err
}

func (w *xlsxWriter) begin() error {
	if err := w.end(); err != nil {
		return err
	}
	name := w.name(w.title)
	var err error
	if len(w.names) == 1 {
		err = w.file.SetSheetName(w.file.GetSheetName(0), name)
	} else {
		_, err = w.file.NewSheet(name)
	}
	if err == nil {
		err = w.file.SetSheetView(name, 0, &excelize.ViewOptions{RightToLeft: &w.rtl})
	}
	if err == nil {
		w.sheet, err = w.file.NewStreamWriter(name)
	}
	if err == nil {
		err = w.sheet.SetColWidth(1, max(1, len(w.heads)), columnWidth)
	}
	if err == nil {
		err = w.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
	}
	if err != nil {
		return err
	}
	w.row = 0
	w.line = w.line[:0]
	for _, head := range w.heads {
		w.line = append(w.line, excelize.Cell{StyleID: w.head, Value: fitting(Text(head).text)})
	}
	return w.put()
}

// end ends the sheet that is being written.
func (w *xlsxWriter) end() error {
	if w.sheet == nil {
		return nil
	}
	sheet := w.sheet
	w.sheet = nil
	return sheet.Flush()
}

func (w *xlsxWriter) put() error {
	w.row++
	return w.sheet.SetRow("A"+strconv.Itoa(w.row), w.line)
}

// Row implements Writer.
func (w *xlsxWriter) Row(cells []Cell) error {
	if w.err == nil && w.row == w.most {
		w.err = w.keep(w.begin())
	}
	if w.err != nil {
		return w.err
	}
	w.line = w.line[:0]
	for _, c := range cells {
		w.line = append(w.line, w.value(c))
	}
	return w.keep(w.put())
}

func (w *xlsxWriter) value(c Cell) any {
	switch c.kind {
	case kindNumber:
		if n, err := strconv.ParseInt(c.text, 10, 64); err == nil {
			return n
		}
		if x, err := strconv.ParseFloat(c.text, 64); err == nil {
			return x
		}
	case kindDay:
		if n := int64(c.day) + toSerial; n >= firstDay {
			return excelize.Cell{StyleID: w.day, Value: n}
		}
		return c.day.ISO()
	}
	if c.text == "" {
		return nil
	}
	return fitting(c.text)
}

// Close implements Writer.
func (w *xlsxWriter) Close() error {
	err := w.keep(w.end())
	if err == nil {
		err = w.keep(w.file.Write(w.to))
	}
	return errors.Join(err, w.file.Close())
}

// fitting is a text as it fits into a cell.
func fitting(s string) string { return cut(s, mostUnits) }

// cut shortens a text to so many units of UTF-16.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	units := utf16.Encode([]rune(s))
	if len(units) <= most {
		return s
	}
	units = units[:most-1]
	if last := units[len(units)-1]; last >= 0xd800 && last < 0xdc00 { // half of a pair
		units = units[:len(units)-1]
	}
	return string(utf16.Decode(units)) + "…"
}

// name is a title as the name of a sheet, unlike those that are there.
func (w *xlsxWriter) name(title string) string {
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) || r < ' ' {
			return ' '
		}
		return r
	}, Text(title).text)
	clean = strings.Join(strings.Fields(clean), " ")
	if clean == "" {
		clean = "1"
	}
	name := cut(clean, mostTitle)
	for n := 2; w.names[strings.ToLower(name)]; n++ {
		number := " " + strconv.Itoa(n)
		name = cut(clean, mostTitle-len(number)) + number
	}
	w.names[strings.ToLower(name)] = true
	return name
}
