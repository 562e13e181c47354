// Package forms holds the forms and code lists themselves as embedded JSON: package 1 of what travels to devices.
package forms

import (
	"embed"
	"io/fs"
	"sync"

	"mahalleh/schemas"
)

//go:embed *.json lists/*.json
var files embed.FS

// Files returns the package's files as schemas.Load reads them, for sending to devices.
func Files() fs.FS { return files }

// Load returns the embedded package. It is read once; the result never changes
// and may be shared by any number of goroutines. An error is a mistake in a form
// file, and the tests of this package find it before any user does.
func Load() (*schemas.Package, error) { return loadOnce() }

var loadOnce = sync.OnceValues(func() (*schemas.Package, error) { return schemas.Load(files) })
