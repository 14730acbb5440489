package netns

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// inodes of namespace files: the device is the same for all of them.
func inodes(files []string) map[uint64]bool {
	set := map[uint64]bool{}
	for _, f := range files {
		var st unix.Stat_t
		if unix.Stat(f, &st) == nil {
			set[st.Ino] = true
		}
	}
	return set
}

// pidsIn lists the processes that live in one of the namespaces, this one
// excepted: some of its threads do.
func pidsIn(spaces []string) []int {
	want := inodes(spaces)
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(filepath.Join("/proc", e.Name(), "ns/net"), &st) == nil && want[st.Ino] {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killIn kills until nobody is left: a supervisor may have started a child
// while the list was read.
func killIn(spaces []string, sig unix.Signal) {
	for range 100 {
		pids := pidsIn(spaces)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			unix.Kill(pid, sig)
		}
		time.Sleep(time.Millisecond)
	}
}
