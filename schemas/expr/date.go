package expr

import "time"

// Days returns the civil date of t in its own zone as days since 1970-01-01.
func Days(t time.Time) int32 {
	year, month, day := t.Date()
	return int32(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Civil returns the civil date of days since 1970-01-01 as midnight UTC.
func Civil(days int32) time.Time {
	return time.Unix(int64(days)*86400, 0).UTC()
}
