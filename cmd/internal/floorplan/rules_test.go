package floorplan

// An arrow is forbidden from some packages to others. Patterns are paths
// below the module, or full import paths of other modules and the standard
// library; "x/..." stands for x and everything below it.
type arrow struct {
	name   string
	from   []string
	except []string // packages among from that may
	to     []string
	tests  bool // forbidden in the packages' tests as well
	why    string
}

// ground are the packages that must be computable anywhere: in a simulator, in
// a browser, on a phone, twice with the same result.
var ground = []string{"schemas/...", "syncproto/..."}

// arrows is the floor plan. Whatever it does not forbid is allowed; the Go
// compiler itself forbids circles.
var arrows = []arrow{
	{
		name: "schemas stands lowest", from: []string{"schemas/..."},
		to:    []string{"syncproto/...", "client-sdk/...", "server/...", "cmd/..."},
		tests: true,
		why:   "the form language knows nothing of how records travel or are kept, so that forms can be checked, shown and computed without any protocol",
	},
	{
		name: "only merge and prototest see forms", from: []string{"syncproto/..."},
		except: []string{"syncproto/merge/...", "syncproto/prototest/..."},
		to:     []string{"schemas/..."},
		why:    "the protocol carries records of forms it has never heard of; only the merge decision, and the histories that test it, look at what a field means",
	},
	{
		name: "syncproto is below both ends", from: []string{"syncproto/..."},
		to:    []string{"client-sdk/...", "server/...", "cmd/..."},
		tests: true,
		why:   "both ends stand on the protocol; if it leaned on one of them, the other would carry that one's code",
	},
	{
		name: "the client does not know the server", from: []string{"client-sdk/..."},
		to:    []string{"server/...", "cmd/..."},
		tests: true,
		why:   "client and server meet only in the bytes of syncproto; whoever needs both, such as an end-to-end test, lives under cmd",
	},
	{
		name: "the server does not know the client", from: []string{"server/..."},
		to:    []string{"client-sdk/...", "cmd/..."},
		tests: true,
		why:   "client and server meet only in the bytes of syncproto; whoever needs both, such as an end-to-end test, lives under cmd",
	},
	{
		name: "the vocabulary stands alone", from: []string{"syncproto"},
		to:  []string{"syncproto/wire/...", "syncproto/session/...", "syncproto/merge/...", "syncproto/prototest/..."},
		why: "ids, versions and changes are words that wire, session and merge share; the words do not depend on who speaks them",
	},
	{
		name: "wire only writes and reads", from: []string{"syncproto/wire/..."},
		to:  []string{"syncproto/session/...", "syncproto/merge/...", "syncproto/prototest/..."},
		why: "bytes are read the same in every conversation, and whatever the merge would decide",
	},
	{
		name: "session does not judge", from: []string{"syncproto/session/..."},
		to:  []string{"syncproto/merge/...", "syncproto/prototest/..."},
		why: "the conversation carries changes and verdicts; the one place where a conflict is decided is syncproto/merge, called by the two ends",
	},
	{
		name: "merge does not converse", from: []string{"syncproto/merge/..."},
		to:  []string{"syncproto/session/...", "syncproto/prototest/..."},
		why: "the decision is a function of the set of changes, not of how or when they arrived",
	},
	{
		name: "test material is not shipped", from: []string{"..."},
		except: []string{"syncproto/prototest/...", "server/store/storetest/...", "cmd/internal/sim/...", "cmd/fleetsim/..."},
		to:     []string{"syncproto/prototest/...", "server/store/storetest/...", "schemas/formview/viewtest/...", "client-sdk/localstore/disktest"},
		why:    "seeded histories and backend suites are for tests and the simulator; a shipped program must not carry them",
	},
	{
		name: "the store's contract promises, it does not use", from: []string{"server/store"},
		to:  []string{"server", "server/sqlitestore/...", "server/pgstore/...", "server/access/...", "server/hub/...", "server/syncws/...", "server/report/...", "server/api/...", "server/dashboard/..."},
		why: "a backend is written against the contract alone",
	},
	{
		name: "the server chooses no database", from: []string{"server/..."},
		except: []string{"server/sqlitestore/...", "server/pgstore/..."},
		to:     []string{"server/sqlitestore/...", "server/pgstore/..."},
		why:    "the server takes a store and gives a handler; the command chooses the backend",
	},
	{
		name: "the ground does not touch the world", from: ground,
		except: []string{"syncproto/prototest/...", "schemas/formview/viewtest"}, // which starts a browser
		to: []string{
			"net", "net/http/...", "net/rpc/...", "net/smtp", "os/...", "syscall/...", "database/sql/...",
			"log/...", "math/rand/...", "crypto/rand", "path/filepath", "io/ioutil", "plugin", "expvar", "flag",
		},
		why: "clock, random, network, disk and log come in as arguments, so that the simulator decides all of them and every seed replays to the same trace",
	},
	{
		name: "databases have their rooms", from: []string{"..."},
		except: []string{"client-sdk/localstore/...", "server/sqlitestore/...", "server/pgstore/...", "server/report/...", "cmd/internal/sim/...", "cmd/fleetsim/..."},
		to:     []string{"database/sql/...", "modernc.org/sqlite/...", "modernc.org/libc/..."},
		why:    "one package owns each database file; a second one that opens it breaks the promises of the first (one writer, sealed rows, sync before acknowledgement)",
	},
	{
		name: "sockets have their rooms", from: []string{"..."},
		// Who attacks says what no pipe would.
		except: []string{"client-sdk/wsdial/...", "server/syncws/...", "cmd/fleetsim/hostile/..."},
		to:     []string{"github.com/gorilla/websocket/..."},
		why:    "everything above a pipe works over any pipe: websocket, memory, later a file",
	},
	{
		name: "the seal has its room", from: []string{"..."},
		except: []string{"syncproto/session/..."},
		to:     []string{"github.com/flynn/noise/..."},
		why:    "the handshake and its keys are handled in one place, which can be read and checked as a whole",
	},
	{
		name: "the terminal is for commands", from: []string{"..."},
		except: []string{"cmd/...", "schemas/texts"},
		to:     []string{"github.com/spf13/...", "github.com/BurntSushi/toml/...", "golang.org/x/term/..."},
		why:    "a library takes its settings as arguments; flags, files and prompts belong to the program around it", // the catalogues are written in TOML
	},
	{
		name: "workbooks have their room", from: []string{"..."},
		except: []string{"server/sheet"},
		to:     []string{"github.com/xuri/excelize/..."},
		why:    "what a cell may hold, so that no text becomes a formula, is decided in one place",
	},
	{
		name: "the browser is for tests", from: []string{"..."},
		except: []string{"schemas/formview/viewtest"},
		to:     []string{"github.com/chromedp/..."},
		why:    "tests look at pages through viewtest, in its words; a shipped program drives no browser",
	},
	{
		name: "script tests are tests", from: []string{"..."},
		to:  []string{"github.com/rogpeppe/go-internal/..."},
		why: "the script engine runs commands in tests and has no place in a shipped program",
	},
	{
		name: "the kit is only a kit", from: []string{"cmd/internal/cli/..."},
		to:    []string{"client-sdk/...", "server/...", "syncproto/...", "cmd/mahalleh/...", "cmd/mahalleh-field/...", "cmd/fleetsim/..."},
		tests: true,
		why:   "settings, errors and tables serve all three programs and know the business of none",
	},
}

// A reach is forbidden along any path of imports, not only a direct one.
type reach struct {
	name   string
	from   []string
	except []string
	to     []string
	why    string
}

var reaches = []reach{
	{
		name: "the field program carries no server", from: []string{"cmd/mahalleh-field"},
		to:  []string{"server/..."},
		why: "it runs on phones that get stolen: what is not in it cannot be turned against the server, and every megabyte is downloaded over a weak line",
	},
	{
		name: "programs carry no testing", from: []string{"cmd/mahalleh", "cmd/mahalleh-field", "client-sdk/...", "server"},
		except: []string{"client-sdk/localstore/disktest"},
		to:     []string{"testing/...", "net/http/httptest", "runtime/pprof/testing"},
		why:    "the testing package adds its flags and its weight to whatever imports it",
	},
}

// testingAllowed says which packages that are not tests may import testing:
// suites that tests call, recognised by their name.
func testingAllowed(path string) bool {
	return hasSuffix(path, "test")
}
