package workflows

import "go.temporal.io/sdk/client"

// Flows is how the other rooms start and steer workflows; it alone knows their ids.
type Flows struct {
	Client client.Client
}
