package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

func exportCommand(a *cli.App) *cobra.Command {
	var pending, sealed bool
	var output string
	c := deviceCommand(a, "export", "field.export", func(ctx context.Context, d *device, _ []string) error {
		if !pending {
			return a.UsageError("field.export.what", nil, "field.export.what_hint")
		}
		write := d.ExportPending
		if sealed {
			if output == "" {
				return a.UsageError("field.export.no_file", nil, "field.export.no_file_hint")
			}
			write = func(ctx context.Context, w io.Writer) (int, error) { return d.ExportSealed(ctx, w, nil) }
		}
		n, err := exportTo(ctx, a, output, write)
		if err != nil {
			return err
		}
		a.Note("field.export.done", cli.Args{"n": n})
		if !sealed && n > 0 {
			a.Note("field.export.in_clear")
		}
		return nil
	})
	c.Flags().BoolVar(&pending, "pending", false, a.T("field.export.flag_pending"))
	c.Flags().BoolVar(&sealed, "sealed", false, a.T("field.export.flag_sealed"))
	c.Flags().StringVar(&output, "output", "", a.T("field.export.flag_output"))
	return c
}

// exportTo writes to a new file, or to the data stream without one. A file
// that is there is never overwritten.
func exportTo(ctx context.Context, a *cli.App, name string, write func(context.Context, io.Writer) (int, error)) (n int, err error) {
	if name == "" {
		return write(ctx, a.Stdout())
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, &cli.Error{Code: cli.Usage, Key: "field.export.not_written", Args: cli.Args{"file": name}, Hint: "field.export.not_written_hint", Cause: err}
	}
	n, err = write(ctx, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return n, fmt.Errorf("write %s: %w", name, errors.Join(err, os.Remove(name)))
	}
	return n, nil
}
