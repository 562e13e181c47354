//go:build unix

package clientsdk

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FreeSpace asks the system how many bytes this user may still write to the
// disk of a folder.
func FreeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}
