package merge

import (
	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
)

// VersionDecided returns the version of a record as it stands that a decision on
// it names: a function of the candidates of what is decided on, so the same on
// device and server.
func VersionDecided(form *schemas.Form, s *syncproto.RecordState) schemas.ID {
	var all []workflow.Standing
	for k, cell := range s.Cells {
		at := workflow.Standing{Field: k.Field, Sub: k.Sub, Item: schemas.ID(k.Item)}
		if k.Element != (syncproto.Value{}) {
			id := k.Element.ID()
			at.Element = append(append([]byte{byte(k.Element.Type)}, id[:]...), k.Element.Bytes()...)
		}
		for _, c := range cell.Candidates {
			at.Version = schemas.ID(c.Version)
			all = append(all, at)
		}
	}
	return workflow.VersionOf(form, all)
}
