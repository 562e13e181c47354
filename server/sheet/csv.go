package sheet

import (
	"encoding/csv"
	"fmt"
	"io"
)

// bom tells spreadsheet programs that a text is UTF-8.
const bom = "\ufeff"

type csvWriter struct {
	to    io.Writer
	csv   *csv.Writer
	begun bool
	line  []string
}

// NewCSV writes one table as CSV: UTF-8 with a byte order mark, commas, lines that
// end as they do on windows.
func NewCSV(to io.Writer) Writer {
	w := &csvWriter{to: to, csv: csv.NewWriter(to)}
	w.csv.UseCRLF = true
	return w
}

// Begin implements Writer.
func (w *csvWriter) Begin(_ string, heads []string) error {
	if w.begun {
		return ErrOneTable
	}
	w.begun = true
	if _, err := io.WriteString(w.to, bom); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	cells := make([]Cell, len(heads))
	for i, head := range heads {
		cells[i] = Text(head)
	}
	return w.Row(cells)
}

// Row implements Writer.
func (w *csvWriter) Row(cells []Cell) error {
	w.line = w.line[:0]
	for _, c := range cells {
		switch c.kind {
		case kindNumber:
			w.line = append(w.line, c.text)
		case kindDay:
			w.line = append(w.line, c.day.ISO())
		default:
			w.line = append(w.line, disarmed(c.text))
		}
	}
	if err := w.csv.Write(w.line); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// Close implements Writer.
func (w *csvWriter) Close() error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
