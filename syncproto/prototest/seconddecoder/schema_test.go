package seconddecoder

// kind is how section 6 and 12 write a field.
type kind int

const (
	kindU8 kind = iota
	kindU32
	kindU64
	kindS64
	kindFlag
	kindID
	kindHash
	kindText
	kindBytes
	kindProof   // 64 bytes
	kindBuckets // 4096 bytes
	kindNumbers // bytes, one a bucket
	kindIDs     // list of id
	kindU32s    // list of u32
	kindU64s    // list of u64
	kindHashes  // list of hash
	kindBlobs   // list of bytes
	kindList    // list of {…}
	kindEntries // record id and state hash each
	kindCells   // reason and cell key each
)

// spec is one field of a message.
type spec struct {
	number uint64
	name   string
	kind   kind
	limit  int // the longest text, bytes or list; 0 where the kind itself bounds it
	sub    []spec
}

// The limits of section 15 for messages.
const (
	maxFrame     = 1 << 20
	maxName      = 1 << 10
	maxExplain   = 4 << 10
	maxAncestors = 32
	maxEras      = 4096
	maxPlaces    = 16384
	maxResults   = 4096
	maxRecords   = 16384
	maxPages     = 4096
	maxWanted    = 65536
	maxNumbers   = 256
	maxLinks     = 4096
)

var resultSpec = []spec{
	{1, "change", kindID, 0, nil}, {2, "outcome", kindU8, 0, nil}, {3, "reason", kindU8, 0, nil}, {4, "waits_for", kindID, 0, nil},
	{5, "scope", kindID, 0, nil}, {6, "position", kindU64, 0, nil}, {7, "cells", kindCells, maxCells, nil},
}

var grantSpec = []spec{
	{1, "scope", kindID, 0, nil}, {2, "place", kindID, 0, nil}, {3, "compartment", kindText, maxName, nil}, {4, "rights", kindU32, 0, nil}, {5, "role", kindU8, 0, nil},
}

var placeSpec = []spec{
	{1, "id", kindID, 0, nil}, {2, "number", kindU32, 0, nil}, {3, "kind", kindU8, 0, nil}, {4, "parent", kindID, 0, nil},
	{5, "name_fa", kindText, maxName, nil}, {6, "name_en", kindText, maxName, nil},
}

var personSpec = []spec{{1, "id", kindID, 0, nil}, {2, "name", kindText, maxName, nil}}

var entriesSpec = []spec{{1, "scope", kindID, 0, nil}, {2, "buckets", kindNumbers, 256, nil}, {3, "entries", kindEntries, maxWanted, nil}}

var pageSpec = []spec{
	{1, "scope", kindID, 0, nil}, {2, "era", kindID, 0, nil}, {3, "from", kindU64, 0, nil}, {4, "to", kindU64, 0, nil}, {5, "records", kindBlobs, maxRecords, nil},
	{6, "marks", kindList, maxRecords, []spec{{1, "record", kindID, 0, nil}, {2, "kind", kindU8, 0, nil}, {3, "to", kindID, 0, nil}}},
	{7, "log", kindID, 0, nil}, {8, "received", kindU64, 0, nil}, {9, "results", kindList, maxResults, resultSpec},
	{10, "own", kindIDs, maxRecords, nil},
}

type messageSpec struct {
	name   string
	fields []spec
}

// messages are those of section 12, by type.
var messages = map[uint64]messageSpec{
	1: {"Hello", []spec{
		{1, "proto_min", kindU32, 0, nil}, {2, "proto_max", kindU32, 0, nil}, {3, "device", kindID, 0, nil}, {4, "cert", kindBytes, maxCertificate, nil},
		{5, "log", kindID, 0, nil}, {6, "head_seq", kindU64, 0, nil}, {7, "head", kindHash, 0, nil},
		{8, "ancestors", kindList, maxAncestors, []spec{
			{1, "log", kindID, 0, nil}, {2, "kept", kindU64, 0, nil}, {3, "head_seq", kindU64, 0, nil}, {4, "head", kindHash, 0, nil}, {5, "cert", kindBytes, maxCertificate, nil},
		}},
		{9, "cursors", kindList, maxScopes, []spec{
			{1, "scope", kindID, 0, nil}, {2, "era", kindID, 0, nil}, {3, "position", kindU64, 0, nil}, {4, "sum", kindID, 0, nil},
		}},
		{10, "grants", kindU64, 0, nil}, {11, "packages", kindU32s, maxNumbers, nil}, {12, "dictionaries", kindU32s, maxNumbers, nil}, {13, "credit", kindU32, 0, nil},
		{14, "device_time", kindS64, 0, nil}, {15, "uptime", kindU64, 0, nil}, {16, "boot", kindU64, 0, nil}, {17, "app", kindText, maxName, nil},
		{18, "queue", kindU64, 0, nil}, {19, "oldest_queued", kindS64, 0, nil}, {20, "results_from", kindU64, 0, nil}, {21, "unsettled", kindIDs, 1000, nil},
		{22, "acts", kindU64s, maxScopes, nil},
	}},
	2: {"Enrol", []spec{
		{1, "secret", kindBytes, maxName, nil}, {2, "device_key", kindHash, 0, nil}, {3, "name", kindText, maxName, nil}, {4, "proto_min", kindU32, 0, nil},
		{5, "proto_max", kindU32, 0, nil}, {6, "cert", kindBytes, maxCertificate, nil}, {7, "proof", kindProof, 64, nil},
	}},
	3:  {"Push", []spec{{1, "batch", kindBytes, maxUnpacked, nil}}},
	4:  {"Credit", []spec{{1, "bytes", kindU32, 0, nil}}},
	5:  {"Compare", []spec{{1, "scope", kindID, 0, nil}, {2, "position", kindU64, 0, nil}, {3, "buckets", kindBuckets, 4096, nil}}},
	6:  {"Entries", entriesSpec},
	7:  {"Want", []spec{{1, "scope", kindID, 0, nil}, {2, "records", kindIDs, maxWanted, nil}}},
	8:  {"Gap", []spec{{1, "log", kindID, 0, nil}, {2, "from", kindU64, 0, nil}, {3, "to", kindU64, 0, nil}, {4, "head", kindHash, 0, nil}}},
	9:  {"Purged", []spec{{1, "scope", kindID, 0, nil}}},
	10: {"Bye", []spec{{1, "code", kindU8, 0, nil}, {2, "text", kindText, maxExplain, nil}}},
	11: {"Status", []spec{{1, "queue", kindU64, 0, nil}, {2, "oldest_queued", kindS64, 0, nil}, {3, "device_time", kindS64, 0, nil}}},
	64: {"Welcome", []spec{
		{1, "proto", kindU32, 0, nil}, {2, "server_time", kindS64, 0, nil}, {3, "era", kindID, 0, nil}, {4, "eras", kindIDs, maxEras, nil},
		{5, "received", kindU64, 0, nil}, {6, "received_head", kindHash, 0, nil}, {7, "fork", kindFlag, 0, nil},
		{8, "ancestors", kindList, maxAncestors, []spec{{1, "log", kindID, 0, nil}, {2, "received", kindU64, 0, nil}, {3, "backup_safe", kindU64, 0, nil}}},
		{9, "backup_safe", kindU64, 0, nil}, {10, "grant_serial", kindU64, 0, nil}, {11, "grants", kindList, maxScopes, grantSpec},
		{12, "places", kindList, maxPlaces, placeSpec}, {13, "people", kindList, maxPlaces, personSpec}, {14, "lease", kindU64, 0, nil},
		{15, "credit", kindU32, 0, nil}, {16, "dictionary", kindU32, 0, nil}, {17, "clock_ahead", kindS64, 0, nil}, {18, "server_keys", kindBytes, maxServerKeys, nil},
		{19, "acts", kindID, 0, nil},
	}},
	65: {"Enrolled", []spec{{1, "device", kindID, 0, nil}, {2, "person", kindID, 0, nil}, {3, "name", kindText, maxName, nil}, {4, "server_keys", kindBytes, maxServerKeys, nil}}},
	66: {"Ack", []spec{{1, "log", kindID, 0, nil}, {2, "received", kindU64, 0, nil}, {3, "head", kindHash, 0, nil}, {4, "results", kindList, maxResults, resultSpec}}},
	67: {"Page", pageSpec},
	68: {"Caught", []spec{
		{1, "era", kindID, 0, nil}, {2, "pages", kindList, maxPages, pageSpec},
		{3, "heads", kindList, maxScopes, []spec{{1, "scope", kindID, 0, nil}, {2, "position", kindU64, 0, nil}, {3, "sum", kindID, 0, nil}, {4, "count", kindU64, 0, nil}}},
		{4, "log", kindID, 0, nil}, {5, "received", kindU64, 0, nil}, {6, "results", kindList, maxResults, resultSpec},
	}},
	69: {"ServerEntries", entriesSpec},
	70: {"Records", []spec{{1, "scope", kindID, 0, nil}, {2, "position", kindU64, 0, nil}, {3, "records", kindBlobs, maxRecords, nil}, {4, "gone", kindIDs, maxRecords, nil}}},
	71: {"Purge", []spec{{1, "scope", kindID, 0, nil}, {2, "reason", kindU8, 0, nil}, {3, "after", kindU64, 0, nil}}},
	72: {"BackupSafe", []spec{{1, "log", kindID, 0, nil}, {2, "seq", kindU64, 0, nil}}},
	73: {"ReceiptNote", []spec{{1, "receipt", kindBytes, maxReceipt, nil}}},
	74: {"Refuse", []spec{{1, "code", kindU8, 0, nil}, {2, "key", kindText, maxName, nil}, {3, "retry_after", kindU64, 0, nil}, {4, "detail", kindText, maxExplain, nil}}},
	75: {"GrantsNote", []spec{
		{1, "grant_serial", kindU64, 0, nil}, {2, "grants", kindList, maxScopes, grantSpec}, {3, "places", kindList, maxPlaces, placeSpec}, {4, "people", kindList, maxPlaces, personSpec},
	}},
	76: {"Checkpoints", []spec{{1, "chains", kindList, maxScopes, []spec{
		{1, "scope", kindID, 0, nil}, {2, "count", kindU64, 0, nil}, {3, "head", kindHash, 0, nil}, {4, "from", kindU64, 0, nil}, {5, "links", kindHashes, maxLinks, nil},
	}}}},
}

// class is the class of the key that a kind stands under.
func (k kind) class() uint64 {
	switch k {
	case kindU8, kindU32, kindU64, kindS64, kindFlag:
		return classU
	case kindID:
		return classID
	case kindHash:
		return classHash
	}
	return classBytes
}
