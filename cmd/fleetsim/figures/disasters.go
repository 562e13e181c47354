package figures

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"

	"mahalleh/client-sdk/localstore"
	"mahalleh/cmd/internal/cli"
)

// disaster takes a backup, goes on, erases a record, and puts the server back.
func (d *drilling) disaster(i int, rng *rand.Rand) error {
	d.await(len(d.phones)/2 + 1)
	backup := fmt.Sprint("backup", i)
	if _, err := d.programs.tell("mahalleh", d.data, "backup", d.path(backup)); err != nil {
		return err
	}
	d.backups = append(d.backups, backup)
	d.await(len(d.phones))
	if err := d.erase(rng); err != nil {
		return err
	}
	d.await(len(d.phones) / 2)
	switch i % kindsOfDrills {
	case announced:
		return d.unasked(backup)
	case older:
		return d.unasked(d.backups[max(0, len(d.backups)-3)])
	case unannounced:
		return d.byHand(backup)
	case cutShort:
		return d.cutShort(backup, rng)
	case besideNewer:
		return d.besideNewer(backup)
	default:
		return d.elsewhere(i, backup)
	}
}

// erase erases a record that was there when the backup was taken.
func (d *drilling) erase(rng *rand.Rand) error {
	list, err := d.phones[rng.IntN(len(d.phones))].store.List(d.ctx, localstore.Filter{Order: localstore.ByChanged, Max: 50})
	if err != nil {
		return err
	}
	for _, i := range rng.Perm(len(list.Rows)) {
		id := list.Rows[i].Record
		_, err := d.programs.tell("mahalleh", d.data, "erase", id.String(), "--yes", "--reason", "درخواست خود شخص")
		var code *exec.ExitError
		if errors.As(err, &code) && code.ExitCode() == int(cli.DataInvalid) {
			continue // the device has not sent it yet, or not again
		}
		if err != nil {
			return err
		}
		d.erased = append(d.erased, id)
		return nil
	}
	return errors.New("the server has none of the records that a device lists")
}

// unasked restores where newer data can be read: that must be asked for.
func (d *drilling) unasked(backup string) error {
	if err := d.away(d.server.stop); err != nil {
		return err
	}
	if _, err := d.programs.tell("mahalleh", d.data, "restore", d.path(backup), "--force"); err == nil {
		d.say("%s was restored over newer data unasked", backup)
	}
	return d.restore(backup, func() error { return nil })
}

func (d *drilling) restore(backup string, end func() error) error {
	if err := d.away(end); err != nil {
		return err
	}
	if _, err := d.programs.tell("mahalleh", d.data, "restore", d.path(backup), "--force", "--older"); err != nil {
		return err
	}
	return d.serve()
}

// byHand puts a backup's file in the place of the database.
func (d *drilling) byHand(backup string) error {
	if err := d.away(d.server.kill); err != nil {
		return err
	}
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.Remove(d.path(d.data, serverName+end)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("take the old log away: %w", err)
		}
	}
	if err := copyFile(d.path(d.data, serverName), d.path(backup, serverName), -1); err != nil {
		return err
	}
	return d.serve()
}

// cutShort leaves a part of the database's file.
func (d *drilling) cutShort(backup string, rng *rand.Rand) error {
	if err := d.away(d.server.stop); err != nil {
		return err
	}
	path := d.path(d.data, serverName)
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the database: %w", err)
	}
	whole := path + ".whole"
	if err := copyFile(whole, path, -1); err != nil {
		return err
	}
	// At a page's end, as a copy that broke off leaves it, and anywhere.
	for _, size := range []int64{info.Size() / 4096 / 2 * 4096, 1 + rng.Int64N(info.Size()-1), info.Size() - 4096, 4096} {
		if err := copyFile(path, whole, size); err != nil {
			return err
		}
		if err := d.mustTell(fmt.Sprintf("a database of %d bytes of %d", size, info.Size())); err != nil {
			return err
		}
	}
	return d.restore(backup, func() error { return nil })
}

// mustTell looks whether the server refuses to start on damaged data, or fsck
// tells of it.
func (d *drilling) mustTell(what string) error {
	s, err := d.programs.serve(d.data)
	if err != nil {
		d.refused++
		return d.ctx.Err()
	}
	sound := d.programs.sound(d.data)
	if err := s.kill(); err != nil {
		return err
	}
	if sound != nil {
		d.told++
		return nil
	}
	d.say("%s was taken for sound", what)
	return nil
}

// besideNewer puts a backup's file beside the write-ahead log of what stood
// there. What fsck then calls sound must be so in the end.
func (d *drilling) besideNewer(backup string) error {
	if err := d.away(d.server.kill); err != nil {
		return err
	}
	if err := copyFile(d.path(d.data, serverName), d.path(backup, serverName), -1); err != nil {
		return err
	}
	s, err := d.programs.serve(d.data)
	if err != nil {
		d.refused++
		return d.restore(backup, func() error { return nil })
	}
	if err := d.programs.sound(d.data); err != nil {
		d.told++
		return d.restore(backup, s.kill)
	}
	d.server = s
	d.tell(s.address)
	return nil
}

// elsewhere restores to a folder that is not there yet, as on another machine.
func (d *drilling) elsewhere(i int, backup string) error {
	if err := d.away(d.server.kill); err != nil {
		return err
	}
	journal := d.path(d.data, erasuresFile)
	d.data = fmt.Sprint("data", i+1)
	if _, err := d.programs.tell("mahalleh", d.data, "restore", d.path(backup), "--erasures", journal); err != nil {
		return err
	}
	return d.serve()
}

// copyFile copies a file, or the first bytes of it.
func copyFile(to, from string, size int64) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if size >= 0 {
		b = b[:size]
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}
