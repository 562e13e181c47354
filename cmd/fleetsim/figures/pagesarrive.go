package figures

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mahalleh/schemas/forms"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// pagesDevices bring what arrives while readers look, in as many neighbourhoods.
const pagesDevices = 50

// arrivals are devices and what each of them brings, a change at a time, signed before
// the clock starts.
type arrivals struct {
	codec   *wire.Codec
	devices []*pusher
	batches [][]push
}

// arrivals makes devices in the province's neighbourhoods and so many changes of
// theirs.
func (p *paging) arrivals(changes int) (a *arrivals, err error) {
	f := &fleet{ctx: p.ctx}
	if f.codec, err = wire.NewCodec(); err != nil {
		return nil, err
	}
	if f.forms, err = forms.Load(); err != nil {
		return nil, fmt.Errorf("load the forms: %w", err)
	}
	if f.drafts, err = makeDrafts(f.forms); err != nil {
		return nil, err
	}
	a = &arrivals{codec: f.codec}
	for n := range pagesDevices {
		d, err := f.newPusher(uint64(n+1), p.hoods[n%len(p.hoods)])
		if err != nil {
			return nil, err
		}
		w := &work{}
		for range (changes + pagesDevices - 1) / pagesDevices {
			if err := d.create(w); err != nil {
				return nil, err
			}
		}
		batches, err := d.seal(w.changes, 1)
		if err != nil {
			return nil, err
		}
		a.devices, a.batches = append(a.devices, d), append(a.batches, batches)
	}
	err = p.store.Update(p.ctx, func(tx store.Tx) error {
		serial, err := tx.GrantSerial()
		if err != nil {
			return err
		}
		for n, d := range a.devices {
			if err := d.enrolled(tx, access.Facilitator, serial+uint64(n)+1); err != nil {
				return err
			}
		}
		return nil
	})
	p.hub.AccessChanged()
	return a, err
}

// arriving has changes arrive at a steady rate, each device's one after another, and
// says how long each took from when it was due until it was durable.
func (p *paging) arriving(a *arrivals, length time.Duration) (acks []time.Duration, failed error) {
	began := time.Now()
	var mu sync.Mutex
	var bringing sync.WaitGroup
	for n, d := range a.devices {
		bringing.Go(func() {
			opener := wire.NewBatchOpener(a.codec)
			for i, b := range a.batches[n] {
				due := began.Add(time.Duration(i*pagesDevices+n) * time.Second / pagesRate)
				time.Sleep(time.Until(due))
				if time.Since(began) > length {
					return
				}
				err := p.bring(d, opener, b.batch)
				mu.Lock()
				acks, failed = append(acks, time.Since(due)), errors.Join(failed, err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	bringing.Wait()
	p.got.Changes = len(acks)
	p.got.Rate = float64(p.got.Changes) / time.Since(began).Seconds()
	return acks, failed
}

// bring has the hub take in a batch as a session does.
func (p *paging) bring(d *pusher, opener *wire.BatchOpener, sealed []byte) error {
	batch, err := opener.Open(sealed)
	if err != nil {
		return fmt.Errorf("open a batch: %w", err)
	}
	got, err := p.hub.Accept(p.ctx, d.cert.Device(), batch)
	if err != nil {
		return fmt.Errorf("take in a batch: %w", err)
	}
	for _, res := range got.Results {
		if res.Result.Outcome != syncproto.Applied {
			return fmt.Errorf("change %d of device %d is %s, reason %d", res.Seq, d.number, res.Result.Outcome, res.Result.Reason)
		}
	}
	return nil
}
