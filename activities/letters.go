package activities

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"herald/db"
	"herald/internal/channel/email"
	"herald/internal/distribution"
	"herald/internal/message"
)

// Letters readies what distributions say, once for each version: it is read and compiled before its first message and kept
// while messages of it are sent.
type Letters struct {
	Distributions db.Distributions

	mu   sync.Mutex
	kept []edition // the newest last
}

// maxEditions bounds how many are kept: more than are ever sent at once by one worker.
const maxEditions = 64

// edition is one version of a distribution made ready.
type edition struct {
	distribution uuid.UUID
	version      int
	letters      []*email.Letter // by channel
	names        message.Names
	spec         distribution.Spec
}

// edition finds a version made ready, or makes it so.
func (l *Letters) edition(ctx context.Context, ref VersionRef) (edition, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.kept {
		if e.distribution == ref.DistributionID && e.version == ref.Version {
			return e, nil
		}
	}
	e, err := l.make(ctx, ref)
	if err != nil {
		return edition{}, err
	}
	if len(l.kept) == maxEditions {
		l.kept = slices.Delete(l.kept, 0, 1)
	}
	l.kept = append(l.kept, e)
	return e, nil
}

func (l *Letters) make(ctx context.Context, ref VersionRef) (edition, error) {
	spec, names, err := l.Distributions.Edition(ctx, ref.ProjectID, ref.DistributionID, ref.Version)
	if err != nil {
		return edition{}, err
	}
	e := edition{distribution: ref.DistributionID, version: ref.Version, spec: spec, names: names}
	for _, c := range spec.Channels {
		letter, err := email.ForChannel(c)
		if err != nil {
			return edition{}, err
		}
		e.letters = append(e.letters, letter)
	}
	return e, nil
}

// variables are what the templates of a version read.
func (e edition) variables() (all []string) {
	for _, letter := range e.letters {
		all = append(all, letter.Variables()...)
	}
	return all
}

// paths are the parts of a customer that the messages of a version have to keep.
func (e edition) paths() []string { return variablePaths(e.variables()) }
