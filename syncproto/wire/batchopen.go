package wire

import (
	"crypto/ed25519"
	"fmt"

	"mahalleh/syncproto"
)

// Batch is an opened batch: certificate, chain and signature are right.
type Batch struct {
	Purpose Purpose
	Cert    *LogCert
	// First is the sequence of the first change, Prev the chain hash before
	// it, Last the one after the last change.
	First      uint64
	Prev, Last syncproto.Hash
	Signature  [64]byte
	Entries    []BatchEntry
}

// BatchOpener opens batches and remembers, for one session, what later batches
// lean on. It serves one goroutine.
type BatchOpener struct {
	codec    *Codec
	certs    memory[Ref, *LogCert]
	contexts memory[Ref, batchContext]
	heads    memory[logSeq, syncproto.Hash]
}

type batchContext struct {
	cert   *LogCert
	tables *Tables
}

type logSeq struct {
	log syncproto.LogID
	seq uint64
}

// maxRemembered bounds what an opener keeps of each kind: the session's log,
// its ancestors, and tables that grow a few times.
const maxRemembered = 2 * MaxAncestors

// NewBatchOpener makes an opener that has seen nothing.
func NewBatchOpener(codec *Codec) *BatchOpener {
	return &BatchOpener{codec: codec}
}

// LearnCert makes a certificate known, from Hello.
func (o *BatchOpener) LearnCert(c *LogCert) { o.certs.keep(refOf(AppendLogCert(nil, c)), c) }

// LearnHead makes the chain hash of a log after a sequence known.
func (o *BatchOpener) LearnHead(log syncproto.LogID, seq uint64, head syncproto.Hash) {
	o.heads.keep(logSeq{log, seq}, head)
}

// memory holds a few values by key. A session that rests holds one or two, for
// which a map would take ten times the room.
type memory[K comparable, V any] []remembered[K, V]

type remembered[K comparable, V any] struct {
	key   K
	value V
}

func (m memory[K, V]) get(k K) (v V, ok bool) {
	for i := range m {
		if m[i].key == k {
			return m[i].value, true
		}
	}
	return v, false
}

// keep forgets all before it holds too many.
func (m *memory[K, V]) keep(k K, v V) {
	for i := range *m {
		if (*m)[i].key == k {
			(*m)[i].value = v
			return
		}
	}
	if len(*m) >= maxRemembered {
		*m = nil
	}
	*m = append(*m, remembered[K, V]{k, v})
}

// Open unpacks a batch and verifies it: the certificate's signature, and the
// batch's, which covers purpose, log, sequences and chain. A change inside that
// makes no sense does not matter here; BatchEntry.Open tells.
func (o *BatchOpener) Open(buf []byte) (*Batch, error) {
	b, err := o.open(buf)
	if err != nil {
		return nil, fmt.Errorf("open batch: %w", err)
	}
	return b, nil
}

func (o *BatchOpener) open(buf []byte) (*Batch, error) {
	if len(buf) > syncproto.MaxFrame {
		return nil, fmt.Errorf("%d bytes: %w", len(buf), ErrTooLarge)
	}
	body, signature, err := splitSigned(buf)
	if err != nil {
		return nil, err
	}
	c := &cursor{buf: body}
	b := &Batch{Signature: [64]byte(signature)}
	version, suite := c.byte("version"), c.byte("suite")
	b.Purpose = Purpose(c.byte("purpose"))
	flags := c.byte("flags")
	switch {
	case c.err != nil:
		return nil, c.err
	case version != batchVersion || suite != SuiteEd25519 || flags&^(batchCert|batchTables|batchPrev) != 0:
		return nil, fmt.Errorf("version %d, suite %d, flags %d: %w", version, suite, flags, ErrTooNew)
	case b.Purpose != PurposePush && b.Purpose != PurposeBundle:
		return nil, fmt.Errorf("purpose %d: %w", b.Purpose, ErrTooNew)
	}
	context, err := o.context(c, flags)
	if err != nil {
		return nil, err
	}
	b.Cert = context.cert
	b.First = c.uvarint("first sequence")
	if c.err == nil && (b.First == 0 || b.First > 1<<62) {
		c.fail(ErrMalformed, "first sequence")
	}
	if err := o.prev(c, flags, b); err != nil {
		return nil, err
	}
	if err := o.unpack(c, b, context.tables); err != nil {
		return nil, err
	}
	b.Last = b.Prev
	for i := range b.Entries {
		e := &b.Entries[i]
		b.Last = syncproto.ChainNext(b.Last, e.Header)
		e.Chain = b.Last
	}
	if !ed25519.Verify(b.Cert.LogKey[:], signedBatch(b.Purpose, b.Cert, b.First, len(b.Entries), b.Prev, b.Last), signature) {
		return nil, ErrSignature
	}
	o.LearnCert(b.Cert)
	o.contexts.keep(contextRef(AppendLogCert(nil, b.Cert), context.tables), context)
	o.LearnHead(b.Cert.Log, b.First+uint64(len(b.Entries))-1, b.Last)
	return b, nil
}

func (o *BatchOpener) context(c *cursor, flags byte) (batchContext, error) {
	if flags&batchTables == 0 {
		ref := c.ref("certificate and tables")
		known, ok := o.contexts.get(ref)
		if c.err == nil && (!ok || flags&batchCert != 0) {
			return known, fmt.Errorf("certificate and tables: %w", ErrUnknownRef)
		}
		return known, c.err
	}
	var cert *LogCert
	if flags&batchCert != 0 {
		buf := c.prefixed("certificate", maxCert)
		if c.err != nil {
			return batchContext{}, c.err
		}
		var err error
		if cert, err = DecodeLogCert(buf); err != nil {
			return batchContext{}, err
		}
	} else {
		ref := c.ref("certificate")
		if cert, _ = o.certs.get(ref); c.err == nil && cert == nil {
			return batchContext{}, fmt.Errorf("certificate: %w", ErrUnknownRef)
		}
	}
	t := c.tables()
	return batchContext{cert, t}, c.err
}

func (c *cursor) ref(what string) (r Ref) {
	copy(r[:], c.bytes(what, len(r)))
	return r
}

func (o *BatchOpener) prev(c *cursor, flags byte, b *Batch) error {
	known, ok := o.heads.get(logSeq{b.Cert.Log, b.First - 1})
	if b.First == 1 {
		known, ok = syncproto.ChainStart(b.Cert.Log), true
	}
	if flags&batchPrev == 0 {
		if c.err == nil && !ok {
			return fmt.Errorf("chain hash before %d: %w", b.First, ErrUnknownRef)
		}
		b.Prev = known
		return c.err
	}
	b.Prev = c.hash("previous chain hash")
	if c.err == nil && b.First == 1 && b.Prev != known {
		return ErrChain
	}
	return c.err
}

func (o *BatchOpener) unpack(c *cursor, b *Batch, tables *Tables) error {
	n := c.uvarint("changes")
	if c.err == nil && (n == 0 || n > syncproto.MaxBatchChanges) {
		c.fail(ErrTooLarge, "changes")
	}
	if c.err != nil {
		return c.err
	}
	var err error
	b.Entries, err = o.codec.unpackChanges(c, b.Cert.Log, tables, b.First, int(n))
	return err
}
