package fleet

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"mahalleh/client-sdk/syncer"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/syncproto/session"
)

// Online are devices that stay connected as a client that watches does: whatever
// breaks their connection, they come back by the client's own rules.
type Online struct {
	devices []*Device
	syncers []*syncer.Syncer
	address atomic.Pointer[string]
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// gone are runs that ended although nobody asked for it.
	gone []syncer.Result
}

// Connect brings devices online, so many in a second. It returns at once.
func Connect(ctx context.Context, devices []*Device, address string, perSecond int) *Online {
	o := &Online{devices: devices, syncers: make([]*syncer.Syncer, len(devices))}
	o.Moved(address)
	ctx, o.cancel = context.WithCancel(ctx)
	for i, d := range devices {
		o.syncers[i] = syncer.New(syncer.Options{Store: d, Codec: d.codec, Random: rand.Reader, Clock: func() int64 { return time.Now().UnixMilli() },
			Device: session.DeviceConfig{App: "fleetsim"},
			Progress: func(p syncer.Progress) {
				if p.Phase == syncer.Waiting || p.Phase == syncer.Connecting {
					d.Dropped()
				}
			}}, o.dial)
	}
	o.running.Go(func() {
		pace := time.NewTicker(time.Second / time.Duration(perSecond))
		defer pace.Stop()
		for i := range devices {
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
			}
			o.running.Go(func() { o.run(ctx, i) })
		}
	})
	return o
}

func (o *Online) run(ctx context.Context, i int) {
	r := o.syncers[i].Run(ctx, syncer.Watch)
	o.devices[i].Dropped()
	if ctx.Err() == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.gone = append(o.gone, r)
	}
}

// dial connects to where the server is now.
func (o *Online) dial(ctx context.Context) (syncer.Pipe, error) {
	d := wsdial.Dialer{Addresses: []string{*o.address.Load()}}
	p, err := d.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Moved says where the server listens from now on.
func (o *Online) Moved(address string) { o.address.Store(&address) }

// Queued says that the i-th device saved something.
func (o *Online) Queued(i int) { o.syncers[i].Queued() }

// Standing counts the devices that are caught up and have nothing left to send.
func (o *Online) Standing() int {
	n := 0
	for _, d := range o.devices {
		if d.Stands() {
			n++
		}
	}
	return n
}

// Gone are the runs that ended although nobody asked for it.
func (o *Online) Gone() []syncer.Result {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone
}

// Leave has all devices say goodbye.
func (o *Online) Leave() {
	o.cancel()
	o.running.Wait()
}
