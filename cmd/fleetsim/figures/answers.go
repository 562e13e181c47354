package figures

import (
	"encoding/json"
	"fmt"
	"maps"

	"mahalleh/schemas"
)

// answers fills the form of an asset in, each time a little differently.
func (s *saver) answers(before schemas.Record, i int) (schemas.Record, error) {
	subtypes := []string{"hall", "park", "waqf"}
	raw, err := json.Marshal(map[string]any{
		"category": "physical", "subtype": subtypes[i%len(subtypes)],
		"title_fa":    fmt.Sprintf("سالن ورزشی کوچهٔ %d (نوبت عصر)", i),
		"description": fmt.Sprintf("کلید نزد سرایدار است؛ پس از ساعت %d با هماهنگی مدیر در اختیار اهالی قرار می‌گیرد.", 8+i%12),
		"location":    map[string]any{"lat": 37.2511 + float64(i%100)/1e4, "lon": 49.6124, "accuracy_m": 8},
		"owner_kind":  "public", "capacity_value": 20 + i%50, "capacity_unit": "person",
		"availability": "by_permission", "condition": 1 + i%4, "accessible": "partly",
	})
	if err != nil {
		return schemas.Record{}, fmt.Errorf("write answers: %w", err)
	}
	filled, err := schemas.DecodeJSON(s.form, s.forms, raw)
	if err != nil {
		return schemas.Record{}, fmt.Errorf("read answers: %w", err)
	}
	after := before.Clone()
	if after.Fields == nil {
		after.Fields = map[schemas.FieldID]schemas.Value{}
	}
	maps.Copy(after.Fields, filled.Fields)
	return after, nil
}
