package expr

import (
	"os"
	"testing"
)

func readSource(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const corpus = "testdata/fuzz/FuzzCompile"

func TestCorpusIsNotEmpty(t *testing.T) {
	entries, err := os.ReadDir(corpus)
	if err != nil || len(entries) < 10 {
		t.Fatalf("got %d seeds, %v, want at least 10", len(entries), err)
	}
}

// FuzzCompile holds that no source makes the parser, the checker or the
// evaluator panic or run long, and that what compiles yields what it promised.
func FuzzCompile(f *testing.F) {
	w, env := demo(f), demoEnv(f)
	f.Fuzz(func(t *testing.T, source string) {
		program, err := Compile(source, w)
		if err != nil {
			_ = err.Error() // the place must lie inside the source
			return
		}
		v, err := program.Eval(w, env)
		if err != nil {
			return
		}
		promised := program.Type().Kind
		if !v.IsEmpty() && v.Kind != promised && !(isWord(v.Kind) && isWord(promised)) {
			t.Errorf("%q yields %v, promised %v", source, v.Kind, promised)
		}
		again, err := program.Eval(w, env)
		if err != nil || show(again) != show(v) {
			t.Errorf("%q: got %s, then %s", source, show(v), show(again))
		}
	})
}
