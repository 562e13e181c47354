package wire

import (
	"bytes"
	"fmt"
	"slices"

	"mahalleh/syncproto"
)

// DecodeRecord reads a record's state as it travels; delta says that only some
// cells are there (see RecordState.Patch).
func DecodeRecord(buf []byte) (s *syncproto.RecordState, delta bool, err error) {
	c := &cursor{buf: buf}
	s, flags := c.record()
	if c.err == nil && flags&flagServer != 0 {
		c.fail(ErrMalformed, "bookkeeping in a travelling record")
	}
	if err := c.end("record"); err != nil {
		return nil, false, fmt.Errorf("decode record: %w", err)
	}
	return s, flags&flagDelta != 0, nil
}

// DecodeStoredRecord reads what AppendStoredRecord wrote.
func DecodeStoredRecord(buf []byte) (*syncproto.RecordState, error) {
	c := &cursor{buf: buf}
	s, flags := c.record()
	if c.err == nil && flags&(flagServer|flagDelta) != flagServer {
		c.fail(ErrMalformed, "stored record without bookkeeping")
	}
	if c.err == nil {
		c.bookkeeping(s)
	}
	if err := c.end("record"); err != nil {
		return nil, fmt.Errorf("decode stored record: %w", err)
	}
	return s, nil
}

func (c *cursor) record() (*syncproto.RecordState, uint64) {
	flags := c.uvarint("record flags")
	if flags > flagDelta|flagErased|flagServer {
		c.fail(ErrTooNew, "record flags")
	}
	s := syncproto.NewRecordState(c.id("record"))
	s.Erased = flags&flagErased != 0
	form := c.uvarint("form")
	if form > 1<<32-1 {
		c.fail(ErrTooLarge, "form")
	}
	s.Form = uint32(form)
	s.Created, s.Home = c.id("created"), c.id("home")
	s.Number = c.uvarint("number")
	s.Latest = c.id("latest")
	authors := c.idTable("authors")
	usedAuthors := make([]bool, len(authors))
	versions := make([]syncproto.ChangeID, c.count("versions", syncproto.MaxRecordVersions, 20))
	for i := range versions {
		versions[i] = c.id("version")
		if i > 0 && bytes.Compare(versions[i-1][:], versions[i][:]) >= 0 {
			c.fail(ErrNotCanonical, "order of versions")
		}
		a, v, r, at := c.uvarint("author"), c.uvarint("verb"), c.uvarint("role"), c.uvarint("time")
		if c.err != nil {
			return s, flags
		}
		if a >= uint64(len(authors)) || v > 511 || r > 255 {
			c.fail(ErrMalformed, "version")
			return s, flags
		}
		usedAuthors[a] = true
		s.Versions[versions[i]] = syncproto.VersionMeta{Author: authors[a], Verb: syncproto.Verb(v >> 1), Role: uint8(r), Verified: v&1 != 0, Time: syncproto.Unzigzag(at)}
	}
	t := cellTables{items: c.idTable("items"), versions: versions, flags: flags}
	t.usedItems, t.usedVersions = make([]bool, len(t.items)), make([]bool, len(versions))
	if len(t.items) > 0 && t.items[0] == ([16]byte{}) {
		c.fail(ErrMalformed, "item zero")
	}
	// A cell takes at least two bytes: its field and its count of candidates.
	n := c.count("cells", syncproto.MaxRecordCells, 2)
	var last syncproto.CellKey
	for i := range n {
		k, cell := c.cell(&t)
		if c.err == nil && i > 0 && last.Compare(k) >= 0 {
			c.fail(ErrNotCanonical, "order of cells")
		}
		if c.err != nil {
			return s, flags
		}
		last = k
		s.Cells[k] = cell
	}
	for _, used := range [][]bool{usedAuthors, t.usedItems, t.usedVersions} {
		if c.err == nil && slices.Contains(used, false) {
			c.fail(ErrNotCanonical, "an unused entry in a table of a record")
		}
	}
	return s, flags
}

// cellTables are what the cells of a record name by number, and which of it
// they have named.
type cellTables struct {
	items                   [][16]byte
	versions                []syncproto.ChangeID
	usedItems, usedVersions []bool
	flags                   uint64
}

func (c *cursor) cell(t *cellTables) (syncproto.CellKey, *syncproto.Cell) {
	var k syncproto.CellKey
	key := c.uvarint("cell")
	if key>>2 > 1<<32-1 {
		c.fail(ErrTooLarge, "cell")
	}
	k.Field = uint32(key >> 2)
	if key&1 != 0 {
		x, sub := c.uvarint("item"), c.uvarint("sub-field")
		if c.err == nil && (x >= uint64(len(t.items)) || sub > 1<<32-1) {
			c.fail(ErrMalformed, "item of a cell")
		}
		if c.err != nil {
			return k, nil
		}
		t.usedItems[x] = true
		k.Item, k.Sub = t.items[x], uint32(sub)
	}
	if key&2 != 0 {
		if k.Element = c.value("element"); c.err == nil && k.Element == (syncproto.Value{}) {
			c.fail(ErrMalformed, "element zero") // stands for none
		}
	}
	cell := &syncproto.Cell{}
	cands := c.count("candidates", len(t.versions), 1)
	if c.err == nil && cands == 0 && t.flags&(flagDelta|flagServer) == 0 {
		c.fail(ErrNotCanonical, "a cell without candidates")
	}
	last := -1
	for range cands {
		x := c.uvarint("candidate's version")
		if c.err == nil && x >= uint64(len(t.versions)) {
			c.fail(ErrMalformed, "candidate's version")
		}
		if c.err != nil {
			return k, nil
		}
		if int(x) <= last {
			c.fail(ErrNotCanonical, "order of candidates")
		}
		last = int(x)
		t.usedVersions[x] = true
		cand := syncproto.Candidate{Version: t.versions[x]}
		if key&2 == 0 {
			cand.Value = c.value("candidate")
		}
		cell.Candidates = append(cell.Candidates, cand)
	}
	if t.flags&flagServer != 0 {
		cell.Position = c.uvarint("position")
	}
	return k, cell
}

func (c *cursor) idTable(what string) [][16]byte {
	ids := make([][16]byte, c.count(what, syncproto.MaxRecordCells, 16))
	for i := range ids {
		ids[i] = c.id(what)
		if i > 0 && bytes.Compare(ids[i-1][:], ids[i][:]) >= 0 {
			c.fail(ErrNotCanonical, "order of "+what)
		}
	}
	return ids
}

func (c *cursor) cellKey() (k syncproto.CellKey) {
	key := c.uvarint("cell")
	if key>>2 > 1<<32-1 {
		c.fail(ErrTooLarge, "cell")
	}
	k.Field = uint32(key >> 2)
	if key&1 != 0 {
		k.Item = c.id("item")
		sub := c.uvarint("sub-field")
		if sub > 1<<32-1 {
			c.fail(ErrTooLarge, "sub-field")
		}
		k.Sub = uint32(sub)
	}
	if key&2 != 0 {
		k.Element = c.value("element")
	}
	return k
}

func (c *cursor) bookkeeping(s *syncproto.RecordState) {
	s.Position, s.Entered = c.uvarint("position"), c.uvarint("entered")
	for range c.count("homes", syncproto.MaxRecordCells, 16) {
		s.Homes = append(s.Homes, c.id("home"))
	}
	for range c.count("names", syncproto.MaxRecordCells, 17) {
		if s.Names == nil {
			s.Names = map[syncproto.Remembered]struct{}{}
		}
		k := c.cellKey()
		s.Names[syncproto.Remembered{Cell: k, Version: c.id("name")}] = struct{}{}
	}
	s.Passed = c.lists("passed steps")
	s.Aside = c.lists("steps set aside")
	for range c.count("waiting steps", syncproto.MaxRecordCells, 38) {
		var w syncproto.Step
		w.Change, w.Meta.Author = c.id("waiting step"), c.id("author")
		v, r := c.uvarint("verb"), c.uvarint("role")
		if v > 511 || r > 255 {
			c.fail(ErrMalformed, "waiting step")
		}
		w.Meta.Verb, w.Meta.Role, w.Meta.Verified = syncproto.Verb(v>>1), uint8(r), v&1 != 0
		w.Meta.Time = syncproto.Unzigzag(c.uvarint("time"))
		w.Op.Kind = syncproto.OpKind(c.uvarint("kind"))
		w.Op.Field = uint32(c.uvarint("field"))
		for range c.count("names", syncproto.MaxChangeIDs, 16) {
			w.Op.Names = append(w.Op.Names, c.id("name"))
		}
		w.Op.Value = c.value("value")
		s.Waiting = append(s.Waiting, w)
	}
}

func (c *cursor) lists(what string) map[syncproto.CellKey][]syncproto.ChangeID {
	n := c.count(what, syncproto.MaxRecordCells, 2)
	if n == 0 {
		return nil
	}
	m := make(map[syncproto.CellKey][]syncproto.ChangeID, n)
	for range n {
		k := c.cellKey()
		for range c.count(what, syncproto.MaxRecordVersions, 16) {
			m[k] = append(m[k], c.id(what))
		}
		if c.err != nil {
			return nil
		}
	}
	return m
}
