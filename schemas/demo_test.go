package schemas

import (
	"os"
	"testing"
)

// demoPackage loads testdata/demo, one form with a field of every type.
func demoPackage(t testing.TB) *Package {
	t.Helper()
	pkg, err := Load(os.DirFS("testdata/demo"))
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func demoForm(t testing.TB) (*Form, *Package) {
	t.Helper()
	pkg := demoPackage(t)
	form, ok := pkg.FormByName("demo")
	if !ok {
		t.Fatal("no form demo")
	}
	return form, pkg
}

// decodeDemo reads a record of the demo form.
func decodeDemo(t testing.TB, data string) (*Form, *Package, Record) {
	t.Helper()
	form, pkg := demoForm(t)
	record, err := DecodeJSON(form, pkg, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return form, pkg, record
}
