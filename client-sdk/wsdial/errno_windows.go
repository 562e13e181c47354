package wsdial

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// What the system says of a connection that does not come about or breaks off.
var (
	refused     = []syscall.Errno{windows.WSAECONNREFUSED}
	unreachable = []syscall.Errno{windows.WSAENETUNREACH, windows.WSAEHOSTUNREACH, windows.WSAENETDOWN, windows.WSAEADDRNOTAVAIL}
	reset       = []syscall.Errno{windows.WSAECONNRESET, windows.WSAECONNABORTED}
)
