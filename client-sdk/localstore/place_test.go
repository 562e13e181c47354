package localstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestWhatIsNoFileIsNamed: a folder or a link where one of the device's files
// belongs is named, and not touched.
func TestWhatIsNoFileIsNamed(t *testing.T) {
	for _, end := range []string{"", ".lock", "-wal", "-shm"} {
		for _, kind := range []string{"folder", "link"} {
			if kind == "link" && (end == "" || end == ".lock") {
				continue // followed
			}
			t.Run(kind+" "+end, func(t *testing.T) {
				b := newBox(t)
				check(t, b.Close())
				path := b.opt.Path + end
				os.Remove(path)
				if kind == "folder" {
					check(t, os.Mkdir(path, 0o700))
				} else {
					check(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), path))
				}
				_, err := Open(ctx, b.opt)
				var named *fs.PathError
				if !errors.As(err, &named) || named.Path != path {
					t.Errorf("open: %v, want an error that names %s", err, path)
				}
			})
		}
	}
}
