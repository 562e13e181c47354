//go:build planted

package planted

import "slices"

// on is the one fault that is switched on.
var on string

// Bug reports whether the fault of this name is switched on.
func Bug(name string) bool { return on == name }

// Names returns the names of all faults in this build, in order.
func Names() []string { return slices.Sorted(slices.Values(names)) }

// Switch switches one fault on, and the one before off; "" switches all off. It
// is called before anything else runs. It reports whether there is such a fault.
func Switch(name string) (possible bool) {
	on = name
	return name == "" || slices.Contains(names, name)
}
