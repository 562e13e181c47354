package dashboard

import (
	"fmt"

	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// sealData says what a dossier's approval froze, so that whoever holds the paper can
// compare it with what the server keeps.
type sealData struct {
	Line, Hash string
	QR         qrCode
}

// seal is that of a dossier; nil for one that was not approved, or that the reader
// may not see.
func (v *visit) seal(view *access.View, place store.Place, dossier syncproto.RecordID) (*sealData, error) {
	form, ok := v.forms.FormByName("dossier")
	if !ok {
		return nil, nil
	}
	held, ok := contentOf(view, form, dossier)
	hash := ""
	if ok {
		hash = held.value("snapshot_hash").Text()
	}
	if hash == "" {
		return nil, nil
	}
	number := held.int("snapshot_number")
	code, err := drawQR(fmt.Sprintf("mahalleh:dossier:%d:%d:%s", place.Number, number, hash))
	if err != nil {
		return nil, fmt.Errorf("draw the QR code of a dossier: %w", err)
	}
	formula := held.value("snapshot_formula_version").Text()
	return &sealData{Line: v.say("office_map.seal_line", texts.Args{"n": number, "formula": formula}), Hash: hash, QR: code}, nil
}
