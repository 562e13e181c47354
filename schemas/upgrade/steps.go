package upgrade

import "mahalleh/schemas"

// Steps returns the steps of the forms in schemas/forms. Every form is at its
// first revision, so there is none; a revision that moves a field or renames a
// code in one form adds its step here.
func Steps() []Step { return []Step{} }

// Default returns the table of Steps for the forms in pkg.
func Default(pkg *schemas.Package) (*Table, error) { return NewTable(pkg, Steps()...) }
