// Package demo plays a month of five facilitators in two neighbourhoods against
// a real server: they record offline, their phones suffer what phones suffer,
// they sync over websockets, and every replica is compared with the server.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/server"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

// Story is a demonstration about to be played.
type Story struct {
	// Server is open and not listening; Store is what it stands on.
	Server *server.Server
	Store  store.Store
	// Dir is where the phones are made, Address where the server will listen.
	Dir, Address string
	Clock        clientsdk.Clock
	// Tell is told, as it happens, what is going on.
	Tell func(Scene)
}

// Scene is one thing to tell: its name and what the sentence about it needs.
type Scene struct {
	Name string
	Args map[string]any
}

// Phone is one facilitator's device.
type Phone struct {
	Name    string
	Place   string
	Dir     string
	client  *clientsdk.Client
	seed    *writer
	options clientsdk.Options
	secret  clientsdk.Credentials
	// Recorded counts saved forms, Up and Down bytes over the line.
	Recorded int
	Up, Down uint64
	Sent     uint64
}

// Outcome is what the story amounted to.
type Outcome struct {
	Phones []*Phone
	// Recorded are forms saved on all phones, Received changes that the server
	// holds of them; Applied, Merged, Conflict and Aside what became of those.
	Recorded, Received, Applied, Merged, Conflict, Aside int
	Records, OpenConflicts                               int
	Up, Down                                             uint64
	// Compared counts records held against the server's, Different those that
	// were not the same.
	Compared, Different int
}

// passphrase opens all phones of the demonstration.
const passphrase = "mahalleh-demo"

// PassphraseFile is the file, in the story's folder, that holds the passphrase
// of its phones.
const PassphraseFile = "passphrase.txt"

func (s *Story) tell(name string, args map[string]any) {
	if s.Tell != nil {
		s.Tell(Scene{Name: name, Args: args})
	}
}

// Province is the number of the story's province, Guilan: ten and its code.
const Province = "11"

// The cast: who works where.
var cast = []struct {
	name  string
	place int
	role  access.Role
}{
	{"سکینه رضازاده", 0, access.TechnicalManager},
	{"فرهاد نیک‌پی", 0, access.Facilitator},
	{"طاهره علی‌نژاد", 0, access.Facilitator},
	{"هیوا محمدیان", 1, access.TechnicalManager},
	{"یوسف پورحسن", 1, access.Facilitator},
}

var neighbourhoods = []struct{ fa, en string }{{"محلهٔ چشمه‌سر", "Cheshmeh-sar"}, {"روستای سیاه‌کوچه", "Siah-kucheh"}}

// Play plays the story. listen is called when the phones have recorded their
// first weeks and the server comes up; it must return once connections are
// accepted.
func (s *Story) Play(ctx context.Context, listen func() error) (*Outcome, error) {
	if err := os.WriteFile(filepath.Join(s.Dir, PassphraseFile), []byte(passphrase+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the phones' passphrase: %w", err)
	}
	// The store may hold a province already, which is none of the phones' work.
	out, before := &Outcome{}, &Outcome{}
	if err := s.count(ctx, before); err != nil {
		return nil, err
	}
	defer func() {
		for _, p := range out.Phones {
			if p.client != nil {
				p.client.Close()
			}
		}
	}()
	if err := s.enrol(ctx, out); err != nil {
		return nil, fmt.Errorf("enrol the phones: %w", err)
	}
	for _, p := range out.Phones {
		if err := p.firstWeeks(ctx); err != nil {
			return nil, fmt.Errorf("%s records: %w", p.Name, err)
		}
		s.tell("recorded", map[string]any{"name": p.Name, "n": p.Recorded, "place": p.Place})
	}
	if err := listen(); err != nil {
		return nil, err
	}
	s.tell("listening", map[string]any{"address": s.Address})
	if err := s.syncAll(ctx, out); err != nil {
		return nil, err
	}
	if err := s.secondWeeks(ctx, out); err != nil {
		return nil, err
	}
	for range 2 { // the second round brings everybody what the first one brought the server
		if err := s.syncAll(ctx, out); err != nil {
			return nil, err
		}
	}
	if err := s.count(ctx, out); err != nil {
		return nil, err
	}
	for _, n := range []struct{ all, was *int }{{&out.Received, &before.Received}, {&out.Applied, &before.Applied}, {&out.Merged, &before.Merged},
		{&out.Conflict, &before.Conflict}, {&out.Aside, &before.Aside}, {&out.Records, &before.Records}, {&out.OpenConflicts, &before.OpenConflicts}} {
		*n.all -= *n.was
	}
	return out, s.compare(ctx, out)
}

func (s *Story) enrol(ctx context.Context, out *Outcome) error {
	admin := s.Server.Admin()
	county, err := admin.AddPlace(ctx, access.NewPlace{Kind: store.PlaceCounty, Parent: Province, NameFa: "شهرستان رشت", NameEn: "Rasht"})
	if err != nil {
		return err
	}
	var places []store.Place
	for _, n := range neighbourhoods {
		p, err := admin.AddPlace(ctx, access.NewPlace{Kind: store.PlaceNeighbourhood, Parent: fmt.Sprint(county.Number), NameFa: n.fa, NameEn: n.en})
		if err != nil {
			return err
		}
		places = append(places, p)
	}
	for i, c := range cast {
		person, err := admin.AddPerson(ctx, c.name)
		if err != nil {
			return err
		}
		place := places[c.place]
		if _, _, err := admin.Grant(ctx, person.ID.String(), string(c.role), fmt.Sprint(place.Number)); err != nil {
			return err
		}
		code, err := admin.MakeCode(ctx, person.ID.String(), fmt.Sprint(place.Number), 30*24*time.Hour)
		if err != nil {
			return err
		}
		p := &Phone{Name: c.name, Place: place.NameFa, Dir: filepath.Join(s.Dir, fmt.Sprintf("phone-%d", i+1)), seed: newWriter(uint64(i + 1)),
			secret: clientsdk.Credentials{Passphrase: passphrase}}
		p.options = clientsdk.Options{Clock: s.Clock, Rand: rand.Reader, Addresses: []string{s.Address}, App: "mahalleh demo", Device: filepath.Base(p.Dir), TestMode: true}
		if p.client, err = clientsdk.Enrol(ctx, p.Dir, code.Code.String(), p.secret, p.options); err != nil {
			return err
		}
		out.Phones = append(out.Phones, p)
	}
	s.tell("enrolled", map[string]any{"n": len(out.Phones)})
	return nil
}

// sync lets one phone sync once and counts its bytes.
func (p *Phone) sync(ctx context.Context) error {
	res, err := p.client.Sync(ctx, nil)
	p.Up += res.Progress.BytesUp
	p.Down += res.Progress.BytesDown
	p.Sent += res.Progress.ChangesUp
	return err
}

func (s *Story) syncAll(ctx context.Context, out *Outcome) error {
	for _, p := range out.Phones {
		if err := p.sync(ctx); err != nil {
			return fmt.Errorf("%s syncs: %w", p.Name, err)
		}
	}
	return nil
}

// secondWeeks plays what goes wrong: several people on the same records, an
// acknowledgement that never arrives, a phone that is put back from a copy.
func (s *Story) secondWeeks(ctx context.Context, out *Outcome) error {
	victim := out.Phones[4]
	copied, err := victim.copy(ctx)
	if err != nil {
		return fmt.Errorf("copy %s's phone: %w", victim.Name, err)
	}
	for _, p := range out.Phones {
		if err := p.overlap(ctx); err != nil {
			return fmt.Errorf("%s edits: %w", p.Name, err)
		}
	}
	s.tell("overlap", nil)

	deaf := out.Phones[1]
	if err := deaf.loseAcknowledgement(ctx, s.Address); err != nil {
		return fmt.Errorf("%s syncs over a line that breaks: %w", deaf.Name, err)
	}
	s.tell("lost_ack", map[string]any{"name": deaf.Name})

	if err := victim.sync(ctx); err != nil {
		return fmt.Errorf("%s syncs: %w", victim.Name, err)
	}
	if err := victim.putBack(ctx, copied); err != nil {
		return fmt.Errorf("put %s's phone back: %w", victim.Name, err)
	}
	if err := victim.afterRestore(ctx); err != nil {
		return fmt.Errorf("%s records: %w", victim.Name, err)
	}
	s.tell("put_back", map[string]any{"name": victim.Name})
	return nil
}

// Serve answers http on a listener until ctx ends; errors after that are nobody's.
func Serve(l net.Listener, h http.Handler) (stop func(context.Context) error) {
	web := &http.Server{Handler: h, ReadHeaderTimeout: 20 * time.Second}
	go web.Serve(l)
	return web.Shutdown
}

var errNotSaved = errors.New("a form of the story was not accepted")

// copyFiles copies a phone's files but the note that stays out of backups.
func copyFiles(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) == ".head" || filepath.Ext(e.Name()) == ".lock" {
			continue
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}
