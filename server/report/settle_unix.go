//go:build unix

package report

import (
	"errors"
	"os"
)

// settle makes what a folder names durable.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
