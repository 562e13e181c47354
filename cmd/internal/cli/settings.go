package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mahalleh/schemas/texts"
)

// commonFlags are the settings that every command has.
type commonFlags struct {
	dataDir, lang, config string
	json, quiet, verbose  bool
}

// configName is the settings file in the data directory.
const configName = "config.toml"

// maxConfigBytes bounds the settings file. A real one has a few dozen lines;
// a larger one is a mistake, such as the path of a database.
const maxConfigBytes = 1 << 20

func (a *App) addCommonFlags(flags *pflag.FlagSet) {
	flags.StringVar(&a.common.dataDir, "data-dir", a.defaultDataDir(), a.T("cli.flag.data_dir"))
	flags.StringVar(&a.common.lang, "lang", string(a.envLang()), a.T("cli.flag.lang"))
	flags.StringVar(&a.common.config, "config", "", a.T("cli.flag.config"))
	flags.BoolVar(&a.common.json, "json", false, a.T("cli.flag.json"))
	flags.BoolVarP(&a.common.quiet, "quiet", "q", false, a.T("cli.flag.quiet"))
	flags.BoolVarP(&a.common.verbose, "verbose", "v", false, a.T("cli.flag.verbose"))
	flags.BoolP("help", "h", false, a.T("cli.flag.help"))
	a.Setting(flags, "data-dir", "lang", "config", "json", "quiet", "verbose")
}

// Setting makes flags into settings: a flag "listen" that is not given takes
// its value from the environment (MAHALLEH_LISTEN) or else from the key
// "listen" of the settings file. Dashes are underscores in both.
func (a *App) Setting(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		if flags.Lookup(name) == nil {
			a.problems = append(a.problems, fmt.Sprintf("setting %q: there is no such flag", name))
			continue
		}
		a.settings[name] = true
	}
}

// envName is the variable of a setting.
func (a *App) envName(flag string) string {
	return a.program.EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// DataDir is the directory that holds everything the program keeps.
func (a *App) DataDir() (string, error) {
	if a.common.dataDir == "" {
		return "", &Error{
			Code: Usage, Key: "cli.settings.no_data_dir",
			Args: Args{"variable": a.envName("data-dir")}, Hint: "cli.settings.no_data_dir_hint",
		}
	}
	return a.common.dataDir, nil
}

func (a *App) defaultDataDir() string {
	return defaultDataDir(runtime.GOOS, a.Env, a.program.Name)
}

// defaultDataDir is where the operating system wants a program's own data, ""
// when the environment does not say.
func defaultDataDir(goos string, env func(string) string, name string) string {
	join := func(base string, rest ...string) string {
		if base == "" {
			return ""
		}
		return filepath.Join(append([]string{base}, rest...)...)
	}
	switch goos {
	case "windows":
		return join(env("LOCALAPPDATA"), name)
	case "darwin":
		return join(env("HOME"), "Library", "Application Support", name)
	}
	if dir := env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return join(dir, name)
	}
	return join(env("HOME"), ".local", "share", name)
}

// envLang is the language that the environment asks for: Persian when the
// locale is Persian, English otherwise. The first variable that is set counts,
// in the order of POSIX.
func (a *App) envLang() Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := a.env[name]; value != "" {
			if strings.HasPrefix(strings.ToLower(value), "fa") {
				return Persian
			}
			return English
		}
	}
	return English
}

// guessSettings reads the common settings from a command line that is not
// parsed yet, only so far that help and usage errors speak the right language.
// Whatever it misses is read properly when the command runs.
func (a *App) guessSettings(args []string) map[string]string {
	guess := map[string]string{}
	for _, name := range []string{"lang", "config", "data-dir"} {
		if value := a.env[a.envName(name)]; value != "" {
			guess[name] = value
		}
		for i, arg := range args {
			if arg == "--" {
				break
			}
			flag, value, found := strings.Cut(arg, "=")
			if flag != "--"+name && flag != "-"+name {
				continue
			}
			if !found && i+1 < len(args) {
				value = args[i+1]
			}
			guess[name] = value
		}
	}
	return guess
}

func (a *App) guessLang(guess map[string]string) Lang {
	if lang, err := texts.ParseLang(guess["lang"]); err == nil {
		return lang
	}
	file := guess["config"]
	if file == "" {
		dir := guess["data-dir"]
		if dir == "" {
			dir = a.defaultDataDir()
		}
		file = filepath.Join(dir, configName)
	}
	// A file that cannot be read is reported when the settings are resolved.
	if values, err := readConfig(file); err == nil {
		if text, ok := values["lang"].(string); ok {
			if lang, err := texts.ParseLang(text); err == nil {
				return lang
			}
		}
	}
	return a.envLang()
}

// resolve fills the flags that were not given from the environment and the
// settings file, then puts the common settings to work.
func (a *App) resolve(c *cobra.Command) error {
	flags := c.Flags()
	if err := a.fromEnv(flags); err != nil {
		return err
	}
	if err := a.fromConfig(c); err != nil {
		return err
	}
	lang, err := texts.ParseLang(a.common.lang)
	if err != nil {
		return &Error{
			Code: Usage, Key: "cli.settings.bad_lang",
			Args: Args{"value": a.common.lang}, Hint: "cli.settings.bad_lang_hint", Cause: err,
		}
	}
	if err := a.setLang(lang); err != nil {
		return err
	}
	if a.common.quiet && a.common.verbose {
		return usageAt(c, "cli.settings.quiet_and_verbose", nil)
	}
	switch {
	case a.common.verbose:
		a.logLevel.Set(slog.LevelDebug)
	case a.common.quiet:
		a.logLevel.Set(slog.LevelError)
	}
	return requiredFlags(c)
}

func (a *App) fromEnv(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := a.envName(f.Name)
		value, ok := a.env[name]
		if !ok || value == "" || f.Changed || !a.settings[f.Name] || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failed = &Error{
				Code: Usage, Key: "cli.settings.bad_env",
				Args: Args{"variable": name, "value": value}, Hint: "cli.settings.bad_env_hint", Cause: err,
			}
		}
	})
	return failed
}

func (a *App) fromConfig(c *cobra.Command) error {
	flags := c.Flags()
	file, chosen := a.common.config, true
	if file == "" {
		if a.common.dataDir == "" {
			return nil
		}
		file, chosen = filepath.Join(a.common.dataDir, configName), false
	}
	values, err := readConfig(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !chosen:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &Error{
			Code: Usage, Key: "cli.settings.no_config",
			Args: Args{"file": file}, Hint: "cli.settings.no_config_hint", Cause: err,
		}
	case err != nil:
		return &Error{
			Code: Usage, Key: "cli.settings.bad_config",
			Args: Args{"file": file}, Hint: "cli.settings.bad_config_hint", Cause: err,
		}
	}
	for _, key := range sortedKeys(values) {
		name := strings.ReplaceAll(key, "_", "-")
		if !a.settings[name] || name == "config" {
			return &Error{
				Code: Usage, Key: "cli.settings.unknown_key",
				Args: Args{"file": file, "key": key, "known": a.knownKeys()}, Hint: "cli.settings.unknown_key_hint",
			}
		}
		if name == "data-dir" && !chosen {
			return &Error{
				Code: Usage, Key: "cli.settings.data_dir_inside",
				Args: Args{"file": file}, Hint: "cli.settings.data_dir_inside_hint",
			}
		}
		f := flags.Lookup(name)
		if f == nil || f.Changed {
			continue // another command's setting, or already decided
		}
		if err := setFromTOML(flags, f, values[key]); err != nil {
			return &Error{
				Code: Usage, Key: "cli.settings.bad_key",
				Args: Args{"file": file, "key": key, "value": fmt.Sprint(values[key])}, Hint: "cli.settings.bad_key_hint", Cause: err,
			}
		}
	}
	return nil
}

// knownKeys lists what a settings file may hold.
func (a *App) knownKeys() string {
	var keys []string
	for name := range a.settings {
		if name != "config" {
			keys = append(keys, strings.ReplaceAll(name, "-", "_"))
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func setFromTOML(flags *pflag.FlagSet, f *pflag.Flag, value any) error {
	switch v := value.(type) {
	case string, bool, int64, float64:
		return flags.Set(f.Name, fmt.Sprint(v))
	case []any:
		list, ok := f.Value.(pflag.SliceValue)
		if !ok {
			return errors.New("one value is expected, not a list")
		}
		var items []string
		for _, item := range v {
			items = append(items, fmt.Sprint(item))
		}
		f.Changed = true
		return list.Replace(items)
	}
	return fmt.Errorf("a value of type %T is not a setting", value)
}

// readConfig reads a settings file, at most maxConfigBytes of it.
func readConfig(file string) (map[string]any, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open settings: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	if len(raw) > maxConfigBytes {
		return nil, fmt.Errorf("read settings: the file is larger than %d bytes", maxConfigBytes)
	}
	var values map[string]any
	if err := toml.Unmarshal(raw, &values); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return values, nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
