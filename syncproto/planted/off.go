//go:build !planted

package planted

// Bug reports whether the fault of this name is switched on. Never, in this build.
func Bug(string) bool { return false }

// Names returns the names of all faults in this build: none.
func Names() []string { return nil }

// Switch reports that no fault is in this build.
func Switch(string) (possible bool) { return false }
