package catcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// perFolder keeps folders small enough for every file system and every person.
const perFolder = 1000

// store keeps mails as files, numbered in the order of their arrival: 000/000001.eml, 001/001000.eml, …
type store struct {
	dir string

	mu    sync.Mutex // guards what follows, and the order of the index's lines
	index *os.File
	last  int // the newest mail's number
	held  int // how many are kept
}

// entry is one mail's line in the index.
type entry struct {
	Number  int       `json:"number"`
	At      time.Time `json:"at"`
	Size    int64     `json:"size"`
	From    string    `json:"from"`
	To      []string  `json:"to"`
	Subject string    `json:"subject"`
}

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	index, err := os.OpenFile(filepath.Join(dir, "index.jsonl"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &store{dir: dir, index: index}
	if err := s.mend(); err != nil {
		return nil, errors.Join(err, index.Close())
	}
	return s, nil
}

// mend cuts a half-written last line off the index and adds the mails that a kill kept from it.
func (s *store) mend() error {
	size, err := s.index.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	end := int64(0)
	if err := lines(s.index, size, func(line []byte, after int64) bool {
		var e entry
		if json.Unmarshal(line, &e) != nil {
			return true
		}
		s.last, end = e.Number, after
		return false
	}); err != nil {
		return err
	}
	if err := s.index.Truncate(end); err != nil {
		return err
	}
	if err := lines(s.index, end, func([]byte, int64) bool { s.held++; return true }); err != nil {
		return err
	}
	missing, err := s.after(s.last)
	if err != nil {
		return err
	}
	for _, number := range missing {
		if err := s.enter(number); err != nil {
			return err
		}
	}
	return nil
}

// after lists the mails above number that the folders hold, oldest first.
func (s *store) after(number int) ([]int, error) {
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var found []int
	for _, folder := range folders {
		if n, err := strconv.Atoi(folder.Name()); err != nil || !folder.IsDir() || n < number/perFolder {
			continue
		}
		files, err := os.ReadDir(filepath.Join(s.dir, folder.Name()))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name, isMail := strings.CutSuffix(file.Name(), ".eml")
			if n, err := strconv.Atoi(name); isMail && err == nil && n > number {
				found = append(found, n)
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

func (s *store) path(number int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%03d", number/perFolder), fmt.Sprintf("%06d.eml", number))
}

// add keeps a mail: the file is whole before it gets its name, and named before the sender hears that it was taken.
func (s *store) add(mail io.Reader) (err error) {
	part, err := os.CreateTemp(s.dir, "*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part.Name())
		}
	}()
	if _, err := io.Copy(part, mail); err != nil {
		return errors.Join(err, part.Close())
	}
	if err := part.Close(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	number := s.last + 1
	if err := os.MkdirAll(filepath.Dir(s.path(number)), 0o700); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), s.path(number)); err != nil {
		return err
	}
	return s.enter(number)
}

// enter writes a mail's line into the index.
func (s *store) enter(number int) error {
	e, err := s.describe(number)
	if err != nil {
		return err
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := s.index.Write(append(line, '\n')); err != nil {
		return err
	}
	s.last, s.held = number, s.held+1
	return nil
}

func (s *store) describe(number int) (entry, error) {
	f, err := os.Open(s.path(number))
	if err != nil {
		return entry{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return entry{}, err
	}
	e := entry{Number: number, At: info.ModTime().UTC(), Size: info.Size()}
	e.From, e.To, e.Subject = envelope(f)
	return e, nil
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *store) newest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// find lists up to limit mails below the number before (0: from the newest), newest first, whose sender, recipients or
// subject contain all words of query; more says that there are others.
func (s *store) find(query string, before, limit int) (found []entry, more bool, err error) {
	s.mu.Lock()
	size, err := s.index.Seek(0, io.SeekEnd)
	s.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	words := strings.Fields(strings.ToLower(query))
	err = lines(s.index, size, func(line []byte, _ int64) bool {
		var e entry
		if json.Unmarshal(line, &e) != nil || before > 0 && e.Number >= before || !e.matches(words) {
			return true
		}
		if more = len(found) == limit; !more {
			found = append(found, e)
		}
		return !more
	})
	return found, more, err
}

func (e entry) matches(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(e.From + " " + strings.Join(e.To, " ") + " " + e.Subject)
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// open opens a mail; os.ErrNotExist where there is none of that number.
func (s *store) open(number int) (*os.File, error) { return os.Open(s.path(number)) }

// clear removes all mails.
func (s *store) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.index.Truncate(0); err != nil {
		return err
	}
	s.last, s.held = 0, 0
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if _, err := strconv.Atoi(folder.Name()); err == nil && folder.IsDir() {
			if err := os.RemoveAll(filepath.Join(s.dir, folder.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) close() error {
	parts, err := filepath.Glob(filepath.Join(s.dir, "*.part"))
	for _, part := range parts {
		if gone := os.Remove(part); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return errors.Join(err, s.index.Close())
}

// lines calls each for every whole line of the first size bytes of r, last line first, with the offset after it, until each
// returns false.
func lines(r io.ReaderAt, size int64, each func(line []byte, after int64) bool) error {
	const step = 64 << 10
	var rest []byte // the beginning, not yet seen whole, of the lines already read
	after := size
	for start := size; start > 0; {
		from := max(0, start-step)
		chunk := make([]byte, start-from, int(start-from)+len(rest))
		if _, err := r.ReadAt(chunk, from); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		rest, start = append(chunk, rest...), from
		for {
			newline := bytes.LastIndexByte(rest[:max(0, len(rest)-1)], '\n')
			if newline < 0 && start > 0 {
				break // the line begins in an earlier chunk
			}
			line := rest[newline+1:]
			if whole := bytes.HasSuffix(line, []byte("\n")); whole && !each(bytes.TrimSuffix(line, []byte("\n")), after) {
				return nil
			}
			after -= int64(len(line))
			rest = rest[:newline+1]
			if newline < 0 {
				break
			}
		}
	}
	return nil
}
