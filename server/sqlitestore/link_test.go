package sqlitestore

import (
	"os"
	"path/filepath"
	"testing"
)

// A link in the place of a file that is emptied or cut when it is opened would have
// another file emptied or cut.
func TestLinksAreNotFollowed(t *testing.T) {
	for name, open := range map[string]func(dir string) error{
		"server.db.lock": func(dir string) error {
			s, err := Open(t.Context(), Options{Path: filepath.Join(dir, "server.db")})
			if err == nil {
				s.Close()
			}
			return err
		},
		"erasures.journal": func(dir string) error {
			e, err := OpenErasures(filepath.Join(dir, "erasures.journal"))
			if err == nil {
				e.Close()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, precious := t.TempDir(), filepath.Join(t.TempDir(), "precious")
			if err := os.WriteFile(precious, []byte("what somebody else wrote"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(precious, filepath.Join(dir, name)); err != nil {
				t.Skip("no links can be made here: ", err)
			}
			if err := open(dir); err == nil {
				t.Error("it was opened")
			}
			if b, err := os.ReadFile(precious); err != nil || string(b) != "what somebody else wrote" {
				t.Errorf("the link's target is %q now, %v", b, err)
			}
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := open(dir); err == nil {
				t.Error("a folder was opened")
			}
		})
	}
}
