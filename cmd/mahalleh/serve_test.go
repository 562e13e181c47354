package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are made in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestDoorLetsNobodyLinger: whoever begins a header or a body and does not end
// it, or stays after an answer, is put out; a connection costs memory and a
// file descriptor, and there is no other bound on those that are not devices.
func TestDoorLetsNobodyLinger(t *testing.T) {
	for name, said := range map[string]string{
		"nothing":      "",
		"half header":  "GET /sync HTTP/1.1\r\nHost: x\r\nX-",
		"after answer": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"half body":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := make(pipes)
				web := newWeb(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
				ended := make(chan error, 1)
				go func() { ended <- web.Serve(l) }()
				near, far := net.Pipe()
				l <- far
				began := time.Now()
				near.SetDeadline(began.Add(time.Hour))
				go io.WriteString(near, said)
				if _, err := io.Copy(io.Discard, bufio.NewReader(near)); err != nil {
					t.Errorf("the connection still stands after %v: %v", time.Since(began), err)
				}
				near.Close()
				web.Close()
				<-ended
			})
		})
	}
}
