//go:build !unix

package report

// settle makes what a folder names durable, where the system does not do so by
// itself.
func settle(string) error { return nil }
