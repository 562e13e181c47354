package figures

import "slices"

// All returns the figures in the order of the project's table.
func All() []*Figure {
	return []*Figure{
		simulation(),
		plantedFaults(),
		permutations(),
		wireChange(),
		wireBatch(),
		slowLine(),
		firstSync(),
		oneChange(),
		save(),
		unlock(),
		repair(),
		powerLoss(),
		ioErrors(),
		cuts(),
		ingest(),
		ingestOne(),
		ack(),
		growth(),
		kill(),
		tamper(),
		drills(),
		deadlineDay(),
		soak(),
		idle(),
		hostilePeers(),
		twoWorlds(),
		reportFigure(),
		pagesFigure(),
	}
}

// Find returns the figure of a name.
func Find(name string) (*Figure, bool) {
	all := All()
	i := slices.IndexFunc(all, func(f *Figure) bool { return f.Name == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}
