package clientsdk

import (
	"context"
	"fmt"

	"mahalleh/schemas/indicators"
	"mahalleh/syncproto"
)

// Figures are the committee's figures of one place, reckoned from the records of this
// device by the code that the server uses. From and to are Jalali months (year*100 +
// month) for what is counted by months, 0 for no bound. What no record says, such as
// how late changes came in and which devices there are, is not known here ("—"); the
// province's figures are asked of the server. ErrNotAllHere until the place is here.
func (c *Client) Figures(ctx context.Context, place syncproto.PlaceID, from, to int64) (*indicators.Figures, error) {
	s, whole, err := c.summaryOf(ctx, place)
	if err != nil {
		return nil, refuse(ErrFailed, fmt.Errorf("count the records of place %s: %w", place, err))
	}
	if !whole {
		return nil, refuse(ErrNotAllHere, nil)
	}
	settings := c.provinceSettings(ctx, place)
	now := c.now()
	f := indicators.Combine(indicators.Moment{Today: c.tehran.Day(now), Now: now.UnixMilli(), From: from, To: to}, []indicators.Summary{s}, &settings)
	return &f, nil
}
