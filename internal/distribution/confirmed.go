package distribution

import (
	"herald/internal/fault"
)

// Takes is nil where the control fits the distribution and where it stands, and otherwise a conflict that says what would fit.
func (s *Spec) Takes(control Control, status Status) error {
	automatic := s.Trigger.Automatic()
	switch {
	case automatic && control == Send:
		return fault.New(fault.Conflict, "an automatic distribution goes live (POST …/live); only a manual one is sent")
	case automatic && control == SendNow:
		return fault.New(fault.Conflict, "an automatic distribution has no countdown to end; pause, resume or stop it")
	case !automatic && control == GoLive:
		return fault.New(fault.Conflict, "a manual distribution is sent (POST …/send); only one with another trigger can be live")
	}
	return status.Check(control)
}

// CheckEdit returns what of a confirmed distribution may not change, with what to do instead. What it answers is fixed: an occurrence
// may be on its way to it, and its message would speak of something else. So is the action, because whoever waits for a code of it
// would wait for ever.
func (s *Spec) CheckEdit(was *Spec) (faults fault.List) {
	if s.Trigger.Type != was.Trigger.Type {
		faults.Add(fixed("trigger.type", string(was.Trigger.Type), "then confirm that"))
	}
	if len(faults) > 0 || !was.Trigger.Automatic() {
		return faults
	}
	for _, one := range []struct{ property, was, is string }{
		{"trigger.segment_id", was.Trigger.SegmentID, s.Trigger.SegmentID}, // none where a new one is described
		{"trigger.event", was.Trigger.Event, s.Trigger.Event},
		{"trigger.campaign_id", was.Trigger.CampaignID, s.Trigger.CampaignID},
		{"trigger.tier_id", was.Trigger.TierID, s.Trigger.TierID},
		{"action.type", string(was.Action.Type), string(s.Action.Type)},
	} {
		if one.is != one.was {
			faults.Add(fixed(one.property, one.was, "set that live, and stop this one"))
		}
	}
	if s.Trigger.IncludeExisting && !was.Trigger.IncludeExisting {
		faults.Add(fault.Property("trigger.include_existing",
			"is about the moment when the distribution goes live, which has passed; for who is in the segment already, send a manual one"))
	}
	return faults
}

func fixed(property, was, then string) *fault.Error {
	if was == "" {
		was = "none"
	}
	return fault.Property(property, "cannot change once the distribution is confirmed (it is %s): duplicate it, change the copy, %s", was, then)
}
