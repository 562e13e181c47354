package figures

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestReached(t *testing.T) {
	tests := []struct {
		relation Relation
		got      float64
		want     bool
	}{
		{AtMost, 180, true}, {AtMost, 180.04, false}, {AtLeast, 20, true}, {AtLeast, 19, false}, {Exactly, 1, false}, {Exactly, 0, false},
	}
	for _, test := range tests {
		limit := map[Relation]float64{AtMost: 180, AtLeast: 20, Exactly: 2}[test.relation]
		if got := (Goal{"x", test.relation, limit, "B"}).Reached(test.got); got != test.want {
			t.Errorf("%v %v %v: got %t, want %t", test.got, test.relation, limit, got, test.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	sorted := make([]float64, 200)
	for i := range sorted {
		sorted[i] = float64(i + 1)
	}
	for p, want := range map[int]float64{0: 1, 50: 100, 99: 198, 100: 200} {
		if got := percentile(sorted, p); got != want {
			t.Errorf("percentile %d of 1 to 200: got %v, want %v", p, got, want)
		}
	}
	if got := percentile(sorted[:1], 99); got != 1 {
		t.Errorf("percentile 99 of one number: got %v, want it", got)
	}
}

func TestWorst(t *testing.T) {
	var counts tally
	for _, n := range []int64{1, 1, 1, 0, 3, 1} {
		counts.add(n)
	}
	if got := counts.worst(1); got != 3 {
		t.Errorf("worst of one expected: got %v, want 3", got)
	}
}

// A value below the stated size never counts as reached, and a figure whose
// values are not those of its goals is a mistake.
func TestMeasure(t *testing.T) {
	odd := errors.New("odd")
	f := &Figure{Name: "x", Size: []Count{{"histories", 10}}, Goals: []Goal{{"x", Exactly, 0, "failures"}}}
	f.measure = func(ctx context.Context, r *run) error {
		found, err := r.seeds(ctx, r.size("histories"), func(_ context.Context, seed uint64) error {
			if seed%2 == 1 {
				return odd
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.report("x", float64(found.count), nil, found.first...)
		return nil
	}
	env := Env{From: 4, Workers: 3, Progress: func(string, int, int) {}}
	tests := []struct {
		name      string
		n         int
		got       float64
		shortened bool
		failures  []uint64
	}{
		{"as stated", 0, 5, false, []uint64{5, 7, 9, 11, 13}},
		{"less", 1, 0, true, nil},
		{"more", 12, 6, false, []uint64{5, 7, 9, 11, 13, 15}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env.Sizes = map[string]int{"histories": test.n}
			values, err := f.Measure(t.Context(), env)
			if err != nil || len(values) != 1 {
				t.Fatalf("got %v, %v, want one value", values, err)
			}
			v := values[0]
			if v.Got != test.got || v.Shortened != test.shortened || v.OK() || v.From != 4 {
				t.Errorf("got %+v, want %v failures, shortened %t, not ok", v, test.got, test.shortened)
			}
			var seeds []uint64
			for _, failure := range v.Failures {
				seeds = append(seeds, failure.Seed)
			}
			if !slices.Equal(seeds, test.failures) {
				t.Errorf("failing seeds: got %v, want %v", seeds, test.failures)
			}
		})
	}
	f.Goals = append(f.Goals, Goal{"x.other", Exactly, 0, "B"})
	if _, err := f.Measure(t.Context(), env); err == nil {
		t.Error("a figure with too few values is measured without an error")
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All() {
		if found, ok := Find(f.Name); !ok || found.Name != f.Name {
			t.Errorf("figure %s is not found by its name", f.Name)
		}
		for _, g := range f.Goals {
			if seen[g.Value] {
				t.Errorf("two values are called %s", g.Value)
			}
			seen[g.Value] = true
		}
	}
}
