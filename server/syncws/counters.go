package syncws

import "sync/atomic"

// Counters are what the handler has counted since it was made, but for Sessions.
type Counters struct {
	// Sessions stand now.
	Sessions int64
	// Opened were upgraded, Ended are over.
	Opened, Ended int64
	// Busy were turned away for want of room, Rejected because they were no
	// device's.
	Busy, Rejected int64
	// Refused are sessions that the server ended with a reason, such as an
	// unknown device, Broken those whose channel or protocol broke.
	Refused, Broken int64
	// Replaced made room for a newer session of the same device.
	Replaced int64
	// Frames and bytes, sealed.
	FramesIn, FramesOut, BytesIn, BytesOut int64
}

// counters count without a lock.
type counters struct {
	opened, ended, busy, rejected, refused, broken, replaced atomic.Int64
	framesIn, framesOut, bytesIn, bytesOut                   atomic.Int64
}

// Counters returns the present counts.
func (h *Handler) Counters() Counters {
	c := &h.count
	return Counters{
		Sessions: int64(h.sessions.size()), Opened: c.opened.Load(), Ended: c.ended.Load(), Busy: c.busy.Load(), Rejected: c.rejected.Load(),
		Refused: c.refused.Load(), Broken: c.broken.Load(), Replaced: c.replaced.Load(),
		FramesIn: c.framesIn.Load(), FramesOut: c.framesOut.Load(), BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
	}
}
