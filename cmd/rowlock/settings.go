package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Flags come in two sorts. A setting describes where and how the program runs: it may also come from the environment
// (ROWLOCK_…) and from the config file. Any other flag belongs to one call, such as a task's kind, and comes from the
// command line alone: a worker's programs run with ROWLOCK_KIND and ROWLOCK_QUEUE set, which must not leak into the
// 'rowlock enqueue' that they call.
const settingAnnotation = "rowlock_setting"

const envPrefix = "ROWLOCK_"

// settings declares flags of the set as settings, and says so in their help.
func settings(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flag := flags.Lookup(name)
		if flag == nil {
			panic("settings: no flag " + name)
		}
		if flag.Annotations == nil {
			flag.Annotations = map[string][]string{}
		}
		flag.Annotations[settingAnnotation] = []string{"true"}
		flag.Usage += " (env " + envName(name) + ")"
	}
}

func isSetting(flag *pflag.Flag) bool { return flag.Annotations[settingAnnotation] != nil }

// envName is the environment variable of a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagName is the flag of an environment variable or of a key in the config file, which may be spelled like either.
func flagName(key string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(key, envPrefix), "_", "-"))
}

// resolveSettings gives each setting of cmd that isn't on the command line its value from the environment, else from the
// config file. Commands then read nothing but their flags.
func (p *program) resolveSettings(cmd *cobra.Command) error {
	known := knownSettings(cmd.Root())
	fromEnv := koanf.New("\x00")
	if err := fromEnv.Load(p.environment(known), nil); err != nil {
		return fmt.Errorf("reading the environment: %w", err)
	}
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return err
	}
	if path == "" {
		path = fromEnv.String("config")
	}
	fromFile, err := readConfigFile(path, known)
	if err != nil {
		return err
	}
	var problem error
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if problem != nil || flag.Changed || !isSetting(flag) {
			return
		}
		if value, ok := fromEnv.Raw()[flag.Name]; ok {
			problem = setFlag(cmd, flag, envName(flag.Name), value)
		} else if value, ok := fromFile[flag.Name]; ok {
			problem = setFlag(cmd, flag, fmt.Sprintf("config file %s: %s", path, flag.Name), value)
		}
	})
	return problem
}

// environment provides the ROWLOCK_ variables that are settings and not empty. Others are none of our business:
// Kubernetes, for one, sets ROWLOCK_SERVICE_HOST for a service called rowlock.
func (p *program) environment(known []string) koanf.Provider {
	return env.Provider("\x00", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return p.env },
		TransformFunc: func(key, value string) (string, any) {
			name := flagName(key)
			if value == "" || envName(name) != key || !slices.Contains(known, name) {
				return "", nil
			}
			return name, value
		},
	})
}

// readConfigFile returns the file's values by flag name. A key that no command knows is a mistake.
func readConfigFile(path string, known []string) (map[string]any, error) {
	if path == "" {
		return nil, nil
	}
	k := koanf.New("\x00")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("config file %s: no such file", path)
		}
		return nil, usagef("config file %s: %s", path, err)
	}
	raw := k.Raw()
	values := make(map[string]any, len(raw))
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		name := flagName(key)
		if !slices.Contains(known, name) || name == "config" {
			if near := nearest(name, known); near != "" {
				return nil, usagef("config file %s: unknown setting %q: did you mean %q?", path, key, near)
			}
			return nil, usagef("config file %s: unknown setting %q", path, key)
		}
		values[name] = raw[key]
	}
	return values, nil
}

// knownSettings are the names of the settings of all commands: one file or environment may serve several of them.
func knownSettings(root *cobra.Command) []string {
	names := map[string]bool{"config": true}
	add := func(flag *pflag.Flag) {
		if isSetting(flag) {
			names[flag.Name] = true
		}
	}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(add)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return slices.Sorted(maps.Keys(names))
}

func setFlag(cmd *cobra.Command, flag *pflag.Flag, source string, value any) error {
	text, err := settingText(value)
	if err != nil {
		return usagef("%s: %s", source, err)
	}
	if err := flag.Value.Set(text); err != nil {
		return wrongValue(source, flag, text, err)
	}
	flag.Changed = true
	return nil
}

// settingText writes a value of the config file as it would stand behind its flag: lists and maps with commas.
func settingText(value any) (string, error) {
	switch value := value.(type) {
	case []any:
		parts := make([]string, 0, len(value))
		for _, item := range value {
			text, err := settingText(item)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		parts := make([]string, 0, len(value))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			text, err := settingText(value[key])
			if err != nil {
				return "", err
			}
			parts = append(parts, key+"="+text)
		}
		return strings.Join(parts, ","), nil
	case nil:
		return "", errors.New("has no value")
	case string, bool, int, int64, uint64, float64:
		return fmt.Sprint(value), nil
	}
	return "", fmt.Errorf("can't be a %T", value)
}
