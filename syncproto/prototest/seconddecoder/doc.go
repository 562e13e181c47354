// Package seconddecoder holds a second decoder of the synchronisation bytes, written from syncproto/wire/FORMAT.md alone and only for tests,
// so that the document and its vectors are proven to be enough for a reader that has never seen the first one.
package seconddecoder
