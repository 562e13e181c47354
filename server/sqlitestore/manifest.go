package sqlitestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// manifestFormat is the number of the manifest's form. A newer one is refused.
const manifestFormat = 1

// maxManifest bounds a manifest: about 180 bytes for each log and era, for
// some 90,000 of them.
const maxManifest = 16 << 20

// Manifest says what a backup holds. Ids and hashes are in hexadecimal.
type Manifest struct {
	Format int `json:"format"`
	// Schema is the number of the database's last migration.
	Schema int `json:"schema"`
	// Time is when the backup was made, Unix ms by the server's clock.
	Time int64 `json:"time"`
	// File is the copy's name in the backup's folder.
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Changes and Records are how many the copy holds.
	Changes int64 `json:"changes"`
	Records int64 `json:"records"`
	// Acts is how many administrative acts of the server it holds, ActsHead their
	// chain.
	Acts     uint64        `json:"acts"`
	ActsHead string        `json:"acts_head"`
	Eras     []ManifestEra `json:"eras"`
	Logs     []ManifestLog `json:"logs"`
	// Check is SHA-256 over all the rest: what stands here alone, such as the
	// time, would else change unnoticed.
	Check string `json:"check"`
}

// sealed is the manifest with its check.
func (m Manifest) sealed() Manifest {
	m.Check = ""
	b, err := json.Marshal(m)
	if err != nil {
		return m // which no manifest is: it holds numbers and texts
	}
	sum := sha256.Sum256(b)
	m.Check = hex.EncodeToString(sum[:])
	return m
}

// ManifestEra is one opening of the store, oldest first.
type ManifestEra struct {
	ID     string `json:"id"`
	Opened int64  `json:"opened"`
}

// ManifestLog says how far a device's log stands in the copy.
type ManifestLog struct {
	Log      string `json:"log"`
	Received uint64 `json:"received"`
	Head     string `json:"head"`
}

// errManifest says that a manifest is not one.
var errManifest = errors.New("not a backup's manifest")

// ParseManifest reads a manifest.
func ParseManifest(b []byte) (m Manifest, err error) {
	if len(b) > maxManifest {
		return m, fmt.Errorf("%d bytes: %w", len(b), errManifest)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("%w: %w", errManifest, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return m, fmt.Errorf("something follows: %w", errManifest)
	}
	switch {
	case m.Format > manifestFormat || m.Schema > SchemaVersion():
		return m, fmt.Errorf("backup of format %d, schema %d: %w", m.Format, m.Schema, store.ErrNewer)
	case m.Format < 1 || m.Schema < 1 || m.Size < 0:
		return m, fmt.Errorf("format %d, schema %d, size %d: %w", m.Format, m.Schema, m.Size, errManifest)
	case m.File != copyName:
		return m, fmt.Errorf("file %.60q: %w", m.File, errManifest)
	}
	if _, err := hash32(m.SHA256); err != nil {
		return m, err
	}
	if m.sealed().Check != m.Check {
		return m, fmt.Errorf("the manifest was changed since it was written: %w: %w", errManifest, store.ErrCorrupt)
	}
	for _, e := range m.Eras {
		if _, err := syncproto.ParseID(e.ID); err != nil {
			return m, fmt.Errorf("%w: era: %w", errManifest, err)
		}
	}
	for _, l := range m.Logs {
		if _, err := syncproto.ParseID(l.Log); err != nil {
			return m, fmt.Errorf("%w: log: %w", errManifest, err)
		}
		if _, err := hash32(l.Head); err != nil {
			return m, err
		}
	}
	return m, nil
}

func hash32(s string) (h [32]byte, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("hash %.80q: %w", s, errManifest)
	}
	copy(h[:], b)
	return h, nil
}

// MarkSafe notes in the logs of a store how far this backup holds them, so that
// devices may let go of what they kept. It is called once the backup was
// verified. Logs that do not stand in the store as they stand in the backup are
// passed over: the backup is of another history. It returns how many were moved
// on.
func (m Manifest) MarkSafe(tx store.Tx) (moved int, err error) {
	for _, l := range m.Logs {
		id, err := syncproto.ParseID(l.Log)
		if err != nil {
			return moved, fmt.Errorf("mark log safe: %w", err)
		}
		head, err := hash32(l.Head)
		if err != nil {
			return moved, fmt.Errorf("mark log safe: %w", err)
		}
		log, err := tx.Log(id)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return moved, fmt.Errorf("mark log safe: %w", err)
		}
		same := log.Received == l.Received && log.Head == head
		if !same && log.Received > l.Received {
			e, err := tx.Entry(id, l.Received)
			if err != nil && !isNotFound(err) {
				return moved, fmt.Errorf("mark log safe: %w", err)
			}
			same = err == nil && e.Chain == head
		}
		if !same || log.BackupSafe >= l.Received {
			continue
		}
		log.BackupSafe = l.Received
		if err := tx.PutLog(log); err != nil {
			return moved, fmt.Errorf("mark log safe: %w", err)
		}
		moved++
	}
	return moved, nil
}
