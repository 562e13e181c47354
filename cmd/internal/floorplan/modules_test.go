package floorplan

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// TestSQLitePair holds the one pair of modules that must move together: the
// SQLite driver is generated for exactly one version of its C library, and
// another one, though it compiles, may corrupt memory.
func TestSQLitePair(t *testing.T) {
	var sqlite, libc struct {
		Version, GoMod string
		Replace        *struct{ Path string }
	}
	goJSON(t, &sqlite, "list", "-m", "-json", "modernc.org/sqlite")
	goJSON(t, &libc, "list", "-m", "-json", "modernc.org/libc")
	if sqlite.Replace != nil || libc.Replace != nil {
		t.Error("modernc.org/sqlite or modernc.org/libc is replaced; the pair is no longer the published one")
	}
	want := required(t, sqlite.GoMod, "modernc.org/libc")
	if libc.Version != want {
		t.Errorf("go.mod selects modernc.org/libc %s with modernc.org/sqlite %s, which requires exactly %s", libc.Version, sqlite.Version, want)
	}
	// The selected version must also be the one that is written down: an
	// indirect requirement elsewhere could raise it unseen.
	if got := required(t, "", "modernc.org/libc"); got != want {
		t.Errorf("go.mod requires modernc.org/libc %q, want %s", got, want)
	}
}

// required reads which version of a module a go.mod file requires; "" names
// the module's own file.
func required(t *testing.T, file, path string) string {
	t.Helper()
	args := []string{"mod", "edit", "-json"}
	if file != "" {
		args = append(args, file)
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	goJSON(t, &mod, args...)
	for _, r := range mod.Require {
		if r.Path == path {
			return r.Version
		}
	}
	return ""
}

func goJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, stderr.Bytes())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}
