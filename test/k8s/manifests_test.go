package k8s

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const deploy = "../../deploy"

func readManifests(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(deploy + "/k8s/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	files := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(text)
	}
	return files
}

func TestManifests(t *testing.T) {
	files := readManifests(t)
	if _, wrong := check(files); len(wrong) > 0 {
		t.Error(wrong)
	}
	for name := range files {
		if name != "kustomization.yaml" && !strings.Contains(files["kustomization.yaml"], "- "+name) {
			t.Errorf("kustomization.yaml doesn't list %s", name)
		}
	}
}

// TestImage: the manifests' user and ports are the image's.
func TestImage(t *testing.T) {
	text, err := os.ReadFile(deploy + "/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("\nUSER %d:%[1]d\n", imageUser); !bytes.Contains(text, []byte(want)) {
		t.Errorf("the Containerfile doesn't have %q", want)
	}
	m, wrong := check(readManifests(t))
	if len(wrong) > 0 {
		t.Fatal("TestManifests fails")
	}
	var ports []string
	for _, p := range m.members[0].Spec.Template.Spec.Containers[0].Ports {
		ports = append(ports, fmt.Sprint(p.ContainerPort))
	}
	if want := "\nEXPOSE " + strings.Join(ports, " ") + "\n"; !bytes.Contains(text, []byte(want)) {
		t.Errorf("the Containerfile doesn't have %q", want)
	}
}

// TestCommandLines has the program parse the containers' arguments: --help comes last, so that all before it are parsed.
func TestCommandLines(t *testing.T) {
	m, wrong := check(readManifests(t))
	if len(wrong) > 0 {
		t.Fatal("TestManifests fails")
	}
	program := buildProgram(t)
	for _, c := range []corev1.Container{
		m.members[0].Spec.Template.Spec.Containers[0], m.workers[0].Spec.Template.Spec.Containers[0],
	} {
		t.Run(c.Args[0], func(t *testing.T) {
			if c.Command != nil || c.Image != "rowlock:latest" {
				t.Errorf("the container runs %s %v", c.Image, c.Command)
			}
			if err := parses(t, program, c.Args); err != nil {
				t.Error(err)
			}
			for _, bad := range []string{"--no-such-flag=1", c.Args[len(c.Args)-1] + "?"} {
				if err := parses(t, program, append(c.Args[:len(c.Args):len(c.Args)], bad)); err == nil {
					t.Errorf("it also takes %s", bad)
				}
			}
		})
	}
}

// buildProgram builds the program of the main module.
func buildProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rowlock")
	build := exec.Command("go", "build", "-o", path, "./cmd/rowlock")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

var variables = strings.NewReplacer("$(POD_NAME)", "rowlock-0", "$(POD_NAMESPACE)", "rowlock")

// parses reports whether the program's command line takes the arguments.
func parses(t *testing.T, program string, args []string) error {
	t.Helper()
	var line []string
	for _, arg := range args {
		line = append(line, variables.Replace(arg))
	}
	help := exec.CommandContext(t.Context(), program, append(line, "--help")...)
	help.Env = []string{}
	out, err := help.CombinedOutput()
	if err != nil {
		return fmt.Errorf("rowlock %s: %w\n%s", strings.Join(line, " "), err, out)
	}
	for name := range flagsOf(corev1.Container{Args: args}) {
		if !regexp.MustCompile(`(?m)^ +(-., )?` + name + `\b`).Match(out) {
			return fmt.Errorf("rowlock %s --help doesn't know %s", args[0], name)
		}
	}
	return nil
}

// TestMutations makes one thing wrong at a time: each must be found, and named.
func TestMutations(t *testing.T) {
	good := readManifests(t)
	for _, c := range mutations {
		t.Run(c.file+"/"+c.old, func(t *testing.T) {
			if n := strings.Count(good[c.file], c.old); n == 0 {
				t.Fatal("the file doesn't have it")
			}
			files := maps.Clone(good)
			files[c.file] = strings.Replace(files[c.file], c.old, c.new, 1)
			_, wrong := check(files)
			if !strings.Contains(wrong.String(), c.want) {
				t.Errorf("as %q: want a problem with %q, got %q", c.new, c.want, wrong)
			}
		})
	}
}
