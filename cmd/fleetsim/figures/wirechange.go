package figures

import (
	"context"

	"mahalleh/syncproto/prototest/wiresize"
)

func wireChange() *Figure {
	return &Figure{
		Name: "wire-change",
		Goals: []Goal{
			{"wire-change.alone", AtMost, 180, "B"},
			{"wire-change.hundred", AtMost, 150, "B"},
		},
		measure: func(_ context.Context, r *run) error {
			s, err := wiresize.Measure()
			if err != nil {
				return err
			}
			canonical := map[string]float64{"canonical": s.Canonical, "changes": float64(s.Changes)}
			r.report("wire-change.alone", s.Alone, map[string]float64{"most": float64(s.AloneMost), "canonical": s.Canonical, "changes": float64(s.Changes)})
			r.report("wire-change.hundred", s.Hundred, canonical)
			return nil
		},
	}
}
