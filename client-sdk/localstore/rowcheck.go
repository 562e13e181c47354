package localstore

import (
	"context"
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
// for ever: it stands in every device's file.
const rowCheck = "local_check"

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

// books are the tables whose rows decide what is sent and asked for, and
// whether the device opens at all. They are small.
var books = []string{"device", "wrap", "scope", "log"}

// Noticed returns what was damaged in the bookkeeping when the store was opened:
// in the rows that decide what is sent, what is asked for, and who opens the
// device. The next writing of such a row hides the damage from every later check.
func (s *Store) Noticed() []Problem { return s.noticed }

// checkBooks compares the rows of the books with their checksums.
func (s *Store) checkBooks(ctx context.Context) error {
	c := &checker{ctx: ctx}
	err := s.view(ctx, func(q querier) error {
		c.q = q
		return c.rows(books)
	})
	if err != nil {
		return fmt.Errorf("check bookkeeping: %w", err)
	}
	s.noticed = c.problems
	return nil
}

// rows compares every row of tables with its checksum.
func (c *checker) rows(tables []string) error {
	for _, table := range tables {
		columns, err := names(c.ctx, c.q, "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid", table)
		if err != nil {
			return err
		}
		if len(columns) == 0 {
			continue // a damaged schema, which is told apart
		}
		altered, err := names(c.ctx, c.q, fmt.Sprintf("SELECT quote(%s) FROM %s WHERE chk IS NOT %s(%s)", columns[0], table, rowCheck, strings.Join(columns, ", ")))
		if err != nil {
			return err
		}
		for _, first := range altered {
			c.say(PartTable, table, "the row that begins with %s is not as it was written", first)
		}
	}
	return nil
}

// everyRow compares all rows there are.
func (c *checker) everyRow() error {
	tables, err := names(c.ctx, c.q, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
	if err != nil {
		return err
	}
	return c.rows(tables)
}

// schema compares tables and indexes with those that the migrations make: a name
// or a rule that is damaged hides rows from everybody.
func (c *checker) schema() error {
	fresh, err := openPool("file::memory:?_pragma=trusted_schema(on)")
	if err != nil {
		return err
	}
	defer fresh.Close() // it is only memory
	fresh.SetMaxOpenConns(1)
	if err := migrate(c.ctx, fresh); err != nil {
		return err
	}
	const text = "SELECT type || ' ' || name || char(10) || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"
	want, err := names(c.ctx, fresh, text)
	if err != nil {
		return err
	}
	got, err := names(c.ctx, c.q, text)
	if err != nil {
		return err
	}
	there := map[string]string{}
	for _, line := range got {
		name, sql, _ := strings.Cut(line, "\n")
		there[name] = sql
	}
	for _, line := range want {
		name, sql, _ := strings.Cut(line, "\n")
		switch found, ok := there[name]; {
		case !ok:
			c.say(PartSchema, name, "it is not there")
		case found != sql:
			c.say(PartSchema, name, "it is not as this release makes it")
		}
		delete(there, name)
	}
	for name := range there {
		c.say(PartSchema, name, "it is not of this program")
	}
	return nil
}

// names returns the first column of an answer as text.
func names(ctx context.Context, q querier, query string, args ...any) (all []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}
