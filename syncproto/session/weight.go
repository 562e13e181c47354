package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Protocol versions that this release speaks.
const (
	ProtoMin = 1
	ProtoMax = 1
)

// Limits and times of a session. Sizes are bytes of content before
// compression, as weight counts them; times are milliseconds.
const (
	// DefaultWindow is how much a device lets the server send ahead of its
	// commits: a few pages, so that a slow disk and a slow line overlap.
	DefaultWindow = 768 << 10
	// MaxWindow bounds what a device can allow at all, so that sums of credits
	// stay small numbers.
	MaxWindow = 16 << 20
	// PushWindow is how many bytes of batches a device may have under way: two
	// batches and a half, so that the line does not rest while one is committed.
	PushWindow = 160 << 10
	// maxPushes bounds the bytes of batches that the server holds unanswered; a
	// right device stays below PushWindow plus one batch.
	maxPushes = 2*PushWindow + 1<<20
	// maxPushCount bounds the batches that the server holds unanswered.
	maxPushCount = 64
	// batchBytes is the batch a device asks its store for: a cut costs at most this.
	batchBytes = 64 << 10
	// maxFlights bounds the batches under way when they are tiny.
	maxFlights = 16
	// maxHellos bounds how often one connection may begin anew: a log forks once.
	maxHellos = 4
	// maxWant is how many records are asked for at a time.
	maxWant = 512
	// maxCompared is how many entries answer one comparison: 128 KiB.
	maxCompared = 4096
	// maxRounds bounds the rounds of mending a scope: one per bucket, and one
	// in which nothing differs any more.
	maxRounds = wire.Buckets + 1
	// mendTries is how often a bucket is mended, and a scope compared, before it
	// counts as one that mending does not help: what changes meanwhile may well make
	// a second or third time necessary.
	mendTries = 4
	// maxAckResults is how many results one message carries, so that a page
	// need not wait long behind them.
	maxAckResults = 512
	// maxAckWeight bounds the same by size: results of changes with very many
	// operations are long.
	maxAckWeight = 256 << 10

	// maxUntold bounds the results, and maxUntoldAcks the acknowledgements of
	// ancestors, that wait for a device that pushes and does not read: more than
	// all that a right device has under way.
	maxUntold     = 2 * maxFlights * syncproto.MaxBatchChanges
	maxUntoldAcks = 2 * maxFlights

	// helloWithin is how long a connection may stay without Hello or Enrol.
	helloWithin = 60_000
	// heartbeatEvery is how often a device speaks at least.
	heartbeatEvery = 60_000
	// deviceSilence is after how long without a word of the server the device
	// gives up: a frame takes a minute on 2G, two answers may stand behind it.
	deviceSilence = 180_000
	// serverSilence is the same for the server: three heartbeats and a frame.
	serverSilence = 300_000
	// pollEvery is how often a session looks for what a lost wake-up should
	// have told.
	pollEvery = 60_000
	// receiptAfter is how long after the last accepted batch a receipt is made
	// at the latest.
	receiptAfter = 20_000

	// retrySoon is after how long to come back when the connection broke.
	retrySoon = 2_000
	// retryLocal is after how long to come back when this side's store failed.
	retryLocal = 30_000
	// retryBusy and retryFull are what the server asks for when its store fails.
	retryBusy = 30_000
	retryFull = 300_000
)

// weight is what a message costs of the receiver's credit. Both ends compute
// it from the decoded message, so that no size of an encoding enters the
// protocol. Messages that other bounds hold down weigh nothing.
func weight(m wire.Message) int64 {
	switch m := m.(type) {
	case *wire.Page:
		return pageWeight(m)
	case *wire.Caught:
		n := int64(len(m.Heads))*48 + 32
		for i := range m.Pages {
			n += pageWeight(&m.Pages[i])
		}
		return n
	case *wire.ServerEntries:
		return int64(len(m.Entries))*32 + int64(len(m.Buckets)) + 32
	case *wire.Records:
		n := int64(len(m.Gone))*16 + 32
		for _, r := range m.Records {
			n += int64(len(r)) + 2
		}
		return n
	}
	return 0
}

func pageWeight(p *wire.Page) int64 {
	n := int64(len(p.Marks))*36 + int64(len(p.Own))*16 + 64
	for _, r := range p.Records {
		n += int64(len(r)) + 2
	}
	return n
}

// Backoff is when to connect again after a number of failed attempts in a row
// (1 for the first): what the machine asked for, doubled with every further
// attempt up to a quarter of an hour, plus up to half of it by random, a
// number drawn evenly from all uint64. Milliseconds.
func Backoff(asked int64, attempts int, random uint64) int64 {
	const longest = 15 * 60_000
	wait := max(asked, 1)
	for i := 1; i < attempts && wait < longest; i++ {
		wait *= 2
	}
	wait = max(min(wait, longest), asked)
	return wait + int64(random%uint64(wait/2+1))
}

// Appointed is when to connect again if the server was busy and gave this device a
// moment of its own: then, plus up to an eighth by random. The moments stand one
// behind the other already; who doubles them comes late, and leaves the server idle.
func Appointed(asked int64, random uint64) int64 {
	asked = max(asked, 1)
	return asked + int64(random%uint64(asked/8+1))
}
