package wire

import "mahalleh/syncproto"

// AppendValue appends the wire form of a value: its type byte, then the
// payload in the class that the type's low bits name.
func AppendValue(b []byte, v syncproto.Value) []byte {
	b = append(b, byte(v.Type))
	switch v.Type.Class() {
	case syncproto.ClassVarint:
		b = appendUvarint(b, v.Num())
	case syncproto.ClassFixed:
		id := v.ID()
		b = append(b, id[:]...)
	case syncproto.ClassBytes:
		b = appendPrefixed(b, v.Bytes())
	}
	return b
}

func (c *cursor) value(what string) syncproto.Value {
	t := syncproto.ValueType(c.byte(what))
	var v syncproto.Value
	switch t.Class() {
	case syncproto.ClassVarint:
		v = syncproto.RawVarint(t, c.uvarint(what))
	case syncproto.ClassFixed:
		v = syncproto.RawFixed(t, c.id(what))
	case syncproto.ClassBytes:
		v = syncproto.RawBytes(t, string(c.prefixed(what, syncproto.MaxChange)))
	case syncproto.ClassNone:
		v = syncproto.Value{Type: t}
	}
	if c.err != nil {
		return syncproto.Value{}
	}
	if err := v.Check(); err != nil {
		c.fail(ErrMalformed, what)
		return syncproto.Value{}
	}
	return v
}
