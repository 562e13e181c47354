package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is what a program says about itself.
type Version struct {
	Program  string `json:"program"`
	Version  string `json:"version"`            // the module's version, "devel" when built from a working tree
	Revision string `json:"revision,omitempty"` // the commit it was built from
	Modified bool   `json:"modified,omitempty"` // whether uncommitted changes were built in
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Protocol string `json:"protocol,omitempty"`
}

// release is the version of a release; the linker writes it (cmd/internal/release).
var release string

// Version is the version of the running program, from what the linker and the
// Go tool wrote into it.
func (a *App) Version() Version {
	v := Version{
		Program:  a.program.Name,
		Version:  "devel",
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Protocol: a.program.Protocol,
	}
	read := a.program.BuildInfo
	if read == nil {
		read = debug.ReadBuildInfo
	}
	info, ok := read()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	if release != "" {
		v.Version = release
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

func (a *App) versionCommand() *cobra.Command {
	return a.Command("version", "cli.version", func(context.Context, []string) error {
		v := a.Version()
		if a.JSON() {
			return a.PrintJSON(v)
		}
		// The same in every language: it is pasted into reports.
		line := fmt.Sprintf("%s %s", v.Program, v.Version)
		if v.Revision != "" {
			line += " " + v.Revision
		}
		if v.Modified {
			line += " +modified"
		}
		line += fmt.Sprintf(" (%s, %s)", v.Go, v.Platform)
		if v.Protocol != "" {
			line += " " + v.Protocol
		}
		if _, err := fmt.Fprintln(a.out, line); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		return nil
	})
}
