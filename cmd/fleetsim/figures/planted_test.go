package figures

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestFindings(t *testing.T) {
	tests := []struct {
		name, out, problem string
		want               Fault
		wrong              bool
	}{
		{"found at once", `{"Began":5}` + "\n" + `{"Failed":true,"Law":"convergence","Problem":"p"}`, "", Fault{Found: true, Seed: 5, Played: 1, Law: "convergence", Problem: "p"}, false},
		{"found later", `{"Began":5}` + "\n" + `{"Began":6}` + "\n" + `{"Failed":true,"Law":"hang"}`, "", Fault{Found: true, Seed: 6, Played: 2, Law: "hang"}, false},
		{"not found", `{"Began":5}` + "\n" + `{"Began":6}` + "\n" + `{"Done":true}`, "", Fault{Played: 9}, false},
		{"died of it", `{"Began":5}` + "\n" + `{"Began":6}`, "panic: index\n\ngoroutine 7 [running]:\n", Fault{Found: true, Seed: 6, Played: 2, Law: "panic", Problem: "panic: index"}, false},
		{"killed", `{"Began":5}`, "", Fault{}, true},
		{"died before it began", "", "panic: index\n\ngoroutine 7 [running]:\n", Fault{}, true},
		{"not ours", "hello", "", Fault{}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.Name = test.name
			got, err := findings(test.name, 5, 9, strings.NewReader(test.out), test.problem)
			if test.wrong {
				if err == nil {
					t.Errorf("got %+v, want an error", got)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

// Every fault is played once, and one that cannot be played stops the rest.
func TestFaults(t *testing.T) {
	r := &run{Env: Env{Workers: 3, Progress: func(string, int, int) {}}, figure: plantedFaults()}
	names := []string{"d", "b", "a", "c"}
	got, err := r.faults(t.Context(), names, func(_ context.Context, name string) (Fault, error) { return Fault{Name: name}, nil })
	if err != nil || len(got) != 4 || got[0].Name != "a" || got[3].Name != "d" {
		t.Errorf("got %+v, %v, want a to d", got, err)
	}
	odd := errors.New("odd")
	if _, err := r.faults(t.Context(), names, func(context.Context, string) (Fault, error) { return Fault{}, odd }); !errors.Is(err, odd) {
		t.Errorf("got %v, want the first error", err)
	}
}

func TestGuarded(t *testing.T) {
	err := Guarded(t.Context(), func(context.Context) error { panic("at the disco") })
	if lawOf(err) != lawPanic || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("a panic: got %v", err)
	}
	if err := Guarded(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Errorf("nothing wrong: got %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := Guarded(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
	if got := lawOf(errHang); got != lawHang {
		t.Errorf("an endless history: got %q", got)
	}
}

// A program without faults can play none.
func TestPlayFault(t *testing.T) {
	if err := Child(t.Context(), []string{childFault, "nobody's", "1", "1", t.TempDir()}, &strings.Builder{}); err == nil {
		t.Error("a fault that is not in the program is played")
	}
}
