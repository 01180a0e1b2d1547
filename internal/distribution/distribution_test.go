package distribution

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/internal/fault"
	"herald/internal/segment"
)

func sendable() Spec {
	return Spec{
		Name: "Spring sale", Trigger: Trigger{Type: Manual}, Audience: &Audience{SegmentID: "seg_1"},
		Action:   Action{Type: PublishCode, CampaignID: "camp_1"},
		Channels: []Channel{{Type: Email, Subject: "Hello", Template: &Template{HTML: "<p>Hi</p>"}}},
	}
}

func TestASendableSpecHasNoFault(t *testing.T) {
	t.Parallel()
	spec := sendable()
	require.NoError(t, spec.CheckDraft())
	require.Empty(t, spec.CheckSend())
}

func TestFaultsNameTheProperty(t *testing.T) {
	t.Parallel()
	for property, spoil := range map[string]func(*Spec){
		"name":                   func(s *Spec) { s.Name = " " },
		"trigger.type":           func(s *Spec) { s.Trigger.Type = "sometimes" },
		"action.type":            func(s *Spec) { s.Action.Type = "applaud" },
		"channels[0].type":       func(s *Spec) { s.Channels[0].Type = "pigeon" },
		"channels":               func(s *Spec) { s.Channels = nil },
		"repeat":                 func(s *Spec) { s.Repeat = "often" },
		"audience":               func(s *Spec) { s.Audience = nil },
		"action.campaign_id":     func(s *Spec) { s.Action.CampaignID = "" },
		"channels[0].subject":    func(s *Spec) { s.Channels[0].Subject = "" },
		"channels[0].template":   func(s *Spec) { s.Channels[0].Template = &Template{} },
		"consents":               func(s *Spec) { s.Consents = make([]string, maxConsents+1) },
		"name ":                  func(s *Spec) { s.Name = strings.Repeat("x", maxName+1) },
		"channels ":              func(s *Spec) { s.Channels = slices.Repeat(s.Channels, maxChannels+1) },
		"audience ":              func(s *Spec) { s.Audience.CustomerID = "cust_1" },
		"audience  ":             func(s *Spec) { s.Audience.Segment = &segment.Definition{} },
		"channels[0].subject ":   func(s *Spec) { s.Channels[0].Subject = strings.Repeat("x", maxSubject+1) },
		"channels[0].template  ": func(s *Spec) { s.Channels[0].Template = nil },
	} {
		spec := sendable()
		spoil(&spec)
		err := spec.CheckDraft()
		if err == nil {
			err = spec.CheckSend().Err()
		}
		var f *fault.Error
		require.ErrorAs(t, err, &f, property)
		require.Equal(t, fault.InvalidPayload, f.Code)
		require.Equal(t, strings.TrimSpace(property), f.Property)
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	spec := sendable()
	spec.Audience, spec.Action.CampaignID, spec.Channels[0].Subject = nil, "", ""
	var f *fault.Error
	require.ErrorAs(t, spec.CheckSend().Err(), &f)
	require.Len(t, f.Faults, 2)
}

func TestARefusalSaysWhatWouldFit(t *testing.T) {
	t.Parallel()
	spec := sendable()
	spec.Channels[0].Type = "pigeon"
	require.ErrorContains(t, spec.CheckDraft(), `"pigeon" does not fit the trigger manual; what fits: email`)
	require.ErrorContains(t, Sent.Check(Pause), `a distribution that is sent cannot take "pause"; that fits only: syncing, scheduled`)
}

// What a control may do must never widen by accident: a paused distribution that could be deleted would lose its messages.
func TestControlsFitStatuses(t *testing.T) {
	t.Parallel()
	want := map[Status][]Control{
		Draft:     {Send, GoLive, Edit, Delete},
		Syncing:   {Edit, Pause, Stop},
		Scheduled: {Edit, Pause, Stop, SendNow},
		Sending:   {Pause, Stop},
		Paused:    {Edit, Resume, Stop, SendNow},
		Sent:      {GoLive, Retry, Delete},
		Live:      {Edit, Pause, Stop, Retry},
		Stopped:   {GoLive, Retry, Delete},
		Failed:    {GoLive, Retry, Delete},
	}
	for _, status := range Statuses {
		for _, control := range []Control{Send, GoLive, Edit, Pause, Resume, Stop, SendNow, Retry, Delete} {
			err := status.Check(control)
			if slices.Contains(want[status], control) {
				require.NoError(t, err, "%s in %s", control, status)
				continue
			}
			require.True(t, fault.Is(err, fault.Conflict), "%s in %s", control, status)
		}
	}
}

func TestACopyHasANameThatMayBe(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Sale (copy)", CopyName("Sale"))
	require.Equal(t, "Sale (copy)", CopyName("Sale (copy)"))
	spec := sendable()
	spec.Name = strings.Repeat("ł", maxName)
	require.NoError(t, spec.CheckDraft())
	spec.Name = CopyName(spec.Name)
	require.NoError(t, spec.CheckDraft())
	require.True(t, strings.HasSuffix(spec.Name, " (copy)"))
}
