package indicators

// coverage is D01, |{n: sub(n) ≠ null}| / |N|: how many of the neighbourhoods
// that owe a dossier have submitted it at least once.
//
// Source: domain description 6 D01.
func (c *combining) coverage(f *Figure) {
	submitted := int64(0)
	for _, s := range c.assigned {
		if s.Dossier.Submitted != 0 {
			submitted++
		}
	}
	n := int64(len(c.assigned))
	f.Values = []Value{count("assigned", n), count("submitted", submitted), percent("coverage", submitted, n)}
}
