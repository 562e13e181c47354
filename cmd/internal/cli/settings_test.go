package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// showSettings prints the settings that a command ends up with.
func showSettings() func(*App) []*cobra.Command {
	return func(a *App) []*cobra.Command {
		var listen *string
		var peers *[]string
		c := a.Command("work", "cli.version", func(context.Context, []string) error {
			dir, err := a.DataDir()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Stdout(), "listen=%s peers=%s lang=%s json=%t dir=%s", *listen, strings.Join(*peers, "+"), a.Lang(), a.JSON(), dir)
			return err
		})
		listen = c.Flags().String("listen-on", "default", a.T("cli.flag.config"))
		peers = c.Flags().StringSlice("peer", nil, a.T("cli.flag.config"))
		a.Setting(c.Flags(), "listen-on", "peer")
		other := a.Command("other", "cli.version", nil)
		other.Flags().Int("limit", 1, a.T("cli.flag.config"))
		a.Setting(other.Flags(), "limit")
		return []*cobra.Command{c, other}
	}
}

func TestPrecedence(t *testing.T) {
	tests := []struct {
		name   string
		config string
		env    []string
		args   []string
		want   string
	}{
		{"default", "", nil, nil, "listen=default peers= lang=en json=false"},
		{"file", "listen_on = 'file'", nil, nil, "listen=file"},
		{"file with a dash", "listen-on = 'file'", nil, nil, "listen=file"},
		{"environment over file", "listen_on = 'file'", []string{"MAHALLEH_LISTEN_ON=env"}, nil, "listen=env"},
		{"flag over all", "listen_on = 'file'", []string{"MAHALLEH_LISTEN_ON=env"}, []string{"--listen-on", "flag"}, "listen=flag"},
		{"flag equal to its default", "listen_on = 'file'", nil, []string{"--listen-on=default"}, "listen=default"},
		{"empty variable is unset", "listen_on = 'file'", []string{"MAHALLEH_LISTEN_ON="}, nil, "listen=file"},
		{"other program's variable", "", []string{"MAHALLEH_FIELD_LISTEN_ON=env"}, nil, "listen=default"},
		{"list", "peer = ['a', 'b']", nil, nil, "peers=a+b"},
		{"list under a flag", "peer = ['a', 'b']", nil, []string{"--peer", "c"}, "peers=c"},
		{"other command's setting", "limit = 3", nil, nil, "listen=default"},
		{"bool", "json = true", nil, nil, "json=true"},
		{"bool by environment", "", []string{"MAHALLEH_JSON=1"}, nil, "json=true"},
		{"language by locale", "", []string{"LANG=fa_IR"}, nil, "lang=fa"},
		{"locale that counts first", "", []string{"LANG=fa_IR", "LC_ALL=C"}, nil, "lang=en"},
		{"language by variable", "", []string{"LANG=fa_IR", "MAHALLEH_LANG=en"}, nil, "lang=en"},
		{"language by file", "lang = 'fa'", []string{"LANG=C"}, nil, "lang=fa"},
		{"language by flag", "lang = 'fa'", []string{"MAHALLEH_LANG=fa"}, []string{"--lang", "EN"}, "lang=en"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, showSettings())
			dir := strings.TrimPrefix(h.env[0], "MAHALLEH_DATA_DIR=")
			if test.config != "" {
				writeFile(t, dir, configName, test.config)
			}
			h.env = append(h.env, test.env...)
			code, stdout, stderr := h.run(append([]string{"work"}, test.args...)...)
			if code != 0 || !strings.Contains(stdout, test.want) || !strings.HasSuffix(stdout, "dir="+dir) {
				t.Errorf("got %d %q %q, want %q", code, stdout, stderr, test.want)
			}
		})
	}
}

func TestConfigElsewhere(t *testing.T) {
	h := newHarness(t, showSettings())
	elsewhere, data := t.TempDir(), t.TempDir()
	file := writeFile(t, elsewhere, "my.toml", fmt.Sprintf("data_dir = '%s'\nlang = 'fa'\n", data))
	h.env = nil
	code, stdout, stderr := h.run("work", "--config", file)
	if code != 0 || !strings.HasSuffix(stdout, "dir="+data) || !strings.Contains(stdout, "lang=fa") {
		t.Errorf("got %d %q %q", code, stdout, stderr)
	}
	h.env = []string{"MAHALLEH_CONFIG=" + file}
	if code, stdout, stderr = h.run("work"); code != 0 || !strings.HasSuffix(stdout, "dir="+data) {
		t.Errorf("by environment: got %d %q %q", code, stdout, stderr)
	}
}

func TestBadSettings(t *testing.T) {
	tests := []struct {
		name   string
		config string
		env    []string
		args   []string
		want   string
	}{
		{"unknown key", "lisen = 'x'", nil, nil, "holds “lisen”, which is no setting.\nmahalleh: The settings are: data_dir, json, lang, limit, listen_on, peer, quiet, verbose."},
		{"not TOML", "= =", nil, nil, "cannot be read"},
		{"too large", "# " + strings.Repeat("x", maxConfigBytes), nil, nil, "cannot be read"},
		{"wrong type", "json = 'perhaps'", nil, nil, "“perhaps” is not a value for “json”"},
		{"list for one value", "listen_on = ['a']", nil, nil, "is not a value for “listen_on”"},
		{"table", "[listen_on]\nx = 1", nil, nil, "is not a value for “listen_on”"},
		{"moves its own directory", "data_dir = '/elsewhere'", nil, nil, "lies in the data directory and cannot move it"},
		{"names another file", "config = 'x'", nil, nil, "which is no setting"},
		{"bad variable", "", []string{"MAHALLEH_JSON=perhaps"}, nil, "“perhaps” in the variable MAHALLEH_JSON is not a value"},
		{"no such file", "", nil, []string{"--config", "nowhere.toml"}, "There is no settings file nowhere.toml."},
		{"bad language in file", "lang = 'de'", nil, nil, "The language “de” is not known."},
		{"no home", "", []string{"MAHALLEH_DATA_DIR="}, nil, "mahalleh: Give --data-dir, or set MAHALLEH_DATA_DIR."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, showSettings())
			if test.config != "" {
				writeFile(t, strings.TrimPrefix(h.env[0], "MAHALLEH_DATA_DIR="), configName, test.config)
			}
			h.env = append(h.env, test.env...)
			code, stdout, stderr := h.run(append([]string{"work"}, test.args...)...)
			if Code(code) != Usage || !strings.Contains(stderr, test.want) || stdout != "" {
				t.Errorf("got %d %q %q, want %q", code, stdout, stderr, test.want)
			}
		})
	}
}

func TestDefaultDataDir(t *testing.T) {
	env := map[string]string{"HOME": "/home/z", "LOCALAPPDATA": "/local"}
	xdg := map[string]string{"HOME": "/home/z", "XDG_DATA_HOME": "/data"}
	tests := []struct {
		name, goos string
		env        map[string]string
		want       string
	}{
		{"linux", "linux", env, "/home/z/.local/share/mahalleh"},
		{"linux with XDG", "linux", xdg, "/data/mahalleh"},
		{"relative XDG is ignored", "linux", map[string]string{"HOME": "/home/z", "XDG_DATA_HOME": "data"}, "/home/z/.local/share/mahalleh"},
		{"android", "android", env, "/home/z/.local/share/mahalleh"},
		{"darwin", "darwin", env, "/home/z/Library/Application Support/mahalleh"},
		{"windows", "windows", env, "/local/mahalleh"},
		{"nothing known", "linux", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := defaultDataDir(test.goos, func(name string) string { return test.env[name] }, "mahalleh")
			if strings.ReplaceAll(got, "\\", "/") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzSettings reads arbitrary settings files: whatever stands there, the
// command runs or says what is wrong with the file.
func FuzzSettings(f *testing.F) {
	f.Add("listen_on = 'x'\npeer = ['a']\nlang = 'fa'\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := writeFile(t, t.TempDir(), "my.toml", text)
		var out, errs bytes.Buffer
		program := Program{Name: "mahalleh", EnvPrefix: "MAHALLEH_", Help: "cli.version", Commands: showSettings()}
		code := program.Main(t.Context(), []string{"work", "--data-dir", "d", "--config", file}, nil, &out, &errs, nil)
		if Code(code) != OK && (Code(code) != Usage || !strings.HasPrefix(errs.String(), errorPrefix)) {
			t.Errorf("%q: got exit code %d and %q", text, code, errs.String())
		}
	})
}
