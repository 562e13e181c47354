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
		b = appendPrefixed(b, cert)
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
