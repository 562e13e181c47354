package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
)

// maxSecretBytes bounds a passphrase file or key file. A real one has one line
// or a few dozen bytes; a larger one is a mistake, such as a photo.
const maxSecretBytes = 64 << 10

// keyFileBytes is the length of a key file that enrol makes.
const keyFileBytes = 32

// secret says where the passphrase or the key comes from. A passphrase is never
// a flag's value: other people on the machine could read it.
type secret struct {
	passphraseFile string
	keyFile        string
}

func (s *secret) flags(a *cli.App, c *cobra.Command) {
	c.Flags().StringVar(&s.passphraseFile, "passphrase-file", "", a.T("field.flag.passphrase_file"))
	c.Flags().StringVar(&s.keyFile, "key-file", "", a.T("field.flag.key_file"))
	a.Setting(c.Flags(), "passphrase-file", "key-file")
}

// credentials gets the secret when it is needed.
type credentials func(ctx context.Context) (clientsdk.Credentials, error)

// ask takes the secret from its file, or else from the person at the terminal.
func (s *secret) ask(a *cli.App) credentials {
	return func(ctx context.Context) (clientsdk.Credentials, error) {
		if c, given, err := s.given(); given || err != nil {
			return c, err
		}
		typed, err := a.Passphrase(ctx, a.T("field.secret.ask"), "field.secret.no_terminal_hint")
		return clientsdk.Credentials{Passphrase: string(typed)}, err
	}
}

// given reads the secret from the file that is named, if one is.
func (s *secret) given() (c clientsdk.Credentials, given bool, err error) {
	switch {
	case s.passphraseFile != "" && s.keyFile != "":
		return c, true, &cli.Error{Code: cli.Usage, Key: "field.secret.both", Hint: "field.secret.both_hint"}
	case s.keyFile != "":
		c.KeyFile, err = readBounded(s.keyFile, maxSecretBytes)
		return c, true, err
	case s.passphraseFile != "":
		raw, err := readBounded(s.passphraseFile, maxSecretBytes)
		line, _, _ := bytes.Cut(raw, []byte("\n"))
		c.Passphrase = string(bytes.TrimSuffix(line, []byte("\r")))
		if err == nil && c.Passphrase == "" {
			err = &cli.Error{Code: cli.Usage, Key: "field.secret.empty_file", Args: cli.Args{"file": s.passphraseFile}, Hint: "field.secret.empty_file_hint"}
		}
		return c, true, err
	}
	return c, false, nil
}

// choose is ask for a new device: it says what happens when the secret is
// forgotten, makes a key file that is not there yet, and asks twice.
func (s *secret) choose(ctx context.Context, a *cli.App, before clientsdk.Notice) (clientsdk.Credentials, error) {
	if s.keyFile != "" && s.passphraseFile == "" {
		if err := makeKeyFile(a, s.keyFile); err != nil {
			return clientsdk.Credentials{}, err
		}
	}
	a.Note(sdkKey(noticeFamily, before.Key), before.Args)
	if c, given, err := s.given(); given || err != nil {
		return c, err
	}
	typed, err := a.NewPassphrase(ctx, a.T("field.secret.choose", cli.Args{"least": clientsdk.MinPassphrase}), "field.secret.no_terminal_hint")
	return clientsdk.Credentials{Passphrase: string(typed)}, err
}

// makeKeyFile makes a key file unless there is one.
func makeKeyFile(a *cli.App, name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fileError(name, err)
	}
	key := make([]byte, keyFileBytes)
	_, err = io.ReadFull(rand.Reader, key)
	if err == nil {
		_, err = f.Write(key)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	a.Note("field.secret.key_made", cli.Args{"file": name})
	return nil
}

// readBounded reads a file of at most most bytes.
func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	defer f.Close()
	return readAll(f, name, most)
}

func readAll(r io.Reader, name string, most int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fileError(name, err)
	}
	if int64(len(raw)) > most {
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "field.file.too_large", Args: cli.Args{"file": name, "most": cli.Bytes(most)}, Hint: "field.file.too_large_hint"}
	}
	return raw, nil
}

func fileError(name string, err error) error {
	return &cli.Error{Code: cli.Usage, Key: "field.file.unreadable", Args: cli.Args{"file": name}, Hint: "field.file.unreadable_hint", Cause: err}
}
