package sim

import (
	"embed"
	"io/fs"
	"math/rand/v2"
	"sync"

	"mahalleh/schemas"
)

//go:embed testdata/every
var everyFiles embed.FS

// everyForm is a package with one form that has a field of every type, and two of a
// programme: an enrolment, whose stage is a state of the real machine, and
// committees, of which one has to monitor before the stage is called that.
var everyForm = sync.OnceValue(func() *schemas.Package {
	sub, err := fs.Sub(everyFiles, "testdata/every")
	if err != nil {
		panic(err)
	}
	p, err := schemas.Load(sub)
	if err != nil {
		panic(err)
	}
	return p
})

// Fields of the form of every type that the laws speak of by number.
const (
	fieldText    = 10
	fieldStory   = 11
	fieldCounter = 27
	fieldShade   = 18
	fieldFiles   = 28
	fieldRows    = 24
	fieldWord    = 25
	fieldShades  = 26
	fieldState   = 29
	// fieldNewer is one that only a later revision of the form has.
	fieldNewer = 77
)

// The forms, and what a committee is.
const (
	formEvery     = 1
	formEnrolment = 2
	formCommittee = 3
	fieldKind     = 30
	monitoring    = "monitoring"
)

// stages are those that an enrolment is led through.
var stages = []string{"clinic_selected", "trust_building", "action_plan", monitoring, monitoring}

var (
	words  = []string{"نان", "آب", "کوچهٔ لاله", "می‌رود", "مدرسه", "چراغ", "درخت", "مسجد", "رودخانه", "همسایه"}
	shades = []string{"red", "green", "blue"}
)

// changeContent changes some fields of a record as a person would who has the
// form before them: few fields, now and then a row.
func changeContent(rng *rand.Rand, before schemas.Record) schemas.Record {
	r := before.Clone()
	if r.Fields == nil {
		r.Fields = map[schemas.FieldID]schemas.Value{}
	}
	for range 1 + rng.IntN(3) {
		changeField(rng, before, r)
	}
	return r
}

func changeField(rng *rand.Rand, before, r schemas.Record) {
	word := func() string { return words[rng.IntN(len(words))] }
	id := func() (x schemas.ID) {
		x[0], x[15] = byte(rng.IntN(4)+1), 7
		return x
	}
	point := func() schemas.Point {
		return schemas.Point{LatE7: 372_000_000 + rng.Int32N(1000), LonE7: 496_000_000 + rng.Int32N(1000)}
	}
	some := func() (codes []string) {
		for _, c := range shades {
			if rng.IntN(2) == 0 {
				codes = append(codes, c)
			}
		}
		return codes
	}
	put := func(f schemas.FieldID, v schemas.Value) {
		if v.IsEmpty() || rng.IntN(8) == 0 {
			delete(r.Fields, f)
			return
		}
		r.Fields[f] = v
	}
	switch f := schemas.FieldID(fieldText + rng.IntN(19)); f {
	case fieldText:
		put(f, schemas.TextValue(word()))
	case fieldStory:
		old := before.Fields[f].Text()
		if rng.IntN(2) == 0 {
			put(f, schemas.TextValue(old+" "+word()))
		} else {
			put(f, schemas.TextValue(word()+" "+old))
		}
	case 12:
		put(f, schemas.IntValue(int64(rng.IntN(6))))
	case 13:
		put(f, schemas.DecimalValue(schemas.Decimal{Mantissa: int64(rng.IntN(1000) - 500), Scale: uint8(rng.IntN(4))}))
	case 14:
		put(f, schemas.IntValue(rng.Int64N(1e12)))
	case 15:
		put(f, schemas.DateValue(20000+rng.Int32N(300)))
	case 16:
		put(f, schemas.IntValue(int64(1395+rng.IntN(10))))
	case 17:
		put(f, schemas.BoolValue(rng.IntN(2) == 0))
	case 18:
		put(f, schemas.CodeValue(shades[rng.IntN(3)]))
	case 19:
		put(f, schemas.CodesValue(some()...))
	case 20:
		put(f, schemas.RefValue(id()))
	case 21:
		put(f, schemas.RefsValue(id(), id()))
	case 22:
		put(f, schemas.PointValue(point()))
	case 23:
		put(f, schemas.PolygonValue([]schemas.Point{point(), point(), point(), point()}))
	case fieldRows, fieldWord, fieldShades:
		r.Fields[fieldRows] = changeRows(rng, before.Fields[fieldRows].Items(), word, some)
	case fieldCounter:
		r.Fields[f] = schemas.IntValue(before.Fields[f].Int() + int64(rng.IntN(5)+1))
	case fieldFiles:
		files := before.Fields[f].Attachments()
		if len(files) > 0 && rng.IntN(2) == 0 {
			files = files[1:]
		}
		r.Fields[f] = schemas.AttachmentsValue(append([]schemas.Attachment{{Size: 9, MediaType: "image/jpeg", Root: [32]byte{1}}}, files...)...)
	}
}

func changeRows(rng *rand.Rand, before []schemas.Item, word func() string, some func() []string) schemas.Value {
	var rows []schemas.Item
	for _, row := range before {
		if rng.IntN(5) == 0 {
			continue
		}
		fields := map[schemas.FieldID]schemas.Value{}
		for k, v := range row.Fields {
			fields[k] = v
		}
		if rng.IntN(3) == 0 {
			fields[fieldWord] = schemas.TextValue(word())
		}
		if v := schemas.CodesValue(some()...); rng.IntN(3) == 0 && !v.IsEmpty() {
			fields[fieldShades] = v
		}
		rows = append(rows, schemas.Item{ID: row.ID, Fields: fields})
	}
	if rng.IntN(2) == 0 {
		row := schemas.Item{Fields: map[schemas.FieldID]schemas.Value{fieldWord: schemas.TextValue(word())}}
		at := rng.IntN(len(rows) + 1)
		rows = append(rows[:at], append([]schemas.Item{row}, rows[at:]...)...)
	}
	if len(rows) > 1 && rng.IntN(4) == 0 {
		rows[0], rows[len(rows)-1] = rows[len(rows)-1], rows[0]
	}
	return schemas.ItemsValue(rows)
}
