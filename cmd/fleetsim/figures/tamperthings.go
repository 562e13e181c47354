package figures

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// tampering is a server and a device with something of everything in them, and
// what was made of them.
type tampering struct {
	*run
	ctx      context.Context
	w        *world
	key      []byte
	recovery *ecdh.PrivateKey
	dir      string // of what was made
	batches  [][]byte
	receipt  []byte
}

func (k *tampering) close() { _ = os.RemoveAll(k.dir) }

// The names under dir.
const (
	tamperedBackup = "backup"
	tamperedPhone  = "phone.backup"
	tamperedExport = "pending.export"
	manifestFile   = "manifest.json"
	erasuresFile   = "erasures.journal"
)

// prepare works for a while and lists what bits are flipped in.
func (k *tampering) prepare() (all []*tampered, err error) {
	random := &turns{}
	random.begin(worldSeed)
	k.key = []byte(strings.Repeat("k", localstore.MinKeyFile))
	k.w = &world{r: k.run, ctx: k.ctx, keyFile: k.key, random: random, clock: stillClock{}}
	if err := k.w.begin(); err != nil {
		return nil, err
	}
	k.dir = k.w.dir
	if err := k.work(random); err != nil {
		return nil, errors.Join(err, k.w.close())
	}
	server, err := os.ReadFile(filepath.Join(k.dir, serverName))
	if err != nil {
		return nil, fmt.Errorf("read what was made: %w", err)
	}
	device, err := os.ReadFile(filepath.Join(k.dir, deviceName))
	if err != nil {
		return nil, fmt.Errorf("read what was made: %w", err)
	}
	serverNamed, err := k.inDatabase(serverName)
	if err != nil {
		return nil, err
	}
	deviceNamed, err := k.inDatabase(deviceName)
	if err != nil {
		return nil, err
	}
	all = []*tampered{
		{name: "server", share: 25, whole: server, look: k.lookServer, named: serverNamed},
		{name: "device", share: 25, whole: device, look: k.lookDevice, named: deviceNamed},
		{name: "batch", share: 15, whole: k.batches[0], look: k.lookBatch, places: []string{"batch"}},
		{name: "receipt", share: 5, whole: k.receipt, look: k.lookReceipt, places: []string{"receipt"}},
	}
	for _, f := range []struct {
		name, file string
		share      int
		look       func(string, string) (string, string, error)
		places     []string
	}{
		{"backup", tamperedBackup + "/" + serverName, 10, k.lookBackup, []string{"the copy"}},
		{"manifest", tamperedBackup + "/" + manifestFile, 5, k.lookBackup, []string{"manifest", "release"}},
		{"erasures", tamperedBackup + "/" + erasuresFile, 5, k.lookErasures, []string{"line"}},
		{"phone.backup", tamperedPhone, 3, k.lookPhoneBackup, []string{"file"}},
		{"phone.manifest", tamperedPhone + ".manifest", 2, k.lookPhoneBackup, []string{"manifest"}},
		{"export", tamperedExport, 5, k.lookExport, []string{"piece", "export", "key"}},
	} {
		whole, err := os.ReadFile(filepath.Join(k.dir, f.file))
		if err != nil {
			return nil, fmt.Errorf("read what was made: %w", err)
		}
		look := func(dir string, b []byte) (string, string, error) {
			if err := k.besides(dir, f.file, b); err != nil {
				return "", "", err
			}
			return f.look(dir, f.file)
		}
		all = append(all, &tampered{name: f.name, share: f.share, whole: whole, look: look, places: f.places})
	}
	return all, nil
}

// besides copies what belongs to a file, and the file's other bytes.
func (k *tampering) besides(dir, file string, b []byte) error {
	for _, group := range [][]string{
		{tamperedBackup + "/" + serverName, tamperedBackup + "/" + manifestFile, tamperedBackup + "/" + erasuresFile},
		{tamperedPhone, tamperedPhone + ".manifest"}, {tamperedExport},
	} {
		if !slices.Contains(group, file) {
			continue
		}
		for _, name := range group {
			raw := b
			if name != file {
				var err error
				if raw, err = os.ReadFile(filepath.Join(k.dir, name)); err != nil {
					return fmt.Errorf("copy what belongs together: %w", err)
				}
			}
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return fmt.Errorf("copy what belongs together: %w", err)
			}
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				return fmt.Errorf("copy what belongs together: %w", err)
			}
		}
	}
	return nil
}

// work makes records, conflicts, acts, a draft, a backup, an export, batches and
// a receipt, and closes both stores.
func (k *tampering) work(random *turns) error {
	w := k.w
	if err := w.fill(40); err != nil {
		return err
	}
	for range 4 { // a log of several runs
		made, err := w.writer.create(1)
		if err != nil {
			return err
		}
		if err := w.bring(made); err != nil {
			return err
		}
	}
	for i := range 10 {
		random.begin(uint64(i))
		made, err := w.writer.create(1)
		if err != nil {
			return err
		}
		w.writer.seq-- // it is the device's change
		if err := w.append(made[0]); err != nil {
			return err
		}
	}
	l, err := w.connect()
	if err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return err
	}
	l.device.Prove()
	if err := errors.Join(l.settle(), l.hangUp()); err != nil {
		return err
	}
	if err := k.more(); err != nil {
		return err
	}
	logs, err := w.device.Logs(k.ctx)
	if err != nil {
		return err
	}
	if k.receipt, err = sessionstore.Receipt(k.ctx, w.device, logs[0].Log); err != nil {
		return err
	}
	if k.recovery, err = ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{7}, 32)); err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	var pending bytes.Buffer
	if _, err := w.device.ExportPending(k.ctx, &pending, k.recovery.PublicKey().Bytes()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(k.dir, tamperedExport), pending.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	if _, err := w.device.BackupTo(k.ctx, filepath.Join(k.dir, tamperedPhone)); err != nil {
		return err
	}
	if _, err := w.server.Backup(k.ctx, filepath.Join(k.dir, tamperedBackup), w.now()); err != nil {
		return err
	}
	return w.stop()
}

// more is what a day leaves besides: acts, erasures, a draft, pending changes,
// and a colleague's batches that were not brought yet.
func (k *tampering) more() error {
	w := k.w
	err := w.server.Update(k.ctx, func(tx store.Tx) error {
		for i := range 6 {
			e := store.AuditEntry{At: w.now() + int64(i), By: facilitator(), Act: "granted", Subject: fmt.Sprint("مریم ", i), Note: "نامهٔ ۱۲", Scope: scopes()[i%2]}
			if err := tx.Audit(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(k.dir, tamperedBackup), 0o700); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	journal, err := sqlitestore.OpenErasures(filepath.Join(k.dir, tamperedBackup, erasuresFile))
	if err != nil {
		return err
	}
	for i := range 5 {
		err = errors.Join(err, journal.Add(sqlitestore.Erasure{Record: syncproto.RecordID{byte(i + 1)}, Scope: scopes()[0], At: w.now()}))
	}
	if err := errors.Join(err, journal.Close()); err != nil {
		return err
	}
	err = w.device.PutDraft(k.ctx, localstore.Draft{ID: localstore.DraftID{1}, Record: syncproto.RecordID{2}, Form: 1, Scope: scopes()[0], Body: []byte("نیمهٔ یک فرم")})
	if err != nil {
		return err
	}
	for range 4 {
		made, err := w.writer.create(1)
		if err != nil {
			return err
		}
		w.writer.seq--
		if err := w.append(made[0]); err != nil {
			return err
		}
	}
	for range 3 {
		made, err := w.writer.create(6)
		if err != nil {
			return err
		}
		raw, _, err := w.sealer.Seal(made[0].Header.OriginSeq, w.writer.head, made, 0)
		if err != nil {
			return fmt.Errorf("seal a batch: %w", err)
		}
		for _, ch := range made {
			w.writer.head = syncproto.ChainNext(w.writer.head, ch.HeaderBytes)
		}
		k.batches = append(k.batches, raw)
	}
	return nil
}

// inDatabase says whether a problem names the table that a byte belongs to, or
// tells that the file itself is damaged.
func (k *tampering) inDatabase(name string) (func(found string, at int) bool, error) {
	pages, size, err := pagesOf(k.ctx, filepath.Join(k.dir, name))
	if err != nil {
		return nil, err
	}
	return func(found string, at int) bool {
		for _, place := range []string{pages[at/size+1], "file", "schema", name} {
			if place != "" && strings.Contains(found, place) {
				return true
			}
		}
		return false
	}, nil
}

func (k *tampering) lookServer(dir string, b []byte) (found, read string, err error) {
	path := filepath.Join(dir, serverName)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return "", "", fmt.Errorf("write a copy: %w", err)
	}
	s, err := sqlitestore.Open(k.ctx, sqlitestore.Options{Path: path, Readers: 1})
	if err != nil {
		return err.Error(), "", nil
	}
	report, err := s.Check(k.ctx)
	for _, p := range report.Problems {
		found += p.String() + "\n"
	}
	if err != nil {
		found += path + ": " + err.Error()
	}
	if err := s.Close(); err != nil && found == "" {
		found = path + ": close: " + err.Error()
	}
	if found != "" {
		return found, "", nil
	}
	if read, err = allRows(k.ctx, path); err != nil {
		read = err.Error()
	}
	return "", read, nil
}

func (k *tampering) lookDevice(dir string, b []byte) (found, read string, err error) {
	path := filepath.Join(dir, deviceName)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return "", "", fmt.Errorf("write a copy: %w", err)
	}
	opt, err := deviceOptions(dir)
	if err != nil {
		return "", "", err
	}
	random := &turns{}
	random.begin(3)
	opt.Clock, opt.Rand, opt.Packages = stillClock{}, random, k.w.forms
	s, err := openDevice(k.ctx, opt, k.key)
	if err != nil {
		return path + ": " + err.Error(), "", nil
	}
	problems, err := s.Check(k.ctx)
	for _, p := range problems {
		found += p.String() + "\n"
	}
	if err != nil {
		found += path + ": " + err.Error()
	}
	if err := s.Close(); err != nil && found == "" {
		found = path + ": close: " + err.Error()
	}
	if found != "" {
		return found, "", nil
	}
	if read, err = allRows(k.ctx, path); err != nil {
		read = err.Error()
	}
	return "", read, nil
}

func (k *tampering) lookBatch(_ string, b []byte) (found, read string, err error) {
	batch, err := wire.NewBatchOpener(k.w.codec).Open(b)
	if err != nil {
		return err.Error(), "", nil
	}
	return "", fmt.Sprintf("%+v", batch), nil
}

func (k *tampering) lookReceipt(_ string, b []byte) (found, read string, err error) {
	r, err := wire.DecodeReceipt(b)
	if err == nil {
		err = r.Verify(k.w.identity.Keys().Receipt)
	}
	if err != nil {
		return err.Error(), "", nil
	}
	return "", fmt.Sprintf("%+v", r), nil
}

func (k *tampering) lookBackup(dir, _ string) (found, read string, err error) {
	m, _, err := sqlitestore.Verify(k.ctx, filepath.Join(dir, tamperedBackup))
	if err != nil {
		return err.Error(), "", nil
	}
	return "", fmt.Sprintf("%+v", m), nil
}

func (k *tampering) lookErasures(dir, file string) (found, read string, err error) {
	j, err := sqlitestore.OpenErasures(filepath.Join(dir, file))
	if err != nil {
		return err.Error(), "", nil
	}
	all, err := j.All()
	return "", fmt.Sprintf("%+v", all), errors.Join(err, j.Close())
}

func (k *tampering) lookPhoneBackup(dir, _ string) (found, read string, err error) {
	m, err := localstore.VerifyBackup(filepath.Join(dir, tamperedPhone))
	if err != nil {
		return err.Error(), "", nil
	}
	return "", fmt.Sprintf("%+v", m), nil
}

func (k *tampering) lookExport(dir, file string) (found, read string, err error) {
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		return "", "", fmt.Errorf("read a copy: %w", err)
	}
	defer f.Close()
	_, err = localstore.ReadExport(f, k.recovery, func(cert *wire.LogCert, seq uint64, ch *syncproto.Change) error {
		read += fmt.Sprintf("%v %d %v %x\n", cert.Log, seq, ch.ID, wire.AppendChange(nil, ch))
		return nil
	})
	if err != nil {
		return err.Error(), "", nil
	}
	return "", read, nil
}
