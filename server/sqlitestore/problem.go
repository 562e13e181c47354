package sqlitestore

import "fmt"

// Part is the kind of thing that a fault is found in.
type Part string

// The parts.
const (
	PartFile     Part = "file"
	PartSchema   Part = "schema"
	PartTable    Part = "table"
	PartChange   Part = "change"
	PartLog      Part = "log"
	PartEntry    Part = "entry"
	PartRecord   Part = "record"
	PartScope    Part = "scope"
	PartAct      Part = "act"
	PartCounters Part = "counters"
)

// Parts are all parts.
func Parts() []Part {
	return []Part{PartFile, PartSchema, PartTable, PartChange, PartLog, PartEntry, PartRecord, PartScope, PartAct, PartCounters}
}

// Fault is the kind of what is wrong.
type Fault string

// The faults.
const (
	FaultStructure  Fault = "structure"  // the file is no sound database
	FaultAltered    Fault = "altered"    // it is not as it was written
	FaultUnreadable Fault = "unreadable" // its bytes say nothing
	FaultMissing    Fault = "missing"    // it, or what it names, is not there
	FaultMismatch   Fault = "mismatch"   // what it holds is not what its row says
	FaultChain      Fault = "chain"      // it does not follow from what came before
	FaultSum        Fault = "sum"        // its count or sum is not that of its records
	FaultBehind     Fault = "behind"     // it says less than what is there
	FaultTwice      Fault = "twice"      // several have one number
)

// Faults are all kinds of faults.
func Faults() []Fault {
	return []Fault{FaultStructure, FaultAltered, FaultUnreadable, FaultMissing, FaultMismatch, FaultChain, FaultSum, FaultBehind, FaultTwice}
}

// Spot is where a fault was found: a part, and which one of its kind by id, by
// "#" and a number, or by name; empty where there is only one.
type Spot struct {
	Part Part
	Ref  string
}

func (s Spot) String() string {
	if s.Ref == "" {
		return string(s.Part)
	}
	return string(s.Part) + " " + s.Ref
}

// Problem is one thing that is wrong with a database.
type Problem struct {
	Spot
	Fault Fault
	// What is the whole of it in English, for developers.
	What string
}

func (p Problem) String() string { return p.Spot.String() + ": " + p.What }

// Report is what a check read and found.
type Report struct {
	Logs, Entries, Changes, Records, Scopes, Acts int64
	// Problems are at most the first thousand.
	Problems []Problem
}

// maxProblems bounds a report: a damaged page makes one for each of its rows,
// and nobody reads more.
const maxProblems = 1000

func (rep *Report) problem(at Spot, fault Fault, format string, args ...any) {
	if len(rep.Problems) < maxProblems {
		rep.Problems = append(rep.Problems, Problem{at, fault, fmt.Sprintf(format, args...)})
	}
}

func byNumber(part Part, number any) Spot { return Spot{part, fmt.Sprintf("#%v", number)} }
