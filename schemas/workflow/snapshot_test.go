package workflow

import (
	"math/rand/v2"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
)

// TestContentIsWrittenAndRead: what was counted is read back as it was, whatever its
// order was, in parts that fit into the form's field.
func TestContentIsWrittenAndRead(t *testing.T) {
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	form, ok := p.FormByName(SnapshotForm)
	if !ok {
		t.Fatal("there is no form for the content")
	}
	field, _ := form.FieldByName("content")
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, linesInPart, linesInPart + 1, 3 * linesInPart} {
		var content []Counted
		for range n {
			var c Counted
			for i := range c.Record {
				c.Record[i], c.Version[i] = byte(rng.Uint32()), byte(rng.Uint32())
			}
			content = append(content, c)
		}
		parts := EncodeCounted(content)
		for _, part := range parts {
			if part == "" || len(part) > field.MaxLength {
				t.Errorf("a part of %d letters of %d records", len(part), n)
			}
		}
		back, err := DecodeCounted(parts)
		if err != nil || len(back) != n {
			t.Fatalf("%d records came back as %d (%v)", n, len(back), err)
		}
		a, _ := Freeze(1, "1", content)
		b, _ := Freeze(1, "1", back)
		if a != b || len(Differences(content, back)) != 0 {
			t.Errorf("%d records came back as others", n)
		}
	}
	for _, bad := range []string{"x", "", "!!", string(make([]byte, 43))} {
		if _, err := DecodeCounted([]string{bad}); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// TestDifferences names what was changed, what came and what went.
func TestDifferences(t *testing.T) {
	one := func(r, v byte) Counted { return Counted{schemas.ID{r}, schemas.ID{v}} }
	got := Differences([]Counted{one(1, 1), one(2, 1), one(3, 1)}, []Counted{one(4, 1), one(3, 1), one(2, 2)})
	want := []Difference{{schemas.ID{1}, Gone}, {schemas.ID{2}, Changed}, {schemas.ID{4}, Added}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestADossierRestsOnForms: they are there, and none holds what the committee may not
// read.
func TestADossierRestsOnForms(t *testing.T) {
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range DossierForms {
		form, ok := p.FormByName(name)
		if !ok || form.Compartment != schemas.CompartmentPlain && form.Compartment != schemas.CompartmentReference {
			t.Errorf("%s: %+v", name, form)
		}
	}
}
