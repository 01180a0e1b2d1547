package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/<pid>/stat; the kernel shows them in hundredths of a second on every platform.
const tick = 10 * time.Millisecond

// stat is what /proc/<pid>/stat says.
type stat struct {
	parent    int
	own, dead time.Duration // CPU time: its own, and that of children that have ended
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The name, in parentheses, may hold anything; the numbers begin behind it with field 3.
	i := strings.LastIndexByte(string(text), ')')
	fields := strings.Fields(string(text[i+1:]))
	if i < 0 || len(fields) < 15 {
		return stat{}, fmt.Errorf("/proc/%d/stat is not as expected", pid)
	}
	var n [15]int64
	for _, at := range []int{1, 11, 12, 13, 14} {
		if n[at], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return stat{}, err
		}
	}
	return stat{parent: int(n[1]), own: time.Duration(n[11]+n[12]) * tick, dead: time.Duration(n[13]+n[14]) * tick}, nil
}

// cpu is the time that a process and its children have used, also those that have ended.
func cpu(pid int) (time.Duration, error) {
	top, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	sum := top.own + top.dead
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, path := range all {
		one, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		s, err := readStat(one)
		if errors.Is(err, os.ErrNotExist) || err == nil && s.parent != pid {
			continue
		}
		sum += s.own + s.dead // one that ends right now is counted in its parent's next reading
	}
	return sum, nil
}

// Memory is what a process holds, in bytes.
type Memory struct{ Peak, Now int64 }

func memory(pid int) (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		to := map[string]*int64{"VmHWM": &m.Peak, "VmRSS": &m.Now}[name]
		if to == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
		if err != nil {
			return Memory{}, err
		}
		*to = kib << 10
	}
	return m, nil
}
