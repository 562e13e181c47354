package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/syncproto"
)

// save records one form from its JSON and returns its id.
func (p *Phone) save(ctx context.Context, form string, values map[string]any) (syncproto.RecordID, error) {
	d, err := p.client.New(ctx, form)
	if err != nil {
		return syncproto.RecordID{}, err
	}
	return p.finish(ctx, d, values)
}

func (p *Phone) finish(ctx context.Context, d *clientsdk.Draft, values map[string]any) (syncproto.RecordID, error) {
	b, err := json.Marshal(values)
	if err != nil {
		return syncproto.RecordID{}, err
	}
	if err := d.SetJSON(b); err != nil {
		return syncproto.RecordID{}, fmt.Errorf("fill in %s: %w", d.Form().Name, err)
	}
	res, err := d.Save(ctx)
	if err != nil {
		return syncproto.RecordID{}, err
	}
	if !res.Saved {
		return syncproto.RecordID{}, fmt.Errorf("%s: %+v: %w", d.Form().Name, res.Problems, errNotSaved)
	}
	if res.Change != (syncproto.ChangeID{}) { // else nothing was changed
		p.Recorded++
	}
	return res.Record, nil
}

// edit changes fields of a record as it stands on this phone.
func (p *Phone) edit(ctx context.Context, id syncproto.RecordID, values map[string]any) error {
	d, err := p.client.Edit(ctx, id)
	if err != nil {
		return err
	}
	_, err = p.finish(ctx, d, values)
	return err
}

// firstWeeks records a part of the neighbourhood's dossier, without a line.
func (p *Phone) firstWeeks(ctx context.Context) error {
	w := p.seed
	var blocks []syncproto.RecordID
	for i := range 3 {
		id, err := p.save(ctx, "block", w.block(i))
		if err != nil {
			return err
		}
		blocks = append(blocks, id)
	}
	var evidence []syncproto.RecordID
	for i := range 24 {
		id, err := p.save(ctx, "household_response", w.household(blocks[i%len(blocks)], i))
		if err != nil {
			return err
		}
		evidence = append(evidence, id)
	}
	for i := range 20 {
		if _, err := p.save(ctx, "asset", w.asset(blocks[i%len(blocks)], i)); err != nil {
			return err
		}
	}
	for i := range 5 {
		if _, err := p.save(ctx, "need", w.need(evidence[i*4:i*4+3], i)); err != nil {
			return err
		}
	}
	return nil
}

// overlap edits what others edit too: the first assets of the neighbourhood, in
// the order of the list, each by everybody who has it.
func (p *Phone) overlap(ctx context.Context) error {
	page, err := p.client.List(ctx, clientsdk.Query{Form: "asset", Max: 12})
	if err != nil {
		return err
	}
	for i, row := range page.Rows {
		if err := p.edit(ctx, row.ID, p.seed.edit(i)); err != nil {
			return err
		}
	}
	return nil
}

// loseAcknowledgement syncs over a line that breaks when the first answer to
// what was sent should arrive; the phone then connects again by itself.
func (p *Phone) loseAcknowledgement(ctx context.Context, address string) error {
	if err := p.client.Close(); err != nil {
		return err
	}
	opt, dials := p.options, 0
	opt.Dial = func(ctx context.Context, _ []string) (clientsdk.Pipe, error) {
		pipe, err := (&wsdial.Dialer{Addresses: []string{address}}).Dial(ctx)
		if err != nil {
			return nil, err
		}
		if dials++; dials > 1 {
			return pipe, nil
		}
		return &breakingPipe{Pipe: pipe}, nil
	}
	var err error
	if p.client, err = clientsdk.Open(ctx, p.Dir, opt); err != nil {
		return err
	}
	if err := p.client.Unlock(ctx, p.secret); err != nil {
		return err
	}
	if err := p.sync(ctx); err != nil {
		return err
	}
	if dials < 2 {
		return errors.New("the line did not break")
	}
	if err := p.client.Close(); err != nil {
		return err
	}
	return p.open(ctx)
}

func (p *Phone) open(ctx context.Context) error {
	var err error
	if p.client, err = clientsdk.Open(ctx, p.Dir, p.options); err != nil {
		return err
	}
	return p.client.Unlock(ctx, p.secret)
}

// breakingPipe breaks on the first message that it should bring after changes
// were sent.
type breakingPipe struct {
	clientsdk.Pipe
	sent int
}

// greetings is how many messages come before changes: handshake and Hello.
const greetings = 2

var errLineBroke = errors.New("the line broke")

func (b *breakingPipe) Send(msg []byte) error {
	b.sent++
	return b.Pipe.Send(msg)
}

func (b *breakingPipe) Receive() ([]byte, error) {
	msg, err := b.Pipe.Receive()
	if err == nil && b.sent > greetings {
		b.Pipe.Close()
		return nil, errLineBroke
	}
	return msg, err
}

// copy copies the phone's files, as a backup program would.
func (p *Phone) copy(ctx context.Context) (string, error) {
	if err := p.client.Close(); err != nil {
		return "", err
	}
	to := filepath.Join(p.Dir, "old-copy")
	if err := copyFiles(p.Dir, to); err != nil {
		return "", err
	}
	return to, p.open(ctx)
}

// putBack puts an old copy in the place of the phone's files.
func (p *Phone) putBack(ctx context.Context, from string) error {
	if err := p.client.Close(); err != nil {
		return err
	}
	if err := copyFiles(from, p.Dir); err != nil {
		return err
	}
	return p.open(ctx)
}

// afterRestore goes on recording on the phone that was put back.
func (p *Phone) afterRestore(ctx context.Context) error {
	for i := range 6 {
		page, err := p.client.List(ctx, clientsdk.Query{Form: "block", Max: 1})
		if err != nil {
			return err
		}
		if _, err := p.save(ctx, "asset", p.seed.asset(page.Rows[0].ID, 100+i)); err != nil {
			return err
		}
	}
	return nil
}
