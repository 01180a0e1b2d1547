package main

import "go.temporal.io/server/common/dynamicconfig"

// unlimited is a rate per second that one process on one machine does not reach.
const unlimited = 1_000_000

// looksPerSecond is how often a shard looks for tasks to hand out. The default of 20 holds a task back for up to 50 ms, at each of the
// steps between a trigger and its message.
const looksPerSecond = 200

// settings are the engine's dynamic configuration where it differs from the server's defaults. Limits on the size and
// length of a history stay at the defaults on purpose: what fits here fits a production cluster.
func settings() dynamicconfig.StaticClient {
	client := dynamicconfig.StaticClient{
		// One node gains nothing from splitting a task queue; each partition costs pollers and forwarding.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// The first tasks of a workflow and its activities come back in the answer, without a trip through matching.
		dynamicconfig.EnableActivityEagerExecution.Key(): true,
		dynamicconfig.EnableEagerWorkflowStart.Key():     true,
		dynamicconfig.TransferProcessorMaxPollRPS.Key():  looksPerSecond,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():     looksPerSecond,
		// It would ask an outside server for news of releases.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
		// Scavengers look for rubbish that only Cassandra or a crashed cluster leaves behind.
		dynamicconfig.HistoryScannerEnabled.Key():   false,
		dynamicconfig.BuildIdScavengerEnabled.Key(): false,
		// Runs of one machine: 128,000 entries is a cluster's cache.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 8192,
		// A worker holds one long poll per poller; tests start many workers.
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key(): 10_000,
	}
	for _, rate := range []dynamicconfig.GenericSetting{
		dynamicconfig.FrontendRPS,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance,
		dynamicconfig.FrontendPersistenceMaxQPS,
		dynamicconfig.MatchingRPS,
		dynamicconfig.MatchingPersistenceMaxQPS,
		dynamicconfig.HistoryRPS,
		dynamicconfig.HistoryPersistenceMaxQPS,
		dynamicconfig.WorkerPersistenceMaxQPS,
		dynamicconfig.VisibilityPersistenceMaxReadQPS,
		dynamicconfig.VisibilityPersistenceMaxWriteQPS,
	} {
		client[rate.Key()] = unlimited
	}
	return client
}
