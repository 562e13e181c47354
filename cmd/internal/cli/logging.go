package cli

import (
	"io"
	"log/slog"
	"time"
)

// newLogger makes the program's log: readable lines on the error stream,
// stamped by the program's own clock in UTC.
func newLogger(w io.Writer, now func() time.Time) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				attr.Value = slog.TimeValue(now().UTC().Truncate(time.Millisecond))
			}
			return attr
		},
	})), level
}
