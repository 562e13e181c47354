package indicators

import "mahalleh/schemas"

// Kinds of keys of the harm map, with their parts. No exact place stands in
// them: a point is coarsened to its cell of some hundred metres.
const (
	keyHarm      = "harm"       // month, harm, cell, intensity, confirmed by officials, informants
	keyHarmBlock = "harm.block" // block
)

// countHarm counts a rating twice: that its block was rated, whatever was found,
// which the dossier asks for; and, where there is harm at all, what D12 is made
// of. The month is that in which it was written.
func countHarm(r *reader) {
	block := r.ref("block_id")
	if block != (ID{}) {
		r.counts.one(keyHarmBlock, id(block))
	}
	if r.int("intensity") < 1 {
		return
	}
	cell := "b" + id(block)
	if at := r.value("location"); !at.IsEmpty() {
		cell = gridCell(at.Point())
	}
	r.counts.one(keyHarm, num(monthOf(dayOf(r.Made))), part(r.code("harm_code")), cell, num(r.int("intensity")),
		flag(r.code("observed_by") == "official"), num(r.int("informants_n")))
}

// Steps of the grid in 1e-7 degrees: 100 m of latitude, and of longitude at the
// middle of the country. Ten of them are a kilometre.
const latStep, lonStep = 9_000, 10_600

// gridCell names the cell of 100 m in which a point lies.
func gridCell(p schemas.Point) part {
	return "g" + num(floorDiv(int64(p.LatE7), latStep)) + ":" + num(floorDiv(int64(p.LonE7), lonStep))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
