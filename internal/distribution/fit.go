package distribution

import (
	"slices"

	"herald/internal/fault"
)

// TriggerType names what makes messages leave.
type TriggerType string

// ActionType names what is sent.
type ActionType string

// ChannelType names a way to the customer.
type ChannelType string

// The triggers, actions and channels.
const (
	Manual TriggerType = "manual"

	Message     ActionType = "message"
	PublishCode ActionType = "publish_code"

	Email ChannelType = "email"
)

// Fit is one row of the table of what fits what.
type Fit struct {
	Trigger  TriggerType
	Actions  []ActionType
	Channels []ChannelType
}

// Fits is the one table of which actions and channels fit which trigger: validation, the API's errors and the docs read it.
var Fits = []Fit{
	{Manual, []ActionType{Message, PublishCode}, []ChannelType{Email}},
}

// ChannelTypes are all channels there are.
var ChannelTypes = []ChannelType{Email}

// checkFit looks the spec's trigger, action and channels up in the table.
func (s *Spec) checkFit() *fault.Error {
	at := slices.IndexFunc(Fits, func(f Fit) bool { return f.Trigger == s.Trigger.Type })
	if at < 0 {
		known := make([]TriggerType, len(Fits))
		for i, f := range Fits {
			known[i] = f.Trigger
		}
		return fault.Property("trigger.type", "%q is unknown; known: %s", s.Trigger.Type, list(known))
	}
	fit := Fits[at]
	if !slices.Contains(fit.Actions, s.Action.Type) {
		return fault.Property("action.type", "%q does not fit the trigger %s; what fits: %s",
			s.Action.Type, fit.Trigger, list(fit.Actions))
	}
	for i, c := range s.Channels {
		if !slices.Contains(fit.Channels, c.Type) {
			return fault.Property(channelPath(i)+".type", "%q does not fit the trigger %s; what fits: %s",
				c.Type, fit.Trigger, list(fit.Channels))
		}
	}
	return nil
}
