//go:build planted

package planted

// on is the one fault that is switched on.
var on string

// Bug reports whether the fault of this name is switched on.
func Bug(name string) bool { return on == name }

// Switch switches one fault on, and the one before off; "" switches all off. It
// is called before anything else runs.
func Switch(name string) (possible bool) {
	on = name
	return true
}
