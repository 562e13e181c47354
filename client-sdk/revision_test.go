package clientsdk

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
)

// laterForms is the embedded package with a second revision of the form asset,
// which asks one thing more.
func laterForms(t testing.TB) *schemas.Package {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(forms.Files(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(forms.Files(), path)
		files[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(files["asset.r1.json"].Data)
	text = strings.Replace(text, `"revision": 1`, `"revision": 2`, 1)
	text = strings.Replace(text, `"fields": [`, `"fields": [{"id": 90, "name": "lit", "type": "boolean", "label": {"fa": "روشنایی", "en": "Lit"}, "sensitivity": "S0"},`, 1)
	files["asset.r2.json"] = &fstest.MapFile{Data: []byte(text)}
	pkg, err := schemas.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// TestDraftKeepsItsRevision upgrades the program while a form is half filled.
func TestDraftKeepsItsRevision(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	edit := d.open(id)
	d.set(edit, "condition", "5")
	if err := edit.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	d.opt.Forms = laterForms(t)
	d.restart()
	again, err := d.OpenDraft(ctx, edit.ID())
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Form().Revision; got != 1 {
		t.Errorf("opened in revision %d, begun in 1", got)
	}
	r := d.mustSave(again)
	if _, ops := d.change(r.Change); len(ops) != 2 {
		t.Errorf("the change holds %v, want the condition and the presence", ops)
	}
	if fresh := d.open(id); fresh.Form().Revision != 2 {
		t.Errorf("a new edit is in revision %d, want 2", fresh.Form().Revision)
	}
	d.edit(id, "lit", "بله")
	// An older program keeps what it does not know.
	d.opt.Forms = nil
	d.restart()
	d.edit(id, "condition", "2")
	d.opt.Forms = laterForms(t)
	d.restart()
	if v := d.value(id, "lit"); !v.Bool() {
		t.Errorf("the older program lost the newer field: %v", v)
	}
}

func TestComputedIsShownAndNotStored(t *testing.T) {
	d := newDevice(t)
	r := d.mustSave(d.begin("need", strings.Replace(needJSON, `"root_causes"`, `"hanlon_a": 8, "hanlon_b": 14, "hanlon_c": 6,
		"pearl_propriety": true, "pearl_economics": true, "pearl_acceptability": true, "pearl_resources": true, "pearl_legality": true, "root_causes"`, 1)))
	if len(d.get(r.Record).Computed.Fields) == 0 {
		t.Error("nothing is computed")
	}
	form, _ := d.forms.FormByName("need")
	ch, _ := d.change(r.Change)
	for _, op := range ch.Ops {
		if f, ok := form.Field(schemas.FieldID(op.Field)); ok && f.Type == schemas.TypeComputed {
			t.Errorf("the computed field %s is in the change", f.Name)
		}
	}
}
