package sqlitestore

import "sync"

// names keeps the short numbers of ids that are committed, or that one
// transaction has seen.
type names struct {
	mu  sync.RWMutex
	num map[[16]byte]int64
	id  map[int64][16]byte
}

func newNames() *names {
	return &names{num: map[[16]byte]int64{}, id: map[int64][16]byte{}}
}

func (n *names) numOf(id [16]byte) (int64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	num, ok := n.num[id]
	return num, ok
}

func (n *names) idOf(num int64) ([16]byte, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	id, ok := n.id[num]
	return id, ok
}

func (n *names) put(num int64, id [16]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.num[id], n.id[num] = num, id
}

func (n *names) add(o *names) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, num := range o.num {
		n.num[id], n.id[num] = num, id
	}
}
