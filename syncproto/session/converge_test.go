package session

import (
	"fmt"
	"testing"

	"mahalleh/syncproto"
)

var (
	scopeA = syncproto.ScopeID{1}
	scopeB = syncproto.ScopeID{2}
	scopeC = syncproto.ScopeID{3}
)

// Seeded histories with every fault that the machines must bear; afterwards
// everybody agrees, nothing is missing, and no queue is left.
func TestHistoriesConverge(t *testing.T) {
	const seeds = 200
	for seed := uint64(1); seed <= seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { playHistory(t, seed) })
	}
}

func playHistory(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	rnd := w.rnd
	all := []syncproto.ScopeID{scopeA, scopeB, scopeC}
	for range 2 + rnd.IntN(4) {
		var scopes []syncproto.ScopeID
		for _, s := range all {
			if rnd.IntN(3) > 0 {
				scopes = append(scopes, s)
			}
		}
		w.addDevice(scopes...)
	}
	w.faults = true
	var backup *fakeServer
	copies := map[int]*fakeDevice{}
	for range 300 + rnd.IntN(1500) {
		w.now += int64(rnd.IntN(400))
		i := rnd.IntN(len(w.devices))
		p := w.devices[i]
		switch n := rnd.IntN(1000); {
		case n < 60:
			w.connect(p)
		case n < 75:
			if p.link != nil {
				w.logf("cut")
				w.cut(p)
			}
		case n < 150:
			scope := all[rnd.IntN(len(all))]
			record, ok := anyRecord(rnd, p.store, scope)
			if !ok || rnd.IntN(2) == 0 {
				record = w.id()
			}
			c := fakeChange{id: w.id(), record: record, scope: scope}
			if rnd.IntN(8) == 0 {
				c.moveTo = all[rnd.IntN(len(all))]
			}
			p.store.save(c)
			w.queued(p)
		case n < 155: // a burst
			for range rnd.IntN(200) {
				w.save(p, all[rnd.IntN(len(all))], w.id())
			}
		case n < 158:
			g := w.server.grants[p.store.id]
			s := all[rnd.IntN(len(all))]
			w.server.serial++
			if g[s] {
				delete(g, s)
			} else {
				g[s] = true
			}
			w.logf("grants of %s are %v", p.store.id.String()[:4], g)
			if p.link != nil && rnd.IntN(3) > 0 {
				w.serverStep(p, GrantsChanged{})
			}
		case n < 160: // one record of the copy goes bad
			for _, s := range all {
				if r, ok := anyRecord(rnd, p.store, s); ok {
					b := append([]byte(nil), p.store.shadow[s][r]...)
					if rnd.IntN(2) == 0 {
						delete(p.store.shadow[s], r)
					} else {
						p.store.shadow[s][r] = append(b, make([]byte, 16)...)
					}
					break
				}
			}
		case n < 162:
			if len(p.store.lost) == 0 {
				copies[i] = p.store.clone()
			}
		case n < 164: // an old copy of the device's database comes back
			if c := copies[i]; c != nil {
				w.cut(p)
				w.logf("device %s is restored", p.store.id.String()[:4])
				p.store = c
				delete(copies, i)
			}
		case n < 165: // a clone: the same database on a second phone
			if len(w.devices) < 8 && len(p.store.lost) == 0 {
				w.devices = append(w.devices, &phone{store: p.store.clone()})
			}
		case n < 167:
			w.verifyBackup(&backup)
		case n < 168: // the server comes back from its backup, announced or not
			if backup != nil {
				w.restore(backup, rnd.IntN(2) == 0)
			}
		case n < 170:
			w.server.full = !w.server.full
		case n < 172: // a change cannot be read any more
			if d := p.store; d.head() > d.acked && rnd.IntN(4) == 0 && !d.copied {
				d.lost[d.acked+1+uint64(rnd.IntN(int(d.head()-d.acked)))] = true
			}
		case n < 173:
			if p.link != nil {
				w.serverStep(p, Shed{Code: 7, RetryAfter: 1000})
			}
		case n < 174:
			w.now += 100_000
			if p.link != nil {
				w.deviceStep(p, Tick{})
			}
			if p.link != nil {
				w.serverStep(p, Tick{})
			}
		case n < 175:
			if rnd.IntN(6) == 0 {
				w.server.revoked[p.store.id] = true
				w.server.serial++
				if p.link != nil {
					w.serverStep(p, GrantsChanged{})
				}
			}
		default:
			for range 1 + rnd.IntN(20) {
				w.step(p, rnd.IntN(6))
			}
		}
	}
	w.heal()
}

// verifyBackup takes a backup and tells the devices what stands in it.
func (w *world) verifyBackup(backup **fakeServer) {
	*backup = w.server.clone()
	for id, l := range w.server.logs {
		l.safe = l.received()
		(*backup).log(id).safe = l.safe
	}
	for _, p := range w.devices {
		if p.link != nil && !p.link.ended {
			w.serverStep(p, BackupVerified{Log: p.store.log, Seq: w.server.log(p.store.log).safe})
		}
	}
}

func (w *world) restore(backup *fakeServer, announced bool) {
	w.logf("the server is restored, announced %v", announced)
	for _, p := range w.devices {
		w.cut(p)
	}
	grants, serial, revoked := w.server.grants, w.server.serial, w.server.revoked
	w.server = backup.clone()
	w.server.grants, w.server.serial, w.server.revoked = grants, serial+1, revoked
	if announced {
		w.server.eras = append(w.server.eras, w.id())
	}
}
