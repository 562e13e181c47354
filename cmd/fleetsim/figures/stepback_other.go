//go:build !linux

package figures

import "errors"

// stepBack leaves the processors to the other processes of the measuring.
func stepBack() error {
	return errors.New("priorities of threads are set on Linux only")
}
