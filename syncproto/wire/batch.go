package wire

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"mahalleh/syncproto"
)

// batchVersion leads every batch; another number is another format.
const batchVersion = 1

// SuiteEd25519 signs with Ed25519 and hashes with SHA-256, the one suite so far.
const SuiteEd25519 = 1

// Purpose says what a batch was signed for; it is covered by the signature.
type Purpose uint8

// The purposes. Numbers are for ever.
const (
	// PurposePush: sent by the device itself in a session.
	PurposePush Purpose = 1
	// PurposeBundle: carried by anybody in a file.
	PurposeBundle Purpose = 2
)

// What stands in a batch itself; the rest is named by Ref, or known.
const (
	batchCert   = 1 // the log certificate; with batchTables only, else its Ref
	batchTables = 2 // the tables; else the Ref of certificate and tables
	batchPrev   = 4 // the chain hash before the first change, else the opener knows it
)

// maxBatch leaves room in a frame for the message around a batch.
const maxBatch = syncproto.MaxFrame - 1024

// maxPacked bounds the canonical bytes in a batch, so that packed and unpacked
// form stay under MaxUnpacked with room for what surrounds them.
const maxPacked = syncproto.MaxUnpacked / 2

// ErrUnknownRef says that a batch leans on something its opener has not seen:
// certificate, tables or chain hash. The sender must repeat it whole.
var ErrUnknownRef = errors.New("batch names something not sent before")

// ErrChain says that changes do not form the chain that a batch or its opener
// speaks of.
var ErrChain = errors.New("changes do not continue the log's chain")

// signedBatch is what the signature of a batch covers. The device stands in it,
// so that nobody can present a batch under a certificate of their own that names
// somebody else's log and key.
func signedBatch(purpose Purpose, cert *LogCert, first uint64, count int, prev, last syncproto.Hash) []byte {
	b := append([]byte(labelBatch), SuiteEd25519, byte(purpose))
	device := cert.Device()
	b = append(b, device[:]...)
	b = append(b, cert.Log[:]...)
	b = binary.BigEndian.AppendUint64(b, first)
	b = binary.BigEndian.AppendUint32(b, uint32(count))
	b = append(b, prev[:]...)
	return append(b, last[:]...)
}

// BatchSealer makes the batches of one log for one session or one bundle. In
// a session it says certificate, tables and chain hash once, and then leans on
// what it said; batches must then arrive in the order in which they were made.
type BatchSealer struct {
	codec   *Codec
	purpose Purpose
	cert    *LogCert
	key     ed25519.PrivateKey
	// certSent, tables and head are what the peer knows.
	certSent bool
	tables   *Tables
	sent     bool
	head     syncproto.Hash
}

// NewBatchSealer makes a sealer. key is the log's key, whose public half the
// certificate holds.
func NewBatchSealer(codec *Codec, purpose Purpose, cert *LogCert, key ed25519.PrivateKey) *BatchSealer {
	return &BatchSealer{codec: codec, purpose: purpose, cert: cert, key: key, tables: &Tables{}}
}

// PeerKnowsCert tells the sealer that the peer has the certificate, from Hello.
func (s *BatchSealer) PeerKnowsCert() { s.certSent = true }

// PeerKnowsHead tells the sealer up to which chain hash the peer holds the
// log, from Welcome.
func (s *BatchSealer) PeerKnowsHead(head syncproto.Hash) { s.head = head }

// Seal makes a batch of the first n of the changes, as many as fit into limit
// bytes (0: a frame), but at least one. first is the sequence of the first
// change in the log, prev the chain hash before it. The changes' HeaderBytes,
// Secret and OpsBytes are packed; their decoded parts are not looked at.
func (s *BatchSealer) Seal(first uint64, prev syncproto.Hash, changes []*syncproto.Change, limit int) (batch []byte, n int, err error) {
	if limit <= 0 || limit > maxBatch {
		limit = maxBatch
	}
	n, err = fitting(changes)
	if err != nil {
		return nil, 0, fmt.Errorf("seal batch: %w", err)
	}
	for {
		sealed, err := s.seal(first, prev, changes[:n])
		if errors.Is(err, ErrTooLarge) && n > 1 {
			n /= 2 // more authors or scopes than tables may hold
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("seal batch: %w", err)
		}
		if len(sealed.bytes) <= limit || n == 1 {
			if len(sealed.bytes) > maxBatch {
				return nil, 0, fmt.Errorf("seal batch: a change packed into %d bytes: %w", len(sealed.bytes), ErrTooLarge)
			}
			if s.purpose == PurposePush {
				s.certSent, s.sent, s.tables, s.head = true, true, sealed.tables, sealed.last
			}
			return sealed.bytes, n, nil
		}
		n = max(1, n*limit/(len(sealed.bytes)+1))
	}
}

// fitting returns how many of the changes one batch may hold.
func fitting(changes []*syncproto.Change) (n int, err error) {
	if len(changes) == 0 {
		return 0, fmt.Errorf("no change: %w", ErrMalformed)
	}
	size := 0
	for n < len(changes) && n < syncproto.MaxBatchChanges {
		ch := changes[n]
		one := len(ch.HeaderBytes) + len(ch.OpsBytes)
		if one > syncproto.MaxChange {
			return 0, fmt.Errorf("change of %d bytes: %w", one, ErrTooLarge)
		}
		if size += one; size > maxPacked && n > 0 {
			break
		}
		n++
	}
	return n, nil
}

// contextRef names a certificate and tables: the first 8 bytes of SHA-256 over
// the certificate's Ref and the tables.
func contextRef(cert []byte, t *Tables) Ref {
	ref := refOf(cert)
	return refOf(appendTables(ref[:], t))
}

type sealedBatch struct {
	bytes  []byte
	tables *Tables
	last   syncproto.Hash
}

func (s *BatchSealer) seal(first uint64, prev syncproto.Hash, changes []*syncproto.Change) (sealedBatch, error) {
	tables, err := s.tables.extend(changes)
	if err != nil {
		return sealedBatch{}, err
	}
	last := prev
	for _, ch := range changes {
		last = syncproto.ChainNext(last, ch.HeaderBytes)
	}

	flags := byte(0)
	if !s.sent || tables != s.tables {
		flags |= batchTables
		if !s.certSent {
			flags |= batchCert
		}
	}
	if prev != s.head && !(first == 1 && prev == syncproto.ChainStart(s.cert.Log)) {
		flags |= batchPrev
	}
	b := []byte{batchVersion, SuiteEd25519, byte(s.purpose), flags}
	cert := AppendLogCert(nil, s.cert)
	switch {
	case flags&batchTables == 0:
		ref := contextRef(cert, tables)
		b = append(b, ref[:]...)
	case flags&batchCert == 0:
		ref := refOf(cert)
		b = append(b, ref[:]...)
		b = appendTables(b, tables)
	default:
		b = appendPrefixed(b, string(cert))
		b = appendTables(b, tables)
	}
	b = appendUvarint(b, first)
	if flags&batchPrev != 0 {
		b = append(b, prev[:]...)
	}
	b = appendUvarint(b, uint64(len(changes)))
	b = s.codec.packChanges(b, s.cert.Log, tables, first, changes)
	b = append(b, ed25519.Sign(s.key, signedBatch(s.purpose, s.cert, first, len(changes), prev, last))...)
	return sealedBatch{b, tables, last}, nil
}

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
		b.Last = syncproto.ChainNext(b.Last, b.Entries[i].Header)
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
