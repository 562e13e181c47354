// Package localstore keeps what a device knows in one SQLite file, sealed at
// rest: the server's records as the device holds them, the device's own change
// logs, drafts and cursors; lists and search come from an index that lies in memory, and
// beyond some ten thousand records in a sealed file that ends with the process.
//
// What it promises:
//
//   - A saved form is one commit and one sync. When Append returns, the change
//     survives a dead battery; a sequence of a log is never used twice.
//   - A copy of the file that is behind what this device had written is
//     recognised when it is opened, by a small side file, and goes on under a
//     new log. A copy on another device is recognised by the server (Fork).
//   - A cursor moves only in the transaction that applied the records.
//   - Own changes are kept until a verified backup of the server holds them.
//   - The file holds sealed bytes and bookkeeping only: ids, positions,
//     hashes, sequences and counts are in clear; titles, values, authors,
//     times of changes are not. Failed unlocks lengthen the wait and destroy
//     nothing.
//
// The file must never be opened but through this package while it is in use:
// closing any other descriptor of it would drop the locks that guard it.
package localstore
