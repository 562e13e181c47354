//go:build planted

package planted

import "os"

// on is the one fault of this process, from its environment, so that a child
// process can be started for each.
var on = os.Getenv("MAHALLEH_PLANTED")

// Bug reports whether the fault of this name is switched on.
func Bug(name string) bool { return on == name }
