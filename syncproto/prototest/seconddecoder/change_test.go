package seconddecoder

import "fmt"

// change is a change as kept: header and, unless redacted, secret and operations.
type change struct {
	headerBytes []byte
	header      header
	redacted    bool
	secret      id
	opsBytes    []byte
	ops         []operation
}

func commitment(secret id, ops []byte) hash {
	return fullHash([]byte("mahalleh operations 1\n"), secret[:], ops)
}

func (c change) id() id { return changeID(c.headerBytes) }

// decodeChange reads the form that logs, history and quarantine keep.
func decodeChange(b []byte) (change, error) {
	var c change
	r := &reader{b: b}
	c.headerBytes = r.bytes(maxChange)
	if r.err == nil && r.rest() == 0 {
		c.redacted = true
	} else {
		c.secret = r.id()
		if r.err == nil && r.rest() == 0 {
			r.fail(errTruncated, "a secret without operations")
		}
		c.opsBytes = r.take(r.rest())
	}
	if r.err != nil {
		return change{}, r.err
	}
	return c, c.look()
}

// look reads header and operations of a change whose parts are known.
func (c *change) look() (err error) {
	if c.header, err = decodeHeader(c.headerBytes); err != nil || c.redacted {
		return err
	}
	if commitment(c.secret, c.opsBytes) != c.header.commitment {
		return fmt.Errorf("%w: not the operations committed to", errSpoilt)
	}
	if len(c.headerBytes)+len(c.opsBytes) > maxChange {
		return fmt.Errorf("%w: change of %d bytes", errTooLarge, len(c.headerBytes)+len(c.opsBytes))
	}
	c.ops, err = decodeOps(c.opsBytes, c.header.originLog, c.header.originSeq)
	return err
}

func (c change) encode() []byte {
	b := putBytes(nil, c.header.encode())
	if c.redacted {
		return b
	}
	b = append(b, c.secret[:]...)
	return append(b, encodeOps(c.ops)...)
}

func (c change) json() jsonObject {
	return jsonObject{"header": c.header.json(), "id": c.id().String(), "redacted": c.redacted, "ops": opsJSON(c.ops), "secret": c.secret.String()}
}

func headerHash(header []byte) hash { return fullHash([]byte("mahalleh change 1\n"), header) }

func changeID(header []byte) id { h := headerHash(header); return id(h[:16]) }

func chainStart(log id) hash { return fullHash([]byte("mahalleh log 1\n"), log[:]) }

func chainNext(before hash, header []byte) hash {
	h := headerHash(header)
	return fullHash([]byte("mahalleh chain 1\n"), before[:], h[:])
}
