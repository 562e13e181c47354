package cli

import (
	"fmt"
	"strings"

	"mahalleh/schemas/texts"
)

// Table collects rows for a person to read in aligned columns.
type Table struct {
	app  *App
	rows [][]string
}

// Table starts a table with the given column titles.
func (a *App) Table(titles ...Key) *Table {
	row := make([]string, len(titles))
	for i, title := range titles {
		row[i] = a.T(title)
	}
	return a.TextTable(row...)
}

// TextTable is Table with titles that do not stand in the catalogue.
func (a *App) TextTable(titles ...string) *Table { return &Table{app: a, rows: [][]string{titles}} }

// Row adds a row. Cells are shown as the arguments of a text are: integers in
// the digits of the language, anything else as it prints.
func (t *Table) Row(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = t.app.catalogue.Value(cell)
	}
	t.rows = append(t.rows, row)
}

// columnGap is the space between columns, in cells of the terminal.
const columnGap = 2

// Write prints the table to the data stream.
//
// On a terminal each cell is isolated, so that neighbouring Persian cells do
// not run together and change places, and in Persian the line is marked
// right-to-left: a terminal that knows about direction then puts the first
// column at the right. A file or a pipe gets the bare text.
func (t *Table) Write() error {
	widths := []int{}
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], displayWidth(cell))
		}
	}
	directed := t.app.terminal.OutputIsTerminal()
	var b strings.Builder
	for _, row := range t.rows {
		if directed && t.app.Lang() == Persian {
			b.WriteRune(texts.RightToLeftMark)
		}
		for i, cell := range row {
			shown := texts.DropDirectionControls(cell)
			if directed && shown != "" {
				shown = texts.Isolate(shown)
			}
			if i < len(row)-1 {
				shown = pad(shown, widths[i]+columnGap)
			}
			b.WriteString(shown)
		}
		b.WriteByte('\n')
	}
	if _, err := t.app.out.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}
