package db_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"herald/internal/pgtest"
	"herald/internal/publication"
)

// BenchmarkMakeCodes makes b.N codes; -benchtime 1000000x is the million of the promise.
func BenchmarkMakeCodes(b *testing.B) {
	s := newShop(b, pgtest.New(b))
	c := s.campaign(b, nil)
	action := s.order(b, c, int64(b.N))
	b.ResetTimer()
	for {
		made, err := s.campaigns.MakeCodes(context.Background(), s.project, action)
		require.NoError(b, err)
		if made.Done() {
			break
		}
	}
	b.StopTimer()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "codes/s")
	b.ReportMetric(float64(memory.Sys)/(1<<20), "MB")
	require.EqualValues(b, b.N, s.count(b, "SELECT count(*) FROM vouchers"))
}

// BenchmarkPublish publishes codes one by one, over 16 connections.
func BenchmarkPublish(b *testing.B) {
	pool, err := pgxpool.New(context.Background(), pgtest.URL(b)+"&pool_max_conns=16")
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	s := newShop(b, pool)
	c := s.campaign(b, nil)
	s.fill(b, c, int64(b.N))
	customers := make([]uuid.UUID, 100)
	for i := range customers {
		customers[i] = s.customer(b)
	}
	var next atomic.Int64
	b.SetParallelism(8) // of each core
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			customer := customers[next.Add(1)%int64(len(customers))]
			if _, err := s.publish(context.Background(), asking{publication.Request{Campaign: &c}, customer}); err != nil {
				b.Errorf("publish: %v", err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "publications/s")
}
