package clientsdk

import (
	"fmt"
	"testing"

	"mahalleh/syncproto"
)

// TestLikelyDuplicates: while somebody is typed that is known already, in
// another spelling or under another name with the same number, the one known is
// proposed with what is alike; who only shares a common name is not.
func TestLikelyDuplicates(t *testing.T) {
	d := newDevice(t)
	person := func(name, phone string) syncproto.RecordID {
		return d.record("person", fmt.Sprintf(`{"full_name": %q, "phone": %q, "consent_id": "019bc6a0-0102-7000-8000-000000000102"}`, name, phone))
	}
	tahereh := person("طاهره رضائی", "09121111111")
	reza := person("محمدرضا کریمی", "09122222222")
	person("محمدرضا صادقی", "09123333333")
	asset := d.record("asset", assetJSON)
	for _, x := range []struct {
		form, fields string
		want         syncproto.RecordID
		alike        []string
	}{
		{"person", `{"full_name": "طاهره رضايي"}`, tahereh, []string{"full_name"}}, // Arabic letters
		{"person", `{"full_name": "تاهره رضایی"}`, tahereh, []string{"full_name"}}, // as it sounds
		{"person", `{"full_name": "محمد رضا کریمی"}`, reza, []string{"full_name"}}, // in two words
		{"person", `{"full_name": "کریمی محمدرضا"}`, reza, []string{"full_name"}},  // the other way round
		{"person", `{"full_name": "م. ک.", "phone": "09122222222"}`, reza, []string{"phone"}},
		{"person", `{"full_name": "محمدرضا احمدی"}`, syncproto.RecordID{}, nil},
		{"person", `{"full_name": "م"}`, syncproto.RecordID{}, nil},
		{"person", `{}`, syncproto.RecordID{}, nil},
		{"asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشي دبستان", "address": "خيابان بهار"}`, asset, []string{"title_fa", "address"}},
		{"asset", `{"category": "physical", "subtype": "library", "title_fa": "کتابخانهٔ دبستان"}`, syncproto.RecordID{}, nil},
	} {
		got, err := d.begin(x.form, x.fields).Likely(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if x.want.IsZero() {
			if len(got) > 0 {
				t.Errorf("%s: %s proposed", x.fields, got[0].Title)
			}
			continue
		}
		if len(got) != 1 || got[0].ID != x.want {
			t.Errorf("%s: %+v", x.fields, got)
			continue
		}
		var alike []string
		for _, f := range got[0].Alike {
			alike = append(alike, f.Name)
		}
		if fmt.Sprint(alike) != fmt.Sprint(x.alike) || got[0].Title == "" {
			t.Errorf("%s: %q alike in %v, want %v", x.fields, got[0].Title, alike, x.alike)
		}
	}
	if _, err := d.Delete(ctx, reza, ""); err != nil {
		t.Fatal(err)
	}
	if got, err := d.begin("person", `{"full_name": "محمد رضا کریمی"}`).Likely(ctx); err != nil || len(got) > 0 {
		t.Errorf("a deleted record is proposed: %+v, %v", got, err)
	}
	// The record that is being edited is not its own double.
	if got, err := d.open(tahereh).Likely(ctx); err != nil || len(got) > 0 {
		t.Errorf("proposed for itself: %+v, %v", got, err)
	}
}
