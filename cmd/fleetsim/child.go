package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"mahalleh/cmd/fleetsim/figures"
	"mahalleh/cmd/internal/cli"
)

// childName is the command by which the program starts itself anew.
const childName = "child"

func childCommand(a *cli.App) *cobra.Command {
	c := a.Command("child ARG...", "fleetsim.child", func(ctx context.Context, args []string) error {
		return figures.Child(ctx, args, a.Stdout())
	})
	c.Hidden = true
	return c
}

// buildPrograms builds the real programs.
func buildPrograms(ctx context.Context, dir string) error {
	for _, name := range []string{"mahalleh", "mahalleh-field"} {
		build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", filepath.Join(dir, programFile(name)), "mahalleh/cmd/"+name)
		if out, err := build.CombinedOutput(); err != nil {
			return &cli.Error{Code: cli.Failure, Key: "fleetsim.figures.not_built", Args: cli.Args{"problem": fmt.Sprintf("%v: %s", err, out)}, Hint: "fleetsim.figures.not_built_hint"}
		}
	}
	return nil
}

// programFile is the file name of a program.
func programFile(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// buildPlanted builds this program with the planted faults in it.
func buildPlanted(ctx context.Context, dir string) (func(ctx context.Context, args ...string) *exec.Cmd, error) {
	program := filepath.Join(dir, programFile("fleetsim-planted"))
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "planted", "-o", program, "mahalleh/cmd/fleetsim")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, &cli.Error{Code: cli.Failure, Key: "fleetsim.figures.not_built", Args: cli.Args{"problem": fmt.Sprintf("%v: %s", err, out)}, Hint: "fleetsim.figures.not_built_hint"}
	}
	return func(ctx context.Context, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, program, append([]string{childName}, args...)...)
	}, nil
}
