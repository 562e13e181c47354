package localstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"mahalleh/syncproto"
)

// Manifest describes a backup file; it stands beside it as Path.manifest.
type Manifest struct {
	// Size in bytes and SHA-256 in hexadecimal digits of the backup file.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Made is the device's clock, Unix milliseconds.
	Made int64 `json:"made"`
	// Log and HeadSeq name the current log and its last change.
	Log     string `json:"log"`
	HeadSeq uint64 `json:"head_seq"`
	// Check is SHA-256 over all the rest, so that nothing changes unnoticed.
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

const manifestSuffix = ".manifest"

// BackupTo writes a copy of the store to a new file, sealed as the store is,
// and a manifest beside it. A store that was put back from a backup goes on
// under a new log.
func (s *Store) BackupTo(ctx context.Context, path string) (m Manifest, err error) {
	m, err = s.backup(ctx, path)
	if err != nil {
		return Manifest{}, fmt.Errorf("back up to %s: %w", path, err)
	}
	return m, nil
}

func (s *Store) backup(ctx context.Context, path string) (m Manifest, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return m, ErrExists
	}
	if err != nil {
		return m, err
	}
	f.Close()
	s.write.Lock()
	cur := s.cur
	if s.db == nil {
		err = ErrClosed
	} else if _, err = s.db.write.ExecContext(context.WithoutCancel(ctx), "VACUUM INTO ?", path); err != nil {
		err = translate(err)
	}
	s.write.Unlock()
	if err != nil {
		os.Remove(path)
		return m, err
	}
	m = Manifest{Made: s.now(), Log: cur.id.String(), HeadSeq: cur.seq}
	if m.Size, m.SHA256, err = settleFile(path); err != nil {
		return m, err
	}
	m = m.sealed()
	b, err := json.MarshalIndent(&m, "", "  ")
	if err != nil {
		return m, err
	}
	return m, os.WriteFile(path+manifestSuffix, append(b, '\n'), 0o600)
}

// settleFile brings a file to the disk and returns its size and digest. The
// file is not a store that is open.
func settleFile(path string) (size int64, digest string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return 0, "", err
	}
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, "", err
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}

// VerifyBackup reads a backup file and says whether it is what its manifest
// describes; ErrCorrupt if it is not.
func VerifyBackup(path string) (m Manifest, err error) {
	b, err := os.ReadFile(path + manifestSuffix)
	if err != nil {
		return m, fmt.Errorf("verify backup: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("verify backup: manifest: %w: %w", ErrCorrupt, err)
	}
	if m.sealed().Check != m.Check {
		return m, fmt.Errorf("verify backup: manifest: it was changed since it was written: %w", ErrCorrupt)
	}
	if _, err := syncproto.ParseID(m.Log); err != nil {
		return m, fmt.Errorf("verify backup: manifest: %w: %w", ErrCorrupt, err)
	}
	size, digest, err := settleFile(path)
	if err != nil {
		return m, fmt.Errorf("verify backup: %w", err)
	}
	if size != m.Size || digest != m.SHA256 {
		return m, fmt.Errorf("verify backup: file is not the one that was made: %w", ErrCorrupt)
	}
	return m, nil
}
