// Command release builds what people install: an archive per platform, Debian
// packages and their checksums, the same bytes from the same commit whenever and
// wherever it runs with the same Go.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// programs are those that are installed.
var programs = []string{"mahalleh", "mahalleh-field"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "dist", "the `FOLDER` to write to; it must not hold anything")
	version := flags.String("version", "", "the `VERSION`, such as 1.2.0; without it, 0 and the commit")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64,windows/amd64,darwin/arm64", "for which `PLATFORMS`, GOOS/GOARCH")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := output(ctx, "", nil, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	commit, when, err := commitOf(ctx, root)
	if err != nil {
		return err
	}
	if *version == "" {
		*version = "0." + when.UTC().Format("20060102") + "+" + commit
	}
	if err := empty(*out); err != nil {
		return err
	}
	var made []string
	for platform := range strings.SplitSeq(*platforms, ",") {
		fmt.Fprintln(stderr, "building for", platform)
		files, err := makePlatform(ctx, root, *out, *version, platform, when)
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		made = append(made, files...)
	}
	return sums(*out, made)
}

// empty makes the folder, and refuses one in which something is.
func empty(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty", dir)
	}
	return err
}

// output runs a command and returns what it prints.
func output(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	b, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(b)), nil
}

// commitOf is the commit that is built and its time, which all files bear.
// SOURCE_DATE_EPOCH, as other tools know it, counts more.
func commitOf(ctx context.Context, root string) (commit string, when time.Time, err error) {
	said, err := output(ctx, root, nil, "git", "log", "-1", "--format=%h %ct", "--abbrev=12")
	if err != nil {
		return "", when, err
	}
	commit, stamp, _ := strings.Cut(said, " ")
	if given := os.Getenv("SOURCE_DATE_EPOCH"); given != "" {
		stamp = given
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	return commit, time.Unix(seconds, 0).UTC(), err
}

// file is one file of an archive or a package.
type file struct {
	name string // slash-separated
	mode int64
	data []byte
}

// makePlatform builds for one platform and packs what it built.
func makePlatform(ctx context.Context, root, out, version, platform string, when time.Time) (made []string, err error) {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return nil, errors.New("write a platform as GOOS/GOARCH")
	}
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	end := ""
	if goos == "windows" {
		end = ".exe"
	}
	var bin []file
	for _, program := range programs {
		path := filepath.Join(scratch, program+end)
		// -trimpath and no build id: the folder in which it is built leaves no mark.
		_, err := output(ctx, root, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0", "GOFLAGS="},
			"go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w -buildid= -X mahalleh/cmd/internal/cli.release="+version, "-o", path, "./cmd/"+program)
		if err != nil {
			return nil, err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		bin = append(bin, file{program + end, 0o755, data})
	}
	return pack(root, out, version, goos, goarch, bin, when)
}

// pack writes the archive of a platform and, for Linux, its Debian package.
func pack(root, out, version, goos, goarch string, bin []file, when time.Time) (made []string, err error) {
	name := fmt.Sprintf("mahalleh-%s-%s-%s", version, goos, goarch)
	docs, err := readFiles(root, map[string]string{
		"README.md": "README.md", "README.fa.md": "README.fa.md", "LICENSE": "LICENSE", "CHANGELOG.md": "CHANGELOG.md",
		"docs/operate.md": "operate.md", "docs/operate.fa.md": "operate.fa.md",
	})
	if err != nil {
		return nil, err
	}
	whole := slices.Concat(bin, docs)
	archive, write := name+".tar.gz", tarGz
	if goos == "windows" {
		archive, write = name+".zip", zipped
	}
	b, err := write(under(name+"/", whole), when)
	if err == nil {
		err = os.WriteFile(filepath.Join(out, archive), b, 0o644)
	}
	if err != nil || goos != "linux" {
		return []string{archive}, err
	}
	b, err = debian(root, version, goarch, bin, docs, when)
	if err != nil {
		return nil, err
	}
	deb := fmt.Sprintf("mahalleh_%s_%s.deb", version, goarch)
	return []string{archive, deb}, os.WriteFile(filepath.Join(out, deb), b, 0o644)
}

// readFiles reads files of the tree under other names, in the order of these.
func readFiles(root string, names map[string]string) ([]file, error) {
	var files []file
	for from, to := range names {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(from)))
		if err != nil {
			return nil, err
		}
		files = append(files, file{to, 0o644, b})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// under puts files below a folder.
func under(dir string, files []file) []file {
	out := slices.Clone(files)
	for i := range out {
		out[i].name = dir + out[i].name
	}
	return out
}

// sums writes SHA-256 of the files, as sha256sum --check reads them.
func sums(dir string, names []string) error {
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o644)
}
