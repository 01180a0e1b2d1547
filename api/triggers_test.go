package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/distribution"
	"herald/internal/occurrence"
	"herald/internal/template"
)

// firing is how one trigger fires: in a project that was made ready for it, and that has told of no such thing yet.
type firing struct {
	who string // the customer's source id
	// cause makes it happen; repeat is the same call once more, and fail one that is refused. Neither of those tells of anything.
	cause, repeat, fail func()
	// subject and tier are the ids, and name the name, by which distributions find the occurrence; "" is none.
	subject, tier, name string
	// byHerald says that the clock caused it, or another occurrence, and no call.
	byHerald bool
	// says is the data beside the customer, once it happened.
	says func() object
}

// triggers is every trigger that there is, with how it fires. They are told in the other files of this name.
var triggers = []struct {
	kind occurrence.Type
	how  string // where there are several ways
	tell func(*testing.T, door) firing
}{
	{occurrence.SegmentEntered, "", entersSegment},
	{occurrence.SegmentLeft, "", leavesSegment},
	{occurrence.OrderCreated, "", createsOrder},
	{occurrence.OrderUpdated, "", updatesOrder},
	{occurrence.OrderPaid, "", paysOrder},
	{occurrence.OrderPaid, "with the order", ordersAndPays},
	{occurrence.OrderCanceled, "", cancelsOrder},
	{occurrence.CustomEvent, "", causesEvent},
	{occurrence.Published, "", getsCode},
	{occurrence.GiftBalanceAdded, "", getsCredits},
	{occurrence.PointsAdded, "", getsPoints},
	{occurrence.PointsExpired, "", losesPoints},
	{occurrence.Redeemed, "", redeems},
	{occurrence.RolledBack, "", rollsBack},
	{occurrence.Rewarded, "", takesReward},
	{occurrence.Rewarded, "as a referee", isRewarded},
	{occurrence.RewardedPoints, "", earnsPoints},
	{occurrence.TierJoined, "", joinsTier},
	{occurrence.TierLeft, "", leavesTier},
	{occurrence.TierLeft, "by its end", outlivesTier},
	{occurrence.TierUpgraded, "", risesInTiers},
	{occurrence.TierDowngraded, "", fallsInTiers},
	{occurrence.TierProlonged, "", prolongsTier},
	{occurrence.Referred, "by an event", isReferredByEvent},
	{occurrence.Referred, "by a redemption", isReferredByRedemption},
}

// Every trigger that a distribution can have fires from the API calls that change what it is about: once, however often the call
// is repeated, and not at all where it fails.
func TestEveryTriggerFiresOnce(t *testing.T) {
	t.Parallel()
	for _, trigger := range triggers {
		t.Run(string(trigger.kind)+" "+trigger.how, func(t *testing.T) {
			t.Parallel()
			d := openDoor(t)
			f := trigger.tell(t, d)
			f.fail()
			require.Empty(t, d.fired(t, trigger.kind), "a call that fails tells of nothing")
			f.cause()
			told := d.fired(t, trigger.kind)
			require.Len(t, told, 1)
			f.repeat()
			f.fail()
			require.Equal(t, told, d.fired(t, trigger.kind), "nor does one that is repeated")

			who := d.call(t, 200, "GET", "/v1/customers/"+f.who, nil)
			require.Equal(t, occurred{
				Customer: who["id"].(string), Subject: f.subject, Tier: f.tier, Name: f.name, Waiting: true,
			}, told[0])
			shown := d.call(t, 200, "GET", "/v1/customers/"+f.who+"/activity?type="+string(trigger.kind), nil)["data"].([]any)
			require.Len(t, shown, 1, "it is in the customer's activity")
			f.shows(t, d, shown[0].(object), who)
		})
	}
}

func TestEveryTriggerThatADistributionCanHaveIsTold(t *testing.T) {
	t.Parallel()
	told := map[distribution.TriggerType]bool{distribution.Manual: true}
	for _, trigger := range triggers {
		told[distribution.TriggerType(trigger.kind)] = true
	}
	for _, fit := range distribution.Fits {
		require.True(t, told[fit.Trigger], fit.Trigger)
		delete(told, fit.Trigger)
	}
	require.Empty(t, told, "told, and nobody can answer it")
}

// What occurrences bring can be shown in a message.
func TestTemplatesKnowWhatTriggersBring(t *testing.T) {
	t.Parallel()
	roots := map[string]bool{}
	for _, known := range template.Known {
		root, _, _ := strings.Cut(known.Path, ".")
		roots[root] = true
	}
	for _, fit := range distribution.Fits {
		for _, key := range fit.Data {
			require.True(t, roots[key], "%s of %s", key, fit.Trigger)
		}
	}
}

// occurred is a row of the ledger, by what distributions find it.
type occurred struct {
	Customer, Subject, Tier, Name string
	Waiting                       bool // for the relay
}

// fired are the occurrences of the project of that type.
func (d door) fired(t testing.TB, kind occurrence.Type) []occurred {
	t.Helper()
	var all []occurred
	var raw json.RawMessage
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT coalesce(json_agg(json_build_object(
			'Customer', 'cust_' || replace(o.customer_id::text, '-', ''), 'Name', coalesce(o.name, ''), 'Waiting', o.waiting,
			'Subject', coalesce(CASE WHEN o.type LIKE 'customer.segment.%' THEN 'seg_' ELSE 'camp_' END || replace(o.subject_id::text, '-', ''), ''),
			'Tier', coalesce('ltr_' || replace(o.tier_id::text, '-', ''), '')) ORDER BY o.id), '[]')
		FROM occurrences o WHERE o.project_id = $1 AND o.type = $2`, d.project, kind).Scan(&raw))
	require.NoError(t, json.Unmarshal(raw, &all))
	return all
}

// shows holds an entry of the customer's activity against what it should say: of whom, to the key, and who made it happen.
func (f firing) shows(t *testing.T, d door, entry object, who object) {
	t.Helper()
	data, want := entry["data"].(object)["data"].(object), f.says()
	want["customer"] = who
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(data)))
	for key := range want {
		if thing, ok := data[key].(object); ok {
			for _, name := range atLeast[thing["object"]] {
				require.Contains(t, thing, name, key)
			}
		}
		isPart(t, want[key], data[key], key)
	}
	fit, _ := distribution.FitOf(distribution.TriggerType(entry["type"].(string)))
	for _, key := range fit.Data {
		require.Contains(t, data, key)
	}
	for key, value := range data {
		if value != nil && key != "customer" {
			require.Contains(t, fit.Data, key, "the table of what fits says what a trigger brings")
		}
	}
	if strings.HasPrefix(entry["type"].(string), "customer.segment.") { // they are in it, or not, for what they are
		require.Equal(t, who, data["customer"])
	}
	if f.byHerald {
		require.Equal(t, object{"channel": "INTERNAL"}, entry["data"].(object)["event_source"])
		return
	}
	require.Equal(t, object{"channel": "API", "api_key": object{"name": "test", "app_id": d.appID}}, entry["data"].(object)["event_source"])
	require.Regexp(t, "^v-[0-9a-f]{16}$", entry["group_id"])
}

// What stands for a value that nothing else shows.
const (
	anInstant = "an instant"
	anID      = "an id"
)

// atLeast is what the data of an occurrence says of a thing, by its object.
var atLeast = map[any][]string{
	"customer": {"id", "source_id", "metadata"}, "campaign": {"id", "name", "campaign_type", "type", "active", "metadata", "created_at"},
	"voucher":             {"id", "code", "type", "campaign", "campaign_id", "holder_id", "active", "metadata", "redemption", "created_at", "updated_at"},
	"order":               {"id", "source_id", "status", "amount", "total_amount", "items", "metadata", "customer_id", "created_at"},
	"loyalty_tier":        {"id", "name", "campaign_id", "points", "metadata"},
	"publication":         {"id", "customer_id", "tracking_id", "channel", "source_id", "metadata", "result", "vouchers_id", "created_at"},
	"redemption":          {"id", "date", "customer_id", "tracking_id", "metadata", "result", "status"},
	"redemption_rollback": {"id", "date", "customer_id", "tracking_id", "metadata", "result", "status", "redemption", "reason"},
	"balance":             {"type", "balance", "total", "related_object", "operation_type"},
	"earning_rule":        {"id", "event", "loyalty", "source", "active"}, "reward": {"id", "name", "type", "parameters", "assignment_id"},
	"event": {"id", "type", "customer", "referral", "loyalty", "metadata", "created_at"}, "segment": {"id", "name"},
}

// isPart sees that what an occurrence shows of a thing is what the API shows of it, or part of that.
func isPart(t *testing.T, whole, got any, path string) {
	t.Helper()
	switch got := got.(type) {
	case object:
		require.IsType(t, object{}, whole, path)
		for name, value := range got {
			if got["object"] == "campaign" && name == "is_referral_code" {
				continue // a campaign itself shows it of its vouchers
			}
			require.Contains(t, whole, name, path)
			isPart(t, whole.(object)[name], value, path+"."+name)
		}
	case []any:
		require.Len(t, whole, len(got), path)
		for i, one := range got {
			isPart(t, whole.([]any)[i], one, fmt.Sprintf("%s[%d]", path, i))
		}
	default:
		switch whole {
		case anInstant:
			_, err := time.Parse(time.RFC3339, fmt.Sprint(got))
			require.NoError(t, err, path)
		case anID:
			require.Regexp(t, "^[a-z]+_[0-9a-f]{32}$", got, path)
		default:
			require.Equal(t, whole, got, path)
		}
	}
}
