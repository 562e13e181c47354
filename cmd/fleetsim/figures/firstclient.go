package figures

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// childFirst is what a child process does here: be a new client that syncs for
// the first time.
const childFirst = "first-sync"

// firstClient is what such a process is told.
type firstClient struct {
	Dir, Address, Keys, Secret string
	Person                     syncproto.PersonID
	Place                      syncproto.PlaceID
}

// firstSynced is what it tells: how long it took until all records were stored
// and the most memory that it held until then; the same of the sync with the
// index that it makes at its end; and how many records it lists.
type firstSynced struct {
	Seconds, Synced float64
	Memory, Listed  uint64
	// Processor is the processor's time until all were stored.
	Processor time.Duration
	Records   int
}

// client starts a client process that has nothing, and waits until it has synced.
func (f *firstLoad) client(round int) (got firstSynced, err error) {
	dir := filepath.Join(f.dir, fmt.Sprintf("client%d", round))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return got, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	told, err := json.Marshal(firstClient{Dir: dir, Address: "http://" + f.server.address, Keys: hex.EncodeToString(f.keys),
		Secret: hex.EncodeToString(f.codes[round].Secret[:]), Person: f.devices[0].person, Place: f.devices[0].place})
	if err != nil {
		return got, fmt.Errorf("client process: %w", err)
	}
	profile := ""
	if f.r.Profile != "" {
		profile = filepath.Join(f.r.Profile, f.r.figure.Name+".client.pprof")
	}
	cmd := f.r.Child(f.ctx, childFirst, string(told), profile)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return got, fmt.Errorf("client process: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		return got, fmt.Errorf("client process: %w", err)
	}
	return got, nil
}

// syncFirst is the client process.
func syncFirst(ctx context.Context, told, profile string, out io.Writer) (err error) {
	var c firstClient
	if err := json.Unmarshal([]byte(told), &c); err != nil {
		return err
	}
	keys, err := hex.DecodeString(c.Keys)
	if err != nil {
		return err
	}
	secret, err := hex.DecodeString(c.Secret)
	if err != nil {
		return err
	}
	opt, err := deviceOptions(c.Dir)
	if err != nil {
		return err
	}
	store, err := localstore.Create(ctx, opt, localstore.Setup{
		Identity: localstore.Identity{Person: c.Person, Place: c.Place, Secret: secret, Server: keys, Addresses: []string{c.Address},
			Scopes: []syncproto.ScopeID{syncproto.ScopeOf(c.Place, "plain"), syncproto.ScopeOf(c.Place, "persons")}},
		Credentials: []localstore.Credential{{Person: c.Person, Passphrase: passphrase}},
	})
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	client, err := openClient(ctx, c.Dir, clientsdk.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	stop, err := profiled(profile)
	if err != nil {
		return err
	}
	// Stored is when both sides agree that all is here, every page committed; the
	// index of the lists is made after that, from what is stored.
	var got firstSynced
	var unknown error
	before, err := processorTime()
	if err != nil {
		return err
	}
	began := time.Now()
	_, err = client.Sync(ctx, func(p clientsdk.Progress) {
		if p.Phase == syncer.Idle && p.RecordsDown > 0 && got.Seconds == 0 {
			got.Seconds = time.Since(began).Seconds()
			var err error
			if got.Memory, err = peakMemory(); err == nil {
				got.Processor, err = processorTime()
			}
			unknown = err
			got.Processor -= before
		}
	})
	if err = errors.Join(err, unknown); err != nil {
		return err
	}
	got.Synced = time.Since(began).Seconds()
	if err := stop(); err != nil {
		return err
	}
	if _, err := client.List(ctx, clientsdk.Query{}); err != nil {
		return err
	}
	if got.Records, err = client.Count(ctx, clientsdk.Query{}); err != nil {
		return err
	}
	if got.Listed, err = peakMemory(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(got)
}

// discarded is what a reader saw that keeps nothing.
type discarded struct {
	records, bytes int
	took           time.Duration
}

// discard has the device load all that the server has for it, and forget it.
func (p *pusher) discard(ctx context.Context) (got discarded, err error) {
	began := time.Now()
	if err := p.dial(ctx); err != nil {
		return got, err
	}
	hello := &wire.Hello{ProtoMin: session.ProtoMin, ProtoMax: session.ProtoMax, Device: p.cert.Device(), Cert: wire.AppendLogCert(nil, p.cert),
		Log: p.cert.Log, Credit: session.MaxWindow, DeviceTime: time.Now().UnixMilli(), App: "fleetsim", ResultsFrom: 1}
	if err := p.send(hello); err != nil {
		return got, err
	}
	for {
		b, err := p.pipe.Receive()
		if err != nil {
			return got, fmt.Errorf("reader: %w", err)
		}
		_, m, err := p.link.Receive(b)
		if err != nil {
			return got, fmt.Errorf("reader: %w", err)
		}
		got.bytes += len(b)
		credit := 0
		read := func(page *wire.Page) {
			got.records += len(page.Records)
			for _, r := range page.Records {
				credit += len(r)
			}
		}
		switch m := m.(type) {
		case *wire.Page:
			read(m)
		case *wire.Caught:
			for i := range m.Pages {
				read(&m.Pages[i])
			}
			got.took = time.Since(began)
			return got, p.hangUp()
		case *wire.Refuse:
			return got, fmt.Errorf("the reader is refused: %s %s", m.Key, m.Detail)
		}
		if credit > 0 {
			if err := p.send(&wire.Credit{Bytes: uint32(credit)}); err != nil {
				return got, err
			}
		}
	}
}
