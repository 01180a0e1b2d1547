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
	Campaigns     db.Campaigns
	Projects      db.Projects

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
	repeat       string
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
	spec, err := l.Distributions.Version(ctx, ref.DistributionID, ref.Version)
	if err != nil {
		return edition{}, err
	}
	e := edition{distribution: ref.DistributionID, version: ref.Version, repeat: spec.Repeat}
	for _, c := range spec.Channels {
		letter, err := email.ForChannel(c)
		if err != nil {
			return edition{}, err
		}
		e.letters = append(e.letters, letter)
	}
	e.names, err = NamesOf(ctx, l.Projects, l.Campaigns, ref.ProjectID, spec)
	return e, err
}

// NamesOf looks up what a distribution's templates may call by name.
func NamesOf(ctx context.Context, projects db.Projects, campaigns db.Campaigns, project uuid.UUID, spec distribution.Spec) (message.Names, error) {
	names := message.Names{Distribution: spec.Name}
	var err error
	if names.Project, err = projects.Name(ctx, project); err != nil {
		return names, err
	}
	if used := db.UsesOf(spec).Campaign; used != nil {
		campaign, err := campaigns.Get(ctx, project, *used)
		if err != nil {
			return names, err
		}
		names.Campaign = campaign.Name
	}
	return names, nil
}

// paths are the parts of a customer that the messages of a version have to keep.
func (l *Letters) paths(ctx context.Context, ref VersionRef) ([]string, error) {
	e, err := l.edition(ctx, ref)
	if err != nil {
		return nil, err
	}
	var variables []string
	for _, letter := range e.letters {
		variables = append(variables, letter.Variables()...)
	}
	return variablePaths(variables), nil
}
