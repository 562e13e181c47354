//go:build !planted

package planted

// Bug reports whether the fault of this name is switched on. Never, in this build.
func Bug(string) bool { return false }
