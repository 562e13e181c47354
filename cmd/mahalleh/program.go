package main

import (
	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

// protocol is what the server speaks with devices, for version.
const protocol = "mahalleh-sync.v1"

func program() cli.Program {
	return cli.Program{
		Name: "mahalleh", EnvPrefix: "MAHALLEH_", Help: "mahalleh.program", Protocol: protocol,
		Commands: commands, Explain: explain,
	}
}

func commands(a *cli.App) []*cobra.Command {
	return []*cobra.Command{
		serveCommand(a),
		placeCommand(a),
		personCommand(a),
		sessionCommand(a),
		grantCommand(a),
		enrolCommand(a),
		deviceCommand(a),
		conflictsCommand(a),
		quarantineCommand(a),
		eraseCommand(a),
		subjectCommand(a),
		backupCommand(a),
		restoreCommand(a),
		fsckCommand(a),
		clockCommand(a),
		exportCommand(a),
		reportCommand(a),
		auditCommand(a),
		demoCommand(a),
		sampleCommand(a),
	}
}
