package syncproto

// Limits on what arrives from outside, checked before anything is allocated.
const (
	// MaxFrame bounds one message on the socket. A 2G line needs about a
	// minute for it; more would starve acknowledgements.
	MaxFrame = 1 << 20
	// MaxUnpacked bounds what one frame or batch may decompress to, so that a
	// small hostile frame cannot fill a cheap phone's memory.
	MaxUnpacked = 4 << 20
	// MaxChange bounds header and operations of one change; the longest form
	// with full texts needs under 64 KiB.
	MaxChange = 256 << 10
	// MaxBatchChanges bounds a batch, so that one signature check and one
	// transaction stay short.
	MaxBatchChanges = 500
	// MaxPage bounds the records of a page, unpacked. Packed they take a fifth or
	// less, some 30 KiB: what a cut costs at most.
	MaxPage = 192 << 10
	// MaxOps bounds the operations of one change.
	MaxOps = 4096
	// MaxChangeIDs bounds the table of versions and items of one change.
	MaxChangeIDs = 4096
	// MaxScopes bounds the scopes of one session.
	MaxScopes = 300
	// MaxRecordCells bounds the cells of one record's state.
	MaxRecordCells = 1 << 16
	// MaxRecordVersions bounds the versions that one record's state mentions.
	MaxRecordVersions = 1 << 16
	// MaxPolygonPoints bounds the corners of a drawn area.
	MaxPolygonPoints = 10000
	// MaxDecimalScale bounds the digits after the point, the most an int64
	// mantissa can carry.
	MaxDecimalScale = 18
	// MaxMediaType bounds the name of a media type (RFC 6838 allows 127+1+127).
	MaxMediaType = 255
)
