package main

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Where things lie in the package.
const (
	configFile = "etc/mahalleh/mahalleh.toml"
	docFolder  = "usr/share/doc/mahalleh/"
)

// debArch is Debian's name of an architecture.
func debArch(goarch string) string {
	switch goarch {
	case "386":
		return "i386"
	case "arm":
		return "armhf"
	}
	return goarch // amd64, arm64, riscv64 and the like are called alike
}

// debian makes a package for Debian and its kin: an archive of ar with the
// format's version, what is said of the package, and its files.
func debian(root, version, goarch string, bin, docs []file, when time.Time) ([]byte, error) {
	own, err := readFiles(root, map[string]string{
		"cmd/mahalleh/dist/mahalleh.service": "usr/lib/systemd/system/mahalleh.service",
		"cmd/mahalleh/dist/sysusers.conf":    "usr/lib/sysusers.d/mahalleh.conf",
		"cmd/mahalleh/dist/mahalleh.toml":    configFile,
		"LICENSE":                            docFolder + "copyright",
	})
	if err != nil {
		return nil, err
	}
	scripts, err := readFiles(root, map[string]string{
		"cmd/mahalleh/dist/postinst": "postinst", "cmd/mahalleh/dist/prerm": "prerm", "cmd/mahalleh/dist/postrm": "postrm",
	})
	if err != nil {
		return nil, err
	}
	for i := range scripts {
		scripts[i].mode = 0o755
	}
	docs = slices.DeleteFunc(slices.Clone(docs), func(f file) bool { return f.name == "LICENSE" })
	files := slices.Concat(under("usr/bin/", bin), own, under(docFolder, docs))
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })

	var sums strings.Builder
	size := 0
	for _, f := range files {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.data), f.name)
		size += len(f.data)
	}
	control := fmt.Sprintf(`Package: mahalleh
Version: %s
Architecture: %s
Maintainer: The Mahalleh authors <mahalleh@localhost>
Installed-Size: %d
Section: net
Priority: optional
Recommends: ca-certificates, tzdata
Description: server and field tool for neighbourhood dossiers, offline first
 Facilitators record a neighbourhood's dossier where there is no network;
 their devices synchronise with this server, which merges by record version
 and loses nobody's work. Holds the server with its operator's tool
 (mahalleh) and the field program (mahalleh-field).
`, version, debArch(goarch), (size+1023)/1024)
	meta := slices.Concat([]file{{"control", 0o644, []byte(control)}, {"md5sums", 0o644, []byte(sums.String())},
		{"conffiles", 0o644, []byte("/" + configFile + "\n")}}, scripts)
	metaTar, err := tarGz(dotted(meta), when)
	if err != nil {
		return nil, err
	}
	dataTar, err := tarGz(dotted(files), when)
	if err != nil {
		return nil, err
	}
	return ar([]file{{"debian-binary", 0o644, []byte("2.0\n")}, {"control.tar.gz", 0o644, metaTar}, {"data.tar.gz", 0o644, dataTar}}, when), nil
}

// dotted gives names the "./" that dpkg's own packages have.
func dotted(files []file) []file { return under("./", files) }

// ar packs files as the old archiver does: sixty bytes before each.
func ar(files []file, when time.Time) []byte {
	b := bytes.NewBufferString("!<arch>\n")
	for _, f := range files {
		fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", f.name, when.Unix(), 0, 0, 0o100000|f.mode, len(f.data))
		b.Write(f.data)
		if len(f.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
