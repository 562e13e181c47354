package localstore

import (
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// What follows is called by SQLite. out is the open file as it sees it.

// spillOpen opens the one file there is; see spill.
func spillOpen(tls *libc.TLS, vfs, name, out uintptr, flags int32, outFlags uintptr) int32 {
	h := foreign[spillHandle](out)
	h.methods = 0
	if flags&sqlite3.SQLITE_OPEN_TEMP_DB == 0 {
		return sqlite3.SQLITE_CANTOPEN
	}
	f, err := heldSpilled[*spill](foreign[spillSystem](vfs).handle).open()
	if err != nil {
		return sqlite3.SQLITE_CANTOPEN
	}
	h.methods, h.handle = spillMethods(tls), holdSpilled(f)
	if outFlags != 0 {
		*foreign[int32](outFlags) = flags
	}
	return sqlite3.SQLITE_OK
}

// spillMethods are the same for every open file; they stay until the process ends.
func spillMethods(tls *libc.TLS) uintptr {
	spilled.Lock()
	defer spilled.Unlock()
	if spilled.methods == 0 {
		spilled.methods = libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
		m := foreign[sqlite3.Tsqlite3_io_methods](spilled.methods)
		m.FiVersion = 1
		m.FxClose, m.FxRead, m.FxWrite = pointer(spillClose), pointer(spillRead), pointer(spillWrite)
		m.FxTruncate, m.FxSync, m.FxFileSize = pointer(spillTruncate), pointer(spillSync), pointer(spillSize)
		m.FxLock, m.FxUnlock, m.FxCheckReservedLock = pointer(spillLock), pointer(spillLock), pointer(spillReserved)
		m.FxFileControl, m.FxSectorSize, m.FxDeviceCharacteristics = pointer(spillControl), pointer(spillSector), pointer(spillTraits)
	}
	return spilled.methods
}

func spillOf(out uintptr) *spillFile {
	return heldSpilled[*spillFile](foreign[spillHandle](out).handle)
}

func spillClose(_ *libc.TLS, out uintptr) int32 {
	spillOf(out).close()
	dropSpilled(foreign[spillHandle](out).handle)
	return sqlite3.SQLITE_OK
}

func spillRead(_ *libc.TLS, out, data uintptr, n int32, offset int64) int32 {
	short, err := spillOf(out).read(unsafe.Slice(foreign[byte](data), n), offset)
	switch {
	case err != nil:
		return sqlite3.SQLITE_IOERR_READ
	case short:
		return sqlite3.SQLITE_IOERR_SHORT_READ
	}
	return sqlite3.SQLITE_OK
}

func spillWrite(_ *libc.TLS, out, data uintptr, n int32, offset int64) int32 {
	if err := spillOf(out).write(unsafe.Slice(foreign[byte](data), n), offset); err != nil {
		return sqlite3.SQLITE_IOERR_WRITE
	}
	return sqlite3.SQLITE_OK
}

func spillTruncate(_ *libc.TLS, out uintptr, size int64) int32 {
	if err := spillOf(out).truncate(size); err != nil {
		return sqlite3.SQLITE_IOERR_TRUNCATE
	}
	return sqlite3.SQLITE_OK
}

func spillSync(_ *libc.TLS, _ uintptr, _ int32) int32 { return sqlite3.SQLITE_OK }

func spillSize(_ *libc.TLS, out, size uintptr) int32 {
	*foreign[int64](size) = int64(len(spillOf(out).pages)) * spillPage
	return sqlite3.SQLITE_OK
}

// Nobody else can open the file.
func spillLock(_ *libc.TLS, _ uintptr, _ int32) int32 { return sqlite3.SQLITE_OK }

func spillReserved(_ *libc.TLS, _, reserved uintptr) int32 {
	*foreign[int32](reserved) = 0
	return sqlite3.SQLITE_OK
}

func spillControl(_ *libc.TLS, _ uintptr, _ int32, _ uintptr) int32 { return sqlite3.SQLITE_NOTFOUND }

func spillSector(_ *libc.TLS, _ uintptr) int32 { return spillPage }

func spillTraits(_ *libc.TLS, _ uintptr) int32 { return 0 }

// foreign is the T at an address outside Go's heap.
func foreign[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// pointer is a function of this package as translated C code keeps it. Such a
// function is never collected, for it closes over nothing.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }
