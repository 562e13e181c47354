package figures

import (
	"fmt"
	"slices"
	"strings"

	"mahalleh/client-sdk/sessionstore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// leftBehind writes down what both sides hold, without what may differ with the
// order of arrival (positions, the server's times), and checks both stores.
func (w *world) leftBehind() (string, error) {
	if same, err := w.equal(); err != nil || !same {
		return "", fmt.Errorf("device and server differ: %w", causeOf(err))
	}
	if found, err := w.device.Check(w.ctx); err != nil || len(found) > 0 {
		return "", fmt.Errorf("the device's check: %v, %w", found, orNil(err))
	}
	if report, err := w.server.Check(w.ctx); err != nil || len(report.Problems) > 0 {
		return "", fmt.Errorf("the server's check: %v, %w", report.Problems, orNil(err))
	}
	lines, err := w.serverLines()
	if err != nil {
		return "", err
	}
	mine, err := w.deviceLines()
	if err != nil {
		return "", err
	}
	lines = append(lines, mine...)
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}

// serverLines is a line for each log, change and record of the server.
func (w *world) serverLines() (lines []string, err error) {
	say := func(format string, args ...any) { lines = append(lines, "server "+fmt.Sprintf(format, args...)) }
	err = w.server.View(w.ctx, func(r store.Reader) error {
		lines = nil
		logs, err := r.Logs(syncproto.DeviceID{})
		if err != nil {
			return err
		}
		for _, l := range logs {
			if l.Device.IsZero() {
				continue // the office's, a new one at each opening
			}
			say("log %v to %d, head %x", l.ID, l.Received, l.Head)
			results, err := r.Results(l.ID, 1, int(l.Received))
			if err != nil {
				return err
			}
			for _, res := range results {
				say("entry %d of log %v: %v, outcome %d, reason %d", res.Seq, l.ID, res.Result.Change, res.Result.Outcome, res.Result.Reason)
			}
		}
		scopes, err := r.Scopes()
		if err != nil {
			return err
		}
		for _, s := range scopes {
			say("scope %v: %d records, sum %x", s.ID, s.Count, s.Sum)
			err := r.Each(s.ID, func(id syncproto.RecordID, hash [16]byte) error {
				rec, err := r.Record(id)
				if err == nil {
					say("record %v: %x, version %d, %d open conflicts", id, hash, rec.State.Number, rec.Open)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return lines, err
}

// deviceLines is a line for each of the device's logs with its receipt, own
// changes and records, besides what waits.
func (w *world) deviceLines() (lines []string, err error) {
	say := func(format string, args ...any) { lines = append(lines, "device "+fmt.Sprintf(format, args...)) }
	logs, err := w.device.Logs(w.ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range logs {
		say("log %v to %d, received %d, head %x", l.Log, l.HeadSeq, l.Received, l.Head)
		raw, err := sessionstore.Receipt(w.ctx, w.device, l.Log)
		if err != nil {
			return nil, err
		}
		receipt, err := wire.DecodeReceipt(raw)
		if err != nil {
			return nil, fmt.Errorf("the receipt: %w", err)
		}
		if err := receipt.Verify(w.identity.Keys().Receipt); err != nil {
			return nil, fmt.Errorf("the receipt: %w", err)
		}
		say("receipt of log %v: %v, chain %x, era %v", receipt.Log, receipt.Ranges, receipt.Chain, receipt.Era)
	}
	queue, err := w.device.Queue(w.ctx)
	if err != nil {
		return nil, err
	}
	say("waits: %d", queue.Changes)
	var ids []syncproto.RecordID
	if err := w.device.Records(w.ctx, func(id syncproto.RecordID) error { ids = append(ids, id); return nil }); err != nil {
		return nil, err
	}
	for _, id := range ids {
		held, err := w.device.State(w.ctx, id)
		if err != nil {
			return nil, err
		}
		say("record %v: %x", id, wire.StateHash(held.State))
		own, err := w.device.History(w.ctx, id)
		if err != nil {
			return nil, err
		}
		for _, o := range own {
			if o.Result == nil {
				say("change %d was told nothing", o.Seq)
				continue
			}
			say("change %d of log %v is %v: outcome %d, reason %d", o.Seq, o.Log, o.Change.ID, o.Result.Outcome, o.Result.Reason)
		}
	}
	return lines, nil
}

// firstDifference is the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("%q, without the cut %q", g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, without the cut %d", len(g), len(w))
}
