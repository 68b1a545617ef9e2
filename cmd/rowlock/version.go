package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

// buildVersion is set by the linker (-X main.buildVersion=v1.2.3) for a release; go install records the module's
// version by itself.
var buildVersion string

// buildCommit is set by the linker (-X main.buildCommit=…) where the Go tool records no commit by itself.
var buildCommit string

const unknown = "unknown"

func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, commit and Go release that this binary was built from",
		Example: "  rowlock version -o json",
		GroupID: groupOperate,
		Args:    args(0, 0),
	}
	out := p.outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		v := version()
		return out.print(v, func(t *render.Table) {
			t.Pair("version", v.Version)
			t.Pair("commit", v.Commit)
			t.Pair("built from", v.CommitTime)
			t.Pair("go", v.Go+" "+v.Platform)
		})
	}
	return cmd
}

// versionInfo is what the binary knows of itself.
type versionInfo struct {
	Version    string `json:"version"`
	Commit     string `json:"commit"`
	CommitTime string `json:"commit_time,omitempty"`
	// Modified: the working tree had changes that no commit has.
	Modified bool   `json:"modified"`
	Go       string `json:"go_version"`
	Platform string `json:"platform"`
}

func version() versionInfo {
	v := versionInfo{Version: buildVersion, Commit: buildCommit, Go: runtime.Version(), Platform: fmt.Sprintf("%s/%s", runtime.GOOS, runtime.GOARCH)}
	if build, ok := debug.ReadBuildInfo(); ok {
		v.record(build)
	}
	if v.Version == "" {
		v.Version = unknown
	}
	if v.Commit == "" {
		v.Commit = unknown
	}
	return v
}

// record takes over what the Go tool recorded; it knows the commit best.
func (v *versionInfo) record(build *debug.BuildInfo) {
	if v.Version == "" {
		v.Version = build.Main.Version
	}
	for _, setting := range build.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Commit = setting.Value
		case "vcs.time":
			v.CommitTime = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
}

// line is what --version prints.
func (v versionInfo) line() string {
	return fmt.Sprintf("rowlock %s, commit %s, %s %s", v.Version, v.Commit, v.Go, v.Platform)
}
