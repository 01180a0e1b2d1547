package workflows

import "herald/internal/distribution"

// Orders are the updates and signals that runs take, by workflow, for the golden file of names.
var Orders = map[string][]string{
	"ManualDistribution": {
		"update " + confirmed, "update " + string(distribution.Edit), "update " + string(distribution.Pause),
		"update " + string(distribution.Resume), "update " + string(distribution.Stop), "update " + string(distribution.SendNow),
		"signal " + CodesAdded.name,
	},
	"GenerateCodes": {"signal " + codesOrdered},
	"ImportOrders":  {"signal " + ordersBrought},
}
