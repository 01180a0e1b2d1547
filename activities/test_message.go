package activities

import (
	"context"
	"time"

	"github.com/google/uuid"

	"herald/db"
	"herald/internal/channel"
	"herald/internal/channel/email"
	"herald/internal/id"
	"herald/internal/message"
)

// Testing sends messages to those who want to see them before everyone else does.
type Testing struct {
	Tests         db.TestMessages
	Distributions db.Distributions
	Mail          *email.Pool
	Domain        string
}

// TestRef names a test message.
type TestRef struct{ ProjectID, TestID uuid.UUID }

// SendTestMessage sends it and writes down what became of it.
func (a *Testing) SendTestMessage(ctx context.Context, in TestRef) error {
	test, err := a.Tests.Get(ctx, in.ProjectID, in.TestID)
	if err != nil {
		return outcome(err)
	}
	job, err := a.job(ctx, test)
	if err != nil {
		return outcome(err)
	}
	result := channel.Outcome{Verdict: channel.Deferred, Reason: "provider_unavailable"}
	job.Done = func(o channel.Outcome) <-chan struct{} { result = o; return nil }
	jobs := make(chan email.Job, 1)
	jobs <- job
	close(jobs)
	if err := a.Mail.Send(ctx, email.Batch{Jobs: jobs, Urgent: true}); err != nil {
		result.Reply = err.Error()
	}
	return outcome(a.Tests.Record(ctx, in.ProjectID, in.TestID, result))
}

func (a *Testing) job(ctx context.Context, test db.TestMessage) (email.Job, error) {
	current, err := a.Distributions.Get(ctx, test.ProjectID, test.DistributionID)
	if err != nil {
		return email.Job{}, err
	}
	letter, err := email.ForChannel(current.Spec.Channels[test.Channel])
	if err != nil {
		return email.Job{}, err
	}
	names, err := a.Distributions.Names(ctx, test.ProjectID, current.Spec)
	if err != nil {
		return email.Job{}, err
	}
	vars, err := message.Variables(test.Vars, names)
	if err != nil {
		return email.Job{}, err
	}
	messageID := messageIDOf("test."+id.Distribution.Format(test.ID), a.Domain, letter)
	return email.Job{
		From: letter.From(), To: test.Recipient,
		Append: func(dst []byte) ([]byte, error) {
			return letter.Append(dst, email.Mailbox{Address: test.Recipient}, messageID, time.Now(), vars)
		},
	}, nil
}
