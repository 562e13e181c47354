package sqlitestore

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"sync"

	"modernc.org/sqlite"
)

// rowCheck is the function that the schema computes its column chk with. It is
// for ever: it stands in every database.
const rowCheck = "row_check"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// teach makes the function known to all connections from now on; the driver
// keeps it for the whole process.
var teach = sync.OnceFunc(func() {
	sqlite.MustRegisterFunction(rowCheck, &sqlite.FunctionImpl{NArgs: -1, Deterministic: true, VolatileArgs: true,
		Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) { return checksum(args) }})
})

// checksum is CRC-32C over the values of a row, each with its type and length.
func checksum(values []driver.Value) (int64, error) {
	var sum uint32
	var head [9]byte
	add := func(kind byte, n uint64, bytes []byte) {
		head[0] = kind
		binary.BigEndian.PutUint64(head[1:], n)
		sum = crc32.Update(sum, castagnoli, head[:])
		sum = crc32.Update(sum, castagnoli, bytes)
	}
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			add(0, 0, nil)
		case int64:
			add(1, uint64(v), nil)
		case float64:
			add(2, math.Float64bits(v), nil)
		case string:
			add(3, uint64(len(v)), []byte(v))
		case []byte:
			add(4, uint64(len(v)), v)
		default:
			return 0, fmt.Errorf("%s: a value of type %T", rowCheck, v)
		}
	}
	return int64(sum), nil
}

// checkRows compares every row with its checksum.
func (r *reader) checkRows(rep *Report) error {
	var tables []string
	err := r.each("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name", func(row *row) error {
		tables = append(tables, row.text())
		return nil
	})
	if err != nil {
		return err
	}
	for _, table := range tables {
		columns, err := r.columns(table)
		if err != nil {
			return err
		}
		sql := fmt.Sprintf("SELECT quote(%s) FROM %s WHERE chk IS NOT %s(%s)", columns[0], table, rowCheck, strings.Join(columns, ", "))
		err = r.each(sql, func(row *row) error {
			rep.problem(Spot{PartTable, table}, FaultAltered, "the row that begins with %s is not as it was written", row.text())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// columns are those of a table that are written, in their order.
func (r *reader) columns(table string) (names []string, err error) {
	err = r.each("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid", func(row *row) error {
		names = append(names, row.text())
		return nil
	}, table)
	return names, err
}

// checkSchema compares the tables and indexes with those that the migrations
// make: a name or a rule that is damaged hides rows from everybody.
func (r *reader) checkSchema(rep *Report) error {
	connector, err := sqlite.NewConnector("file::memory:")
	if err != nil {
		return err
	}
	fresh, err := connect(r.ctx, connector, []string{"trusted_schema = ON"})
	if err != nil {
		return err
	}
	defer fresh.close() // it is only memory
	if err := migrate(fresh, 0); err != nil {
		return err
	}
	want, err := schemaText(fresh)
	if err != nil {
		return err
	}
	got, err := schemaText(r.c)
	if err != nil {
		return err
	}
	for name, sql := range got {
		if want[name] != sql {
			rep.problem(Spot{PartSchema, name}, FaultAltered, "%s is not as this release makes it", name)
		}
		delete(want, name)
	}
	for name := range want {
		rep.problem(Spot{PartSchema, name}, FaultMissing, "%s is not there", name)
	}
	return nil
}

func schemaText(c *conn) (map[string]string, error) {
	all := map[string]string{}
	err := c.each("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema", func(row *row) error {
		kind, name, table, sql := row.text(), row.text(), row.text(), row.text()
		all[kind+" "+name] = table + " " + sql
		return nil
	})
	return all, err
}
