package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// needRoot skips a test that has to mount file systems.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a file system")
	}
}

// tryRun runs a command of the system.
func tryRun(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func mustRun(t *testing.T, name string, args ...string) {
	t.Helper()
	if err := tryRun(name, args...); err != nil {
		t.Fatal(err)
	}
}

// disk is an ext4 file system on a loop device.
type disk struct{ image, dir string }

// newDisk makes and mounts one. It skips the test where the machine forbids that.
func newDisk(t *testing.T, megabytes int) *disk {
	t.Helper()
	needRoot(t)
	base := t.TempDir()
	d := &disk{image: filepath.Join(base, "image"), dir: filepath.Join(base, "mounted")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(d.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(int64(megabytes) << 20); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip("needs mkfs.ext4 (Debian: e2fsprogs)")
	}
	mustRun(t, "mkfs.ext4", "-q", d.image)
	if err := d.mount(); err != nil {
		t.Skipf("this machine mounts no loop device: %v", err)
	}
	t.Cleanup(func() {
		if err := d.unmount(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *disk) mount() error { return tryRun("mount", "-o", "loop", d.image, d.dir) }

// unmount does nothing if it is not mounted.
func (d *disk) unmount() error {
	err := syscall.Unmount(d.dir, 0)
	if err == syscall.EINVAL {
		return nil
	}
	return err
}

// The ioctl that shuts ext4 down, and its flag that throws away what isn't on the disk: see ext4_shutdown in Linux.
const (
	ext4Shutdown           = 0x8004587d
	ext4GoingFlagNoLogSync = 2
)

// cutPower makes the file system lose what hasn't been synced and refuse everything from then on.
func (d *disk) cutPower(t *testing.T) {
	t.Helper()
	dir, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	flag := uint32(ext4GoingFlagNoLogSync)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dir.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		t.Skipf("this kernel doesn't shut ext4 down: %v", errno)
	}
}

// tmpfs mounts a file system in memory of the size, which remount changes.
func tmpfs(t *testing.T, megabytes int) (dir string, remount func(megabytes int)) {
	t.Helper()
	needRoot(t)
	dir = t.TempDir()
	if err := tryRun("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "rowlock-test", dir); err != nil {
		t.Skipf("this machine mounts no tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, func(megabytes int) {
		t.Helper()
		mustRun(t, "mount", "-o", fmt.Sprintf("remount,size=%dm", megabytes), dir)
	}
}
