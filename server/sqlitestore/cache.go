package sqlitestore

import "modernc.org/sqlite"

// Cache is how many bytes of pages the store's connections keep in memory. It
// grows with the data up to a bound, and SQLite does not give it back.
func (s *Store) Cache() int64 { return s.cache.Load() }

// noteCache looks what a connection keeps; its owner calls it.
func (s *Store) noteCache(c *conn) {
	if st, ok := c.dc.(sqlite.DBStatus); ok && !c.dead {
		if now, _, err := st.Status(sqlite.DBStatusCacheUsed, false); err == nil {
			s.cache.Add(int64(now) - c.cache)
			c.cache = int64(now)
		}
	}
}

// forgetCache says that a connection is closed.
func (s *Store) forgetCache(c *conn) {
	s.cache.Add(-c.cache)
	c.cache = 0
}
