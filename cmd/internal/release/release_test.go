package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const root = "../../.."

var when = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// standIns are small programs: what is tested is how they are packed.
func standIns(end string) []file {
	return []file{{"mahalleh" + end, 0o755, []byte("#!/bin/sh\necho mahalleh \"$@\"\n")}, {"mahalleh-field" + end, 0o755, []byte("#!/bin/sh\necho field\n")}}
}

func packed(t *testing.T, goos, goarch string) (dir string, made []string) {
	t.Helper()
	dir = t.TempDir()
	end := ""
	if goos == "windows" {
		end = ".exe"
	}
	made, err := pack(root, dir, "1.2.3", goos, goarch, standIns(end), when)
	if err != nil {
		t.Fatal(err)
	}
	return dir, made
}

// members reads a tar.gz: names to modes, and the contents.
func members(t *testing.T, b []byte) (map[string]int64, map[string]string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	modes, contents := map[string]int64{}, map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return modes, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(when) || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s is of %v, %d:%d", h.Name, h.ModTime, h.Uid, h.Gid)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name], contents[h.Name] = h.Mode, string(data)
	}
}

func TestArchives(t *testing.T) {
	dir, made := packed(t, "linux", "amd64")
	if want := []string{"mahalleh-1.2.3-linux-amd64.tar.gz", "mahalleh_1.2.3_amd64.deb"}; !slices.Equal(made, want) {
		t.Fatalf("made %v, want %v", made, want)
	}
	b, err := os.ReadFile(filepath.Join(dir, made[0]))
	if err != nil {
		t.Fatal(err)
	}
	modes, contents := members(t, b)
	for name, mode := range map[string]int64{"mahalleh": 0o755, "mahalleh-field": 0o755, "LICENSE": 0o644, "operate.md": 0o644, "operate.fa.md": 0o644, "README.fa.md": 0o644} {
		if got, ok := modes["mahalleh-1.2.3-linux-amd64/"+name]; !ok || got != mode {
			t.Errorf("%s has mode %o (%v), want %o", name, got, ok, mode)
		}
	}
	if !strings.Contains(contents["mahalleh-1.2.3-linux-amd64/mahalleh"], "echo mahalleh") {
		t.Error("the program is not what was built")
	}
	dir, made = packed(t, "windows", "amd64")
	z, err := zip.OpenReader(filepath.Join(dir, made[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if !slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "mahalleh-1.2.3-windows-amd64/mahalleh.exe" }) || len(made) != 1 {
		t.Errorf("for windows, made %v", made)
	}
}

// TestSameBytes: what was packed twice is the same twice, and the sums say so.
func TestSameBytes(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		one, made := packed(t, goos, "arm64")
		two, _ := packed(t, goos, "arm64")
		for _, name := range made {
			a, err := os.ReadFile(filepath.Join(one, name))
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(two, name))
			if err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s differs (%v)", name, err)
			}
		}
		if err := sums(one, made); err != nil {
			t.Fatal(err)
		}
		said, err := os.ReadFile(filepath.Join(one, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range made {
			data, _ := os.ReadFile(filepath.Join(one, name))
			sum := sha256.Sum256(data)
			if !strings.Contains(string(said), hex.EncodeToString(sum[:])+"  "+name+"\n") {
				t.Errorf("the sums lack %s:\n%s", name, said)
			}
		}
	}
}

// readAr reads an archive of ar.
func readAr(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n"))
	if !ok {
		t.Fatal("no archive of ar")
	}
	all := map[string][]byte{}
	for len(rest) >= 60 {
		head := rest[:60]
		n, err := strconv.Atoi(strings.TrimSpace(string(head[48:58])))
		if err != nil || string(head[58:60]) != "`\n" || len(rest) < 60+n {
			t.Fatalf("head %q", head)
		}
		all[strings.TrimSpace(string(head[:16]))] = rest[60 : 60+n]
		rest = rest[60+n+n%2:]
	}
	return all
}

func TestDebian(t *testing.T) {
	dir, made := packed(t, "linux", "amd64")
	deb := filepath.Join(dir, made[1])
	b, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	parts := readAr(t, b)
	if string(parts["debian-binary"]) != "2.0\n" {
		t.Errorf("debian-binary is %q", parts["debian-binary"])
	}
	modes, meta := members(t, parts["control.tar.gz"])
	if !regexp.MustCompile(`(?m)^Package: mahalleh\nVersion: 1\.2\.3\nArchitecture: amd64$`).MatchString(meta["./control"]) || meta["./conffiles"] != "/etc/mahalleh/mahalleh.toml\n" {
		t.Errorf("control is %q, conffiles %q", meta["./control"], meta["./conffiles"])
	}
	for _, script := range []string{"./postinst", "./prerm", "./postrm"} {
		if modes[script] != 0o755 || !strings.HasPrefix(meta[script], "#!/bin/sh\n") || !strings.Contains(meta[script], "DPKG_ROOT") {
			t.Errorf("%s: mode %o, or it would touch this machine when installed into another root", script, modes[script])
		}
	}
	modes, files := members(t, parts["data.tar.gz"])
	for _, name := range []string{"./usr/bin/mahalleh", "./usr/lib/systemd/system/mahalleh.service", "./usr/lib/sysusers.d/mahalleh.conf", "./etc/mahalleh/mahalleh.toml", "./usr/share/doc/mahalleh/copyright", "./usr/share/doc/mahalleh/operate.fa.md"} {
		if _, ok := modes[name]; !ok {
			t.Errorf("%s is not in the package", name)
		}
	}
	for line := range strings.Lines(meta["./md5sums"]) {
		if _, name, _ := strings.Cut(strings.TrimSpace(line), "  "); files["./"+name] == "" {
			t.Errorf("md5sums names %s", name)
		}
	}
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Log("there is no dpkg here: the package was read back, not installed")
		return
	}
	if out, err := exec.Command("dpkg-deb", "--info", deb).CombinedOutput(); err != nil {
		t.Errorf("dpkg-deb --info: %v\n%s", err, out)
	}
	install(t, deb)
}

// install installs the package into a folder, takes it out again, and looks
// what is left.
func install(t *testing.T, deb string) {
	t.Helper()
	target := t.TempDir()
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"} {
		if err := os.MkdirAll(filepath.Join(target, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"var/lib/dpkg/status", "var/lib/dpkg/available"} {
		if err := os.WriteFile(filepath.Join(target, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := func(args ...string) {
		t.Helper()
		args = append([]string{"--root=" + target, "--force-not-root", "--force-script-chrootless", "--force-architecture", "--log=" + filepath.Join(target, "dpkg.log")}, args...)
		c := exec.Command("dpkg", args...)
		c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("dpkg %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	dpkg("--install", deb)
	out, err := exec.Command(filepath.Join(target, "usr/bin/mahalleh"), "version").CombinedOutput()
	if err != nil || string(out) != "mahalleh version\n" {
		t.Errorf("the installed program: %q (%v)", out, err)
	}
	verifyUnit(t, target)
	dpkg("--remove", "mahalleh")
	if _, err := os.Stat(filepath.Join(target, "usr/bin/mahalleh")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the removal: %v", err)
	}
	if _, err := os.Stat(filepath.Join(target, "etc/mahalleh/mahalleh.toml")); err != nil {
		t.Errorf("the settings are gone with the program: %v", err)
	}
}

// verifyUnit has systemd judge the service, if it is here.
func verifyUnit(t *testing.T, target string) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		return
	}
	unit := filepath.Join(target, "usr/lib/systemd/system/mahalleh.service")
	// The program is where the unit says, seen from the root it was installed to.
	b, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(t.TempDir(), "mahalleh.service")
	err = os.WriteFile(here, bytes.ReplaceAll(b, []byte("ExecStart=/usr/bin"), []byte("ExecStart="+filepath.Join(target, "usr/bin"))), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", here).CombinedOutput()
	if err != nil || strings.Contains(string(out), "mahalleh.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err = exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", here).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: exposed more than 2.0: %v\n%s", err, out)
	}
}

func TestEmpty(t *testing.T) {
	dir := t.TempDir()
	if err := empty(filepath.Join(dir, "new")); err != nil {
		t.Error(err)
	}
	if err := empty(dir); err == nil {
		t.Error("a folder in which something is counts as empty")
	}
}
