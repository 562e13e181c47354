package figures

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"

	"mahalleh/syncproto/planted"
)

// errChild says that a child process was started by somebody else.
var errChild = errors.New("a child process is only for the figures' own use")

// Child is what a process made by Env.Child or Env.Planted does. It writes its
// findings to out.
func Child(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errChild
	}
	switch what, args := args[0], args[1:]; {
	case what == childUnlock && len(args) == 2:
		return startClient(ctx, args[0], args[1] == "true", out)
	case what == childServe && len(args) == 2:
		return serveChild(ctx, args[0], args[1], os.Stdin, out)
	case what == childFirst && len(args) == 2:
		return syncFirst(ctx, args[0], args[1], out)
	case what == childLight && len(args) == 3:
		return lightChild(ctx, args, out)
	case what == childReport && len(args) == 2:
		seconds, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return reportChild(ctx, args[0], seconds, out)
	case what == childPages && len(args) == 2:
		seconds, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return pagesChild(ctx, args[0], seconds, out)
	case what == childHostile && len(args) == 3:
		return hostileChild(ctx, args, out)
	case what == childFaults && len(args) == 0:
		return json.NewEncoder(out).Encode(planted.Names())
	case what == childFault && len(args) == 4:
		from, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return playFault(ctx, args[0], from, n, args[3], out)
	}
	return errChild
}
