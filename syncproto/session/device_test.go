package session

import (
	"errors"
	"slices"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func testRead() HelloRead {
	return HelloRead{Hello: wire.Hello{Device: testDevice, Cert: []byte{1}, Log: testLog, HeadSeq: 5, Head: syncproto.Hash{5}, Grants: 1, Queue: 2,
		Cursors: []wire.Cursor{{Scope: scopeA, Era: testEra, Position: 10}}}, Scopes: []syncproto.ScopeID{scopeA, scopeB}}
}

func testWelcome() *wire.Welcome {
	return &wire.Welcome{Proto: 1, ServerTime: 5000, Era: testEra, Received: 3, ReceivedHead: syncproto.Hash{3}, GrantSerial: 1, Credit: 1000}
}

// deviceIn brings a device into a state.
func deviceIn(t *testing.T, state deviceState) *Device {
	t.Helper()
	d := NewDevice(DeviceConfig{Window: 1000})
	steps := map[deviceState][]DeviceEvent{
		deviceReadEnrol: {DeviceConnected{Enrol: true}},
		deviceEnrolling: {DeviceConnected{Enrol: true}, EnrolRead{}},
		deviceSaveEnrol: {DeviceConnected{Enrol: true}, EnrolRead{}, Received{&wire.Enrolled{}}},
		deviceReadHello: {DeviceConnected{}},
		deviceGreeting:  {DeviceConnected{}, testRead()},
		deviceWelcoming: {DeviceConnected{}, testRead(), Received{testWelcome()}},
		deviceLive:      {DeviceConnected{}, testRead(), Received{testWelcome()}, WelcomeSaved{}},
		deviceForking:   {DeviceConnected{}, testRead(), Received{testWelcome()}, WelcomeSaved{Contradicted: true}},
	}
	for _, ev := range steps[state] {
		d.Step(1, ev)
		for {
			if m, _ := d.Next(1); m == nil {
				break
			}
		}
	}
	if d.state != state {
		t.Fatalf("state %d, want %d", d.state, state)
	}
	return d
}

func ended(effects []DeviceEffect) *Close {
	for _, e := range effects {
		if c, ok := e.(Close); ok {
			return &c
		}
	}
	return nil
}

// Who may say what when, on the device: the table of PROTOCOL.md.
func TestDeviceStatesAndMessages(t *testing.T) {
	down := []wire.MsgType{wire.MsgAck, wire.MsgPage, wire.MsgCaught, wire.MsgPurge, wire.MsgBackupSafe, wire.MsgReceipt, wire.MsgGrants, wire.MsgCheckpoints}
	rows := []struct {
		name  string
		state deviceState
		may   []wire.MsgType
	}{
		{"reading Enrol", deviceReadEnrol, nil},
		{"enrolling", deviceEnrolling, []wire.MsgType{wire.MsgEnrolled}},
		{"saving the enrolment", deviceSaveEnrol, nil},
		{"reading Hello", deviceReadHello, nil},
		{"greeting", deviceGreeting, []wire.MsgType{wire.MsgWelcome}},
		{"welcoming", deviceWelcoming, down},
		{"live", deviceLive, down},
		{"forking", deviceForking, append(down, wire.MsgWelcome, wire.MsgServerEntries, wire.MsgRecords)},
	}
	for _, row := range rows {
		for _, m := range everyMessage() {
			switch x := m.(type) {
			case *wire.Welcome:
				m = testWelcome()
			case *wire.Page:
				x.Era, x.From, x.To = testEra, 10, 11
			case *wire.Caught:
				x.Era = testEra
			}
			d := deviceIn(t, row.state)
			c := ended(d.Step(2, Received{m}))
			if c != nil && c.Code != CloseMalformed {
				t.Errorf("%s: %T closes with %d", row.name, m, c.Code)
			}
			if want := !slices.Contains(row.may, m.Type()); (c != nil) != want {
				t.Errorf("%s: %T refused %v, want %v: %+v", row.name, m, c != nil, want, c)
			}
		}
		for code := wire.RefuseProtocolOld; code <= wire.RefuseClock; code++ {
			d := deviceIn(t, row.state)
			c := ended(d.Step(2, Received{&wire.Refuse{Code: code, RetryAfter: 700}}))
			if pauses := row.state == deviceLive && (code == wire.RefuseBusy || code == wire.RefuseFull); pauses {
				if at, ok := d.Deadline(); c != nil || !ok || at != 702 {
					t.Errorf("%s: refusal %d closes, or is not waited out: %v, %d", row.name, code, c, at)
				}
			} else if c == nil || c.Code != CloseCode(code) || c.Key != c.Code.Key() || c.RetryAfter == 0 {
				t.Errorf("%s: refusal %d closes with %+v", row.name, code, c)
			}
		}
	}
}

func TestDeviceRefusesWhatBreaksTheProtocol(t *testing.T) {
	page := func(change func(*wire.Page)) *wire.Page {
		p := &wire.Page{Scope: scopeA, Era: testEra, From: 10, To: 12}
		change(p)
		return p
	}
	rows := []struct {
		name string
		msgs []wire.Message
	}{
		{"page of a scope that is not granted", []wire.Message{page(func(p *wire.Page) { p.Scope = scopeC })}},
		{"page that leaves something out", []wire.Message{page(func(p *wire.Page) { p.From, p.To = 11, 12 })}},
		{"page that runs backwards", []wire.Message{page(func(p *wire.Page) { p.To = 9 })}},
		{"page of another era", []wire.Message{page(func(p *wire.Page) { p.Era = syncproto.EraID{1} })}},
		{"more than the credit", []wire.Message{page(func(p *wire.Page) { p.Records = [][]byte{make([]byte, 2000)} }), page(func(p *wire.Page) { p.From = 12 })}},
		{"head ahead of the pages", []wire.Message{&wire.Caught{Era: testEra, Heads: []wire.Head{{Scope: scopeA, Position: 11, Count: 1}}}}},
		{"head of a scope that is not granted", []wire.Message{&wire.Caught{Era: testEra, Heads: []wire.Head{{Scope: scopeC}}}}},
		{"Caught of another era", []wire.Message{&wire.Caught{}}},
		{"acknowledgement of an unknown log", []wire.Message{&wire.Ack{Log: syncproto.LogID{66}, Received: 1}}},
		{"entries that were not asked for", []wire.Message{&wire.ServerEntries{Scope: scopeA}}},
		{"records that were not asked for", []wire.Message{&wire.Records{Scope: scopeA, Gone: []syncproto.RecordID{{1}}}}},
		{"a second Welcome", []wire.Message{testWelcome()}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d := deviceIn(t, deviceLive)
			var c *Close
			for _, m := range row.msgs {
				if c = ended(d.Step(2, Received{m})); c != nil {
					break
				}
			}
			if c == nil || c.Code != CloseMalformed {
				t.Fatalf("got %+v, want %d", c, CloseMalformed)
			}
			if m, _ := d.Next(2); m == nil || m.Type() != wire.MsgBye {
				t.Errorf("says %v, want Bye", m)
			}
			if d.Step(3, Tick{}) != nil {
				t.Error("a closed machine goes on")
			}
		})
	}
	d := deviceIn(t, deviceGreeting)
	w := testWelcome()
	w.Proto = 99
	if c := ended(d.Step(2, Received{w})); c == nil || c.Code != CloseMalformed {
		t.Errorf("a version that was not offered: %+v", c)
	}
}

func TestDeviceComparesChains(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*wire.Welcome)
		saved  WelcomeSaved
		want   bool
	}{
		{"all is well", func(*wire.Welcome) {}, WelcomeSaved{}, false},
		{"the server says so", func(w *wire.Welcome) { w.Fork = true }, WelcomeSaved{}, true},
		{"the chains differ", func(*wire.Welcome) {}, WelcomeSaved{Contradicted: true}, true},
		{"the server has more", func(w *wire.Welcome) { w.Received = 6 }, WelcomeSaved{}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := deviceIn(t, deviceGreeting)
			w := testWelcome()
			row.change(w)
			d.Step(2, Received{w})
			forks := false
			for _, e := range d.Step(2, row.saved) {
				f, ok := e.(ForkLog)
				forks = forks || ok && f == ForkLog{Log: testLog, Received: w.Received}
			}
			if forks != row.want {
				t.Errorf("forks %v, want %v", forks, row.want)
			}
		})
	}
}

// Half the round trip lies before the server's time and half after.
func TestDeviceClockCorrection(t *testing.T) {
	d := NewDevice(DeviceConfig{})
	d.Step(1000, DeviceConnected{})
	d.Step(1000, testRead())
	if m, _ := d.Next(2000); m.Type() != wire.MsgHello {
		t.Fatalf("says %T", m)
	}
	w := testWelcome()
	w.ServerTime = 1_000_000
	for _, e := range d.Step(4000, Received{w}) {
		if s, ok := e.(SaveWelcome); ok {
			if s.Correction != 1_000_000-3000 {
				t.Errorf("correction %d, want %d", s.Correction, 1_000_000-3000)
			}
			return
		}
	}
	t.Error("the Welcome is not saved")
}

// The server's disk is full: nothing is lost, pull goes on, and the batch comes
// again when the time has come.
func TestDevicePauses(t *testing.T) {
	d := deviceIn(t, deviceLive)
	effects := d.Step(10, BatchRead{Log: testLog, From: 4, To: 5, Batch: []byte{1}})
	if m, _ := d.Next(10); m == nil || m.Type() != wire.MsgPush {
		t.Fatalf("says %v, effects %v", m, effects)
	}
	d.Step(20, Received{&wire.Refuse{Code: wire.RefuseFull, RetryAfter: 500}})
	effects = d.Step(21, Received{&wire.Page{Scope: scopeA, Era: testEra, From: 10, To: 11}})
	if len(effects) != 1 {
		t.Errorf("a page in the pause asks for %v", effects)
	}
	if e := d.Step(519, PageCommitted{}); len(e) != 0 {
		t.Errorf("pushes in the pause: %v", e)
	}
	if err := d.Idle(); err != nil {
		t.Errorf("a pause counts as stuck: %v", err)
	}
	effects = d.Step(520, Tick{})
	want := ReadBatch{Log: testLog, From: 4, MaxBytes: batchBytes, First: true}
	if len(effects) != 1 || effects[0] != want {
		t.Errorf("after the pause asks for %v, want %v", effects, want)
	}
	if c := ended(d.Step(530, Disconnected{Err: errors.New("gone")})); c == nil || c.Code != CloseLost {
		t.Errorf("closes with %+v", c)
	}
}

// A batch that begins in what is received and goes beyond it is under way until
// all of it is received, however the device hears of that.
func TestDevicePushesPartlyAgain(t *testing.T) {
	d := deviceIn(t, deviceLive)
	d.Step(10, BatchRead{Log: testLog, From: 4, To: 4, Batch: []byte{1}})
	d.Next(10)
	d.Step(20, Received{&wire.Refuse{Code: wire.RefuseBusy, RetryAfter: 500}})
	d.Step(21, Received{&wire.Ack{Received: 4}})
	d.Step(21, ResultsCommitted{})
	d.Step(22, BatchRead{Log: testLog, From: 5, To: 5, Batch: []byte{1}}) // asked for before the refusal
	d.Step(521, Tick{})
	d.Step(521, BatchRead{Log: testLog, From: 4, To: 5, Batch: []byte{1}})
	if m, _ := d.Next(521); m == nil || m.Type() != wire.MsgPush {
		t.Fatalf("says %v", m)
	}
	d.Step(522, Received{&wire.Caught{Era: testEra, Received: 5}})
	if !d.Sent() {
		t.Error("everything is received, and a batch is still under way")
	}
}

func TestDeviceTimers(t *testing.T) {
	d := deviceIn(t, deviceLive)
	d.Step(2, BatchRead{Log: testLog, From: 4, To: 5, Batch: []byte{1}})
	d.Next(2)
	d.Step(3, Received{&wire.Ack{Received: 5}})
	d.Step(3, ResultsCommitted{})
	m, _ := d.Next(3)
	if s, ok := m.(*wire.Status); !ok || s.Queue != 0 {
		t.Errorf("an emptied queue is not told: %v", m)
	}
	d.Step(3+heartbeatEvery, Tick{})
	if m, _ := d.Next(3 + heartbeatEvery); m == nil || m.Type() != wire.MsgStatus {
		t.Errorf("heartbeat is %v", m)
	}
	if c := ended(d.Step(3+deviceSilence, Tick{})); c == nil || c.Code != CloseTimeout || c.RetryAfter == 0 {
		t.Errorf("a silent server: %+v", c)
	}
}

// An acknowledgement that comes twice, or late, changes nothing.
func TestDeviceAcksTwice(t *testing.T) {
	d := deviceIn(t, deviceLive)
	d.Step(2, BatchRead{Log: testLog, From: 4, To: 4, Batch: []byte{1}})
	d.Step(2, BatchRead{Log: testLog, From: 5, To: 5, Batch: []byte{1}})
	for _, seq := range []uint64{4, 4, 3, 5, 4, 5} {
		if c := ended(d.Step(3, Received{&wire.Ack{Received: seq}})); c != nil {
			t.Fatalf("acknowledgement of %d closes: %+v", seq, c)
		}
	}
	if !d.Sent() || d.bytes != 0 || len(d.flights) != 0 {
		t.Errorf("sent %v, %d bytes, %d batches under way", d.Sent(), d.bytes, len(d.flights))
	}
}

func TestDeviceAnswersToNothing(t *testing.T) {
	for _, ev := range []DeviceEvent{EnrolRead{}, EnrolmentSaved{}, HelloRead{}, LogForked{}, PageCommitted{}, CaughtCommitted{}, BucketsRead{}, EntriesRead{}, RecordsMended{}, CursorReset{}, ScopeDropped{}} {
		d := deviceIn(t, deviceLive)
		if c := ended(d.Step(2, ev)); c == nil || c.Code != CloseLocal {
			t.Errorf("%T: %+v", ev, c)
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, row := range []struct {
		asked    int64
		attempts int
		random   uint64
		lo, hi   int64
	}{
		{2000, 1, 0, 2000, 2000}, {2000, 1, 1<<64 - 1, 2000, 3000}, {2000, 4, 0, 16000, 16000},
		{2000, 60, 0, 900_000, 900_000}, {3_600_000, 3, 7, 3_600_000, 3_600_007}, {0, 1, 5, 1, 2},
	} {
		if got := Backoff(row.asked, row.attempts, row.random); got < row.lo || got > row.hi {
			t.Errorf("Backoff(%d, %d, %d) = %d, want %d to %d", row.asked, row.attempts, row.random, got, row.lo, row.hi)
		}
	}
}

func TestAppointed(t *testing.T) {
	for _, row := range []struct {
		asked  int64
		random uint64
		want   int64
	}{{40_000, 0, 40_000}, {40_000, 5000, 45_000}, {40_000, 5001, 40_000}, {0, 9, 1}, {7, 1<<64 - 1, 7}} {
		if got := Appointed(row.asked, row.random); got != row.want {
			t.Errorf("Appointed(%d, %d) = %d, want %d", row.asked, row.random, got, row.want)
		}
	}
}

func TestResume(t *testing.T) {
	cursor := wire.Cursor{Scope: scopeA, Era: testEra, Position: 50, Sum: [16]byte{1}}
	loading := wire.Cursor{Scope: scopeA, Era: testEra, Position: 50}
	for _, row := range []struct {
		name   string
		cursor wire.Cursor
		era    bool
		head   uint64
		sum    [16]byte
		known  bool
		shared uint64
		want   Start
	}{
		{"as it was left", cursor, true, 60, [16]byte{1}, true, 0, Start{Scope: scopeA, From: 50, Since: 50}},
		{"era not of this store", cursor, false, 60, [16]byte{1}, true, 0, Start{Scope: scopeA}},
		{"the same, with a common past", cursor, false, 60, [16]byte{1}, true, 40, Start{Scope: scopeA, From: 40}},
		{"ahead of this store", cursor, true, 40, [16]byte{1}, false, 0, Start{Scope: scopeA}},
		{"another sum there", cursor, true, 60, [16]byte{2}, true, 0, Start{Scope: scopeA}},
		{"no sum there", cursor, true, 60, [16]byte{}, false, 0, Start{Scope: scopeA}},
		{"in the middle of a load", loading, true, 60, [16]byte{}, false, 0, Start{Scope: scopeA, From: 50}},
		{"common past beyond the cursor", loading, false, 60, [16]byte{}, false, 99, Start{Scope: scopeA, From: 50}},
	} {
		if got := Resume(row.cursor, row.era, row.head, row.sum, row.known, row.shared); got != row.want {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
}

// A chain of acts that was rewritten is an alarm, and no reason to stop.
func TestDeviceAlarmsAboutActs(t *testing.T) {
	d := deviceIn(t, deviceLive)
	m := &wire.Checkpoints{Chains: []wire.ActChain{{Scope: scopeA, Count: 3, Head: syncproto.Hash{3}}}}
	effects := d.Step(2, Received{m})
	if !slices.ContainsFunc(effects, func(e DeviceEffect) bool { k, ok := e.(KeepCheckpoints); return ok && len(k.Said.Chains) == 1 }) {
		t.Fatalf("the store is asked for %v", effects)
	}
	effects = d.Step(3, CheckpointsKept{Broken: []syncproto.ScopeID{scopeA}})
	alarmed := slices.ContainsFunc(effects, func(e DeviceEffect) bool { a, ok := e.(Alarm); return ok && a.Scope == scopeA })
	if !alarmed || ended(effects) != nil {
		t.Errorf("effects %v, want an alarm and no end", effects)
	}
}
