package hub

import (
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// Told makes of results what the session's device may hear: neither where a
// record is that it may not read, nor whether one that it cannot see exists. It
// is for every result that leaves for a device.
func (d *Desk) Told(r store.Reader, results []syncproto.Result) ([]syncproto.Result, error) {
	if len(results) == 0 {
		return nil, nil
	}
	door, err := d.h.access.ForDevice(r, d.device)
	if err != nil {
		return nil, err
	}
	told := make([]syncproto.Result, len(results))
	for i, res := range results {
		told[i] = discreet(door, res)
	}
	return told, nil
}

func discreet(door *access.Door, res syncproto.Result) syncproto.Result {
	if res.Reason == syncproto.ReasonWaitsHome {
		// A change of an unknown record waits for its create.
		res.Reason = syncproto.ReasonWaitsCreate
	}
	if !door.May(res.Scope, access.Read) {
		res.Scope, res.Position = syncproto.ScopeID{}, 0
	}
	return res
}

func logResults(door *access.Door, rows []store.SeqResult) []session.LogResult {
	out := make([]session.LogResult, len(rows))
	for i, r := range rows {
		out[i] = session.LogResult{Seq: r.Seq, Result: discreet(door, r.Result)}
	}
	return out
}

// Reason explains a quarantined change's fault in a cell of its form, for
// showing beside the raw content.
func Reason(row *store.Change) (syncproto.Reason, syncproto.CellKey) {
	if len(row.Result.Cells) > 0 {
		return row.Result.Reason, row.Result.Cells[0].Cell
	}
	return row.Result.Reason, syncproto.CellKey{}
}
