package figures

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/prototest/corpus"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

func wireBatch() *Figure {
	return &Figure{
		Name: "wire-batch",
		Size: []Count{{"records", 10_000}},
		Goals: []Goal{
			{"wire-batch", AtLeast, 7, "x"},
			{"wire-batch.alone", AtLeast, 3, "x"},
		},
		Takes:   10 * time.Second,
		measure: measureWireBatch,
	}
}

// pushBytes is how long a batch of a session may be.
const pushBytes = 64 << 10

// sealed is how long a frame is once it is sealed.
func sealed(n int) int {
	const tag = session.MaxSealed - syncproto.MaxFrame
	const segments = (syncproto.MaxFrame + session.MaxSegment - 1) / session.MaxSegment
	return n + (n+session.MaxSegment-1)/session.MaxSegment*(tag/segments)
}

// batchRecords is how many records a batch of the figure holds.
const batchRecords = syncproto.MaxBatchChanges

func measureWireBatch(_ context.Context, r *run) error {
	n := r.size("records")
	w := &world{r: r}
	if err := w.equip(); err != nil {
		return err
	}
	w.writer.whole = true
	made, err := w.writer.create(n)
	if err != nil {
		return err
	}
	body := 0
	for _, ch := range made {
		b, err := recordJSON(w.forms, ch)
		if err != nil {
			return err
		}
		body += len(b)
	}
	json := float64(body) / float64(n)
	detail := map[string]float64{"json": json}
	sizes := map[int]float64{}
	for _, per := range []int{batchRecords, 100, 10} {
		if sizes[per], err = w.onTheLine(made, per, 0); err != nil {
			return err
		}
	}
	detail["bytes"], detail["hundred"], detail["ten"] = sizes[batchRecords], sizes[100], sizes[10]
	// A day's log is not only new records.
	log, err := corpus.Changes(worldSeed, corpus.Measured(), min(n, 5000), wire.NewChange)
	if err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	for i, ch := range log {
		h := ch.Header
		if log[i], err = w.writer.change(h, uint64(i+1), ch.Ops); err != nil {
			return err
		}
	}
	if detail["with_edits"], err = w.onTheLine(log, batchRecords, 0); err != nil {
		return err
	}
	// The first batch of the session carries the tables on which the others lean.
	alone, err := w.onTheLine(made[:min(n, 1000)], 1, ed25519.SignatureSize)
	if err != nil {
		return err
	}
	r.report("wire-batch", json/sizes[batchRecords], detail)
	r.report("wire-batch.alone", json/alone, map[string]float64{"bytes": alone, "json": json})
	return nil
}

// onTheLine is how many bytes a change takes, so many to a batch, in one
// session: batch, message, frame and seals; less is what is not counted of each
// batch. What comes out at the other end is compared.
func (w *world) onTheLine(changes []*syncproto.Change, per, less int) (float64, error) {
	sealer, opener := wire.NewBatchSealer(w.codec, wire.PurposePush, w.writer.cert, w.writer.key), wire.NewBatchOpener(w.codec)
	sealer.PeerKnowsCert()
	opener.LearnCert(w.writer.cert)
	head, all := syncproto.ChainStart(w.writer.cert.Log), 0
	for rest := changes; len(rest) > 0; {
		some := rest[:min(per, len(rest))]
		raw, n, err := sealer.Seal(some[0].Header.OriginSeq, head, some, pushBytes)
		if err != nil {
			return 0, fmt.Errorf("seal a batch: %w", err)
		}
		frame, err := w.codec.AppendFrame(nil, &wire.Push{Batch: raw})
		if err != nil {
			return 0, fmt.Errorf("make a frame: %w", err)
		}
		all += sealed(len(frame)) - less
		batch, err := opener.Open(raw)
		if err != nil {
			return 0, fmt.Errorf("open a batch: %w", err)
		}
		if n != len(some) {
			return 0, errors.New("the records of a batch do not fit into one")
		}
		for i := range some {
			if string(batch.Entries[i].Raw()) != string(wire.AppendChange(nil, some[i])) {
				return 0, fmt.Errorf("change %d comes out differently", some[i].Header.OriginSeq)
			}
		}
		head, rest = batch.Last, rest[n:]
	}
	return float64(all) / float64(len(changes)), nil
}
