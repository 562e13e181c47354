package figures

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mahalleh/syncproto/wire"
)

// rewriting is something that somebody does to a database who knows it well: its
// rows have right checksums afterwards.
type rewriting struct {
	what, file string
	sql        string
	// place must stand in what is found.
	place string
}

// rewritings leave out what a database alone cannot know: that its newest
// entries were taken away together with every mention of them. The other side
// knows: a device compares the server's log with what was acknowledged, and the
// chain of acts with the checkpoints it was handed.
var rewritings = []rewriting{
	{"a run of a log is deleted", serverName, "DELETE FROM entries WHERE first = 42", "entry"},
	{"the last runs of a log are cut off", serverName, "DELETE FROM entries WHERE first >= 43", "entry"},
	{"an entry of a run is deleted", serverName, "UPDATE entries SET places = CAST(substr(places, 1, 48) || substr(places, 97) AS BLOB) WHERE length(places) > 96", "entry"},
	{"the last entry of a run is cut off", serverName, "UPDATE entries SET places = CAST(substr(places, 1, length(places) - 48) AS BLOB) WHERE length(places) > 48", "entry"},
	{"two entries of a run change places", serverName, "UPDATE entries SET places = CAST(substr(places, 49, 48) || substr(places, 1, 48) || substr(places, 97) AS BLOB) WHERE length(places) > 48", "entry"},
	{"two entries of a log exchange their changes", serverName, "UPDATE entries SET places = CAST((SELECT substr(e.places, 1, 16) FROM entries e WHERE e.log = entries.log AND e.first = 83 - entries.first) || substr(places, 17) AS BLOB) WHERE first IN (41, 42)", "entry"},
	{"a change is deleted", serverName, "DELETE FROM changes WHERE num = 5", "entry"},
	{"two changes exchange their content", serverName, "UPDATE changes SET body = (SELECT c.body FROM changes c WHERE c.num = 9 - changes.num) WHERE num IN (4, 5)", "change"},
	{"a change is cut short", serverName, "UPDATE changes SET body = substr(body, 1, length(body) / 2) WHERE num = 4", "change"},
	{"a record is deleted", serverName, "DELETE FROM records WHERE place IN (SELECT place FROM records ORDER BY place LIMIT 1 OFFSET 4)", "scope"},
	{"a record's state is another's", serverName, "UPDATE records SET state = (SELECT r.state FROM records r ORDER BY place DESC LIMIT 1) WHERE place IN (SELECT place FROM records ORDER BY place LIMIT 1)", "record"},
	{"a record's state is cut short", serverName, "UPDATE records SET state = substr(state, 1, length(state) - 3) WHERE place IN (SELECT place FROM records ORDER BY place LIMIT 1)", "record"},
	{"an act is deleted", serverName, "DELETE FROM audit WHERE num = (SELECT min(num) FROM audit WHERE act = 'granted')", "act"},
	{"an act says another name", serverName, "UPDATE audit SET subject = 'علی' WHERE num = (SELECT min(num) + 2 FROM audit WHERE act = 'granted')", "act"},
	{"two acts change places", serverName, "UPDATE audit SET subject = (SELECT a.subject FROM audit a WHERE a.num = (SELECT 2 * min(num) + 2 FROM audit WHERE act = 'granted') - audit.num) WHERE num IN (SELECT min(num) FROM audit WHERE act = 'granted' UNION SELECT min(num) + 2 FROM audit WHERE act = 'granted')", "act"},
	{"an own change is deleted", deviceName, "DELETE FROM entry WHERE at & 1099511627775 = 5", "log"},
	{"the last own changes are cut off", deviceName, "DELETE FROM entry WHERE at & 1099511627775 >= 12", "log"},
	{"two own changes exchange their content", deviceName, "UPDATE entry SET body = (SELECT e.body FROM entry e WHERE e.at = entry.at + 7 - 2 * (entry.at & 1099511627775)) WHERE at & 1099511627775 IN (3, 4)", "change"},
	{"an own change is cut short", deviceName, "UPDATE entry SET body = substr(body, 1, length(body) - 1) WHERE at & 1099511627775 = 4", "change"},
	{"a record of the server is deleted", deviceName, "DELETE FROM shadow WHERE n = 3", "scope"},
	{"two records exchange their content", deviceName, "UPDATE shadow SET state = (SELECT s.state FROM shadow s WHERE s.n = 5 - shadow.n) WHERE n IN (2, 3)", "record"},
	{"a draft is cut short", deviceName, "UPDATE draft SET body = substr(body, 1, 20)", "draft"},
	{"a log claims to be received less", deviceName, "UPDATE log SET head_seq = head_seq - 1", "log"},
}

// entries deletes, swaps and cuts short what stands in logs, chains, batches,
// backups and receipts, and returns what nobody noticed or placed.
func (k *tampering) entries() (tried int, wrong []string, err error) {
	for _, r := range rewritings {
		found, err := k.rewrite(r)
		if err != nil {
			return tried, wrong, fmt.Errorf("%s: %w", r.what, err)
		}
		tried++
		if !strings.Contains(found, r.place) {
			wrong = append(wrong, fmt.Sprintf("%s in %s: found was %q", r.what, r.file, found))
		}
	}
	for what, b := range map[string][]byte{
		"a batch is cut short": k.batches[0][:len(k.batches[0])-1], "a batch is half": k.batches[0][:len(k.batches[0])/2],
		"a batch has something after it":  append(append([]byte(nil), k.batches[0]...), 0),
		"a batch has another's signature": append(append([]byte(nil), k.batches[0][:len(k.batches[0])-64]...), k.batches[1][len(k.batches[1])-64:]...),
	} {
		tried++
		if found, _, err := k.lookBatch("", b); err != nil || !strings.Contains(found, "batch") {
			wrong = append(wrong, fmt.Sprintf("%s: found was %q, %v", what, found, err))
		}
	}
	for what, b := range map[string][]byte{"a receipt is cut short": k.receipt[:len(k.receipt)-1], "a receipt is empty": nil} {
		tried++
		if found, _, err := k.lookReceipt("", b); err != nil || !strings.Contains(found, "receipt") {
			wrong = append(wrong, fmt.Sprintf("%s: found was %q, %v", what, found, err))
		}
	}
	order, problem, err := k.outOfOrder()
	if err != nil {
		return tried, wrong, err
	}
	backups, problems, err := k.otherBackups()
	return tried + order + backups, append(append(wrong, problem...), problems...), err
}

// rewrite does one thing to a copy, and says what is then found.
func (k *tampering) rewrite(r rewriting) (found string, err error) {
	whole, err := os.ReadFile(filepath.Join(k.dir, r.file))
	if err != nil {
		return "", fmt.Errorf("read what was made: %w", err)
	}
	dir, err := os.MkdirTemp(k.Memory, k.figure.Name)
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, r.file)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		return "", fmt.Errorf("write a copy: %w", err)
	}
	n, err := rowsChanged(k.ctx, path, r.sql)
	if err == nil && n == 0 {
		err = errors.New("no row was changed")
	}
	if err != nil {
		return "", err
	}
	if whole, err = os.ReadFile(path); err != nil {
		return "", fmt.Errorf("read a copy: %w", err)
	}
	if r.file == serverName {
		found, _, err = k.lookServer(dir, whole)
	} else {
		found, _, err = k.lookDevice(dir, whole)
	}
	return found, err
}

func rowsChanged(ctx context.Context, path, statement string) (n int64, err error) {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return 0, fmt.Errorf("open a copy: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = DELETE"); err != nil {
		return 0, fmt.Errorf("change a copy: %w", err)
	}
	res, err := db.ExecContext(ctx, statement)
	if err != nil {
		return 0, fmt.Errorf("change a copy: %w", err)
	}
	if n, err = res.RowsAffected(); err != nil {
		return 0, fmt.Errorf("change a copy: %w", err)
	}
	_, err = db.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	return n, err
}

// outOfOrder brings batches to the server with one left out, and the wrong way
// round: it takes none that does not follow.
func (k *tampering) outOfOrder() (tried int, wrong []string, err error) {
	dir, err := os.MkdirTemp(k.Memory, k.figure.Name)
	if err != nil {
		return 0, nil, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	whole, err := os.ReadFile(filepath.Join(k.dir, serverName))
	if err != nil {
		return 0, nil, fmt.Errorf("read what was made: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, serverName), whole, 0o600); err != nil {
		return 0, nil, fmt.Errorf("write a copy: %w", err)
	}
	w := &world{r: k.run, ctx: k.ctx, dir: dir, random: k.w.random, clock: stillClock{}, codec: k.w.codec, forms: k.w.forms}
	if err := w.equip(); err != nil {
		return 0, nil, err
	}
	if err := w.start(); err != nil {
		return 0, nil, errors.Join(err, w.stop())
	}
	accept := func(i int) error {
		batch, err := wire.NewBatchOpener(w.codec).Open(k.batches[i])
		if err != nil {
			return err
		}
		_, err = w.hub.Accept(k.ctx, k.w.writer.cert.Device(), batch)
		return err
	}
	for _, step := range []struct {
		what  string
		batch int
		taken bool
	}{
		{"a batch comes without the one before it", 1, false}, {"the one before it", 0, true},
		{"a batch is left out", 2, false}, {"the one that was left out", 1, true}, {"the next", 2, true},
	} {
		tried++
		if err := accept(step.batch); (err == nil) != step.taken {
			wrong = append(wrong, fmt.Sprintf("%s: %v", step.what, err))
		}
	}
	return tried, wrong, w.stop()
}

// otherBackups cuts a backup's files short, leaves one out, and puts another's
// in its place.
func (k *tampering) otherBackups() (tried int, wrong []string, err error) {
	database, manifest := tamperedBackup+"/"+serverName, tamperedBackup+"/"+manifestFile
	now, err := os.ReadFile(filepath.Join(k.dir, serverName))
	if err != nil {
		return 0, nil, fmt.Errorf("read what was made: %w", err)
	}
	whole, err := os.ReadFile(filepath.Join(k.dir, database))
	if err != nil {
		return 0, nil, fmt.Errorf("read what was made: %w", err)
	}
	for _, c := range []struct {
		what, file string
		b          []byte
		place      string
	}{
		{"a backup is cut short", database, whole[:len(whole)-4096], "the copy"},
		{"a backup is empty", database, nil, "the copy"},
		{"a backup's copy is the database of another day", database, now, "the copy"},
		{"a manifest is empty", manifest, nil, "manifest"},
		{"a manifest is cut short", manifest, []byte("{\"format\": 1,"), "manifest"},
	} {
		dir, err := os.MkdirTemp(k.Memory, k.figure.Name)
		if err != nil {
			return tried, wrong, fmt.Errorf("make a directory: %w", err)
		}
		err = k.besides(dir, c.file, c.b)
		found := ""
		if err == nil {
			found, _, err = k.lookBackup(dir, c.file)
		}
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return tried, wrong, err
		}
		tried++
		if !strings.Contains(found, c.place) {
			wrong = append(wrong, fmt.Sprintf("%s: found was %q", c.what, found))
		}
	}
	return tried, wrong, nil
}
